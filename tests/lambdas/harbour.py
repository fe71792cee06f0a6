"""The monitor function with its surroundings in memory: an hour of traffic and a run are one call each."""

import hashlib
import json
import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3

from seatrial.contracts import layout
from seatrial.contracts.ground_truth import ground_truth_line
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.contracts.serving import BASELINE_URI
from seatrial.statistics.baseline import build_baseline
from tests.lambdas.fakes import FakeEvents, FakeSageMaker, load_function

monitor = load_function("monitor")
SCHEMA = FeatureSchema((Feature("tenure_months", "numeric"), Feature("plan_type", "categorical")))
BASELINE = "s3://artifacts/models/1/baseline.json"
START = monitor.parse.parse_time("2026-11-01T00:00:00Z")


class Harbour:
    """The function with its surroundings; an hour of traffic and a run of the monitor are one call each."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.s3 = boto3.client("s3")
        self.aws = monitor.adapters.Aws()
        self.aws.sagemaker, self.aws.events = FakeSageMaker(), FakeEvents()
        self.configuration = monitor.parse.Configuration(
            endpoint_name="churn",
            variant_name="primary",
            capture_bucket="capture",
            artifacts_bucket="artifacts",
            state_table="state",
            metric_namespace="Seatrial",
            event_bus_name="default",
            settings=monitor.parse.MonitoringSettings(),
        )
        self.register(1)

    def register(self, version: int) -> None:
        rows = [self.row() for _ in range(1000)]
        text = build_baseline(SCHEMA, [row for row, _, _ in rows], *zip(*[item[1:] for item in rows], strict=True))
        uri = BASELINE.replace("/1/", f"/{version}/")
        body = text.to_json().encode()
        key = uri.removeprefix("s3://artifacts/")
        self.s3.put_object(Bucket="artifacts", Key=key, Body=body)
        digest = hashlib.sha256(body).hexdigest().encode()
        self.s3.put_object(Bucket="artifacts", Key=key.replace(".json", ".sha256"), Body=digest)
        self.aws.sagemaker.serving = self.aws.sagemaker.add_package(version, **{BASELINE_URI: uri})

    def row(self, shift: float = 0.0, flipped: bool = False) -> tuple[list[str], float, int]:
        plan = self.random.choice(["prepaid", "postpaid"])
        score = 0.35 if plan == "prepaid" else 0.05
        chance = 0.4 - score if flipped else score
        return [f"{self.random.gauss(24 + shift, 6):.1f}", plan], score, int(self.random.random() < chance)

    def traffic(
        self,
        hour: int,
        rows: int = 160,
        *,
        labels: bool = True,
        width: int = 2,
        file: str = "00.jsonl",
        **how: Any,
    ) -> None:
        lines, truths = self.requests(hour, rows, width=width, name=file.removesuffix(".jsonl"), **how)
        self.capture(hour, lines, file)
        if labels:
            self.put(layout.ground_truth_hour_prefix("churn", at(hour)) + f"labels-{file}", truths)

    def requests(
        self, hour: int, rows: int, *, width: int = 2, name: str = "00", **how: Any
    ) -> tuple[list[str], list[str]]:
        """Lines of capture and of ground truth."""
        lines, truths = [], []
        for number, (row, score, label) in enumerate(self.row(**how) for _ in range(rows)):
            join_id = f"{hour}-{name}-{number}"
            lines.append(capture_line(join_id, ",".join(row[:width]), score))
            truths.append(ground_truth_line(join_id, [label]))
        return lines, truths

    def capture(self, hour: int, lines: list[str], file: str = "00.jsonl") -> None:
        self.put(layout.capture_hour_prefix("churn", "primary", at(hour)) + file, lines)

    def configure(self, **settings: Any) -> None:
        """Other settings of the monitor than the defaults."""
        chosen = monitor.parse.MonitoringSettings(**settings)
        self.configuration = replace(self.configuration, settings=chosen)

    def invoked(self, hour: int, times: int, variant: str = "primary") -> None:
        self.invoked_at(at(hour), times, variant)

    def invoked_at(self, time: datetime, times: int, variant: str = "primary", metric: str = "Invocations") -> None:
        """What the endpoint counts by itself."""
        dimensions = [{"Name": "EndpointName", "Value": "churn"}, {"Name": "VariantName", "Value": variant}]
        datum = {"MetricName": metric, "Dimensions": dimensions, "Value": times, "Timestamp": time}
        boto3.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])

    def put(self, key: str, lines: list[str]) -> None:
        self.s3.put_object(Bucket="capture", Key=key, Body="\n".join(lines).encode())

    def run(self, hour: int) -> dict:
        """Run the monitor twenty minutes after the hour, as the schedule does."""
        event = {"time": f"{at(hour + 1) + timedelta(minutes=20):%Y-%m-%dT%H:%M:%SZ}"}
        return monitor.handler.run(event, self.configuration, self.aws)["windows"]

    def verdict(self, hour: int) -> dict:
        key = layout.window_report_prefix("churn", at(hour)) + layout.VERDICT_FILE
        return json.loads(self.s3.get_object(Bucket="artifacts", Key=key)["Body"].read())

    def file(self, hour: int, name: str) -> str:
        key = layout.window_report_prefix("churn", at(hour)) + name
        return self.s3.get_object(Bucket="artifacts", Key=key)["Body"].read().decode()

    @property
    def events(self) -> list[dict]:
        """Details of all events that were put."""
        return [json.loads(entry["Detail"]) for entry in self.aws.events.entries]

    def verdicts(self) -> list[str]:
        return [detail["verdict"] for detail in self.events]

    def memory(self) -> Any:
        return monitor.store.Store(self.aws, self.configuration).load()[0]


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def capture_line(join_id: str, row: str, score: float, time: str = "2026-11-01T00:00:00Z") -> str:
    document = {
        "captureData": {
            "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": row, "encoding": "CSV"},
            "endpointOutput": {"mode": "OUTPUT", "data": f"{score}\n", "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": join_id, "inferenceTime": time},
        "eventVersion": "0",
    }
    return json.dumps(document)
