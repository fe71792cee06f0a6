"""Everything this function asks of AWS; each client is made at its first use and kept for the next invocation."""

from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import boto3
from parse import Configuration, Refused, quarantine_document

from seatrial.contracts import cdr
from seatrial.contracts.network_kpi import Totals, Window, features


class Aws:
    """The function's clients."""

    @cached_property
    def s3(self) -> Any:
        """Simple Storage Service."""
        return boto3.client("s3")

    @cached_property
    def dynamodb(self) -> Any:
        """The table's service."""
        return boto3.client("dynamodb")

    @cached_property
    def featurestore(self) -> Any:
        """The runtime of the feature store."""
        return boto3.client("sagemaker-featurestore-runtime")

    def set_aside(self, refused: Refused, configuration: Configuration) -> None:
        """Keep a record in quarantine; its key comes from its place in the stream, so a repetition changes nothing."""
        day = datetime.fromtimestamp(refused.arrived_at, UTC).date()
        folder = cdr.consumer_quarantine_prefix(configuration.dataset_name, day)
        self.s3.put_object(
            Bucket=configuration.curated_bucket,
            Key=f"{folder}stream-{refused.sequence_number}.json",
            Body=quarantine_document(refused, configuration.stream_name),
            ContentType="application/json",
        )

    def publish_features(self, group: str, window: Window, totals: Totals) -> None:
        """Put the window as a record of the feature group; one with an older event time changes no newer one."""
        record = [{"FeatureName": n, "ValueAsString": value} for n, value in features(window, totals).items()]
        self.featurestore.put_record(FeatureGroupName=group, Record=record)
