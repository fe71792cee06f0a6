"""Which model package to promote, and whether a promotion has really happened."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Approved:
    """A model package that is approved at this moment."""

    arn: str
    version: int


@dataclass(frozen=True)
class Attempt:
    """An earlier promotion of a package: the event that asked for it, and when."""

    event_id: str
    time: str


@dataclass(frozen=True, kw_only=True)
class PromotionRequest:
    """The event, the registry and the endpoint as they are now; `time` is ISO 8601 UTC.

    `approval`: whether the event tells of an approval, and not of another edit of a package that is approved already.
    """

    event_id: str
    time: str
    requested_arn: str | None
    approval: bool = True
    approved: Sequence[Approved]
    serving: Approved | None
    guard_alarms: Mapping[str, str] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)


@dataclass(frozen=True)
class PromotionDecision:
    """Whether to go on, with which package, and why."""

    proceed: bool
    reason: str
    arn: str = ""
    previous_arn: str = ""


def select(request: PromotionRequest) -> PromotionDecision:
    """Choose the newest package approved now, whatever the event names; the registry decides, events are hints.

    >>> request = PromotionRequest(event_id="e", time="t", requested_arn=None, approved=[Approved("p/2", 2)],
    ...     serving=Approved("p/3", 3))
    >>> select(request).reason
    'p/2 is older than p/3, which serves'
    """
    previous = request.serving.arn if request.serving else ""
    newest = max(request.approved, key=lambda package: package.version, default=None)
    if newest is None:
        return PromotionDecision(False, "no model package is approved", previous_arn=previous)
    objection = _objection(request, newest)
    if objection:
        return PromotionDecision(False, objection, newest.arn, previous)
    return PromotionDecision(True, f"{newest.arn} is the newest approved model package", newest.arn, previous)


def _objection(request: PromotionRequest, newest: Approved) -> str | None:
    serving = request.serving
    if serving and newest.arn == serving.arn:
        return f"{newest.arn} serves already"
    if serving and newest.version < serving.version:
        return f"{newest.arn} is older than {serving.arn}, which serves"
    alarming = sorted(name for name, state in request.guard_alarms.items() if state == "ALARM")
    if alarming:
        return f"guard alarms are in ALARM: {', '.join(alarming)}"
    return _repetition(request, newest)


def _repetition(request: PromotionRequest, newest: Approved) -> str | None:
    """A package that was tried and does not serve was rolled back: only approving it anew tries it again."""
    attempt = request.attempts.get(newest.arn)
    if attempt is None or attempt.event_id == request.event_id:
        return None
    if request.approval and request.requested_arn == newest.arn and request.time > attempt.time:
        return None
    return f"{newest.arn} was tried at {attempt.time} and does not serve: approve it anew or approve another"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was found on the endpoint after the update."""

    wanted_arn: str
    serving_arn: str | None
    endpoint_status: str
    failure: str | None
    expected: Sequence[float]
    answers: Sequence[float]


@dataclass(frozen=True)
class Verification:
    """Whether the promotion holds."""

    ok: bool
    reason: str


def verify(observation: Observation) -> Verification:
    """Success is what is observed: the wanted package, in service, no failure, and the model's own smoke answers."""
    seen = observation
    if seen.failure:
        return Verification(False, f"the endpoint reports a failure: {seen.failure}")
    if seen.endpoint_status != "InService":
        return Verification(False, f"the endpoint is {seen.endpoint_status}, not InService")
    if seen.serving_arn != seen.wanted_arn:
        return Verification(False, f"the endpoint serves {seen.serving_arn}, not {seen.wanted_arn}")
    return _verify_answers(seen.expected, seen.answers)


def _verify_answers(expected: Sequence[float], answers: Sequence[float]) -> Verification:
    if not expected:
        return Verification(False, "the model package brings no smoke rows, so nothing is proven")
    if len(expected) != len(answers):
        return Verification(False, f"smoke test: {len(expected)} rows got {len(answers)} answers")
    for row, (wanted, got) in enumerate(zip(expected, answers, strict=True)):
        # Written so that a NaN on either side fails.
        if not (math.isfinite(wanted) and abs(wanted - got) <= TOLERANCE):
            return Verification(False, f"smoke test: row {row} must give {wanted!r}, got {got!r}")
    return Verification(True, f"serves as asked; {len(expected)} smoke rows agree within {TOLERANCE:g}")
