"""Loads a function's folder as Lambda would, and fakes of the services that it talks to."""

import importlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from botocore.exceptions import ClientError

from tests.services import REGION

ROOT = Path(__file__).parents[2]
PACKAGES = f"arn:aws:sagemaker:{REGION}:111111111111:model-package/churn"


def load_function(name: str) -> SimpleNamespace:
    """Import every module of a function's folder, and forget them: other functions have modules of the same names."""
    folder = ROOT / "lambdas" / name
    own = sorted(path.stem for path in folder.glob("*.py"))
    hidden = {module: sys.modules.pop(module) for module in own if module in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        return SimpleNamespace(**{module: importlib.import_module(module) for module in own})
    finally:
        sys.path.remove(str(folder))
        for module in own:
            sys.modules.pop(module, None)
        sys.modules.update(hidden)


def client_error(code: str, message: str = "refused") -> ClientError:
    """An error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class FakeSageMaker:
    """Endpoint, registry and pipeline; executions are idempotent by their token, as on AWS."""

    def __init__(self) -> None:
        self.packages: dict[str, dict] = {}
        self.serving: str | None = None
        self.endpoint = {"EndpointStatus": "InService", "EndpointConfigName": "config"}
        self.executions: dict[str, dict] = {}
        self.before_start: Callable[[], None] = lambda: None

    def add_package(self, version: int, status: str = "Approved", **metadata: str) -> str:
        arn = f"{PACKAGES}/{version}"
        container = {"Image": "image", "ModelDataUrl": f"s3://artifacts/models/{version}/model.tar.gz"}
        self.packages[arn] = {
            "ModelPackageArn": arn,
            "ModelApprovalStatus": status,
            "CustomerMetadataProperties": metadata,
            "InferenceSpecification": {"Containers": [container]},
        }
        return arn

    def describe_endpoint(self, *, EndpointName: str) -> dict:  # noqa: N803
        if self.serving is None:
            raise client_error("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return {"EndpointName": EndpointName, **self.endpoint}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict:  # noqa: N803
        return {"ProductionVariants": [{"VariantName": "primary", "ModelName": "model"}]}

    def describe_model(self, *, ModelName: str) -> dict:  # noqa: N803
        return {"Containers": [{"ModelPackageName": self.serving}]}

    def describe_model_package(self, *, ModelPackageName: str) -> dict:  # noqa: N803
        return self.packages[ModelPackageName]

    def get_paginator(self, operation: str) -> SimpleNamespace:
        assert operation == "list_model_packages"
        return SimpleNamespace(paginate=lambda **_: [{"ModelPackageSummaryList": list(self.packages.values())}])

    def start_pipeline_execution(self, *, ClientRequestToken: str, **request: object) -> dict:  # noqa: N803
        self.before_start()
        arn = f"arn:aws:sagemaker:{REGION}:111111111111:pipeline/churn/execution/{len(self.executions) + 1}"
        known = self.executions.setdefault(ClientRequestToken, {"arn": arn, "status": "Executing", **request})
        return {"PipelineExecutionArn": known["arn"]}

    def describe_pipeline_execution(self, *, PipelineExecutionArn: str) -> dict:  # noqa: N803
        known = {item["arn"]: item["status"] for item in self.executions.values()}
        return {"PipelineExecutionStatus": known[PipelineExecutionArn]}


class FakeWatch:
    """CloudWatch: alarms by name, and how many requests the endpoint counted in whatever time is asked for."""

    def __init__(self, requests: float = 1000.0, **alarms: str) -> None:
        self.requests, self.alarms = requests, alarms

    def get_metric_statistics(self, **request: object) -> dict:
        assert request["MetricName"] == "Invocations"
        return {"Datapoints": [{"Sum": self.requests}] if self.requests else []}

    def describe_alarms(self, *, AlarmNames: list[str], AlarmTypes: list[str]) -> dict:  # noqa: N803
        assert AlarmTypes == ["MetricAlarm"]
        known = [{"AlarmName": name, "StateValue": self.alarms[name]} for name in AlarmNames if name in self.alarms]
        return {"MetricAlarms": known}


class FakeEvents:
    """EventBridge that keeps what it is given."""

    def __init__(self) -> None:
        self.entries: list[dict] = []
        self.failures = 0

    def put_events(self, *, Entries: list[dict]) -> dict:  # noqa: N803
        if self.failures:
            self.failures -= 1
            raise client_error("InternalException")
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}


class FakeTopic:
    """SNS that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[dict] = []

    def publish(self, **message: str) -> None:
        self.messages.append(message)


class FakeRuntime:
    """An endpoint that answers with what it is told to."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.requests: list[dict] = []

    def invoke_endpoint(self, **request: object) -> dict:
        self.requests.append(request)
        return {"Body": io.BytesIO(self.answer.encode())}


class FakeBody(io.BytesIO):
    """The body of an object."""

    def iter_chunks(self, size: int):
        """In parts, as botocore's does."""
        while block := self.read(size):
            yield block


class FakeObjects:
    """S3 in memory, one space of keys for all buckets."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self.objects[f"{Bucket}/{Key}"] = Body

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        del self.objects[f"{Bucket}/{Key}"]

    def get_object(self, *, Bucket: str, Key: str) -> dict:  # noqa: N803
        if f"{Bucket}/{Key}" not in self.objects:
            raise client_error("NoSuchKey")
        return {"Body": FakeBody(self.objects[f"{Bucket}/{Key}"])}


class Killed(BaseException):
    """The process is gone: no handler of errors sees it."""


class FakeTables:
    """DynamoDB's tables for the conditions that the functions use; may be told to kill the process at a call."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str, str], dict] = {}
        self.calls_left: int | None = None
        self.before_effect = False

    def get_item(self, *, TableName: str, Key: dict, ConsistentRead: bool = False) -> dict:  # noqa: N803
        found = self.items.get((TableName, Key["pk"]["S"], Key["sk"]["S"]))
        return {"Item": found} if found else {}

    def put_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Item: dict,  # noqa: N803
        ConditionExpression: str | None = None,  # noqa: N803
        ExpressionAttributeValues: dict | None = None,  # noqa: N803
        ExpressionAttributeNames: dict | None = None,  # noqa: N803
    ) -> None:
        self.count(before=True)
        key = (TableName, Item["pk"]["S"], Item["sk"]["S"])
        known, values = self.items.get(key), ExpressionAttributeValues or {}
        if known is not None and ConditionExpression and not _holds(ConditionExpression, known, values):
            raise client_error("ConditionalCheckFailedException")
        self.items[key] = Item
        self.count(before=False)

    def count(self, *, before: bool) -> None:
        """A call goes by; kills at the one that was chosen, before or after its effect."""
        if self.calls_left is None or before != self.before_effect:
            return
        if self.calls_left == 0:
            self.calls_left = None
            raise Killed
        self.calls_left -= 1


def _holds(condition: str, known: dict, values: dict) -> bool:
    rest = condition.removeprefix("attribute_not_exists(pk)").removeprefix(" OR ")
    outcomes = {
        "": lambda: False,
        "revision = :revision": lambda: known["revision"] == values[":revision"],
        "execution = :execution OR execution = :ended": lambda: (
            known["execution"] in (values[":execution"], values[":ended"])
        ),
        "event_id = :id OR #time < :time": lambda: (
            known["event_id"] == values[":id"] or known["time"]["S"] < values[":time"]["S"]
        ),
    }
    return outcomes[rest]()
