"""A small account in the offline cloud: a served model, the real promotion machine and its real functions, a topic."""

import importlib.metadata
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from seatrial.constructs.function import POWERTOOLS_DISTRIBUTIONS
from seatrial.constructs.promotion_machine import PromotionSettings, promotion_machine
from seatrial.constructs.staging import library_files, python_files, shipped, zip_bytes
from seatrial.contracts.events import RECONCILIATION
from seatrial.contracts.serving import SMOKE_INPUT_URI, SMOKE_OUTPUT_URI
from seatrial.offline import functions
from seatrial.offline.cloud import OfflineCloud
from tests.lambdas.fakes import PACKAGES
from tests.offline.support import REGION, ROLE, bodies_of, put_queue

START = datetime(2026, 11, 2, 10, 0, 30, tzinfo=UTC)
IMAGE = f"492215442770.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
BUCKET, ENDPOINT, STACK = "artifacts", "churn", "churn-serving"
CANARY_SECONDS, TERMINATION_SECONDS, POLL_SECONDS, UPDATE_SECONDS = 240, 60, 60, 300
GOOD = """
def model_fn(folder): return None
def input_fn(body, content_type): return body.splitlines()
def predict_fn(rows, model): return ["0.5" for _ in rows]
def output_fn(values, accept): return "\\n".join(values), "text/csv"
"""
BAD = GOOD.replace('return ["0.5" for _ in rows]', 'raise RuntimeError("a bad model")')
ENVIRONMENT = {
    "ENDPOINT_NAME": ENDPOINT,
    "MODEL_PACKAGE_GROUP": ENDPOINT,
    "STATE_TABLE": "state",
    "ROLLBACK_ALARM_NAMES": "churn-errors",
    "VARIANT_NAME": "primary",
    "CANARY_PERCENT": "50",
    "POLL_SECONDS": str(POLL_SECONDS),
    "BAKE_SECONDS": str(2 * CANARY_SECONDS + TERMINATION_SECONDS),
    "UPDATE_SECONDS": str(UPDATE_SECONDS),
}


