"""Rows of a data contract as features of SageMaker Feature Store: types of a group, records for PutRecord."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from seatrial.contracts.table import TableContract

EVENT_TIME = "event_time"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
UTC = timezone.utc  # noqa: UP017 - datetime.UTC is new in Python 3.11
TYPES = {"string": "String", "timestamp": "String", "double": "Fractional", "int32": "Integral"}
"""Column kinds of a contract to feature types."""


def feature_types(contract: TableContract) -> dict[str, str]:
    """Features and types of a group that keeps the contract's rows, with their event time.

    >>> from seatrial.contracts.churn_features import CHURN_FEATURES
    >>> feature_types(CHURN_FEATURES)["voice_calls_30d"], feature_types(CHURN_FEATURES)[EVENT_TIME]
    ('Integral', 'String')
    """
    return {EVENT_TIME: "String"} | {field.name: TYPES[field.kind] for field in contract.fields}


def feature_record(row: Mapping[str, Any], event_time: datetime) -> list[dict[str, str]]:
    """A row for PutRecord; what is None is left out, as Feature Store has no null.

    >>> feature_record({"subscriber_id": "s1", "autopay": None, "x": 0.5}, datetime(2026, 7, 1, tzinfo=UTC))
    [{'FeatureName': 'event_time', 'ValueAsString': '2026-07-01T00:00:00Z'}, \
{'FeatureName': 'subscriber_id', 'ValueAsString': 's1'}, {'FeatureName': 'x', 'ValueAsString': '0.5'}]
    """
    texts = {EVENT_TIME: event_time, **{name: value for name, value in row.items() if value is not None}}
    return [{"FeatureName": name, "ValueAsString": _text(value)} for name, value in texts.items()]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(TIME_FORMAT)
    return str(int(value)) if isinstance(value, bool) else str(value)
