"""Which model package to promote, and whether a promotion has really happened."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

TOLERANCE = 1e-6
APPROVED, REJECTED = "Approved", "Rejected"
MOVING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
"""States of an endpoint in which SageMaker takes no update."""
SETTLED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})
"""States of a stack in which what it says of its resources is whole."""


@dataclass(frozen=True)
class Approved:
    """A model package that is approved at this moment."""

    arn: str
    version: int


@dataclass(frozen=True)
class Attempt:
    """An earlier promotion of a package: the event that asked for it, and when.

    `released`: what it failed for passes by itself, so that it may be tried again without anybody's asking.
    """

    event_id: str
    time: str
    released: bool = False


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What an approval rests on, read when it is used; empty where the registry says nothing.

    `time` is ISO 8601 UTC, `approver` the ARN of whoever changed the package last. `broken` names what the package
    was bound to and is no longer so; `compared_with` is the model that the challenger was compared with, "" for none.
    """

    time: str = ""
    approver: str = ""
    broken: tuple[str, ...] = ()
    compared_with: str | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """The endpoint as SageMaker has it, None for none, and as its stack made it (empty for what is not known)."""

    endpoint_status: str | None = None
    endpoint_config: str = ""
    stack_status: str = ""
    made_configs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PromotionRequest:
    """The event, the registry and the endpoint as they are now; `time` of the event and `now` are ISO 8601 UTC.

    `approval`: whether the event tells of an approval, and not of another edit of a package that is approved already.
    `reconciling`: nobody asked; the schedule looks whether something was missed. `approvals` need only hold the newest
    approved package; `proven` have served before.
    """

    event_id: str
    time: str
    requested_arn: str | None
    approved: Sequence[Approved]
    serving: Approved | None
    approval: bool = True
    now: str = ""
    reconciling: bool = False
    serving_model_uri: str | None = None
    serving_rejected: bool = False
    place: Place = Place()
    guard_alarms: Mapping[str, str] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    proven: Collection[str] = ()
    barred_roles: Collection[str] = ()
    approval_valid_hours: float = 72.0


@dataclass(frozen=True)
class PromotionDecision:
    """Whether to go on, with which package, and why; `quiet`: nobody needs to be told of a refusal.

    `later`: to be decided again in a moment. `drifted`: the endpoint is not what its stack made.
    """

    proceed: bool
    reason: str
    arn: str = ""
    previous_arn: str = ""
    quiet: bool = False
    later: bool = False
    drifted: bool = False


def select(request: PromotionRequest) -> PromotionDecision:
    """Choose the newest package approved now, whatever the event names; the registry decides, events are hints.

    >>> request = PromotionRequest(event_id="e", time="t", requested_arn=None, approved=[Approved("p/2", 2)],
    ...     serving=Approved("p/3", 3))
    >>> select(request).reason
    'p/2 is older than p/3, which serves'
    """
    newest = max(request.approved, key=lambda package: package.version, default=None)
    serving = request.serving
    if drift := _drift(request.place):
        return PromotionDecision(False, drift, newest.arn if newest else "", drifted=True)
    if serving and request.serving_rejected and not (newest and newest.version > serving.version):
        return _way_back(serving, newest, request)
    previous = serving.arn if serving else ""
    if newest is None:
        reason = "no model package is approved"
        return PromotionDecision(False, reason, previous_arn=previous, quiet=request.reconciling)
    for rule in RULES:
        if objection := rule(request, newest):
            quiet = request.reconciling or objection.endswith("serves already")
            # The schedule looks again by itself; an approval comes once, so it waits.
            later = rule is _moving and not request.reconciling
            return PromotionDecision(False, objection, newest.arn, previous, quiet, later)
    return PromotionDecision(True, f"{newest.arn} is the newest approved model package", newest.arn, previous)


def _way_back(serving: Approved, newest: Approved | None, request: PromotionRequest) -> PromotionDecision:
    """A package that was rejected must not serve: back to the newest approved one, if it has served before."""
    told = f"{serving.arn}, which serves, has been rejected"
    if newest is None or newest.arn not in request.proven:
        reason = f"{told}, and no approved model package has served before: approve one, or remove the endpoint"
        return PromotionDecision(False, reason, previous_arn=serving.arn)
    return PromotionDecision(True, f"{told}: back to {newest.arn}", newest.arn, newest.arn)


def _drift(place: Place) -> str | None:
    """What was changed past CloudFormation: an update on top of it could neither be made nor rolled back.

    >>> _drift(Place(endpoint_status="InService", endpoint_config="mine", stack_status="UPDATE_COMPLETE"))
    'the endpoint runs the configuration mine, its stack made none: put back what the stack made, then approve anew'
    """
    if place.stack_status not in SETTLED:
        return None
    made = " or ".join(place.made_configs) or "none"
    if place.endpoint_status is None:
        gone = f"the endpoint is gone, but its stack made one with the configuration {made}"
        return (
            f"{gone}: deploy the serving stack with an empty ModelPackageArn, then approve anew"
            if place.made_configs
            else None
        )
    # CloudFormation knows configurations by ARNs, in which SageMaker writes names in lower case.
    same = place.endpoint_config.lower() in {name.lower() for name in place.made_configs}
    if same or place.endpoint_status in MOVING:
        return None
    runs = f"the endpoint runs the configuration {place.endpoint_config}, its stack made {made}"
    return f"{runs}: put back what the stack made, then approve anew"


