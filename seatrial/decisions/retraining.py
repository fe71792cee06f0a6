"""Whether to start a training run now: a decision with memory, budgets and its reason in a sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from seatrial.decisions.blackout import blackout_end, check_blackout
from seatrial.decisions.settings import parse_settings

Action = Literal["start", "refuse", "ignore"]
MANUAL, SCHEDULE = "manual", "schedule"
NEVER = frozenset({"schema_violation", "missing_data"})
"""Conditions that a new model cannot cure: the data must be repaired first."""
QUIET = frozenset({"ok", "insufficient_data"})
MONTH = timedelta(days=30)
_PACE = "half of the monthly budget is used, the rest is spread over the month"


@dataclass(frozen=True, kw_only=True)
class RetrainingSettings:
    """What an engagement sets about retraining."""

    triggers: tuple[str, ...] = ("quality_loss", "schedule")
    confirm_windows: int = 2
    confirm_within_hours: int = 6
    cooldown_hours: int = 24
    daily_budget: int = 1
    monthly_budget: int = 8
    minimum_labelled_rows: int = 500
    minimum_fresh_rows: int = 200
    breaker_after: int = 3
    blackouts: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> "RetrainingSettings":
        """Read the environment variable; raises `SettingsError`.

        >>> RetrainingSettings.from_json('{"triggers": ["drift"], "cooldown_hours": 6}').triggers
        ('drift',)
        """
        settings = parse_settings(cls, text, "retraining")
        for blackout in settings.blackouts:
            check_blackout(blackout)
        return settings


@dataclass(frozen=True)
class Trigger:
    """Why a run is asked for: a verdict's name, "schedule" or "manual"; `key` is the same for every redelivery."""

    kind: str
    key: str
    time: datetime
    reason: str

    @property
    def told(self) -> str:
        """The reason, led by the kind once."""
        return self.reason if self.reason.startswith(f"{self.kind}:") else f"{self.kind}: {self.reason}"

    @property
    def asked(self) -> bool:
        """True for a person's request and for the schedule; False for a verdict of the monitor."""
        return self.kind in {MANUAL, SCHEDULE}


@dataclass(frozen=True)
class TrainingData:
    """The newest training data; `fresh_rows` of its labelled rows are new, None when its publisher did not say.

    `digest` pins the content: a run aborts when it finds something else under `uri` (`seatrial.contracts.snapshot`).
    """

    uri: str
    labelled_rows: int
    as_of: datetime
    fresh_rows: int | None = None
    digest: str | None = None


@dataclass(frozen=True)
class RetrainingState:
    """What is remembered: starts of the last weeks, the run under way, and runs in a row that brought no gain.

    `alarms` are the verdicts heard lately, as kind and end of the window, whichever order they came in.
    """

    starts: tuple[datetime, ...] = ()
    in_flight: str | None = None
    last_data_as_of: datetime | None = None
    runs_without_gain: int = 0
    alarms: tuple[tuple[str, datetime], ...] = ()


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

    def confirming(self) -> set[datetime]:
        """Windows near this one, itself included, that gave the same verdict; each counts once."""
        trigger, near = self.trigger, timedelta(hours=self.settings.confirm_within_hours)
        heard = {time for kind, time in self.state.alarms if kind == trigger.kind and abs(time - trigger.time) < near}
        return heard | {trigger.time}


def decide(
    trigger: Trigger, state: RetrainingState, data: TrainingData | None, settings: RetrainingSettings
) -> RetrainingDecision:
    """Apply the rules in order; the first that objects is the reason.

    A person's request passes the rules on triggers, confirmation, blackouts, cooldown, budgets, freshness and the
    breaker, but neither starts a second run nor trains without data.

    >>> now, before = datetime(2026, 11, 1, 12), datetime(2026, 11, 1, 11)
    >>> loss = Trigger("quality_loss", "k", now, "mean Brier loss 0.31 is above the limit 0.20")
    >>> data, heard = TrainingData("s3://raw/v2/", 4000, now), (("quality_loss", before),)
    >>> decide(loss, RetrainingState(alarms=heard), data, RetrainingSettings()).action
    'start'
    >>> decide(loss, RetrainingState(), data, RetrainingSettings()).reason
    'quality_loss is told by 1 of 2 windows within 6 h: waiting for confirmation'
    >>> decide(loss, RetrainingState(in_flight="run-7", alarms=heard), None, RetrainingSettings()).reason
    'run-7 is still in flight'
    """
    if trigger.kind in QUIET:
        return RetrainingDecision("ignore", "verdict", f"{trigger.kind} asks for nothing")
    question = _Question(trigger, state, data, settings)
    for rule, check in RULES:
        if objection := check(question):
            return RetrainingDecision("refuse", rule, objection)
    rows = f"{data.labelled_rows} labelled rows as of {data.as_of:%Y-%m-%d %H:%M}" if data else "no data"
    return RetrainingDecision("start", "all", f"{trigger.told}; training on {rows}")


def _curable(question: _Question) -> str | None:
    if question.trigger.kind in NEVER:
        return f"{question.trigger.kind} is never cured by training: repair the data first ({question.trigger.reason})"
    return None


