"""cdk-nag's packs have nothing to say that is not acknowledged, and each acknowledgement answers a finding."""

import collections

from seatrial.constructs.justification import METADATA_TYPE

PACKS = {"AwsSolutions", "NIST.800.53.R5"}


def _reports(assembly):
    return {report["pluginName"]: report for report in assembly.report["pluginReports"]}


def test_both_packs_have_run(assembly):
    assert set(_reports(assembly)) >= PACKS


def test_nothing_is_left_unacknowledged(assembly):
    found = [
        (violation["ruleName"], [construct["constructPath"] for construct in violation["violatingConstructs"]])
        for report in _reports(assembly).values()
        for violation in report["violations"]
    ]

    assert found == []


def test_each_acknowledgement_answers_a_finding(assembly):
    answered = {
        (suppressed["ruleName"], suppressed["acknowledgedAt"])
        for pack in PACKS
        for suppressed in _reports(assembly)[pack]["suppressedViolations"]
    }
    claimed = collections.Counter(rule for rule, _ in _claims(assembly))

    unused = set(claimed) - {rule for rule, _ in answered}

    assert claimed
    assert unused == set()


def test_every_reason_is_a_sentence(assembly):
    reasons = [
        suppressed["reason"] for pack in PACKS for suppressed in _reports(assembly)[pack]["suppressedViolations"]
    ]

    assert len(reasons) > 30
    assert not [reason for reason in reasons if len(reason) < 40]


def _claims(assembly):
    import json

    for stack in assembly.templates:
        metadata = json.loads((assembly.folder / f"{stack}.metadata.json").read_text())
        for path, entries in metadata.items():
            yield from ((entry["data"]["rule"], path) for entry in entries if entry["type"] == METADATA_TYPE)
