"""What an operator should do next, from the facts alone (pure)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from seatrial.contracts.serving import package_version
from seatrial.status.facts import Facts

SILENT_AFTER = timedelta(hours=2, minutes=30)
"""After the end of the newest window: the two runs that should have followed did not come."""
RUNNING = frozenset({"Executing", "Stopping", "reserved"})
REMEDIES: Mapping[str, str] = {
    "missing_data": "requests are not captured: look at the endpoint's data capture and the capture bucket",
    "schema_violation": "repair the upstream feed; a training would teach the fault",
    "drift": "a ticket, no page: read the window's report; retrain only if quality suffers",
}
UNBLOCK: Mapping[str, str] = {
    "confirmation": "the next window decides",
    "single_flight": "wait for the run that is under way",
    "breaker": "find out why the last runs brought nothing, then start a run by hand",
    "blackout": "it is considered again after the blackout",
    "cooldown": "it is considered again after the cooldown",
    "budget": "raise retraining.daily_budget or monthly_budget, or start a run by hand",
    "data": "land labelled data and its pointer latest.json",
    "minimum_rows": "land more labelled rows",
    "fresh_data": "land newer labelled data: the last run has used what is there",
    "fresh_rows": "land more new labelled rows",
    "service": "SageMaker refused: look at the reason, quotas most often",
}
"""What lets the next request through, by the rule that objected to the last."""


def advice(facts: Facts) -> list[str]:
    """Sentences in order of urgency; one that says so when there is nothing to do."""
    found = [*_serving(facts), *_incidents(facts), *_retraining(facts), *_approvals(facts), *_silence(facts)]
    return found or ["nothing to do"]


def _serving(facts: Facts) -> Iterator[str]:
    serving = facts.serving
    if serving is None:
        training = "the first training is under way" if facts.run else "start the first training by hand"
        yield f"nothing serves yet: {'approve a model package' if facts.pending else training}"
    elif serving["failure"] or serving["status"] == "Failed":
        yield f"the endpoint is {serving['status']}: {serving['failure'] or 'no reason given'}; look at the stack"
    last = next(iter(facts.promotions), None)
    if last and (last["status"] in {"FAILED", "TIMED_OUT", "ABORTED"} or last["outcome"] == "declined"):
        yield f"the last promotion {last['outcome'] or last['status'].lower()}: {last['reason'] or 'no reason given'}"


def _incidents(facts: Facts) -> Iterator[str]:
    for incident in facts.incidents:
        condition = incident["condition"]
        remedy = _loss(facts) if condition == "quality_loss" else REMEDIES.get(condition, "read the last window")
        yield f"{condition}: {remedy}"


def _loss(facts: Facts) -> str:
    """A loss of quality is cured by a better model, so the advice follows what is done about one."""
    if facts.run:
        return f"a retraining is under way since {facts.run['since']}: wait for its evaluation"
    asked = next((one for one in facts.decisions if one["trigger"] == "quality_loss"), None)
    if asked is None:
        return "nothing has been decided yet: the next window is due"
    if asked["action"] == "start":
        return f"its retraining is over: {asked['outcome'] or 'how it ended is not known'}"
    rule = asked["rule"]
    return f"not retrained ({rule}): {UNBLOCK.get(rule, 'start a run by hand if you disagree')}"


def _retraining(facts: Facts) -> Iterator[str]:
    if facts.allowance.breaker_open:
        runs = facts.runs_without_gain
        yield f"the breaker is open after {runs} runs without gain: find out why, then start a run by hand"
    if facts.run and facts.run["status"] not in RUNNING:
        yield f"the run ended {facts.run['status']} but its end was not noted: the next request to retrain corrects it"


def _approvals(facts: Facts) -> Iterator[str]:
    serving = package_version(facts.serving["model_package_arn"]) if facts.serving else 0
    waiting = sorted(version for arn in facts.pending if (version := package_version(arn)) > serving)
    if waiting:
        yield f"approve or reject version {', '.join(map(str, waiting))}: read its evaluation.json first"


def _silence(facts: Facts) -> Iterator[str]:
    if facts.serving is None:
        return
    if not facts.windows:
        yield "the monitor has not judged any window yet: it runs twenty minutes past every hour"
        return
    age = datetime.fromisoformat(facts.now) - datetime.fromisoformat(facts.windows[0]["window_end"])
    if age > SILENT_AFTER:
        yield f"the monitor is silent since {facts.windows[0]['window_end']}: look at its function's alarms"
