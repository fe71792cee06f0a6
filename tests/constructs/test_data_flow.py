"""The data flow: stages in order for all dates, every failure told, and the definition executed with its texts made."""

import json
from typing import Any

import pytest

from seatrial.constructs import DataFlow
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.state_language import array_of
from seatrial.offline import functions
from seatrial.offline.cloud import OfflineCloud
from tests.constructs.spark_support import definition, emr, make_job, serverless
from tests.offline.support import cloud

__all__ = ["cloud", "make_job"]
ROLE = "arn:aws:iam::111111111111:role/flow"
PLAN = {"dates": ["2026-01-01", "2026-01-02", "2026-01-03"], "first": "2026-01-01", "last": "2026-01-03"}
PLAN |= {"since": "2025-12-29", "after": "2026-01-04", "stages": 1000, "from_stage": 1, "silent_feeds": "stop"}
PLAN |= {"held": "", "owner": ""}


def flow(site: Any, engine: Any, stages: Any, **changes: Any) -> DataFlow:
    given = {"flow_name": "telecom-dev", "network": site.network, "encryption_key": site.key}
    given |= {"notification_topic": site.topic}
    return DataFlow(site.stack, "Flow", engine=engine, stages=stages, **given | changes)


BROKEN = {"Type": "Fail", "Error": "Broken", "Cause": "count_events broke"}


def rehearsed(state: dict[str, Any], fail: str | None, how: dict[str, Any], name: str = "") -> dict[str, Any]:
    """The machine with its services left out: a task gives its own parameters, and one of them may fail."""
    if "States" in state:
        return state | {"States": {key: rehearsed(value, fail, how, key) for key, value in state["States"].items()}}
    if state["Type"] == "Map":
        inner = rehearsed(state["ItemProcessor"], fail, how)
        return state | {"ItemProcessor": inner, "ResultSelector": {"items.$": "$"}}
    if state["Type"] == "Parallel":
        return state | {"Branches": [rehearsed(branch, fail, how) for branch in state["Branches"]]}
    return _without_service(state, name, how if name == fail else None) if state["Type"] == "Task" else state


def _without_service(state: dict[str, Any], name: str, failing: dict[str, Any] | None) -> dict[str, Any]:
    if failing:
        return failing
    answers = {"Plan": {"Result": PLAN}, "Cluster": {"Result": {"id": "j-1"}}}
    kept = {key: value for key, value in state.items() if key in {"Next", "End", "ResultPath"}}
    return {"Type": "Pass", **answers.get(name, {"Parameters": state["Parameters"]}), **kept}


def execute(
    cloud: OfflineCloud, machine: dict[str, Any], fail: str | None = None, how: dict[str, Any] = BROKEN, **plan: Any
) -> dict[str, Any]:
    """What the execution left, `states` being every state that was entered."""
    document = rehearsed(machine, fail, how)
    document["States"]["Plan"]["Result"] = PLAN | plan
    document["States"].pop("Done", None)
    for state in document["States"].values():
        if state.get("Next") == "Done":
            state.pop("Next")
            state["End"] = True
    client = cloud.context.client("stepfunctions")
    made = client.create_state_machine(name=f"flow-{id(document)}", definition=json.dumps(document), roleArn=ROLE)
    arn = client.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")["executionArn"]
    functions.settle()
    found = client.describe_execution(executionArn=arn)
    events = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    entered = [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]
    return found | {"states": entered}


def test_leaves_nothing_for_cdk_nag(site, make_job):
    engine = serverless(site)

    flow(site, engine, [[make_job(engine)]], schedule="rate(1 day)")

    assert site.findings() == ""


def test_leaves_nothing_for_cdk_nag_on_emr(site, make_job):
    engine = emr(site)

    flow(site, engine, [[make_job(engine)]])

    assert site.findings() == ""


def test_arguments_are_made_for_every_date_and_for_the_flow(site, make_job, cloud):
    engine = serverless(site)
    once = make_job(engine, "once", per_date=False, arguments={"from": "{since}", "to": "{last}"})
    daily = make_job(engine, "daily", arguments={"out": "s3://curated/t/date={date}/", "kind": "cdr"})
    flow(site, engine, [[once], [daily]])

    output = json.loads(execute(cloud, definition(site))["output"])

    arguments = [
        item["result"]["JobDriver"]["SparkSubmit"]["EntryPointArguments"] for item in output["result"]["items"]
    ]
    assert arguments == [
        ["--out", f"s3://curated/t/date={date}/", "--kind", "cdr"]
        for date in ("2026-01-01", "2026-01-02", "2026-01-03")
    ]


