"""Live traffic on the cloud's clock: requests hour by hour, labels that arrive late, verdicts as they come in."""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from seatrial.contracts import layout
from seatrial.rehearsal.voyage import Voyage, Window

ROWS_PER_HOUR = 160
QUARTERS = 4
LABEL_DELAY = timedelta(hours=1)
"""How long after its hour a prediction's label arrives. Real churn labels take weeks."""


class Traffic:
    """Sends rows of a stretch to the endpoint and keeps what is needed to deliver their labels later."""

    def __init__(self, voyage: Voyage) -> None:
        self.voyage = voyage
        self.hour = voyage.to_next_hour()
        self._sources: dict[str, Iterator[tuple[str, str]]] = {
            stretch: itertools.cycle(rows) for stretch, rows in voyage.rows.items()
        }
        self._labels: dict[datetime, list[tuple[str, str]]] = defaultdict(list)
        self._stretch_of: dict[datetime, str] = {}
        self._sequence = itertools.count(1)
        self._collected = self.hour

    def send(self, stretch: str, count: int) -> int:
        """Send `count` rows of a stretch now; returns how many failed."""
        failed = 0
        hour = self.voyage.now.replace(minute=0, second=0, microsecond=0)
        self._stretch_of.setdefault(hour, stretch)
        for row, label in itertools.islice(self._sources[stretch], count):
            inference_id = f"{stretch}-{next(self._sequence)}"
            answer = self.voyage.runtime.invoke(self.voyage.endpoint, row, inference_id)
            failed += not answer.ok
            if label:
                self._labels[hour].append((inference_id, label))
        self.voyage.requests += count
        self.voyage.failed_requests += failed
        return failed

    def run_hour(self, stretch: str) -> list[Window]:
        """One hour of traffic; returns the windows whose verdict became known during it."""
        start = self.voyage.now.replace(minute=0, second=0, microsecond=0)
        self.voyage.progress.doing(f"{stretch}: traffic of {start:%H:%M}, {self.voyage.requests:,} requests so far")
        for quarter in range(1, QUARTERS + 1):
            self.send(stretch, ROWS_PER_HOUR // QUARTERS)
            self.voyage.advance_to(start + timedelta(minutes=60 * quarter / QUARTERS))
        self.deliver_labels()
        return self.collect()

    def deliver_labels(self) -> None:
        """Write the ground truth of every hour whose labels are due."""
        due = [hour for hour in self._labels if hour + timedelta(hours=1) + LABEL_DELAY <= self.voyage.now]
        for hour in due:
            lines = [_ground_truth(inference_id, label) for inference_id, label in self._labels.pop(hour)]
            key = f"{layout.ground_truth_hour_prefix(self.voyage.endpoint, hour)}labels.jsonl"
            self.voyage.aws.put(self.voyage.outputs["CaptureBucketName"], key, "".join(lines).encode())

    def collect(self) -> list[Window]:
        """Windows whose verdict file has appeared since the last call, oldest first."""
        found = []
        while self._collected + timedelta(hours=1) <= self.voyage.now:
            verdict = self._verdict(self._collected)
            if verdict is None:
                break
            found.append(Window(self._collected, self._stretch_of.get(self._collected, "idle"), verdict))
            self._collected += timedelta(hours=1)
        self.voyage.windows += found
        return found

    def _verdict(self, hour: datetime) -> dict | None:
        prefix = layout.window_report_prefix(self.voyage.endpoint, hour)
        uri = f"s3://{self.voyage.outputs['ArtifactsBucketName']}/{prefix}verdict.json"
        return self.voyage.aws.read_json_if_there(uri)


def _ground_truth(inference_id: str, label: str) -> str:
    line = {
        "groundTruthData": {"data": label, "encoding": "CSV"},
        "eventMetadata": {"eventId": inference_id},
        "eventVersion": "0",
    }
    return json.dumps(line) + "\n"