def _allowed(question: _Question) -> str | None:
    allowed = question.settings.triggers
    if question.by_hand or question.trigger.kind in allowed:
        return None
    return f"{question.trigger.kind} is not among the triggers allowed: {', '.join(allowed) or 'none'}"


def _confirmed(question: _Question) -> str | None:
    """A single window starts nothing: an alarm that flaps is not worth a training."""
    settings, windows = question.settings, len(question.confirming())
    if question.trigger.asked or windows >= settings.confirm_windows:
        return None
    told = f"{question.trigger.kind} is told by {windows} of {settings.confirm_windows} windows"
    return f"{told} within {settings.confirm_within_hours} h: waiting for confirmation"


def _blackout(question: _Question) -> str | None:
    found = None if question.by_hand else blackout_end(question.settings.blackouts, question.trigger.time)
    return f"blackout {found[0]}: nothing is started before {found[1]:%Y-%m-%d %H:%M}" if found else None


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


def _pace(question: _Question) -> str | None:
    due = None if question.by_hand else paced_until(question.state.starts, question.settings, question.trigger.time)
    return f"pace: {_PACE}; the next may start at {due:%Y-%m-%d %H:%M}" if due else None


def paced_until(starts: Sequence[datetime], settings: RetrainingSettings, now: datetime) -> datetime | None:
    """When the monthly budget lets the next run start, None for now.

    Half of the budget may be spent at once, the rest is spread evenly until the first run is 30 days old: where drift
    goes on, runs that follow each other at once would leave the model without any for weeks.

    >>> settings, now = RetrainingSettings(monthly_budget=4), datetime(2026, 11, 3)
    >>> paced_until([datetime(2026, 11, 1)], settings, now), paced_until([datetime(2026, 11, 1)] * 2, settings, now)
    (None, datetime.datetime(2026, 11, 11, 0, 0))
    """
    recent = sorted(start for start in starts if start > now - MONTH)
    left = settings.monthly_budget - len(recent)
    if left <= 0 or len(recent) < (settings.monthly_budget + 1) // 2:
        return None
    due = recent[-1] + (recent[0] + MONTH - recent[-1]) / (left + 1)
    return due if now < due else None


def _present(question: _Question) -> str | None:
    return None if question.data else "there is no training data"


def _enough(question: _Question) -> str | None:
    data, minimum = question.data, question.settings.minimum_labelled_rows
    if data is None or data.labelled_rows >= minimum:
        return None
    return f"{data.labelled_rows} labelled rows are fewer than the minimum of {minimum}"


def _enough_fresh(question: _Question) -> str | None:
    data, minimum = question.data, question.settings.minimum_fresh_rows
    if question.by_hand or data is None or data.fresh_rows is None or data.fresh_rows >= minimum:
        return None
    return f"{data.fresh_rows} of {data.labelled_rows} labelled rows are new, fewer than the minimum of {minimum}"


def _fresh(question: _Question) -> str | None:
    data, last = question.data, question.state.last_data_as_of
    if question.by_hand or data is None or last is None or data.as_of > last:
        return None
    return f"no new data: the last run already trained on data as of {last:%Y-%m-%d %H:%M}"


RULES: tuple[tuple[str, Callable[[_Question], str | None]], ...] = (
    ("curable", _curable),
    ("trigger", _allowed),
    ("confirmation", _confirmed),
    ("single_flight", _single),
    ("breaker", _breaker),
    ("blackout", _blackout),
    ("cooldown", _cooldown),
    ("budget", _budgets),
    ("pace", _pace),
    ("data", _present),
    ("minimum_rows", _enough),
    ("fresh_data", _fresh),
    ("fresh_rows", _enough_fresh),
)


@dataclass(frozen=True)
class Allowance:
    """What the policy would still let start at a moment; times are None where nothing has to be waited for.

    `cooldown_until` holds the later of the cooldown's end and of the monthly budget's pace.
    """

    daily_left: int
    monthly_left: int
    cooldown_until: datetime | None
    blackout_until: datetime | None
    breaker_open: bool


def allowance(state: RetrainingState, settings: RetrainingSettings, now: datetime) -> Allowance:
    """Budgets left and waits at `now`, by the same rules as `decide`.

    >>> now = datetime(2026, 11, 1, 12)
    >>> left = allowance(RetrainingState(starts=(datetime(2026, 11, 1, 6),)), RetrainingSettings(), now)
    >>> left.daily_left, left.monthly_left, left.cooldown_until.isoformat()
    (0, 7, '2026-11-02T06:00:00')
    """
    spent = [sum(start > now - timedelta(hours=hours) for start in state.starts) for hours in (24, 720)]
    pause = timedelta(hours=settings.cooldown_hours)
    cooled = [start + pause for start in state.starts]
    waits = [time for time in (*cooled, paced_until(state.starts, settings, now)) if time and time > now]
    black = blackout_end(settings.blackouts, now)
    return Allowance(
        max(0, settings.daily_budget - spent[0]),
        max(0, settings.monthly_budget - spent[1]),
        max(waits, default=None),
        black[1] if black else None,
        state.runs_without_gain >= settings.breaker_after,
    )
