import json
from datetime import timedelta

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


@pytest.mark.parametrize("seconds_past", [5, 300])
def test_the_invocations_of_a_past_hour_are_told_shortly_after_its_end(bench, churn, seconds_past):
    clock = bench.cloud.clock
    clock.advance(3600 - clock.now().timestamp() % 3600 + 1)
    begin = clock.now().replace(minute=0, second=0, microsecond=0)
    bench.invoke(churn)
    clock.advance(59 * 60 + 20)
    bench.invoke(churn)
    bench.invoke(churn)
    clock.advance(3600 - clock.now().timestamp() % 3600 + seconds_past)
    bench.invoke(churn)

    statistics = bench.cloud.context.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": churn}, {"Name": "VariantName", "Value": "primary"}],
        StartTime=begin,
        EndTime=begin + timedelta(hours=1),
        Period=3600,
        Statistics=["Sum"],
    )

    assert [(point["Timestamp"], point["Sum"]) for point in statistics["Datapoints"]] == [(begin, 3.0)]


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


@pytest.mark.parametrize(("line", "loaded"), [("", "False"), ("from xgboost import XGBClassifier as _", "True")])
def test_an_xgboost_model_is_served_and_scikit_learn_loaded_only_for_estimators(bench, line, loaded):
    name = f"booster-{loaded.lower()}"
    uri = bench.archive(f"models/{name}.tar.gz", {"code/inference.py": BOOSTER.replace("LINE", line), **_booster()})
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": bench.image("sagemaker-xgboost", "1.7-1"), "ModelDataUrl": uri, "Environment": environment}
    bench.sagemaker.create_model(ModelName=name, ExecutionRoleArn=bench.role, PrimaryContainer=container)
    bench.sagemaker.create_endpoint(
        EndpointName=name, EndpointConfigName=bench.endpoint_config(name, {"primary": (name, 1.0)})
    )
    bench.wait_for_endpoint(name)

    answer = bench.invoke(name, "1,1")["Body"].read().decode()

    bench.sagemaker.delete_endpoint(EndpointName=name)
    assert answer == f"[1] {loaded}"


BOOSTER = """
import sys
LINE

def model_fn(model_dir):
    import xgboost
    return xgboost.Booster(model_file=model_dir + "/model.json")

def input_fn(body, content_type):
    import numpy, xgboost
    return xgboost.DMatrix(numpy.array([[float(value) for value in line.split(",")] for line in body.splitlines()]))

def predict_fn(rows, model):
    return model.predict(rows)

def output_fn(values, accept):
    return f"{[round(float(value)) for value in values]} {'skl' 'earn' in sys.modules}", "text/plain"
"""


def _booster():
    import numpy as np
    import xgboost

    rows = xgboost.DMatrix(np.array([[0, 0], [1, 1]] * 50), label=np.array([0, 1] * 50))
    booster = xgboost.train({"objective": "binary:logistic"}, rows, num_boost_round=10)
    return {"model.json": bytes(booster.save_raw("json"))}


def _files(bench):
    import pickle

    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0, 0], [1, 1]], [0, 1])
    return {"code/inference.py": bench.inference, "model.pkl": pickle.dumps(model)}
