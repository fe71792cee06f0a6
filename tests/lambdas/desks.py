"""The functions of retraining and promotion with their surroundings, as several tests need them."""

import json
from dataclasses import replace

import boto3

from seatrial.contracts import layout
from seatrial.contracts.events import SOURCE, VERDICT_DETAIL_TYPE, MonitoringVerdict
from tests.lambdas.fakes import PACKAGES, FakeObjects, FakeSageMaker, FakeTables, FakeTopic, FakeWatch, load_function

retraining = load_function("retraining")
selecting = load_function("promotion_select")
MANUAL = {"trigger": "manual", "time": "2026-11-01T08:00:00Z", "reason": "first training"}


class Desk:
    """The function with its surroundings."""

    def __init__(self) -> None:
        self.aws = retraining.adapters.Aws()
        self.connect()
        self.configuration = retraining.parse.Configuration(
            pipeline_name="churn-dev",
            endpoint_name="churn",
            raw_bucket="raw",
            artifacts_bucket="artifacts",
            dataset_name="churn",
            state_table="state",
            ledger_table="ledger",
            metric_namespace="Seatrial",
            notification_topic_arn="topic",
            settings=retraining.parse.RetrainingSettings(confirm_windows=1),
        )
        self.land("v1", "2026-10-31T00:00:00Z")

    def connect(self) -> None:
        """Put the services in place."""
        self.aws.sagemaker, self.aws.sns = FakeSageMaker(), FakeTopic()

    def set(self, **settings: object) -> None:
        self.configuration = replace(self.configuration, settings=replace(self.configuration.settings, **settings))

    def land(self, version: str, as_of: str, rows: int = 4000, **more: object) -> None:
        pointer = {"uri": f"s3://raw/churn/training/{version}/", "labelled_rows": rows, "as_of": as_of, **more}
        key = layout.latest_training_data_key("churn")
        self.aws.s3.put_object(Bucket="raw", Key=key, Body=json.dumps(pointer).encode())

    def deliver(self, event: dict) -> dict:
        return retraining.handler.run(event, self.configuration, self.aws)

    @property
    def executions(self) -> list[dict]:
        return list(self.aws.sagemaker.executions.values())

    def ledger(self) -> list[dict]:
        items = boto3.client("dynamodb").scan(TableName="ledger")["Items"]
        return [json.loads(item["entry"]["S"]) for item in items]

    def end(self, status: str) -> dict:
        execution = self.executions[-1]
        execution["status"] = status
        return {
            "source": "aws.sagemaker",
            "time": "2026-11-01T09:00:00Z",
            "detail": {"pipelineExecutionArn": execution["arn"], "currentPipelineExecutionStatus": status},
        }


class MemoryDesk(Desk):
    """The same without any service: tables and objects are fakes, which makes it a hundred times as fast."""

    def __init__(self) -> None:
        self.tables, self.objects = FakeTables(), FakeObjects()
        super().__init__()

    def connect(self) -> None:
        super().connect()
        self.aws.s3, self.aws.dynamodb = self.objects, self.tables

    def ledger(self) -> list[dict]:
        return [json.loads(item["entry"]["S"]) for key, item in self.tables.items.items() if key[0] == "ledger"]


def verdict(
    kind: str = "quality_loss", window: str = "2026-11-03T10:00:00Z", end: str = "2026-11-03T11:00:00Z"
) -> dict:
    detail = MonitoringVerdict(
        endpoint_name="churn",
        variant_name="primary",
        model_package_arn="package",
        window_start=window,
        window_end=end,
        verdict=kind,
        severity="page",
        rows=160,
        labelled_rows=160,
        sentence=f"{kind}: mean Brier loss 0.31 is above the limit 0.20",
    ).to_detail()
    return {"source": SOURCE, "detail-type": VERDICT_DETAIL_TYPE, "detail": json.loads(json.dumps(detail))}


def raising(error: Exception):
    def raise_it(*_: object, **__: object) -> None:
        raise error

    return raise_it


def cut_after(call, calls: int):
    """Lets some calls through, then behaves as if the process were killed."""
    left = [calls]

    def maybe(**arguments: object) -> dict:
        if not left[0]:
            raise RuntimeError("killed")
        left[0] -= 1
        return call(**arguments)

    return maybe


def approval(
    version: int, event: str = "event-1", time: str = "2026-11-01T10:00:00Z", field: str = "ModelApprovalStatus"
) -> dict:
    detail = {"ModelPackageArn": f"{PACKAGES}/{version}", "UpdatedModelPackageFields": [field]}
    return {"id": event, "time": time, "detail": detail}


class Selecting:
    """The selecting function with its surroundings."""

    def __init__(self) -> None:
        self.aws = selecting.adapters.Aws()
        self.sagemaker = self.aws.sagemaker = FakeSageMaker()
        self.alarms: tuple[str, ...] = ()
        self.barred: tuple[str, ...] = ()

    def deliver(self, event: dict) -> dict:
        configuration = selecting.parse.Configuration(
            endpoint_name="churn",
            model_package_group="churn",
            state_table="state",
            rollback_alarm_names=self.alarms,
            barred_roles=self.barred,
        )
        return selecting.handler.run(event, configuration, self.aws)


class MemorySelecting(Selecting):
    """The same without any service."""

    def __init__(self) -> None:
        super().__init__()
        self.tables, self.objects = FakeTables(), FakeObjects()
        self.aws.s3, self.aws.dynamodb = self.objects, self.tables
        self.watch = self.aws.cloudwatch = FakeWatch()
