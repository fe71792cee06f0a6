"""Sources that the monitor judges beside the endpoint: the engagement's keys as constructs."""

import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.config import SourceSection
from seatrial.constructs import EndpointMonitor, SourceMonitor, SourcePlace, WindowJob
from seatrial.contracts.monitored_source import BaselineFile, MonitoredSource, TableColumns
from stacks.base import Foundation


class Sources(Construct):
    """One monitor for each entry of monitoring.sources."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        foundation: Foundation,
        monitor: EndpointMonitor,
        window_job: WindowJob | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._lake = foundation.lake
        self.monitors = [
            SourceMonitor(
                self,
                "".join(part.capitalize() for part in section.name.split("-")),
                monitor=monitor,
                source=_source(section),
                place=self._place(section.bucket, section.prefix, section.kms_key_arns),
                baseline=self._bucket(section.baseline.bucket),
                reads=[self._place(item.bucket, item.prefix, section.kms_key_arns) for item in section.reads],
                encryption_key=foundation.lake.key,
                window_job=window_job,
            )
            for section in foundation.target.engagement.monitoring.sources
        ]

    def _place(self, bucket: str, prefix: str, keys: tuple[str, ...]) -> SourcePlace:
        return SourcePlace(bucket=self._bucket(bucket), prefix=prefix, key_arns=keys)

    def _bucket(self, name: str) -> s3.IBucket:
        """One of the lake's, else the account's of this name."""
        lake = {**self._lake.zones, "artifacts": self._lake.artifacts, "capture": self._lake.capture}
        if name in lake:
            return lake[name]
        known = self.node.try_find_child(name)
        return known or s3.Bucket.from_bucket_name(self, name, name)  # type: ignore[return-value]


def _source(section: SourceSection) -> MonitoredSource:
    given = section.baseline
    return MonitoredSource(
        name=section.name,
        kind=section.kind,
        bucket=section.bucket,
        prefix=section.prefix,
        baseline=BaselineFile(given.bucket, given.key, given.sha256, given.constraints_sha256, given.ignore),
        window=section.window,
        allowed_lateness_minutes=section.allowed_lateness_minutes,
        partition=section.partition or "",
        columns=TableColumns(section.prediction_column, section.label_column, section.time_column),
        required=section.required,
    )