def test_on_emr_every_date_is_a_step_of_the_flows_one_cluster_which_ends(site, make_job, cloud):
    engine = emr(site)
    flow(site, engine, [[make_job(engine)]])
    machine = definition(site)

    found = execute(cloud, machine)

    assert found["status"] == "SUCCEEDED"
    assert [name for name in found["states"] if name != "count_events"] == [
        "Plan",
        "Held",
        "Certificates",
        "Cluster",
        "Stage1",
        "EndCluster",
    ]
    assert found["states"].count("count_events") == 3
    assert json.loads(found["output"])["result"] == {"ClusterId": "j-1"}


def test_the_command_line_of_a_step_ends_with_script_and_arguments(site, make_job, cloud):
    engine = emr(site)
    flow(site, engine, [[make_job(engine)]])
    machine = definition(site)
    machine["States"]["Stage1"].pop("Next")
    machine["States"]["Stage1"]["End"] = True

    output = json.loads(execute(cloud, machine)["output"])

    steps = [item["result"]["Step"]["HadoopJarStep"]["Args"] for item in output["result"]["items"]]
    assert [(step[0], step[1], step[-2:]) for step in steps] == [
        ("spark-submit", "--py-files", ["--date", date]) for date in PLAN["dates"]
    ]
    assert all(step[-3].endswith(".py") for step in steps)


def test_a_job_that_fails_ends_the_cluster_tells_people_and_fails_with_its_error(site, make_job, cloud):
    engine = emr(site)
    flow(site, engine, [[make_job(engine)]])

    found = execute(cloud, definition(site), fail="count_events")

    assert (found["status"], found["error"], found["cause"]) == (
        "FAILED",
        "DataFlowFailed",
        "Broken: count_events broke",
    )
    assert found["states"][-3:] == ["AfterFailureEndCluster", "Failure", "Failed"]


@pytest.mark.parametrize(("make", "closing"), [(serverless, []), (emr, ["AfterFailureEndCluster"])])
def test_f53_a_job_that_waits_for_capacity_is_given_up_and_told_so(site, make_job, cloud, make, closing):
    engine = make(site)
    flow(site, engine, [[make_job(engine)]])
    # Only an interpreter may raise what is called "States.": here the time-out has another name.
    machine = json.loads(json.dumps(definition(site)).replace("States.Timeout", "Late"))

    found = execute(cloud, machine, fail="count_events", how={"Type": "Fail", "Error": "Late"})

    said = "JobTimedOut: a job has not ended within its time, and with it the time in which it waited: "
    assert (found["status"], found["cause"]) == ("FAILED", said + engine.capacity)
    assert found["states"][-len(closing) - 3 :] == ["TimedOut", *closing, "Failure", "Failed"]


def test_f53_every_job_run_has_a_limit_of_its_own_and_may_be_cancelled(site, make_job):
    engine = serverless(site)
    flow(site, engine, [[make_job(engine)]])

    (task,) = definition(site)["States"]["Stage1"]["ItemProcessor"]["States"].values()
    scheduler = site.one("AWS::EMRServerless::Application")["SchedulerConfiguration"]
    assert task["Parameters"]["ExecutionTimeoutMinutes"] * 60 < task["TimeoutSeconds"]
    assert scheduler["QueueTimeoutMinutes"] == 360


def test_missing_certificates_are_told_with_what_to_do(site, make_job):
    engine = emr(site)
    flow(site, engine, [[make_job(engine)]])

    states = definition(site)["States"]

    assert states["Certificates"]["Catch"][0]["Next"] == "NoCertificates"
    assert "docs/how-to/run-spark-on-emr.md" in states["NoCertificates"]["Parameters"]["Cause.$"]
    assert states["NoCertificates"]["Next"] == "Failure"


def test_dates_of_a_job_with_memory_run_one_after_another_and_others_side_by_side(site, make_job):
    engine = serverless(site)
    stages = [[make_job(engine, "first")], [make_job(engine, "second", in_order=True)]]
    flow(site, engine, stages, parallel_dates=7)

    states = definition(site)["States"]

    assert (states["Stage1"]["MaxConcurrency"], states["Stage2"]["MaxConcurrency"]) == (7, 1)


