"""The endpoint: absent without a model package, careful when it changes."""

import pytest

from seatrial.constructs import ServingEndpoint
from seatrial.constructs.errors import ConstructError

IMAGES = ["arn:aws:ecr:eu-central-1:492215442770:repository/sagemaker-xgboost"]


def make(site, **properties) -> ServingEndpoint:
    return ServingEndpoint(
        site.stack,
        "Serving",
        endpoint_name="churn",
        network=site.network,
        encryption_key=site.key,
        artifacts=site.bucket("artifacts"),
        capture=site.bucket("capture"),
        notification_topic=site.topic,
        image_arns=IMAGES,
        **properties,
    )


def test_depends_on_the_parameter(site):
    make(site)

    template = site.template()

    assert template["Parameters"]["ModelPackageArn"]["Default"] == ""
    assert template["Conditions"]["HasModel"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ModelPackageArn"}, ""]}]}


def test_leaves_nothing_for_cdk_nag(site):
    make(site)

    assert site.findings() == ""


def test_serves_the_model_package_in_isolation(site):
    make(site)

    model = site.one("AWS::SageMaker::Model")

    assert model["Containers"] == [{"ModelPackageName": {"Ref": "ModelPackageArn"}}]
    assert model["EnableNetworkIsolation"] is True


def test_f30_nothing_that_an_update_replaces_has_a_name_that_could_be_taken(site):
    """CloudFormation makes a new name for each; contents and names can never disagree."""
    make(site)

    assert "ModelName" not in site.one("AWS::SageMaker::Model")
    assert "EndpointConfigName" not in site.one("AWS::SageMaker::EndpointConfig")


def test_settings_reach_the_canary(site):
    make(site, canary_percent=10, canary_wait_minutes=5, termination_wait_minutes=1)

    policy = site.one("AWS::SageMaker::Endpoint")["DeploymentConfig"]["BlueGreenUpdatePolicy"]

    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
        "WaitIntervalInSeconds": 300,
    }
    assert policy["TerminationWaitInSeconds"] == 60


def test_thresholds_reach_the_alarms(site):
    make(site, maximum_error_percent=2.5, maximum_latency_milliseconds=80)

    thresholds = sorted(alarm["Threshold"] for alarm in site.resources("AWS::CloudWatch::Alarm"))

    assert thresholds == [2.5, 80_000]


def test_local_storage_needs_no_volume_key(site):
    make(site, instance_type="ml.m5d.large")

    assert "KmsKeyId" not in site.one("AWS::SageMaker::EndpointConfig")


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"instance_count": 0}, "instance_count: must be at least 1, got 0"),
        ({"maximum_instance_count": 1}, "maximum_instance_count: must be at least instance_count 2, got 1"),
        ({"canary_percent": 60}, "canary_percent: must be between 1 and 50"),
        ({"capture_percent": 101}, "capture_percent: must be between 0 and 100, got 101"),
    ],
)
def test_refuses_what_cannot_work(site, properties, sentence):
    with pytest.raises(ConstructError, match=sentence):
        make(site, **properties)


@pytest.mark.parametrize(
    ("instance_type", "encrypted"),
    [("ml.m5.large", True), ("ml.inf2.xlarge", True), ("ml.g5.xlarge", False), ("ml.c7gd.large", False)],
)
def test_a_volume_key_is_given_where_sagemaker_takes_one(site, instance_type, encrypted):
    make(site, instance_type=instance_type)

    config = site.one("AWS::SageMaker::EndpointConfig")

    assert ("KmsKeyId" in config) is encrypted
