"""A flow of Spark jobs as Amazon States Language: plan dates, open the engine, stage after stage, close it (pure)."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.constructs.spark_job import SparkEngine, SparkJob
from seatrial.constructs.state_language import TRANSIENT, State, retry

Stages = Sequence[Sequence[SparkJob]]
WAIT_SECONDS = 600
"""How long a scheduled flow waits before it looks again whether its dates are free."""
PARALLEL_DATES_LIMIT = 40
"""AWS starts at most 40 iterations of an inline Map at once."""


@dataclass(frozen=True, kw_only=True)
class FlowSettings:
    """Names and ARNs that the machine works with; every text may be a CDK token."""

    flow_name: str
    plan_arn: str
    topic_arn: str
    parallel_dates: int
    timeout_seconds: int


def flow_machine(settings: FlowSettings, engine: SparkEngine, stages: Stages) -> State:
    """The definition. Its input is a date, a range or a schedule's time (`seatrial.decisions.flow_dates`).

    No two executions write the same date: one that finds a date claimed by another that still runs ends as
    `FlowLocked`, or waits, when a schedule started it. Every stage ends for all dates before the next begins, so a job
    may read what the stage before made of other dates; `"from_stage"` and `"stages"` choose the first and the last
    one that run. Whatever fails, the engine is closed, people are told, and the
    execution fails with the first error.
    """
    opening: dict[str, State] = {"Plan": _plan(settings), "Held": {"Type": "Choice"}, **engine.opening()}
    closing = engine.closing()
    running = {
        f"Stage{number}": _stage(jobs, settings.parallel_dates, clustered=len(opening) > 2)
        for number, jobs in enumerate(stages, 1)
    }
    close = next((f"AfterFailure{name}" for name in closing), "Failure")
    for name, state in (opening | running | closing).items():
        if state["Type"] == "Choice":
            continue
        late = [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.error", "Next": "TimedOut"}]
        then = close if name in running else "Failure"
        others = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": then}]
        state.setdefault("Catch", [*(late if name in running else []), *others])
    states = opening | running | closing
    _chain(states, "Done")
    states |= _exits(list(running), states) | _entry(list(running), states) | _claims(settings, states)
    states["Done"] = {
        "Type": "Pass",
        "Parameters": {"outcome": "succeeded", "first.$": "$.plan.first", "last.$": "$.plan.last"},
        "End": True,
    }
    return {
        "Comment": f"Spark jobs of {settings.flow_name} by date",
        "StartAt": "Plan",
        "TimeoutSeconds": settings.timeout_seconds,
        "States": states | _timed_out(engine, close) | _failing(settings, engine),
    }


def _plan(settings: FlowSettings, **more: str) -> State:
    fields = ("dates", "first", "last", "since", "after", "stages", "from_stage", "silent_feeds", "held", "owner")
    payload = {"input.$": "$$.Execution.Input", "execution.$": "$$.Execution.Id", **more}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": settings.plan_arn, "Payload": payload},
        "ResultSelector": {f"{field}.$": f"$.Payload.{field}" for field in fields},
        "ResultPath": "$.plan",
        "TimeoutSeconds": 300,
        "Retry": [retry(TRANSIENT)],
    }


def _stage(jobs: Sequence[SparkJob], parallel_dates: int, *, clustered: bool) -> State:
    if not jobs[0].per_date:
        return _side_by_side(jobs)
    item = {"date.$": "$$.Map.Item.Value"} | ({"cluster.$": "$.cluster"} if clustered else {})
    inner = jobs[0].state() if len(jobs) == 1 else _side_by_side(jobs)
    name = jobs[0].name if len(jobs) == 1 else "Jobs"
    in_order = any(job.in_order for job in jobs)
    return {
        "Type": "Map",
        "ItemsPath": "$.plan.dates",
        "MaxConcurrency": 1 if in_order else parallel_dates,
        "ItemSelector": item,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": name,
            "States": {name: inner | {"End": True}},
        },
        "ResultSelector": {"dates.$": "States.ArrayLength($)"},
        "ResultPath": "$.result",
    }


def _side_by_side(jobs: Sequence[SparkJob]) -> State:
    if len(jobs) == 1:
        return jobs[0].state()
    branches = [{"StartAt": job.name, "States": {job.name: job.state() | {"End": True}}} for job in jobs]
    return {
        "Type": "Parallel",
        "Branches": branches,
        "ResultSelector": {"jobs.$": "States.ArrayLength($)"},
        "ResultPath": "$.result",
    }


def _chain(states: dict[str, State], last: str) -> None:
    names = [*states, last]
    for name, following in itertools.pairwise(names):
        states[name]["Next"] = following


def _exits(stages: Sequence[str], states: dict[str, State]) -> dict[str, State]:
    """After each stage but the last: whether the input wants the next one."""
    end, exits = states[stages[-1]]["Next"], {}
    for number, (name, following) in enumerate(itertools.pairwise(stages), 1):
        enough = {"Variable": "$.plan.stages", "NumericLessThanEquals": number, "Next": end}
        exits[f"Enough{number}"] = {"Type": "Choice", "Choices": [enough], "Default": following}
        states[name]["Next"] = f"Enough{number}"
    return exits


def _entry(stages: Sequence[str], states: dict[str, State]) -> dict[str, State]:
    """Before the first stage: with which one to begin. States that lead to the first stage lead here instead."""
    if len(stages) == 1:
        return {}
    for name, state in states.items():
        if state.get("Next") == stages[0] and name not in stages:
            state["Next"] = "Begin"
    later = [
        {"Variable": "$.plan.from_stage", "NumericEquals": number, "Next": name}
        for number, name in enumerate(stages, 1)
        if number > 1
    ]
    return {"Begin": {"Type": "Choice", "Choices": later, "Default": stages[0]}}


def _claims(settings: FlowSettings, states: dict[str, State]) -> dict[str, State]:
    """After the plan: on when every date is this execution's; else whether the owner of the first other one runs.

    Claims are never given back: an execution that has ended, in whatever way, owns nothing any more.
    """
    following = states["Held"].pop("Next")
    states["Held"] |= {
        "Choices": [{"Variable": "$.plan.owner", "StringEquals": "", "Next": following}],
        "Default": "Owner",
    }
    again = _plan(settings, **{"ended.$": "$.plan.owner"})
    again |= {"Next": "Held", "Catch": states["Plan"]["Catch"]}
    runs = {"Variable": "$.owner.status", "StringEquals": "RUNNING"}
    scheduled = {"Variable": "$.scheduled_time", "IsPresent": True}
    owner = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
        "Parameters": {"ExecutionArn.$": "$.plan.owner"},
        "ResultSelector": {"status.$": "$.Status"},
        "ResultPath": "$.owner",
        "TimeoutSeconds": 60,
        "Retry": [retry(["Sfn.SfnException", "States.Timeout"])],
        # Executions are forgotten 90 days after their end.
        "Catch": [
            {"ErrorEquals": ["Sfn.ExecutionDoesNotExistException"], "ResultPath": "$.owner", "Next": "PlanAgain"},
            {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Failure"},
        ],
        "Next": "OwnerRuns",
    }
    both = {"And": [runs, scheduled], "Next": "WaitForOwner"}
    locked = "States.Format('{} is being run by {}: wait until it has ended', $.plan.held, $.plan.owner)"
    return {
        "Owner": owner,
        "OwnerRuns": {"Type": "Choice", "Choices": [both, runs | {"Next": "Locked"}], "Default": "PlanAgain"},
        "PlanAgain": again,
        "WaitForOwner": {"Type": "Wait", "Seconds": WAIT_SECONDS, "Next": "Plan"},
        "Locked": {"Type": "Fail", "Error": "FlowLocked", "CausePath": locked},
    }


def _timed_out(engine: SparkEngine, then: str) -> dict[str, State]:
    """A time-out of Step Functions has no cause of its own."""
    cause = f"a job has not ended within its time, and with it the time in which it waited: {engine.capacity}"
    return {
        "TimedOut": {
            "Type": "Pass",
            "Parameters": {"Error": "JobTimedOut", "Cause": cause},
            "ResultPath": "$.error",
            "Next": then,
        }
    }


def _failing(settings: FlowSettings, engine: SparkEngine) -> dict[str, State]:
    """Close the engine, tell, fail; neither a cluster that will not end nor a topic that is gone hides the error."""
    lost = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.closing", "Next": "Failure"}]
    states = engine.explanations() | {f"AfterFailure{name}": state for name, state in engine.closing().items()}
    for state in states.values():
        state["Next"] = "Failure"
        if state["Type"] == "Task":
            state["Catch"] = lost
    states["Failure"] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {
            "TopicArn": settings.topic_arn,
            "Subject": f"{settings.flow_name}: data flow failed",
            "Message.$": "States.Format('{} ended: {}: {}', $$.Execution.Name, $.error.Error, $.error.Cause)",
        },
        "ResultPath": "$.told",
        "TimeoutSeconds": 60,
        "Retry": [retry(["States.ALL"])],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.told", "Next": "Failed"}],
        "Next": "Failed",
    }
    # Names that begin with "States." are AWS's own: a state machine may not end in one.
    cause = "States.Format('{}: {}', $.error.Error, $.error.Cause)"
    states["Failed"] = {"Type": "Fail", "Error": "DataFlowFailed", "CausePath": cause}
    return states
