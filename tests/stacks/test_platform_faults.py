"""F47 to F54 where the templates answer: no way into other accounts, uploads that end, people told, queues behind."""

import json

MACHINES = "AWS::StepFunctions::StateMachine"


def machines(assembly):
    """States by name of every state machine, those inside of others included; ARNs are texts in braces."""
    for path, properties in assembly.properties(MACHINES):
        yield path, dict(_states(json.loads(_text(properties["DefinitionString"]))))


def _text(value):
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else "{value}" for part in value["Fn::Join"][1])


def _states(machine):
    for name, state in machine["States"].items():
        yield name, state
        for inner in (state.get("ItemProcessor"), *state.get("Branches", ())):
            yield from _states(inner) if inner else ()


def test_f47_nothing_that_is_deployed_may_take_a_role_of_any_account(assemblies):
    statements = [one for assembly in assemblies for one in assembly.statements()]

    actions = [action for _, one in statements for action in _list(one["Action"])]
    assert "s3:GetObject" in actions
    assert [action for action in actions if action.startswith("sts:")] == []


def test_f49_uploads_that_were_broken_off_are_removed_from_every_bucket(assemblies):
    buckets = [found for assembly in assemblies for found in assembly.properties("AWS::S3::Bucket")]

    assert len(buckets) >= 15
    for name, properties in buckets:
        rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
        ends = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule and "Prefix" not in rule]
        assert ends, name


def test_f50_no_machine_ends_otherwise_because_nobody_could_be_told(assemblies):
    told = [
        (path, name, state)
        for assembly in assemblies
        for path, states in machines(assembly)
        for name, state in states.items()
        if state.get("Resource") == "arn:aws:states:::sns:publish"
    ]

    assert len(told) >= 8
    for path, name, state in told:
        (survives,) = state["Catch"]
        assert (survives["ErrorEquals"], survives["Next"]) == (["States.ALL"], state["Next"]), (path, name)
        assert state["Retry"][0]["ErrorEquals"] == ["States.ALL"], (path, name)


def test_f51_events_that_wait_for_a_function_are_told_before_they_are_in_its_queue(assemblies):
    for assembly in assemblies:
        alarms = [alarm for _, alarm in assembly.properties("AWS::CloudWatch::Alarm")]
        ages = [alarm for alarm in alarms if alarm.get("MetricName") == "AsyncEventAge"]
        watched = {json.dumps(alarm["Dimensions"][0]["Value"], sort_keys=True) for alarm in ages}
        invoked = dict(_invoked(assembly))

        assert len(invoked) >= 2
        assert {json.dumps({"Ref": name}) for name in invoked} == watched
        assert all("DeadLetterConfig" in properties for properties in invoked.values())
        assert {alarm["Threshold"] for alarm in ages} == {3_600_000}


def _invoked(assembly):
    """Functions that rules and schedules invoke, by logical id."""
    texts = [json.dumps(one) for kind in ("Events::Rule", "Scheduler::Schedule") for one in _of(assembly, kind)]
    for path, properties in assembly.properties("AWS::Lambda::Function"):
        name = path.rpartition("/")[2]
        if any(f'"{name}"' in text for text in texts):
            yield name, properties


def _of(assembly, kind):
    return [properties for _, properties in assembly.properties(f"AWS::{kind}")]


def test_f54_no_training_and_no_processing_runs_on_spot_instances(assemblies):
    definitions = [
        json.dumps(properties)
        for assembly in assemblies
        for _, properties in assembly.properties("AWS::SageMaker::Pipeline")
    ]

    assert len(definitions) == len(assemblies)
    assert not any("EnableManagedSpotTraining" in text for text in definitions)


def _list(value):
    return [value] if isinstance(value, str) else value
