"""A source that the monitor's function judges beside its endpoint: a schedule, rights to read, and alarms."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import OBJECTS_REASON, ServiceRole
from seatrial.constructs.monitoring import EndpointMonitor, silence_alarm, verdict_alarm
from seatrial.constructs.triggers import SCHEDULED_TIME, FunctionSchedule
from seatrial.constructs.window_job import WindowJob
from seatrial.contracts.layout import constraints_beside
from seatrial.contracts.monitored_source import PAYLOAD_KEY, MonitoredSource

SCHEDULE = "cron(10/20 * * * ? *)"
"""Between the endpoint's runs: a window is looked for as soon as its time has come, and what a job has read."""
NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")


@dataclass(frozen=True, kw_only=True)
class SourcePlace:
    """A part of a bucket that is read; `key_arns` are of keys that are not the monitor's own."""

    bucket: s3.IBucket
    prefix: str
    key_arns: tuple[str, ...] = ()


class SourceMonitor(Construct):
    """Has the function of `monitor` look at one more source: the same verdicts, files, metrics and events.

    `source` is without its bucket and its baseline's, which are given as `place` and `baseline`; `reads` are where
    inputs and outputs of transform jobs lie. Nothing but these places may be read, by the function and by `window_job`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        monitor: EndpointMonitor,
        source: MonitoredSource,
        place: SourcePlace,
        baseline: s3.IBucket,
        encryption_key: kms.IKey,
        reads: Sequence[SourcePlace] = (),
        window_job: WindowJob | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(source, window_job)
        self.source = replace(
            source,
            bucket=place.bucket.bucket_name,
            prefix=place.prefix,
            baseline=replace(source.baseline, bucket=baseline.bucket_name),
        )
        self.name = f"{monitor.endpoint_name}.{source.name}"
        roles = [monitor.monitor.role, *([window_job.role] if window_job else [])]
        for role in roles:
            for read in (place, *reads):
                _allow(role, read)
        _allow_baseline(monitor.monitor.role, baseline, source, place.key_arns)
        self.schedule = FunctionSchedule(
            self,
            "Schedule",
            expression=SCHEDULE,
            description=f"Looks at {self.name}",
            function=monitor.monitor,
            payload={"time": SCHEDULED_TIME, PAYLOAD_KEY: self.source.to_json()},
            encryption_key=encryption_key,
        )
        self.alarms = self._alarms(monitor)

    @property
    def dimensions(self) -> dict[str, str]:
        """Dimensions of the source's metrics."""
        return {"EndpointName": self.name, "VariantName": self.source.kind}

    def _alarms(self, monitor: EndpointMonitor) -> list[Any]:
        told = {
            "InputDrift": "InputDrift: Inputs have drifted: have a look (a ticket, no page)",
            "QualityLoss": "QualityLoss: Predictions have become worse, by labels or by estimate",
            "SchemaViolation": "SchemaViolations: Rows do not have the baseline's schema",
            "MissingData": "MissingData: A window has nothing that could be read",
        }
        watched = {"watched": replace(monitor.watched, name=self.name, dimensions=self.dimensions)}
        # A day's window has one datum a day: what it says holds until the next one.
        kept = {"missing": "ignore"} if self.source.window == "day" else {}
        alarms = []
        for construct_id, text in told.items():
            metric, _, description = text.partition(": ")
            alarms.append(verdict_alarm(self, construct_id, metric, description, **watched, **kept))
        return [*alarms, silence_alarm(self, **watched)]


def _check(source: MonitoredSource, window_job: WindowJob | None) -> None:
    if not NAME.fullmatch(source.name):
        raise ConstructError(f"source.name: must be up to 24 small letters, digits and hyphens, got {source.name!r}")
    if source.kind == "table" and window_job is None:
        raise ConstructError(f"source {source.name!r}: a table is read by a processing job; give window_job")


def _allow(role: ServiceRole, place: SourcePlace) -> None:
    """Read what lies below the prefix, and list it."""
    bucket = place.bucket.bucket_arn
    role.allow("s3:GetObject", on=[f"{bucket}/{place.prefix}*"], because=OBJECTS_REASON)
    role.allow("s3:GetBucketLocation", on=[bucket])
    role.allow("s3:ListBucket", on=[bucket], conditions={"StringLike": {"s3:prefix": [f"{place.prefix}*"]}})
    _allow_keys(role, place.key_arns)


def _allow_keys(role: ServiceRole, arns: Sequence[str]) -> None:
    if arns:
        by_s3 = {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}
        role.allow("kms:Decrypt", on=[*arns], conditions=by_s3)


def _allow_baseline(role: ServiceRole, bucket: s3.IBucket, source: MonitoredSource, key_arns: Sequence[str]) -> None:
    """Read the baseline and the files beside it: its digest, or Model Monitor's constraints."""
    key = source.baseline.key
    keys = [key, f"{key.removesuffix('.json')}.sha256", constraints_beside(key)]
    role.allow("s3:GetObject", on=[f"{bucket.bucket_arn}/{item}" for item in keys])
    role.allow("s3:ListBucket", on=[bucket.bucket_arn], conditions={"StringEquals": {"s3:prefix": keys}})
    _allow_keys(role, key_arns)
