"""Sources of the monitor as deployed: one schedule each, rights to their places alone, and none without sources."""

import json

import pytest

from seatrial.contracts.monitored_source import PAYLOAD_KEY, MonitoredSource

STACK, KEY_ID = "Monitoring", "0123abcd-4567-89ab-cdef-0123456789ab"


@pytest.fixture(scope="module")
def payloads(emr_assembly):
    """What the schedules of sources tell the function, by name; references are put in as they stand."""
    found = {}
    for _, properties in emr_assembly.properties("AWS::Scheduler::Schedule", STACK):
        given = properties["Target"]["Input"]
        text = given if isinstance(given, str) else "".join(map(str_of, given["Fn::Join"][1]))
        if PAYLOAD_KEY in (payload := json.loads(text)):
            source = MonitoredSource.from_json(payload[PAYLOAD_KEY])
            found[source.name] = (source, payload["time"], properties["ScheduleExpression"])
    return found


def str_of(part):
    return part if isinstance(part, str) else "-".join(str(value) for value in part.values()).replace('"', "")


def reading(assembly, identity):
    """Objects that a role may read, as far as their places are written out."""
    return {
        place if isinstance(place, str) else "".join(map(str_of, place["Fn::Join"][1]))
        for name, statement in assembly.statements()
        if name.startswith(f"{STACK}/{identity}") and statement["Action"] == "s3:GetObject"
        for place in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])
        if not set(place if isinstance(place, dict) else {}) & {"Fn::GetAtt", "Ref"}
    }


def test_a_source_s_schedule_tells_the_function_all_of_it(payloads):
    nightly, time, expression = payloads["nightly"]

    assert (nightly.bucket, nightly.prefix, nightly.window) == ("partner-scores", "captured/", "hour")
    assert nightly.baseline.ignore == ("id",)
    assert payloads["scored"][0].partition == "date=%Y-%m-%d/"
    assert (time, expression) == ("<aws.scheduler.scheduled-time>", "cron(10/20 * * * ? *)")


@pytest.mark.parametrize("identity", ["MonitoringMonitorIdentity", "WindowJobIdentity"])
def test_function_and_job_may_read_a_source_s_places_and_nothing_beside_them(emr_assembly, identity):
    others = {place for place in reading(emr_assembly, identity) if "partner-scores" in place}

    assert {place.partition("partner-scores/")[2] for place in others} == {"captured/*", "scored/*"}


def test_a_source_has_alarms_of_its_own_under_its_own_name(emr_assembly):
    alarms = [json.dumps(properties) for _, properties in emr_assembly.properties("AWS::CloudWatch::Alarm", STACK)]

    mine = [text for text in alarms if '"telecom-emr-dev.scored"' in text]
    metrics = ("InputDrift", "QualityLoss", "SchemaViolations", "MissingData", "MonitorRuns")
    assert len(mine) == len(metrics)
    assert all(any(f'"MetricName": "{metric}"' in text for text in mine) for metric in metrics)


def test_retraining_hears_the_endpoint_alone(emr_assembly):
    patterns = [p["EventPattern"] for _, p in emr_assembly.properties("AWS::Events::Rule", "Retraining")]

    named = [pattern["detail"]["endpoint_name"] for pattern in patterns if "endpoint_name" in pattern["detail"]]
    assert named == [["telecom-emr-dev"]]


def test_without_sources_nothing_is_added(assembly):
    schedules = [json.dumps(p["Target"]) for _, p in assembly.properties("AWS::Scheduler::Schedule", STACK)]

    assert not [text for text in schedules if PAYLOAD_KEY in text]
