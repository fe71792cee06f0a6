import io
import json
import tarfile

import pytest
from botocore.exceptions import ClientError

CONTRACT = """
import json, os, socket, sys
seen = {
    "arguments": sys.argv[1:],
    "inputs": sorted(os.listdir("/opt/ml/processing/input")),
    "address": socket.gethostbyname("algo-1"),
    "hosts": json.load(open("/opt/ml/config/resourceconfig.json"))["hosts"],
    "color": os.environ["COLOR"],
    "package": None,
}
try:
    import seatrial.offline
    seen["package"] = "visible"
except ImportError:
    seen["package"] = "hidden"
with open("/opt/ml/processing/output/result/seen.json", "w") as file:
    json.dump(seen, file)
print("it ran")
"""
TRAIN = """
import argparse, json, os, pathlib
from sklearn.linear_model import LogisticRegression
import pickle

parser = argparse.ArgumentParser()
parser.add_argument("--strength", type=float)
parser.add_argument("--penalty")
arguments = parser.parse_args()
source = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "train.csv")
rows = [line.split(",") for line in source.read_text().splitlines()]
features, labels = [[float(value) for value in row[1:]] for row in rows], [int(row[0]) for row in rows]
model = LogisticRegression(C=arguments.strength).fit(features, labels)
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.pkl").write_bytes(pickle.dumps(model))
print(f"validation-auc={0.5 + arguments.strength / 10}")
"""
ROWS = "0,0,0\n0,0,1\n1,1,0\n1,1,1\n" * 5


def test_a_processing_job_sees_the_container_contract(bench):
    found = bench.run_processing("contract", CONTRACT, arguments=["--mode", "train"], Environment={"COLOR": "blue"})

    assert found["ProcessingJobStatus"] == "Completed", found.get("FailureReason")
    seen = json.loads(bench.get(f"s3://{bench.bucket}/out/contract/result/seen.json"))
    assert seen == {
        "arguments": ["--mode", "train"],
        "inputs": ["code"],
        "address": "127.0.0.1",
        "hosts": ["algo-1"],
        "color": "blue",
        "package": "hidden",
    }


def test_a_job_for_a_cluster_runs_as_one_process_and_the_report_says_so(bench):
    request = bench.processing("cluster", "pass", outputs=())
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 3
    request["ProcessingInputs"][0]["S3Input"]["S3DataDistributionType"] = "ShardedByS3Key"

    bench.sagemaker.create_processing_job(ProcessingJobName="cluster", **request)
    found = bench.wait_for_job("processing", "cluster")

    assert found["ProcessingJobStatus"] == "Completed", found.get("FailureReason")
    notes = {entry["subject"]: entry for entry in bench.cloud.journal.entries("fidelity")}
    assert notes["jobs on several instances"]["detail"] == "one process stood in for 3 instances"
    assert notes["jobs on several instances"]["how"] == notes["ShardedByS3Key"]["how"] == "not-proven"


def test_a_job_for_one_instance_needs_no_note(bench):
    before = len(bench.cloud.journal.entries("fidelity"))

    bench.run_processing("single", "pass", outputs=())

    noted = [entry["subject"] for entry in bench.cloud.journal.entries("fidelity")[before:]]
    assert not {"jobs on several instances", "ShardedByS3Key"} & set(noted)


def test_logs_reach_cloudwatch(bench):
    bench.run_processing("logged", "print('a line of the log')", outputs=())

    logs = bench.cloud.context.client("logs")
    group = "/aws/sagemaker/ProcessingJobs"
    stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="logged/")["logStreams"][0]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]

    assert [event["message"] for event in events] == ["a line of the log"]


def test_a_failing_script_gives_its_exit_code_and_the_logs_end(bench):
    found = bench.run_processing("failing", "import sys\nsys.exit('the column label is missing')")

    assert found["ProcessingJobStatus"] == "Failed"
    assert "the column label is missing" in found["FailureReason"]
    assert found["FailureReason"].endswith("exit code: 1")
    assert bench.keys("out/failing/") == []


