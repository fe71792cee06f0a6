"""Whether to start a training run now: a decision with memory, budgets and its reason in a sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from seatrial.decisions.settings import parse_settings

Action = Literal["start", "refuse", "ignore"]
MANUAL, SCHEDULE = "manual", "schedule"
NEVER = frozenset({"schema_violation", "missing_data"})
"""Conditions that a new model cannot cure: the data must be repaired first."""
QUIET = frozenset({"ok", "insufficient_data"})


@dataclass(frozen=True, kw_only=True)
class RetrainingSettings:
    """What an engagement sets about retraining."""

    triggers: tuple[str, ...] = ("quality_loss", "schedule")
    cooldown_hours: int = 24
    daily_budget: int = 1
    monthly_budget: int = 8
    minimum_labelled_rows: int = 500
    breaker_after: int = 3

    @classmethod
    def from_json(cls, text: str) -> "RetrainingSettings":
        """Read the environment variable; raises `SettingsError`.

        >>> RetrainingSettings.from_json('{"triggers": ["drift"], "cooldown_hours": 6}').triggers
        ('drift',)
        """
        return parse_settings(cls, text, "retraining")


@dataclass(frozen=True)
class Trigger:
    """Why a run is asked for: a verdict's name, "schedule" or "manual"; `key` is the same for every redelivery."""

    kind: str
    key: str
    time: datetime
    reason: str


@dataclass(frozen=True)
class TrainingData:
    """The newest training data."""

    uri: str
    labelled_rows: int
    as_of: datetime


@dataclass(frozen=True)
class RetrainingState:
    """What is remembered: starts of the last weeks, the run under way, and runs in a row that brought no gain."""

    starts: tuple[datetime, ...] = ()
    in_flight: str | None = None
    last_data_as_of: datetime | None = None
    runs_without_gain: int = 0


@dataclass(frozen=True)
class RetrainingDecision:
    """What to do, which rule said so, and the sentence for ledger, log and operator."""

    action: Action
    rule: str
    reason: str


@dataclass(frozen=True)
class _Question:
    trigger: Trigger
    state: RetrainingState
    data: TrainingData | None
    settings: RetrainingSettings

    @property
    def by_hand(self) -> bool:
        return self.trigger.kind == MANUAL

    def starts_within(self, hours: float) -> list[datetime]:
        """Starts less than this long before the trigger, or after it (a redelivered old event)."""
        return [start for start in self.state.starts if start > self.trigger.time - timedelta(hours=hours)]


def decide(
    trigger: Trigger, state: RetrainingState, data: TrainingData | None, settings: RetrainingSettings
) -> RetrainingDecision:
    """Apply the rules in order; the first that objects is the reason.

    A person's request passes the rules on triggers, cooldown, budgets, freshness and the breaker, but neither
    starts a second run nor trains without data.

    >>> now = datetime(2026, 11, 1, 12)
    >>> loss = Trigger("quality_loss", "k", now, "mean Brier loss 0.31 is above the limit 0.20")
    >>> decide(loss, RetrainingState(), TrainingData("s3://raw/v2/", 4000, now), RetrainingSettings()).action
    'start'
    >>> decide(loss, RetrainingState(in_flight="run-7"), None, RetrainingSettings()).reason
    'run-7 is still in flight'
    """
    if trigger.kind in QUIET:
        return RetrainingDecision("ignore", "verdict", f"{trigger.kind} asks for nothing")
    question = _Question(trigger, state, data, settings)
    for rule, check in RULES:
        if objection := check(question):
            return RetrainingDecision("refuse", rule, objection)
    rows = f"{data.labelled_rows} labelled rows as of {data.as_of:%Y-%m-%d %H:%M}" if data else "no data"
    return RetrainingDecision("start", "all", f"{trigger.kind}: {trigger.reason}; training on {rows}")


def _curable(question: _Question) -> str | None:
    if question.trigger.kind in NEVER:
        return f"{question.trigger.kind} is never cured by training: repair the data first ({question.trigger.reason})"
    return None


def _allowed(question: _Question) -> str | None:
    allowed = question.settings.triggers
    if question.by_hand or question.trigger.kind in allowed:
        return None
    return f"{question.trigger.kind} is not among the triggers allowed: {', '.join(allowed) or 'none'}"


def _single(question: _Question) -> str | None:
    return f"{question.state.in_flight} is still in flight" if question.state.in_flight else None


def _breaker(question: _Question) -> str | None:
    runs, limit = question.state.runs_without_gain, question.settings.breaker_after
    if question.by_hand or runs < limit:
        return None
    return f"the breaker is open: {runs} runs in a row brought no better model; a person has to look and start by hand"


def _cooldown(question: _Question) -> str | None:
    recent = question.starts_within(question.settings.cooldown_hours)
    if question.by_hand or not recent:
        return None
    last = max(recent)
    return f"cooldown of {question.settings.cooldown_hours} h: the last run started at {last:%Y-%m-%d %H:%M}"


def _budgets(question: _Question) -> str | None:
    settings = question.settings
    for hours, budget, period in ((24, settings.daily_budget, "24 hours"), (720, settings.monthly_budget, "30 days")):
        spent = len(question.starts_within(hours))
        if not question.by_hand and spent >= budget:
            return f"budget: {spent} of {budget} runs of the last {period} are used"
    return None


def _present(question: _Question) -> str | None:
    return None if question.data else "there is no training data"


def _enough(question: _Question) -> str | None:
    data, minimum = question.data, question.settings.minimum_labelled_rows
    if data is None or data.labelled_rows >= minimum:
        return None
    return f"{data.labelled_rows} labelled rows are fewer than the minimum of {minimum}"


def _fresh(question: _Question) -> str | None:
    data, last = question.data, question.state.last_data_as_of
    if question.by_hand or data is None or last is None or data.as_of > last:
        return None
    return f"no new data: the last run already trained on data as of {last:%Y-%m-%d %H:%M}"


RULES: tuple[tuple[str, Callable[[_Question], str | None]], ...] = (
    ("curable", _curable),
    ("trigger", _allowed),
    ("single_flight", _single),
    ("breaker", _breaker),
    ("cooldown", _cooldown),
    ("budget", _budgets),
    ("data", _present),
    ("minimum_rows", _enough),
    ("fresh_data", _fresh),
)
