"""Adds call detail records from the stream to the KPIs of their cells, each once; reports the records that failed."""

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from adapters import Aws
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from parse import Configuration, Refused, read_batch
from publish import count
from store import WindowStore

from seatrial.contracts.network_kpi import Window

logger = Logger(service="kpi-consumer")
aws = Aws()


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer with the sequence numbers to be delivered again (Lambda's partial batch response)."""
    return run(event, context, Configuration.from_environment(os.environ), aws)


def run(event: dict[str, Any], context: Any, configuration: Configuration, aws: Aws) -> dict[str, Any]:
    """Work window by window: one write for all events of a window; then tell Lambda record by record how it went."""
    batch = read_batch(event["Records"], configuration.settings)
    desk = Desk(configuration, aws, WindowStore(aws, configuration), Counter(EventsRead=len(event["Records"])))
    failures: dict[str, Exception] = {}
    for refused in batch.refused:
        failures |= desk.set_aside(refused)
    for window, members in sorted(batch.windows.items()):
        failures |= desk.add(window, members)
    count(desk.counts, configuration)

    def tell(record: KinesisStreamRecord) -> None:
        if error := failures.get(record.kinesis.sequence_number):
            raise error

    processor = BatchProcessor(event_type=EventType.KinesisDataStreams)
    answer = process_partial_response(event=event, record_handler=tell, processor=processor, context=context)
    return {**answer}


@dataclass(frozen=True)
class Desk:
    """What the records of one invocation are worked on with, and what became of them."""

    configuration: Configuration
    aws: Aws
    store: WindowStore
    counts: Counter[str]

    def set_aside(self, refused: Refused) -> dict[str, Exception]:
        """Put a record into quarantine."""
        try:
            self.aws.set_aside(refused, self.configuration)
        except Exception as error:
            self.counts["EventsFailed"] += 1
            return {refused.sequence_number: error}
        self.counts["EventsQuarantined"] += 1
        logger.warning("record set aside", extra={"reason": refused.reason, "sequence": refused.sequence_number})
        return {}

    def add(self, window: Window, members: list[tuple[str, dict[str, Any]]]) -> dict[str, Exception]:
        """Add one window's events; when that fails all of them are delivered again, and only the missing ones count."""
        try:
            change, totals = self.store.add(window, [event for _, event in members])
        except Exception as error:
            self.counts["EventsFailed"] += len(members)
            return self._again(window, members, error)
        late = int(change.totals.get("late_events", 0))
        self.counts["EventsLate"] += late
        self.counts["EventsUsed"] += len(change.fingerprints) - late
        self.counts["EventsDuplicate"] += change.duplicates
        if self.configuration.feature_group is None:
            return {}
        try:
            self.aws.publish_features(self.configuration.feature_group, window, totals)
        except Exception as error:
            return self._again(window, members, error)  # they come back as duplicates, and the totals are put then
        return {}

    def _again(
        self, window: Window, members: list[tuple[str, dict[str, Any]]], error: Exception
    ) -> dict[str, Exception]:
        logger.error("window again", extra={"window": window.sort_key, "cell": window.cell_id, "error": str(error)})
        return {number: error for number, _ in members}
