import pytest
from botocore.exceptions import ClientError

DIMENSIONS = [{"Name": "EndpointName", "Value": "guarded"}, {"Name": "VariantName", "Value": "primary"}]


@pytest.fixture(scope="module")
def guarded(bench):
    bench.endpoint_config("guarded-1", {"primary": (bench.model("guarded-1"), 1.0)})
    bench.endpoint_config("guarded-2", {"primary": (bench.model("guarded-2"), 1.0)})
    bench.endpoint_config("guarded-bad", {"primary": (bench.model("guarded-bad", bench.crashing), 1.0)})
    bench.endpoint_config("guarded-broken", {"primary": (bench.model("guarded-broken", bench.broken), 1.0)})
    bench.sagemaker.create_endpoint(EndpointName="guarded", EndpointConfigName="guarded-1")
    bench.cloud.context.client("cloudwatch").put_metric_alarm(
        AlarmName="guarded-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=DIMENSIONS,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    bench.wait_for_endpoint("guarded")
    return "guarded"


def canary(percent=50, wait=600, termination=120):
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": wait,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": percent},
            },
            "TerminationWaitInSeconds": termination,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "guarded-errors"}]},
    }


def test_a_bad_model_trips_the_alarm_in_the_canary_and_is_rolled_back(bench, guarded):
    before = bench.sagemaker.describe_endpoint(EndpointName=guarded)["EndpointConfigName"]

    bench.sagemaker.update_endpoint(EndpointName=guarded, EndpointConfigName="guarded-bad", DeploymentConfig=canary())
    bench.cloud.clock.advance(5)
    failed = _traffic(bench, guarded, 10)
    bench.cloud.clock.advance(180)

    found = bench.sagemaker.describe_endpoint(EndpointName=guarded)
    assert failed == 5
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == before
    assert "guarded-errors" in found["FailureReason"]
    assert _traffic(bench, guarded, 4) == 0
    bench.sagemaker.delete_endpoint_config(EndpointConfigName="guarded-bad")
    bench.cloud.clock.advance(300)


def test_a_good_model_is_promoted_after_canary_and_final_baking(bench, guarded):
    bench.sagemaker.update_endpoint(EndpointName=guarded, EndpointConfigName="guarded-2", DeploymentConfig=canary())
    bench.cloud.clock.advance(300)
    during = bench.sagemaker.describe_endpoint(EndpointName=guarded)
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        bench.sagemaker.update_endpoint(EndpointName=guarded, EndpointConfigName="guarded-1")
    bench.cloud.clock.advance(1200)

    after = bench.sagemaker.describe_endpoint(EndpointName=guarded)
    assert during["EndpointStatus"] == "Updating"
    assert during["PendingDeploymentSummary"]["EndpointConfigName"] == "guarded-2"
    assert during["PendingDeploymentSummary"]["ProductionVariants"][0]["CurrentWeight"] == 0.5
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "guarded-2")
    assert "PendingDeploymentSummary" not in after


def test_a_fleet_that_does_not_start_is_rolled_back_with_its_reason(bench, guarded):
    bench.sagemaker.update_endpoint(EndpointName=guarded, EndpointConfigName="guarded-broken")
    bench.cloud.clock.advance(5)

    found = bench.wait_for_endpoint(guarded)

    assert "the weights are missing" in found["FailureReason"]
    assert _traffic(bench, guarded, 2) == 0


def test_an_absent_alarm_is_refused(bench, guarded):
    config = canary()
    config["AutoRollbackConfiguration"]["Alarms"] = [{"AlarmName": "nothing"}]

    with pytest.raises(ClientError, match="'nothing' does not exist"):
        bench.sagemaker.update_endpoint(EndpointName=guarded, EndpointConfigName="guarded-1", DeploymentConfig=config)


def _traffic(bench, endpoint, count):
    codes = [_code(bench, endpoint) for _ in range(count)]
    assert set(codes) <= {"OK", "ModelError"}
    return codes.count("ModelError")


def _code(bench, endpoint):
    try:
        bench.invoke(endpoint)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "OK"
