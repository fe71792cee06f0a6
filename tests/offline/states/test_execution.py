import json
import time
from datetime import timedelta
from typing import Any

import pytest

from seatrial.offline import events, functions
from seatrial.offline.cloud import OfflineCloud
from seatrial.offline.states import integrations
from tests.offline.support import ROLE, bodies_of, put_function, put_queue, put_recorder

HOUR = 3600


def put_machine(cloud: OfflineCloud, name: str, states: dict[str, Any], **properties: Any) -> str:
    definition = {"StartAt": next(iter(states)), "States": states, **properties}
    client = cloud.context.client("stepfunctions")
    made = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    return made["stateMachineArn"]


def start(cloud: OfflineCloud, machine: str, payload: Any = None) -> str:
    client = cloud.context.client("stepfunctions")
    arn = client.start_execution(stateMachineArn=machine, input=json.dumps(payload or {}))["executionArn"]
    functions.settle()
    return arn


def describe(cloud: OfflineCloud, execution: str) -> dict[str, Any]:
    return cloud.context.client("stepfunctions").describe_execution(executionArn=execution)


def output(cloud: OfflineCloud, execution: str) -> Any:
    description = describe(cloud, execution)
    assert description["status"] == "SUCCEEDED", description
    return json.loads(description["output"])


def task(resource: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True, **more}


def test_a_task_invokes_a_function(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "tasked")
    call = task("lambda:invoke", {"FunctionName": arn, "Payload.$": "$"}, OutputPath="$.Payload")

    execution = start(cloud, put_machine(cloud, "invoking", {"Call": call}), {"n": 1})

    assert output(cloud, execution) == {"received": {"n": 1}}


def test_a_wait_lasts_as_long_as_the_clock_of_the_cloud_says(cloud: OfflineCloud) -> None:
    wait = {"Type": "Wait", "Seconds": 8 * HOUR, "Next": "Stamp"}
    stamp = {"Type": "Pass", "Parameters": {"at.$": "$$.State.EnteredTime"}, "End": True}
    execution = start(cloud, put_machine(cloud, "waiting", {"Wait": wait, "Stamp": stamp}))
    before = describe(cloud, execution)["status"]

    cloud.clock.advance(7 * HOUR)
    during = describe(cloud, execution)["status"]
    cloud.clock.advance(24 * HOUR)

    description = describe(cloud, execution)
    lasted = description["stopDate"] - description["startDate"]
    assert (before, during) == ("RUNNING", "RUNNING")
    assert lasted == pytest.approx(timedelta(hours=8), abs=timedelta(seconds=30))


def test_a_loop_of_waits_keeps_its_rhythm_while_hours_pass(cloud: OfflineCloud) -> None:
    states = {
        "Init": {"Type": "Pass", "Result": {"n": 0}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 30, "Next": "Count"},
        "Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Enough"},
        "Enough": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThanEquals": 10, "Next": "Done"}],
            "Default": "Wait",
        },
        "Done": {"Type": "Succeed"},
    }
    execution = start(cloud, put_machine(cloud, "looping", states))

    cloud.clock.advance(HOUR)

    description = describe(cloud, execution)
    lasted = description["stopDate"] - description["startDate"]
    assert description["status"] == "SUCCEEDED"
    assert lasted == pytest.approx(timedelta(minutes=5), abs=timedelta(seconds=30))


def test_retries_wait_on_the_clock_and_then_the_error_is_caught_by_name(cloud: OfflineCloud) -> None:
    put_function(cloud, "never", "def lambda_handler(event, context): raise ValueError('never')")
    retry = {"ErrorEquals": ["ValueError"], "IntervalSeconds": 600, "MaxAttempts": 2, "BackoffRate": 2}
    catch = {"ErrorEquals": ["ValueError"], "ResultPath": "$.error", "Next": "Caught"}
    call = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "never"}}
    states = {
        "Call": {**call, "Retry": [retry], "Catch": [catch], "End": True},
        "Caught": {"Type": "Pass", "OutputPath": "$.error.Error", "End": True},
    }
    execution = start(cloud, put_machine(cloud, "retrying", states))
    began = time.monotonic()

    cloud.clock.advance(2 * HOUR)

    description = describe(cloud, execution)
    lasted = description["stopDate"] - description["startDate"]
    assert json.loads(description["output"]) == "ValueError"
    assert lasted == pytest.approx(timedelta(minutes=30), abs=timedelta(seconds=60))
    assert time.monotonic() - began < 60


def test_an_sdk_integration_speaks_pascal_case_and_times_as_text(cloud: OfflineCloud) -> None:
    cloud.context.client("stepfunctions").create_activity(name="pascal")
    listed = put_machine(cloud, "listing", {"List": task("aws-sdk:sfn:listActivities", {"MaxResults": 5})})

    result = output(cloud, start(cloud, listed))

    (activity,) = result["Activities"]
    assert activity["Name"] == "pascal"
    assert activity["CreationDate"].endswith("Z")


def test_an_error_of_cloudformation_has_the_name_that_aws_gives_it(cloud: OfflineCloud) -> None:
    catch = {"ErrorEquals": ["CloudFormation.CloudFormationException"], "Next": "Caught"}
    states = {
        "Describe": task("aws-sdk:cloudformation:describeStacks", {"StackName": "absent"}, Catch=[catch]),
        "Caught": {"Type": "Pass", "End": True},
    }

    error = output(cloud, start(cloud, put_machine(cloud, "naming", states)))

    assert error["Error"] == "CloudFormation.CloudFormationException"
    assert "does not exist" in error["Cause"]
    assert "Service: CloudFormation, Status Code: 400" in error["Cause"]


