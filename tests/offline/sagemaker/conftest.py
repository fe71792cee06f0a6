"""A running offline cloud, and small real models for its endpoints."""

import io
import json
import tarfile
import time
from datetime import UTC, datetime

import pytest

from seatrial.offline.cloud import OfflineCloud

ROLE = "arn:aws:iam::111111111111:role/jobs"
REGISTRY = "492215442770.dkr.ecr.eu-central-1.amazonaws.com"
BUCKET = "sagemaker-tests"
START = datetime(2026, 11, 2, 10, 0, 30, tzinfo=UTC)

INFERENCE = """
import json, os, pickle

def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)

def input_fn(body, content_type):
    if content_type != "text/csv":
        raise ValueError(f"content type {content_type!r}")
    return [[float(value) for value in line.split(",")] for line in body.splitlines()]

def predict_fn(rows, model):
    return model.predict_proba(rows)[:, 1]

def output_fn(values, accept):
    return "\\n".join(f"{value:.6f}" for value in values), "text/csv"
"""
BROKEN = "def model_fn(model_dir):\n    raise RuntimeError('the weights are missing')\n"
CRASHING = """
def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(rows, model):
    raise RuntimeError("a bad model")

def output_fn(values, accept):
    return values
"""


class Bench:
    """The cloud and what tests do with it again and again."""

    role = ROLE
    bucket = BUCKET
    inference = INFERENCE
    broken = BROKEN
    crashing = CRASHING

    def __init__(self, cloud):
        self.cloud = cloud
        self.s3 = cloud.context.client("s3")
        self.sagemaker = cloud.context.client("sagemaker")
        self.runtime = cloud.context.client("sagemaker-runtime")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def image(self, name, tag="1.2-1-cpu-py3"):
        return f"{REGISTRY}/{name}:{tag}"

    def put(self, key, content):
        body = content if isinstance(content, bytes) else content.encode()
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def get(self, uri):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def keys(self, prefix):
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]

    def archive(self, key, files):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, content in files.items():
                data = content if isinstance(content, bytes) else content.encode()
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return self.put(key, buffer.getvalue())

    def wait(self, question, seconds=90):
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < deadline, "it took too long"
            time.sleep(0.05)
        return answer

    def wait_for_endpoint(self, name):
        def settled():
            found = self.sagemaker.describe_endpoint(EndpointName=name)
            return found if found["EndpointStatus"] in ("InService", "Failed") else None

        return self.wait(settled)

    def processing(self, name, script, *, outputs=("result",), arguments=(), **extra):
        self.put(f"code/{name}/script.py", script)
        return {
            "RoleArn": ROLE,
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
            },
            "AppSpecification": {
                "ImageUri": self.image("sagemaker-scikit-learn"),
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
                **({"ContainerArguments": list(arguments)} if arguments else {}),
            },
            "ProcessingInputs": [
                {
                    "InputName": "code",
                    "S3Input": {
                        "S3Uri": f"s3://{BUCKET}/code/{name}/script.py",
                        "LocalPath": "/opt/ml/processing/input/code",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": output,
                        "S3Output": {
                            "S3Uri": f"s3://{BUCKET}/out/{name}/{output}",
                            "LocalPath": f"/opt/ml/processing/output/{output}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for output in outputs
                ]
            },
            **extra,
        }

    def run_processing(self, name, script, **extra):
        self.sagemaker.create_processing_job(ProcessingJobName=name, **self.processing(name, script, **extra))
        return self.wait_for_job("processing", name)

    def wait_for_job(self, kind, name):
        title = kind.capitalize()
        describe = getattr(self.sagemaker, f"describe_{kind}_job")

        def ended():
            found = describe(**{f"{title}JobName": name})
            return found if found[f"{title}JobStatus"] in ("Completed", "Failed", "Stopped") else None

        return self.wait(ended)

    def training(self, image, hyperparameters, channels, **extra):
        return {
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "HyperParameters": hyperparameters,
            "InputDataConfig": [
                {
                    "ChannelName": channel,
                    "ContentType": "text/csv",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                }
                for channel, uri in channels.items()
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            **extra,
        }

    def model(self, name, code=INFERENCE, **extra):
        uri = self.archive(f"models/{name}.tar.gz", {"code/inference.py": code, "model.pkl": fitted_model()})
        container = {
            "Image": self.image("sagemaker-scikit-learn"),
            "ModelDataUrl": uri,
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        }
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container, **extra)
        return name

    def endpoint_config(self, name, models, *, instances=2, **extra):
        variants = [
            {
                "VariantName": variant,
                "ModelName": model,
                "InitialInstanceCount": instances,
                "InstanceType": "ml.m5.large",
                "InitialVariantWeight": weight,
            }
            for variant, (model, weight) in models.items()
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **extra)
        return name

    def capture_config(self, prefix):
        return {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/{prefix}",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        }

    def invoke(self, endpoint, body="0,0", **extra):
        return self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/csv", **extra)

    def pipeline(self, name, steps, parameters=()):
        definition = {"Version": "2020-12-01", "Metadata": {}, "Parameters": list(parameters), "Steps": steps}
        self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE, ClientRequestToken="t" * 32
        )
        return name

    def run_pipeline(self, name, **extra):
        arn = self.sagemaker.start_pipeline_execution(PipelineName=name, **extra)["PipelineExecutionArn"]
        return arn, self.wait_for_execution(arn)

    def wait_for_execution(self, arn):
        def ended():
            found = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return found if found["PipelineExecutionStatus"] in ("Succeeded", "Failed", "Stopped") else None

        return self.wait(ended)

    def steps(self, arn):
        found = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {step["StepName"]: step for step in found}

    def events(self, detail_type):
        entries = self.cloud.journal.entries("event")
        return [entry["detail"] for entry in entries if entry.get("detail_type") == detail_type]


def fitted_model():
    import pickle

    from sklearn.linear_model import LogisticRegression

    return pickle.dumps(LogisticRegression().fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 1, 1]))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with OfflineCloud(tmp_path_factory.mktemp("cloud"), start=START) as cloud:
        yield Bench(cloud)
