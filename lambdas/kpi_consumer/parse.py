"""Reads the environment and the records of a Kinesis batch."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.contracts import environment
from seatrial.contracts.cdr import CDR
from seatrial.contracts.network_kpi import Window, window_of
from seatrial.contracts.table import ContractError
from seatrial.decisions.network_kpi import KpiSettings, objection


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The function's environment."""

    table: str
    curated_bucket: str
    dataset_name: str
    stream_name: str
    feature_group: str | None
    metric_namespace: str
    settings: KpiSettings

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one, `SettingsError` for bad settings."""
        return cls(
            table=values[environment.KPI_TABLE],
            curated_bucket=values[environment.CURATED_BUCKET],
            dataset_name=values[environment.DATASET_NAME],
            stream_name=values[environment.STREAM_NAME],
            feature_group=values.get(environment.FEATURE_GROUP_NAME) or None,
            metric_namespace=values[environment.METRIC_NAMESPACE],
            settings=KpiSettings.from_json(values.get(environment.KPI_SETTINGS, "{}")),
        )


@dataclass(frozen=True)
class Refused:
    """A record that no repetition makes good, as it came."""

    sequence_number: str
    arrived_at: float
    data: bytes
    reason: str
    explanation: str


@dataclass
class Batch:
    """The records by window, with their sequence numbers, and those to set aside."""

    windows: dict[Window, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def read_batch(records: list[dict[str, Any]], settings: KpiSettings) -> Batch:
    """Sort the records of one invocation."""
    batch = Batch()
    for record in records:
        kinesis = record["kinesis"]
        number, data = kinesis["sequenceNumber"], base64.b64decode(kinesis["data"])
        arrived = float(kinesis["approximateArrivalTimestamp"])
        try:
            event = CDR.from_json(data)
        except (ContractError, UnicodeDecodeError, RecursionError) as error:
            batch.refused.append(Refused(number, arrived, data, "contract", str(error)))
            continue
        if reason := objection(event["started_at"], event["received_at"]):
            times = f"started {event['started_at'].isoformat()}, received {event['received_at'].isoformat()}"
            batch.refused.append(Refused(number, arrived, data, reason, times))
            continue
        window = window_of(event["cell_id"], event["started_at"], settings.window_minutes)
        batch.windows.setdefault(window, []).append((number, event))
    return batch


def quarantine_document(refused: Refused, stream: str) -> bytes:
    """A refused record as JSON: its data as text where it is text, else in base64."""
    document = {
        "reason": refused.reason,
        "explanation": refused.explanation[:1000],
        "stream": stream,
        "sequence_number": refused.sequence_number,
    }
    try:
        document["data"] = refused.data.decode()
    except UnicodeDecodeError:
        document["data_base64"] = base64.b64encode(refused.data).decode()
    return json.dumps(document, ensure_ascii=False).encode()