def test_jobs_of_one_stage_run_side_by_side(site, make_job, cloud):
    engine = serverless(site)
    flow(
        site,
        engine,
        [
            [
                make_job(engine, "left", per_date=False, arguments={}),
                make_job(engine, "right", per_date=False, arguments={}),
            ]
        ],
    )

    found = execute(cloud, definition(site))

    assert found["status"] == "SUCCEEDED"
    assert {"left", "right"} <= set(found["states"])


@pytest.mark.parametrize(("stages", "expected"), [(1, ["first"]), (2, ["first", "second"]), (9, ["first", "second"])])
def test_a_flow_may_end_after_its_first_stages(site, make_job, cloud, stages, expected):
    engine = emr(site)
    jobs = [[make_job(engine, name, per_date=False, arguments={})] for name in ("first", "second")]
    flow(site, engine, jobs)

    found = execute(cloud, definition(site), stages=stages)

    ran = [name for name in found["states"] if name in {"Stage1", "Stage2"}]
    assert ran == [f"Stage{number}" for number in range(1, len(expected) + 1)]
    assert found["states"][-1] == "EndCluster"


def test_every_task_has_a_limit_retries_and_a_way_out(site, make_job):
    engine = emr(site)
    flow(site, engine, [[make_job(engine)]])

    states = definition(site)["States"]

    tasks = {name: state for name, state in states.items() if state["Type"] in {"Task", "Map"}}
    inner = states["Stage1"]["ItemProcessor"]["States"]
    assert len(tasks) == 9
    assert all(state["Catch"] for state in tasks.values())
    for name, state in (tasks | inner).items():
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"] > 0, name
            assert state["Retry"][0]["JitterStrategy"] == "FULL", name


def test_the_schedule_gives_its_time_and_has_retries_and_a_dead_letter_queue(site, make_job):
    engine = serverless(site)
    flow(site, engine, [[make_job(engine)]], schedule="cron(30 3 * * ? *)")

    schedule = site.one("AWS::Scheduler::Schedule")

    assert json.loads(schedule["Target"]["Input"]) == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    assert {"DeadLetterConfig", "RetryPolicy"} <= set(schedule["Target"])


def test_the_machine_may_run_jobs_as_the_jobs_role_only(site, make_job):
    engine = serverless(site)
    flow(site, engine, [[make_job(engine)]])

    (passing,) = [s for s in site.statements() if s["Action"] == "iam:PassRole"]

    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "stages: must be at least one, each with at least one job"),
        ([[]], "stages: must be at least one, each with at least one job"),
        ([["daily", "once"]], "stage 1: jobs must all run by date or all once a flow, got daily, once"),
        ([["daily"], ["daily", "daily"]], "stage 2: names of jobs must differ, got daily, daily"),
    ],
)
def test_refuses_stages_that_cannot_run(site, make_job, stages, message):
    engine = serverless(site)
    jobs = {"daily": make_job(engine, "daily"), "once": make_job(engine, "once", per_date=False, arguments={})}

    with pytest.raises(ConstructError, match=message):
        flow(site, engine, [[jobs[name] for name in names] for names in stages])


def test_refuses_a_job_made_for_another_engine(make_site, make_job, site):
    job = make_job(serverless(make_site()))

    with pytest.raises(ConstructError, match="stage 1: jobs must be made for the flow's engine, got count_events"):
        flow(site, emr(site), [[job]])


def test_refuses_more_dates_at_once_than_a_map_starts(site, make_job):
    engine = serverless(site)

    with pytest.raises(ConstructError, match="parallel_dates: must be between 1 and 40, got 41"):
        flow(site, engine, [[make_job(engine)]], parallel_dates=41)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attempts": 11}, "attempts: must be between 1 and 10, got 11"),
        ({"max_runtime_minutes": 0}, "max_runtime_minutes: must be between 1 and 1440, got 0"),
        ({"per_date": False, "in_order": True}, "in_order: must be False, got True"),
        ({"script": "cdr/steps/nothing.py"}, "script: '.*cdr/steps/nothing.py' is no Python file"),
        ({"settings": {"executor.memory": "1g"}}, "settings: names must begin with 'spark.', got 'executor.memory'"),
        ({"settings": {"spark.x": "a b"}}, "settings: spark.x must have no spaces and no quotes, got 'a b'"),
    ],
)
def test_refuses_a_job_that_cannot_run(site, make_job, change, message):
    with pytest.raises(ConstructError, match=message):
        make_job(serverless(site), **change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{day}", "argument '{day}': {day} is none of date"),
        ("it's", "must not hold quotes"),
        ("{1}", "must not hold quotes, backslashes or braces of its own"),
    ],
)
def test_refuses_arguments_that_no_intrinsic_function_can_make(text, message):
    with pytest.raises(ConstructError, match=message):
        array_of([text], {"date": "$.date"})


