import json

import pytest
from botocore.exceptions import ClientError

CAPTURE_HOUR = "capture/{}/primary/2026/11/02/10/"


@pytest.fixture(scope="module")
def churn(bench):
    model = bench.model("churn-model")
    capture = bench.capture_config("capture")
    config = bench.endpoint_config("churn-config", {"primary": (model, 1.0)}, DataCaptureConfig=capture)
    bench.sagemaker.create_endpoint(EndpointName="churn", EndpointConfigName=config)
    bench.wait_for_endpoint("churn")
    return "churn"


def test_answers_with_the_models_own_prediction(bench, churn):
    answer = bench.invoke(churn, "0,0\n1,1")

    low, high = (float(line) for line in answer["Body"].read().decode().splitlines())
    assert low < 0.5 < high
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "primary"


def test_captures_requests_and_answers_in_model_monitors_format(bench, churn):
    bench.invoke(churn, "0.25,0.75", InferenceId="row-1")
    bench.cloud.clock.advance(60)

    lines = [
        line
        for key in bench.keys(CAPTURE_HOUR.format(churn))
        for line in bench.get(f"s3://{bench.bucket}/{key}").splitlines()
    ]

    found = [r for r in map(json.loads, lines) if r["eventMetadata"].get("inferenceId") == "row-1"]
    assert len(found) == 1
    assert found[0]["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv", "mode": "INPUT", "data": "0.25,0.75", "encoding": "CSV"
    }  # fmt: skip
    assert found[0]["captureData"]["endpointOutput"]["mode"] == "OUTPUT"
    assert found[0]["eventMetadata"]["inferenceTime"].startswith("2026-11-02T10:0")
    assert found[0]["eventVersion"] == "0"


def test_publishes_invocation_metrics(bench, churn):
    for _ in range(5):
        bench.invoke(churn)
    bench.cloud.clock.advance(60)

    now = bench.cloud.clock.now()
    statistics = bench.cloud.context.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": churn}, {"Name": "VariantName", "Value": "primary"}],
        StartTime=now.replace(minute=0),
        EndTime=now,
        Period=3600,
        Statistics=["Sum"],
    )

    assert sum(point["Sum"] for point in statistics["Datapoints"]) >= 5


def test_a_models_exception_is_a_model_error_with_the_original_status(bench, churn):
    with pytest.raises(ClientError) as caught:
        bench.runtime.invoke_endpoint(EndpointName=churn, Body="{}", ContentType="application/json")

    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert caught.value.response["OriginalStatusCode"] == 500
    assert "application/json" in caught.value.response["OriginalMessage"]


def test_an_absent_endpoint_is_a_validation_error(bench):
    with pytest.raises(ClientError) as caught:
        bench.invoke("nowhere")

    assert caught.value.response["Error"] == {
        "Code": "ValidationError", "Message": "Endpoint nowhere of account 111111111111 not found."
    }  # fmt: skip


def test_what_an_endpoint_uses_cannot_be_deleted(bench, churn):
    with pytest.raises(ClientError, match="uses it"):
        bench.sagemaker.delete_endpoint_config(EndpointConfigName="churn-config")
    with pytest.raises(ClientError, match="uses it"):
        bench.sagemaker.delete_model(ModelName="churn-model")


def test_a_container_that_does_not_start_fails_the_endpoint_with_the_logs_end(bench):
    config = bench.endpoint_config("broken-config", {"primary": (bench.model("broken-model", bench.broken), 1.0)})

    bench.sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName=config)
    found = bench.wait_for_endpoint("broken")

    assert found["EndpointStatus"] == "Failed"
    assert "ping health check" in found["FailureReason"]
    assert "the weights are missing" in found["FailureReason"]


def test_traffic_follows_the_variants_weights(bench):
    config = bench.endpoint_config(
        "weighted-config", {"a": (bench.model("weighted-a"), 3.0), "b": (bench.model("weighted-b"), 1.0)}
    )
    bench.sagemaker.create_endpoint(EndpointName="weighted", EndpointConfigName=config)
    bench.wait_for_endpoint("weighted")

    taken = [bench.invoke("weighted")["InvokedProductionVariant"] for _ in range(8)]
    aimed = bench.invoke("weighted", TargetVariant="b")["InvokedProductionVariant"]

    assert (taken.count("a"), taken.count("b")) == (6, 2)
    assert aimed == "b"


def test_a_model_resolves_its_package_from_the_registry(bench):
    uri = bench.archive("models/packaged.tar.gz", _files(bench))
    bench.sagemaker.create_model_package_group(ModelPackageGroupName="packaged")
    package = bench.sagemaker.create_model_package(
        ModelPackageGroupName="packaged",
        InferenceSpecification={
            "Containers": [{"Image": bench.image("sagemaker-scikit-learn"), "ModelDataUrl": uri}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    bench.sagemaker.create_model(
        ModelName="packaged", ExecutionRoleArn=bench.role, Containers=[{"ModelPackageName": package}],
        EnableNetworkIsolation=True,
    )  # fmt: skip
    bench.endpoint_config("packaged", {"primary": ("packaged", 1.0)})

    bench.sagemaker.create_endpoint(EndpointName="packaged", EndpointConfigName="packaged")

    assert bench.wait_for_endpoint("packaged").get("FailureReason") is None
    assert float(bench.invoke("packaged", "1,1")["Body"].read()) > 0.5


def test_a_deleted_endpoint_is_gone_and_its_processes_ended(bench):
    config = bench.endpoint_config("short-config", {"primary": (bench.model("short-model"), 1.0)})
    bench.sagemaker.create_endpoint(EndpointName="short", EndpointConfigName=config)
    bench.wait_for_endpoint("short")

    bench.sagemaker.delete_endpoint(EndpointName="short")

    with pytest.raises(ClientError, match="Could not find endpoint"):
        bench.sagemaker.describe_endpoint(EndpointName="short")
    bench.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    bench.sagemaker.delete_model(ModelName="short-model")


def test_endpoint_states_are_told_on_eventbridge(bench, churn):
    told = [
        detail["EndpointStatus"]
        for detail in bench.events("SageMaker Endpoint State Change")
        if detail["EndpointName"] == churn
    ]

    assert told[:2] == ["CREATING", "IN_SERVICE"]


def _files(bench):
    import pickle

    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0, 0], [1, 1]], [0, 1])
    return {"code/inference.py": bench.inference, "model.pkl": pickle.dumps(model)}