def _moving(request: PromotionRequest, newest: Approved) -> str | None:
    status = request.place.endpoint_status
    return f"the endpoint is {status}: it takes no update now" if status in MOVING else None


def _stack(request: PromotionRequest, newest: Approved) -> str | None:
    status = request.place.stack_status
    if not status.endswith("_FAILED"):
        return None
    return f"the serving stack is {status}: repair it (aws cloudformation continue-update-rollback), then approve anew"


def _order(request: PromotionRequest, newest: Approved) -> str | None:
    serving = request.serving
    if serving and newest.arn == serving.arn:
        return f"{newest.arn} serves already"
    if serving and newest.version < serving.version:
        return f"{newest.arn} is older than {serving.arn}, which serves"
    return None


def _expiry(request: PromotionRequest, newest: Approved) -> str | None:
    """An approval is given to what is there at the time: it does not last."""
    now, limit = _time(request.now), timedelta(hours=request.approval_valid_hours)
    given = _time(request.approvals[newest.arn].time) if newest.arn in request.approvals else None
    for what, time in (("the event is of", _time(request.time)), (f"{newest.arn} was approved at", given)):
        if now and time and now - time > limit:
            old = f"{what} {time:%Y-%m-%d %H:%M}, longer ago than {request.approval_valid_hours:g} h"
            return f"expired: {old}; approve it anew"
    return None


def _forgery(request: PromotionRequest, newest: Approved) -> str | None:
    approver = request.approvals.get(newest.arn, Approval()).approver
    role = _role(approver)
    if role and role in request.barred_roles:
        return f"{newest.arn} was approved by the training pipeline's own role {role}: a person has to approve it"
    return None


def _binding(request: PromotionRequest, newest: Approved) -> str | None:
    approval = request.approvals.get(newest.arn, Approval())
    if approval.broken:
        changed = ", ".join(approval.broken)
        return f"{newest.arn}: {changed} is not what was registered; train and approve a new version"
    compared = approval.compared_with
    if compared is None or request.serving is None or compared == request.serving_model_uri:
        return None
    rival = compared or "no champion"
    return f"{newest.arn} was compared with {rival}, but {request.serving.arn} serves by now: train a new challenger"


def _guards(request: PromotionRequest, newest: Approved) -> str | None:
    """An alarm that is not OK cannot go off during the canary; the first endpoint has no canary to guard."""
    first = request.serving is None and request.place.endpoint_status is None
    harmless = {"OK", "INSUFFICIENT_DATA"} if first else {"OK"}
    wrong = sorted(f"{name} is {state}" for name, state in request.guard_alarms.items() if state not in harmless)
    return f"guard alarms are not OK: {', '.join(wrong)}" if wrong else None


def _repetition(request: PromotionRequest, newest: Approved) -> str | None:
    """A package that was tried and does not serve was rolled back: only approving it anew tries it again."""
    attempt = request.attempts.get(newest.arn)
    if attempt is None or attempt.released or attempt.event_id == request.event_id:
        return None
    if request.approval and request.requested_arn == newest.arn and request.time > attempt.time:
        return None
    return f"{newest.arn} was tried at {attempt.time} and does not serve: approve it anew or approve another"


RULES: tuple[Callable[[PromotionRequest, Approved], str | None], ...] = (
    _order,
    _expiry,
    _forgery,
    _binding,
    _repetition,
    _stack,
    _moving,
    _guards,
)


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _role(arn: str) -> str | None:
    """Name of the role in an ARN of a role or of one of its sessions.

    >>> _role("arn:aws:sts::111111111111:assumed-role/pipeline/session"), _role("arn:aws:iam::1:role/team/pipeline")
    ('pipeline', 'pipeline')
    """
    resource = arn.rpartition(":")[2].split("/")
    if resource[0] == "assumed-role" and len(resource) > 1:
        return resource[1]
    return resource[-1] if resource[0] == "role" and len(resource) > 1 else None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was found on the endpoint after the update."""

    wanted_arn: str
    serving_arn: str | None
    endpoint_status: str
    failure: str | None
    approval: str = APPROVED
    expected: Sequence[float]
    answers: Sequence[float]
    canary: str | None = None
    """Why the canary proves nothing; None where it does, and where there was none."""


@dataclass(frozen=True)
class Verification:
    """Whether the promotion holds."""

    ok: bool
    reason: str


def verify(observation: Observation) -> Verification:
    """Success is what is observed: the wanted package, in service, no failure, and the model's own smoke answers.

    A package that was rejected while its promotion was under way is no success either.
    """
    seen = observation
    if seen.failure:
        return Verification(False, f"the endpoint reports a failure: {seen.failure}")
    if seen.endpoint_status != "InService":
        return Verification(False, f"the endpoint is {seen.endpoint_status}, not InService")
    if seen.serving_arn != seen.wanted_arn:
        return Verification(False, f"the endpoint serves {seen.serving_arn}, not {seen.wanted_arn}")
    if seen.approval != APPROVED:
        told = f"{seen.wanted_arn} is {seen.approval} by now"
        return Verification(False, f"{told}: its approval was taken back while it was being promoted")
    if seen.canary:
        return Verification(False, seen.canary)
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