@pytest.mark.parametrize(("plan", "expected"), [({"from_stage": 2}, [2, 3]), ({"from_stage": 2, "stages": 2}, [2])])
def test_a_flow_may_begin_with_a_later_stage(site, make_job, cloud, plan, expected):
    engine = emr(site)
    jobs = [[make_job(engine, name, per_date=False, arguments={})] for name in ("first", "second", "third")]
    flow(site, engine, jobs)

    found = execute(cloud, definition(site), **plan)

    assert [name for name in found["states"] if name.startswith("Stage")] == [f"Stage{number}" for number in expected]
    assert found["states"][-1] == "EndCluster"


class Claimed:
    """A flow whose first plan finds a date claimed: by an execution that runs, or by one that has ended."""

    def __init__(self, cloud: OfflineCloud, machine: dict[str, Any]) -> None:
        self._cloud = cloud
        self._document = rehearsed(machine, None, BROKEN)
        states = self._document["States"]
        for name in ("Owner", "PlanAgain", "Plan"):
            states[name] = machine["States"][name]
        answer = {"held": "2026-01-02", "owner": self._execution(seconds=600)}
        states["Plan"] = {"Type": "Pass", "Result": PLAN | answer, "ResultPath": "$.plan", "Next": "Held"}
        states["PlanAgain"] = {"Type": "Pass", "Result": PLAN, "ResultPath": "$.plan", "Next": "Held"}

    def start(self, flow_input: dict[str, Any]) -> dict[str, Any]:
        """Run it to its end."""
        client = self._cloud.context.client("stepfunctions")
        name = f"claimed-{len(client.list_state_machines()['stateMachines'])}"
        made = client.create_state_machine(name=name, definition=json.dumps(self._document), roleArn=ROLE)
        arn = client.start_execution(stateMachineArn=made["stateMachineArn"], input=json.dumps(flow_input))[
            "executionArn"
        ]
        functions.settle()
        return client.describe_execution(executionArn=arn)

    def _execution(self, seconds: int) -> str:
        client = self._cloud.context.client("stepfunctions")
        name = f"owner-{len(client.list_state_machines()['stateMachines'])}"
        wait = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": seconds, "End": True}}}
        made = client.create_state_machine(name=name, definition=json.dumps(wait), roleArn=ROLE)
        self.owner = client.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")["executionArn"]
        return self.owner


def test_a_second_flow_for_a_date_is_refused_while_the_first_runs_and_goes_on_when_it_has_ended(site, make_job, cloud):
    engine = serverless(site)
    flow(site, engine, [[make_job(engine)]])
    claimed = Claimed(cloud, definition(site))
    client = cloud.context.client("stepfunctions")

    refused = claimed.start({"date": "2026-01-02"})
    client.stop_execution(executionArn=claimed.owner)
    again = claimed.start({"date": "2026-01-02"})

    assert (refused["status"], refused["error"]) == ("FAILED", "FlowLocked")
    assert refused["cause"] == f"2026-01-02 is being run by {claimed.owner}: wait until it has ended"
    assert again["status"] == "SUCCEEDED"


def test_a_scheduled_flow_waits_for_a_backfill_of_its_dates(site, make_job):
    engine = serverless(site)
    flow(site, engine, [[make_job(engine)]])

    states = definition(site)["States"]

    waits, refuses = states["OwnerRuns"]["Choices"]
    assert {"Variable": "$.scheduled_time", "IsPresent": True} in waits["And"]
    assert (waits["Next"], states["WaitForOwner"]["Next"], refuses["Next"]) == ("WaitForOwner", "Plan", "Locked")
