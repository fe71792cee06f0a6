"""What the seven templates promise to others: names, outputs, parameters, and nothing that would need a lookup."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from seatrial.config import load
from seatrial.config.rules import REQUIRED_TAGS
from seatrial.decisions.alerting import MonitoringSettings
from seatrial.decisions.retraining import RetrainingSettings
from stacks.base import Target
from stacks.lake import LakeStack

ENGAGEMENT = Path(__file__).resolve().parents[2] / "engagements" / "telecom-churn.yaml"

OUTPUTS = {
    "Lake": {
        "RawBucketName",
        "CuratedBucketName",
        "ArtifactsBucketName",
        "CaptureBucketName",
        "LogsBucketName",
        "KeyArn",
    },
    "Network": {"S3EndpointId"},
    "Training": {"PipelineName", "PipelineArn", "ModelPackageGroupName", "PipelineRoleArn"},
    "Serving": {"EndpointName"},
    "Monitoring": {"MonitorFunctionName", "MetricNamespace", "DashboardName"},
    "Retraining": {"RetrainingFunctionName", "LedgerTableName", "StateTableName"},
    "Promotion": {"StateMachineArn", "NotificationTopicArn"},
}


def test_outputs_have_the_agreed_names(assembly):
    for stack, names in OUTPUTS.items():
        own = {name for name in assembly.templates[stack]["Outputs"] if not name.startswith("ExportsOutput")}

        assert own == names, stack


def test_stack_names_begin_with_engagement_and_environment(assembly):
    manifest = json.loads((assembly.folder / "manifest.json").read_text())

    names = {
        artifact["properties"]["stackName"]
        for artifact in manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }

    assert names == {
        f"telecom-churn-dev-{noun}"
        for noun in ("lake", "network", "training", "serving", "monitoring", "retraining", "promotion")
    }


def test_nothing_was_looked_up(assembly):
    manifest = json.loads((assembly.folder / "manifest.json").read_text())

    assert "missing" not in manifest


def test_the_promotion_waits_longer_than_the_endpoint_may_take(assembly):
    ((_, machine),) = assembly.properties("AWS::StepFunctions::StateMachine")
    ((_, endpoint),) = assembly.properties("AWS::SageMaker::Endpoint")
    definition = machine["DefinitionString"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else "token" for part in definition)

    longest = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"]

    assert json.loads(text)["TimeoutSeconds"] == 4 * longest + 3600


def test_there_are_no_custom_resources(assembly):
    kinds = {resource["Type"] for _, resource in assembly.resources("")}

    assert not {kind for kind in kinds if kind.startswith("Custom::") or "CustomResource" in kind}


def test_the_serving_stack_has_no_endpoint_until_a_model_package_is_given(assembly):
    template = assembly.templates["Serving"]
    conditional = {name for name, resource in template["Resources"].items() if resource.get("Condition") == "HasModel"}
    kinds = {template["Resources"][name]["Type"] for name in conditional}

    assert template["Parameters"]["ModelPackageArn"] == {
        "Type": "String",
        "Default": "",
        "Description": template["Parameters"]["ModelPackageArn"]["Description"],
    }
    assert kinds == {
        "AWS::SageMaker::Model",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Endpoint",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
    }


def test_models_and_endpoint_configurations_are_never_named(assembly):
    models = assembly.properties("AWS::SageMaker::Model") + assembly.properties("AWS::SageMaker::EndpointConfig")

    assert len(models) == 2
    assert not [name for name, properties in models if {"ModelName", "EndpointConfigName"} & set(properties)]


def test_functions_understand_the_settings_that_they_get(assembly):
    monitor = assembly.function_environment("Monitoring", "MonitoringMonitor")
    retraining = assembly.function_environment("Retraining", "RetrainingDecide")

    monitoring_settings = MonitoringSettings.from_json(monitor["MONITORING_SETTINGS"])
    retraining_settings = RetrainingSettings.from_json(retraining["RETRAINING_SETTINGS"])

    assert monitoring_settings.minimum_rows == 50
    assert retraining_settings.triggers == ("quality_loss", "schedule")


def test_the_weekly_schedule_says_what_it_is(assembly):
    schedules = dict(assembly.properties("AWS::Scheduler::Schedule", "Retraining"))
    (schedule,) = schedules.values()

    assert json.loads(schedule["Target"]["Input"]) == {"trigger": "schedule", "time": "<aws.scheduler.scheduled-time>"}
    assert schedule["ScheduleExpression"] == "cron(0 3 ? * SUN *)"


def test_data_stays_when_a_stack_is_deleted(assembly):
    kinds = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::Logs::LogGroup")
    stateful = [entry for kind in kinds for entry in assembly.resources(kind)]

    assert len(stateful) > 10
    assert not [
        name
        for name, resource in stateful
        if resource.get("DeletionPolicy") != "Retain" or resource.get("UpdateReplacePolicy") != "Retain"
    ]


def test_no_tag_of_the_engagement_replaces_a_required_one():
    engagement = load(ENGAGEMENT).model_copy(update={"tags": {"OwnerTeam": "me", "CostCentre": "4711"}})

    tags = Target(engagement=engagement, environment="dev").tags

    assert {key.lower() for key in tags} == REQUIRED_TAGS | {"costcentre"}
    assert tags["OwnerTeam"] == engagement.owner


@pytest.mark.parametrize(("destroy", "policy"), [(True, "Delete"), (False, "Retain")])
def test_the_engagement_turns_both_keys_of_deletion(tmp_path, destroy, policy):
    engagement = load(ENGAGEMENT)
    removal = engagement.removal.model_copy(update={"destroy_data": destroy})
    target = Target(engagement=engagement.model_copy(update={"removal": removal}), environment="dev")
    app = cdk.App(outdir=str(tmp_path), analytics_reporting=False)

    stack = LakeStack(app, "Lake", target=target)
    resources = app.synth().get_stack_by_name(stack.stack_name).template["Resources"].values()

    assert {r["DeletionPolicy"] for r in resources if r["Type"] in {"AWS::S3::Bucket", "AWS::KMS::Key"}} == {policy}