def _alarm() -> dict[str, Any]:
    """The canary's guard: the share of requests that fail."""

    def metric(name: str, source: str) -> dict[str, Any]:
        dimensions = [{"Name": "EndpointName", "Value": ENDPOINT}, {"Name": "VariantName", "Value": "primary"}]
        of = {"Namespace": "AWS/SageMaker", "MetricName": source, "Dimensions": dimensions}
        return {"Id": name, "MetricStat": {"Metric": of, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    share = {"Id": "share", "Expression": "100 * part / whole", "Label": "percent", "ReturnData": True}
    return {
        "AlarmName": "churn-errors",
        "Metrics": [metric("part", "Invocation5XXErrors"), metric("whole", "Invocations"), share],
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def template() -> str:
    """The serving stack's moving parts, as the construct has them."""
    variant = {"VariantName": "primary", "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}}
    variant |= {"InitialInstanceCount": 2, "InstanceType": "ml.m5.large", "InitialVariantWeight": 1}
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": CANARY_SECONDS}
    routing["CanarySize"] = {"Type": "CAPACITY_PERCENT", "Value": 50}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": TERMINATION_SECONDS}
    deployment = {
        "BlueGreenUpdatePolicy": policy,
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": {"Ref": "Alarm"}}]},
    }
    model = {"Containers": [{"ModelPackageName": {"Ref": "ModelPackageArn"}}], "ExecutionRoleArn": ROLE}
    config = {"Fn::GetAtt": ["Config", "EndpointConfigName"]}
    parts = {
        "Model": model,
        "Config": {"ProductionVariants": [variant]},
        "Endpoint": {"EndpointName": ENDPOINT, "EndpointConfigName": config, "DeploymentConfig": deployment},
    }
    types = {"Model": "Model", "Config": "EndpointConfig", "Endpoint": "Endpoint"}
    conditional = {
        name: {"Type": f"AWS::SageMaker::{types[name]}", "Condition": "HasModel", "Properties": properties}
        for name, properties in parts.items()
    }
    whole = {
        "Parameters": {"ModelPackageArn": {"Type": "String", "Default": ""}},
        "Conditions": {"HasModel": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ModelPackageArn"}, ""]}]}},
        "Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": _alarm()}, **conditional},
    }
    return json.dumps(whole)


class Drydock:
    """The account, and what tests do with it again and again."""

    def __init__(self, cloud: OfflineCloud) -> None:
        self.cloud, self.client, self.first = cloud, cloud.context.client, ("", "")
        self.sagemaker = self.client("sagemaker")
        self._make_stores()
        topic = self.client("sns").create_topic(Name="told")["TopicArn"]
        raw = {"RawMessageDelivery": "true"}
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=put_queue(cloud, "told"), Attributes=raw)
        self.client("cloudformation").create_stack(StackName=STACK, TemplateBody=template())
        self.sagemaker.create_model_package_group(ModelPackageGroupName=ENDPOINT)
        layer = self.client("lambda").publish_layer_version(LayerName="powertools", Content={"ZipFile": powertools()})
        self.layer = layer["LayerVersionArn"]
        settings = PromotionSettings(
            select_arn=self._function("promotion_select"),
            verify_arn=self._function("promotion_verify"),
            stack_name=STACK,
            endpoint_name=ENDPOINT,
            parameter="ModelPackageArn",
            kept_parameters=(),
            state_table="state",
            topic_arn=topic,
            poll_seconds=POLL_SECONDS,
            longest_update_seconds=UPDATE_SECONDS,
        )
        machine = self.client("stepfunctions").create_state_machine(
            name="promotion", definition=json.dumps(promotion_machine(settings)), roleArn=ROLE
        )
        self.machine, self.events = machine["stateMachineArn"], 0

    def _make_stores(self) -> None:
        where = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        for key, body in (("smoke.csv", "0,0\n0,1\n1,0\n"), ("smoke_expected.csv", "0.5\n0.5\n0.5\n")):
            self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.encode())
        self.client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument='{"Statement": []}')
        self.client("dynamodb").create_table(
            TableName="state",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )

    def _function(self, name: str) -> str:
        """The real code with the library modules that it imports, as the construct puts it together."""
        own = python_files(shipped("lambdas") / name)
        return self.client("lambda").create_function(
            FunctionName=name,
            Role=ROLE,
            Runtime="python3.13",
            Handler="handler.lambda_handler",
            Timeout=60,
            Code={"ZipFile": zip_bytes({**own, **library_files(own.values())})},
            Layers=[self.layer],
            Environment={"Variables": ENVIRONMENT},
        )["FunctionArn"]

    def register(self, code: str = GOOD) -> str:
        """A package that is approved; returns its ARN."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("code/inference.py")
            member.size = len(code)
            archive.addfile(member, io.BytesIO(code.encode()))
        key = f"model-{'good' if code == GOOD else 'bad'}.tar.gz"
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=buffer.getvalue())
        places = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{key}", "Environment": places}
        types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
        smoke = {SMOKE_INPUT_URI: f"s3://{BUCKET}/smoke.csv", SMOKE_OUTPUT_URI: f"s3://{BUCKET}/smoke_expected.csv"}
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=ENDPOINT,
            ModelApprovalStatus="Approved",
            InferenceSpecification={"Containers": [container], **types},
            CustomerMetadataProperties=smoke,
        )["ModelPackageArn"]

    def start(self, arn: str | None = None) -> str:
        """Begin a promotion: by the approval of a package, or by the schedule's look."""
        self.events += 1
        detail = {"ModelPackageArn": arn} if arn else {RECONCILIATION: True}
        event = {"id": f"event-{self.events}", "time": self.now, "detail": detail}
        answer = self.client("stepfunctions").start_execution(stateMachineArn=self.machine, input=json.dumps(event))
        functions.settle()
        return answer["executionArn"]

    def describe(self, execution: str) -> dict[str, Any]:
        """How an execution stands."""
        return self.client("stepfunctions").describe_execution(executionArn=execution)

    def sail(self, until: Callable[[], bool], seconds: float = 60) -> None:
        """Let time pass until something is so."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "it took too long"
            self.cloud.clock.advance(POLL_SECONDS)
            time.sleep(0.05)

    def finish(self, execution: str) -> tuple[str, str]:
        """Status of an execution once it has ended, and its reason."""
        self.sail(lambda: self.describe(execution)["status"] != "RUNNING")
        found = self.describe(execution)
        return found["status"], found.get("cause") or json.loads(found["output"])["reason"]

    def promote(self, arn: str | None = None) -> tuple[str, str]:
        """Begin a promotion and wait for its end."""
        return self.finish(self.start(arn))

    def endpoint(self) -> dict[str, Any]:
        """The endpoint as SageMaker describes it."""
        return self.sagemaker.describe_endpoint(EndpointName=ENDPOINT)

    def served(self) -> str:
        """Version that the stack asks for."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return stack["Parameters"][0]["ParameterValue"].removeprefix(f"{PACKAGES}/")

    def told(self) -> list[str]:
        """What people have been told since the last call."""
        return bodies_of(self.cloud, "told")

    def is_calm(self) -> bool:
        """Whether the endpoint rests and its alarm is OK."""
        return self.endpoint()["EndpointStatus"] == "InService" and self.alarm_state("churn-errors") == "OK"

    def alarm_state(self, name: str) -> str:
        """State of an alarm."""
        (alarm,) = self.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarm["StateValue"]

    def configs(self) -> list[str]:
        """Names of all endpoint configurations."""
        return [found["EndpointConfigName"] for found in self.sagemaker.list_endpoint_configs()["EndpointConfigs"]]

    def deletion(self, config: str) -> str:
        """What SageMaker answers to the deletion of a configuration."""
        try:
            self.sagemaker.delete_endpoint_config(EndpointConfigName=config)
        except ClientError as error:
            return error.response["Error"]["Message"]
        return "deleted"

    def update_by_hand(self, config: str) -> None:
        """Somebody updates the endpoint past CloudFormation."""
        self.sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=config)
        self.sail(self.is_calm)

    @property
    def now(self) -> str:
        """The cloud's time."""
        return f"{self.cloud.clock.now():%Y-%m-%dT%H:%M:%SZ}"

    @contextmanager
    def failing(self, operation: str, code: str, message: str) -> Iterator[list[dict]]:
        """AWS refuses an operation of SageMaker; yields the refused requests."""
        asked: list[dict] = []

        def refuse(params: dict, **_: Any) -> None:
            asked.append(params)
            raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

        with self._hook(f"before-call.sagemaker.{operation}", refuse):
            yield asked

    @contextmanager
    def stuck(self, after: list[dict]) -> Iterator[None]:
        """To CloudFormation the endpoint seems to be Updating for ever, once something has been asked."""

        def pretend(parsed: dict, **_: Any) -> None:
            if after:
                parsed["EndpointStatus"] = "Updating"

        with self._hook("after-call.sagemaker.DescribeEndpoint", pretend):
            yield

    @contextmanager
    def counting(self, operation: str) -> Iterator[list[dict]]:
        """Yields the requests of an operation as they come."""
        asked: list[dict] = []

        def count(params: dict, **_: Any) -> None:
            asked.append(params)

        with self._hook(f"before-call.sagemaker.{operation}", count):
            yield asked

    @contextmanager
    def _hook(self, event: str, hook: Callable[..., None]) -> Iterator[None]:
        events = self.sagemaker.meta.events
        events.register(event, hook)
        try:
            yield
        finally:
            events.unregister(event, hook)


def powertools() -> bytes:
    """The layer of the functions."""
    files: dict[str, bytes] = {}
    for name in POWERTOOLS_DISTRIBUTIONS:
        distribution = importlib.metadata.distribution(name)
        sources = [file for file in distribution.files or () if file.suffix == ".py" and ".." not in file.parts]
        files |= {f"python/{file}": Path(str(distribution.locate_file(file))).read_bytes() for file in sources}
    return zip_bytes(files)
