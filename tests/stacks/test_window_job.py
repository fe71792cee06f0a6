"""The default engagement can read large windows, and pays nothing for it while there are none."""

import json
import re


def test_the_function_is_told_its_job_and_woken_when_one_ends(assembly):
    ((_, function),) = [
        item
        for item in assembly.properties("AWS::Lambda::Function", "Monitoring")
        if "WINDOW_JOB" in item[1].get("Environment", {}).get("Variables", {})
    ]
    ((_, rule),) = assembly.properties("AWS::Events::Rule", "Monitoring")

    told = function["Environment"]["Variables"]["WINDOW_JOB"]
    text = (
        told
        if isinstance(told, str)
        else "".join(part if isinstance(part, str) else "token" for part in told["Fn::Join"][1])
    )
    settings = json.loads(text)
    assert settings["limits"] == {"function_mib": 96, "processing_mib": 65_536}
    assert settings["job"]["instance_type"] == "ml.m5.xlarge"
    prefix = settings["job"]["name_prefix"]
    assert len(prefix) <= 44
    assert rule["EventPattern"]["detail"]["ProcessingJobName"] == [{"prefix": prefix}]


def test_the_job_writes_what_it_read_and_nothing_else(assembly):
    writes = [
        statement
        for name, statement in assembly.statements()
        if name.startswith("Monitoring/WindowJob") and "s3:PutObject" in statement["Action"]
    ]

    assert len(writes) == 1
    assert json.dumps(writes[0]["Resource"]).count("monitoring/*") == 1


def test_explanations_are_asked_for_by_schedule_with_an_alarm_and_the_models_images(emr_assembly):
    schedules = [one for _, one in emr_assembly.properties("AWS::Scheduler::Schedule", "Monitoring")]
    alarms = [one.get("MetricName") for _, one in emr_assembly.properties("AWS::CloudWatch::Alarm", "Monitoring")]
    pulls = [
        statement["Resource"]
        for name, statement in emr_assembly.statements()
        if name.startswith("Monitoring/WindowJob") and "ecr:BatchGetImage" in statement["Action"]
    ]

    (asked,) = [one for one in schedules if "explain" in one["Target"]["Input"]]
    assert asked["ScheduleExpression"] == "cron(0 5 ? * MON *)"
    assert json.loads(asked["Target"]["Input"]) == {"time": "<aws.scheduler.scheduled-time>", "explain": True}
    assert "ExplanationTickets" in alarms
    assert "sagemaker-xgboost" in json.dumps(pulls)


def test_nothing_is_made_for_explanations_that_are_not_asked_for(assembly):
    environment = assembly.function_environment("Monitoring", "MonitoringMonitor")

    assert "EXPLAIN_JOB" not in environment
    assert len(assembly.properties("AWS::Scheduler::Schedule", "Monitoring")) == 1


def test_spark_is_there_where_it_is_asked_for_and_its_end_wakes_the_function(assembly, emr_assembly):
    rules = [one["EventPattern"] for _, one in emr_assembly.properties("AWS::Events::Rule", "Monitoring")]
    (application,) = emr_assembly.resources("AWS::EMRServerless::Application", "Monitoring")

    (woken,) = [pattern["detail"] for pattern in rules if pattern["source"] == ["aws.emr-serverless"]]
    name = application[0].removeprefix("Monitoring/")
    assert woken["applicationId"] == [{"Fn::GetAtt": [name, "ApplicationId"]}]
    assert woken["state"] == ["SUCCESS", "FAILED", "CANCELLED"]
    assert assembly.resources("AWS::EMRServerless::Application") == []
    told = assembly.function_environment("Monitoring", "MonitoringMonitor")["WINDOW_JOB"]
    assert "spark" not in json.dumps(told)


def test_the_spark_job_changes_what_lies_below_monitoring_and_its_logs_alone(emr_assembly):
    changed = [
        json.dumps(statement["Resource"])
        for name, statement in emr_assembly.statements()
        if name.startswith("Monitoring/WindowEngine")
        and any(f"s3:{verb}Object" in statement["Action"] for verb in ("Put", "Delete"))
    ]

    places = [place for resource in changed for place in re.findall(r"/([a-z-]*)/\*", resource)]
    assert {*places} == {"monitoring", "emr-serverless-logs"}
    assert len(places) == json.dumps(changed).count("*")