def test_an_isolated_job_has_no_network(bench):
    script = "import os, socket\nprint([k for k in os.environ if k.startswith('AWS_')])\n"
    script += f"socket.create_connection(('127.0.0.1', {bench.cloud.url.rpartition(':')[2]}), timeout=2)"

    found = bench.run_processing("isolated", script, NetworkConfig={"EnableNetworkIsolation": True})

    assert found["ProcessingJobStatus"] == "Failed"
    assert "Connection refused" in found["FailureReason"]
    assert "AWS_ENDPOINT_URL" not in found["FailureReason"]


def test_a_job_past_its_time_is_stopped(bench):
    found = bench.run_processing("slow", "import time; time.sleep(60)", StoppingCondition={"MaxRuntimeInSeconds": 1})

    assert found["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in found["FailureReason"]


def test_a_running_job_can_be_stopped(bench):
    request = bench.processing("stopped", "import time; time.sleep(60)")
    bench.sagemaker.create_processing_job(ProcessingJobName="stopped", **request)

    bench.sagemaker.stop_processing_job(ProcessingJobName="stopped")

    assert bench.wait_for_job("processing", "stopped")["ProcessingJobStatus"] == "Stopped"


def test_an_absent_input_fails_the_job_in_sagemakers_words(bench):
    request = bench.processing("absent", "pass")
    request["ProcessingInputs"][0]["S3Input"]["S3Uri"] = f"s3://{bench.bucket}/nothing/here"

    bench.sagemaker.create_processing_job(ProcessingJobName="absent", **request)

    assert "No S3 objects found under S3 URL" in bench.wait_for_job("processing", "absent")["FailureReason"]


def test_an_unknown_image_is_refused_by_name(bench):
    request = bench.processing("unknown", "pass")
    request["AppSpecification"]["ImageUri"] = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/our-own:1"

    with pytest.raises(ClientError, match=r"our-own:1.*FAMILIES"):
        bench.sagemaker.create_processing_job(ProcessingJobName="unknown", **request)


def test_script_mode_runs_awss_training_toolkit(bench):
    request = _script_training(bench, "script")

    bench.sagemaker.create_training_job(TrainingJobName="script", **request)
    found = bench.wait_for_job("training", "script")

    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert found["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bench.bucket}/models/script/output/model.tar.gz"
    assert found["FinalMetricDataList"][0]["Value"] == pytest.approx(0.55)
    with tarfile.open(fileobj=io.BytesIO(bench.get(found["ModelArtifacts"]["S3ModelArtifacts"]))) as tar:
        assert tar.getnames() == ["model.pkl"]


def test_a_script_that_raises_fails_the_training_with_its_error(bench):
    request = _script_training(bench, "raising", "raise RuntimeError('only one class in the labels')")

    bench.sagemaker.create_training_job(TrainingJobName="raising", **request)
    found = bench.wait_for_job("training", "raising")

    assert found["TrainingJobStatus"] == "Failed"
    assert "only one class in the labels" in found["FailureReason"]


def test_builtin_xgboost_trains_and_serves(bench):
    uri = bench.put("data/builtin/train.csv", ROWS)
    image = bench.image("sagemaker-xgboost", "1.7-1")
    parameters = {"num_round": "5", "objective": "binary:logistic", "eval_metric": "auc", "min_child_weight": "0"}
    request = bench.training(image, parameters, {"train": uri, "validation": uri})

    bench.sagemaker.create_training_job(TrainingJobName="builtin", **request)
    found = bench.wait_for_job("training", "builtin")
    bench.sagemaker.create_model(
        ModelName="builtin",
        ExecutionRoleArn=bench.role,
        PrimaryContainer={"Image": image, "ModelDataUrl": found["ModelArtifacts"]["S3ModelArtifacts"]},
    )
    bench.endpoint_config("builtin", {"AllTraffic": ("builtin", 1.0)})
    bench.sagemaker.create_endpoint(EndpointName="builtin", EndpointConfigName="builtin")
    ready = bench.wait_for_endpoint("builtin")

    assert ready["EndpointStatus"] == "InService", ready.get("FailureReason")
    metrics = {item["MetricName"]: item["Value"] for item in found["FinalMetricDataList"]}
    assert metrics["validation:auc"] == 1.0
    low, high = (float(value) for value in bench.invoke("builtin", "0,0\n1,1")["Body"].read().decode().split(","))
    assert low < 0.5 < high


def test_builtin_xgboost_tells_what_is_wrong_with_the_data(bench):
    uri = bench.put("data/header/train.csv", "label,a,b\n0,1,2\n")
    request = bench.training(bench.image("sagemaker-xgboost", "1.7-1"), {"num_round": "5"}, {"train": uri})

    bench.sagemaker.create_training_job(TrainingJobName="header", **request)

    assert "CSV without a header" in bench.wait_for_job("training", "header")["FailureReason"]


def test_batch_transform_writes_one_out_file_for_each_input(bench):
    bench.model("batch")
    bench.put("data/batch/rows.csv", "0,0\n1,1\n0,1\n")

    bench.sagemaker.create_transform_job(
        TransformJobName="batch",
        ModelName="batch",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bench.bucket}/data/batch"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": f"s3://{bench.bucket}/out/batch", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    found = bench.wait_for_job("transform", "batch")

    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    values = [float(line) for line in bench.get(f"s3://{bench.bucket}/out/batch/rows.csv.out").split()]
    assert [value > 0.5 for value in values] == [False, True, False]


def test_tuning_keeps_the_best_of_its_training_jobs(bench):
    definition = _script_training(bench, "tuned")
    parameters = definition.pop("HyperParameters")
    parameters.pop("strength")

    bench.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="tuned",
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "strength", "MinValue": "0.1", "MaxValue": "4.0"}],
            },
        },
        TrainingJobDefinition={**definition, "StaticHyperParameters": parameters},
    )
    describe = bench.sagemaker.describe_hyper_parameter_tuning_job
    found = bench.wait(
        lambda: (
            (d := describe(HyperParameterTuningJobName="tuned"))["HyperParameterTuningJobStatus"] != "InProgress" and d
        )
    )

    assert found["HyperParameterTuningJobStatus"] == "Completed", found.get("FailureReason")
    best = found["BestTrainingJob"]
    value = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert value == pytest.approx(0.5 + float(best["TunedHyperParameters"]["strength"]) / 10, abs=1e-6)
    assert found["TrainingJobStatusCounters"]["Completed"] == 2