def test_a_parameter_that_the_api_does_not_know_fails(cloud: OfflineCloud) -> None:
    machine = put_machine(cloud, "misspelt", {"Describe": task("aws-sdk:sns:listTopics", {"NextTokn": "x"})})

    description = describe(cloud, start(cloud, machine))

    assert description["status"] == "FAILED"
    assert "NextTokn" in description["cause"]


def test_tables_topics_and_buses_are_reached(cloud: OfflineCloud) -> None:
    cloud.context.client("dynamodb").create_table(
        TableName="champions",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    topic = cloud.context.client("sns").create_topic(Name="promoted")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    queue = put_queue(cloud, "promoted")
    cloud.context.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
    item = {"pk": {"S.$": "States.Format('champion#{}', $.endpoint)"}, "at": {"S.$": "$$.Execution.StartTime"}}
    entry = {"Source": "promotion", "DetailType": "Promoted", "Detail": {"endpoint.$": "$.endpoint"}}
    states = {
        "Mark": task("dynamodb:putItem", {"TableName": "champions", "Item": item}, ResultPath=None, Next="Tell"),
        "Tell": task("sns:publish", {"TopicArn": topic, "Message.$": "$"}, ResultPath=None, Next="Emit"),
        "Emit": task("events:putEvents", {"Entries": [entry]}),
    }
    for name in ("Mark", "Tell"):
        states[name].pop("End")

    execution = start(cloud, put_machine(cloud, "promoting", states), {"endpoint": "churn"})

    assert output(cloud, execution)["FailedEntryCount"] == 0
    (marked,) = cloud.context.client("dynamodb").scan(TableName="champions")["Items"]
    assert marked["pk"] == {"S": "champion#churn"}
    assert marked["at"]["S"].endswith("Z")
    assert [json.loads(body) for body in bodies_of(cloud, "promoted")] == [{"endpoint": "churn"}]
    assert cloud.journal.entries("event")[-2]["detail"] == {"endpoint": "churn"}


def test_a_state_machine_times_out_on_the_clock(cloud: OfflineCloud) -> None:
    wait = {"Type": "Wait", "Seconds": 24 * HOUR, "End": True}
    execution = start(cloud, put_machine(cloud, "timing-out", {"Wait": wait}, TimeoutSeconds=HOUR))

    cloud.clock.advance(2 * HOUR)
    _until(lambda: describe(cloud, execution)["status"] != "RUNNING")

    assert describe(cloud, execution)["status"] == "TIMED_OUT"


def test_a_task_token_is_waited_for_on_the_clock(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "tokens")
    url = cloud.context.client("sqs").get_queue_url(QueueName="tokens")["QueueUrl"]
    parameters = {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}}
    approve = task("sqs:sendMessage.waitForTaskToken", parameters, TimeoutSeconds=HOUR)
    machine = put_machine(cloud, "approving", {"Approve": approve})
    answered, forgotten = start(cloud, machine), start(cloud, machine)
    assert queue
    token = json.loads(bodies_of(cloud, "tokens")[0])["token"]

    cloud.context.client("stepfunctions").send_task_success(taskToken=token, output='{"approved": true}')
    _until(lambda: describe(cloud, answered)["status"] != "RUNNING")
    cloud.clock.advance(2 * HOUR)
    _until(lambda: describe(cloud, forgotten)["status"] != "RUNNING")

    assert output(cloud, answered) == {"approved": True}
    assert describe(cloud, forgotten)["error"] == "States.Timeout"


def test_an_event_starts_an_execution_and_its_end_is_an_event(cloud: OfflineCloud) -> None:
    machine = put_machine(cloud, "started", {"Done": {"Type": "Fail", "Error": "RolledBack", "Cause": "alarm"}})
    client = cloud.context.client("events")
    client.put_rule(Name="starting", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    client.put_targets(Rule="starting", Targets=[{"Id": "1", "Arn": machine, "RoleArn": ROLE}])

    events.emit(cloud.context, source="aws.sagemaker", detail_type="Approved", detail={"n": 1})
    functions.settle()

    kinds = [
        (entry["detail"]["status"], entry["detail"]["error"])
        for entry in cloud.journal.entries("event")
        if entry.get("source") == "aws.states" and entry["detail"]["stateMachineArn"] == machine
    ]
    assert kinds == [("RUNNING", None), ("FAILED", "RolledBack")]
    (execution,) = cloud.context.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert json.loads(describe(cloud, execution["executionArn"])["input"])["detail"] == {"n": 1}


def test_a_stopped_execution_waits_no_longer(cloud: OfflineCloud) -> None:
    wait = {"Type": "Wait", "Seconds": HOUR, "End": True}
    execution = start(cloud, put_machine(cloud, "stopped", {"Wait": wait}))

    cloud.context.client("stepfunctions").stop_execution(executionArn=execution)
    _until(lambda: describe(cloud, execution)["status"] != "RUNNING")

    assert describe(cloud, execution)["status"] == "ABORTED"


def _until(done: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


def test_the_model_of_a_service_is_loaded_once_however_often_a_state_machine_polls() -> None:
    assert integrations.service_model("cloudformation") is integrations.service_model("cloudformation")
