"""Filter criteria of event source mappings: event patterns on records."""

import json
from typing import Any

from moto.awslambda.models import EventSourceMapping

from seatrial.offline.event_patterns import matches


def passes(mapping: EventSourceMapping, record: dict[str, Any], payload: str) -> bool:
    """Whether a record passes one of the mapping's filters; `payload` is the key whose text must be JSON to match."""
    filters = (mapping.filter_criteria or {}).get("Filters") or []
    patterns = [json.loads(each["Pattern"]) for each in filters]
    if not patterns:
        return True
    return any(_agrees(pattern, record, payload) for pattern in patterns)


def _agrees(pattern: dict[str, Any], record: dict[str, Any], payload: str) -> bool:
    # A pattern for parsed JSON never matches text, and the other way round.
    if isinstance(pattern.get(payload), dict) != isinstance(record.get(payload), dict) and payload in pattern:
        return False
    return matches(pattern, record)
