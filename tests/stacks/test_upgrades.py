"""F58: an upgrade replaces nothing that holds data; the baseline is stateful_resources.json."""

import copy
import json

import pytest

from tools.upgrades import BASELINE, replacements, stateful

REFRESH = "wanted? say so in CHANGELOG.md and run `python -m tools.upgrades`"


@pytest.fixture
def baseline():
    return json.loads(BASELINE.read_text())


def test_f58_an_upgrade_replaces_nothing_that_holds_data(assembly, data_assembly, baseline):
    for name, one in {"telecom-churn": assembly, "telecom-data": data_assembly}.items():
        found = stateful(one.templates)

        assert list(replacements(baseline[name], found)) == [], REFRESH
        assert sorted(set(found) - set(baseline[name])) == [], f"not guarded yet: {REFRESH}"


def test_f58_the_replacement_that_a_change_would_make_is_told(assembly):
    before = stateful(assembly.templates)
    changed = copy.deepcopy(assembly.templates)
    ((_, table),) = [item for item in _of(changed, "AWS::DynamoDB::Table") if item[0].startswith("StateTable")]
    table["Properties"]["KeySchema"][1]["AttributeName"] = "window"
    ((_, endpoint),) = _of(changed, "AWS::SageMaker::Endpoint")
    endpoint["Properties"]["EndpointName"] = "another"
    resources = changed["Lake"]["Resources"]
    (key,) = [name for name, one in resources.items() if one["Type"] == "AWS::KMS::Key"]
    resources["Renamed"] = resources.pop(key)

    told = list(replacements(before, stateful(changed)))

    assert [sentence.split(")")[0].rpartition("(")[2] for sentence in told] == [
        "AWS::KMS::Key",
        "AWS::DynamoDB::Table",
        "AWS::SageMaker::Endpoint",
    ]
    assert "is gone: what it holds is deleted, or left behind" in told[0]
    assert "made anew: KeySchema changes from" in told[1]
    assert "made anew: EndpointName changes from" in told[2]


def test_f58_what_is_only_added_or_changed_in_place_replaces_nothing(assembly):
    before = stateful(assembly.templates)
    changed = copy.deepcopy(assembly.templates)
    for _, bucket in _of(changed, "AWS::S3::Bucket"):
        bucket["Properties"]["Tags"] = [{"Key": "a", "Value": "b"}]
    changed["Lake"]["Resources"]["New"] = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "new"}}

    assert list(replacements(before, stateful(changed))) == []


def _of(templates, kind):
    return [
        (name, one)
        for template in templates.values()
        for name, one in template["Resources"].items()
        if one["Type"] == kind
    ]