def test_without_namespaces_paths_are_rewritten(bench, monkeypatch):
    monkeypatch.setenv("SEATRIAL_NAMESPACES", "off")
    script = "import sys\nopen('/opt/ml/processing/output/result/out.txt', 'w').write(sys.argv[1])"

    found = bench.run_processing("rewritten", script, arguments=["/opt/ml/processing/input/code"])

    assert found["ProcessingJobStatus"] == "Completed", found.get("FailureReason")
    folder = bench.get(f"s3://{bench.bucket}/out/rewritten/result/out.txt").decode()
    assert folder.endswith("/sagemaker/jobs/rewritten/ml/processing/input/code")


def test_script_mode_runs_without_namespaces(bench, monkeypatch):
    monkeypatch.setenv("SEATRIAL_NAMESPACES", "off")

    bench.sagemaker.create_training_job(TrainingJobName="fallback", **_script_training(bench, "fallback"))
    found = bench.wait_for_job("training", "fallback")

    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")


def test_the_fidelity_report_tells_what_ran(bench):
    told = {entry["subject"]: entry["how"] for entry in bench.cloud.journal.entries("fidelity")}

    assert told["training in script mode"] == "aws-code"
    assert told["sagemaker-scikit-learn:1.2-1-cpu-py3"] == "version"


def _script_training(bench, name, script=TRAIN):
    data = bench.put(f"data/{name}/train.csv", ROWS)
    code = bench.archive(f"code/{name}/sourcedir.tar.gz", {"train.py": script})
    parameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
        "strength": "0.5",
        "penalty": "l2",
    }
    request = bench.training(
        bench.image("sagemaker-scikit-learn"), parameters, {"train": data, "code": code}, EnableNetworkIsolation=True
    )
    request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "auc", "Regex": "validation-auc=([0-9.]+)"}]
    return request
