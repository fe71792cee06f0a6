"""The dates that a flow of data jobs runs for, from what starts it: one date, a range, or the time of a schedule."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

EVERY_STAGE = 1000
"""More stages than a flow has."""
SILENT_FEEDS = ("stop", "publish")
"""What a source that delivered far less than usual leads to."""
CHOICES = {"stages", "from_stage", "silent_feeds"}
"""Keys of an input that say nothing about dates."""
FORMS = '{"date": "YYYY-MM-DD"}, {"from": "YYYY-MM-DD", "to": "YYYY-MM-DD"} or {"scheduled_time": "..."}'


class FlowInputError(ValueError):
    """A flow cannot be started with this input; the message says what is allowed."""


@dataclass(frozen=True)
class FlowPlan:
    """Dates in ascending order, the first date whose late data may change one of them, which stages run, and whether
    days of silent feeds are published."""

    dates: tuple[date, ...]
    since: date
    stages: int = EVERY_STAGE
    from_stage: int = 1
    silent_feeds: str = "stop"

    @property
    def claimed(self) -> tuple[date, ...]:
        """Every date that the flow may write: its own, and those that late data may change. No other flow may then."""
        days = (self.dates[-1] - self.since).days + 1
        return tuple(self.since + timedelta(days=number) for number in range(days))

    def to_dict(self) -> dict[str, Any]:
        """As the state machine reads it."""
        return {
            "dates": [day.isoformat() for day in self.dates],
            "first": self.dates[0].isoformat(),
            "last": self.dates[-1].isoformat(),
            "since": self.since.isoformat(),
            "stages": self.stages,
            "from_stage": self.from_stage,
            "silent_feeds": self.silent_feeds,
            "after": (self.dates[-1] + timedelta(days=1)).isoformat(),
        }


def plan_dates(
    event: Mapping[str, Any], *, maximum_days: int, lookback_days: int, stage_count: int = EVERY_STAGE
) -> FlowPlan:
    """The plan for an input; raises `FlowInputError`.

    Besides the dates, `"stages": n` ends after the n-th stage: a lake's first months are curated before anything can
    look back on them; `"from_stage": n` begins with the n-th, where those before have run already. A schedule runs for
    the day (UTC) before its time, the newest one that is complete.

    >>> plan_dates({"from": "2026-06-29", "to": "2026-07-01"}, maximum_days=31, lookback_days=3).since.isoformat()
    '2026-06-26'
    """
    stages = _stage("stages", event.get("stages", EVERY_STAGE))
    from_stage = _stage("from_stage", event.get("from_stage", 1))
    most = min(stages, stage_count)
    if from_stage > most:
        raise FlowInputError(f"from_stage: must be at most {most}, the last stage that runs, got {from_stage}")
    silent_feeds = event.get("silent_feeds", "stop")
    if silent_feeds not in SILENT_FEEDS:
        raise FlowInputError(f"silent_feeds: must be {' or '.join(SILENT_FEEDS)}, got {silent_feeds!r}")
    first, last = _range({key: value for key, value in event.items() if key not in CHOICES})
    days = (last - first).days + 1
    if days < 1:
        raise FlowInputError(f"from: must not be after to ({last}), got {first}")
    if days > maximum_days:
        raise FlowInputError(f"from, to: must be at most {maximum_days} days, got {days}; start several flows")
    dates = tuple(first + timedelta(days=number) for number in range(days))
    return FlowPlan(dates, first - timedelta(days=lookback_days), stages, from_stage, silent_feeds)


def _stage(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise FlowInputError(f"{key}: must be a whole number of at least 1, got {value!r}")
    return value


def _range(event: Mapping[str, Any]) -> tuple[date, date]:
    keys = set(event)
    if keys == {"date"}:
        day = _date("date", event["date"])
        return day, day
    if keys == {"from", "to"}:
        return _date("from", event["from"]), _date("to", event["to"])
    if keys == {"scheduled_time"}:
        day = _moment(event["scheduled_time"]).date() - timedelta(days=1)
        return day, day
    raise FlowInputError(f"input: must be {FORMS}, got the keys {', '.join(sorted(keys)) or 'none'}")


def _date(key: str, value: Any) -> date:
    try:
        parsed = date.fromisoformat(value)
    except (TypeError, ValueError):
        raise FlowInputError(f"{key}: must be a date YYYY-MM-DD, got {value!r}") from None
    if parsed.isoformat() != value:
        raise FlowInputError(f"{key}: must be a date YYYY-MM-DD, got {value!r}")
    return parsed


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise FlowInputError(
            f"scheduled_time: must be a time as EventBridge Scheduler gives it, got {value!r}"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
