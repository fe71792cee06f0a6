"""The verdict event against its published schema, and across versions."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from seatrial.contracts.event_schema import EXPLANATION_FILE, FILE, explanation_schema, main, verdict_schema
from seatrial.contracts.events import Contribution, ExplanationVerdict, Finding, MonitoringVerdict, RootCause

DOCS = Path(__file__).parents[2] / "docs/reference"
VERDICT = MonitoringVerdict(
    endpoint_name="churn",
    variant_name="primary",
    model_package_arn="arn",
    window_start="2026-11-03T10:00:00Z",
    window_end="2026-11-03T11:00:00Z",
    verdict="drift",
    severity="ticket",
    rows=160,
    labelled_rows=0,
    sentence="drift: age",
    findings=(
        Finding(kind="input_drift", feature="age", statistic="ks_distance", value=0.4, threshold=0.1, sentence="age"),
    ),
    root_cause=RootCause(
        features=(Contribution(feature="age", share=1.0, segment="age > 30", baseline_share=0.1, window_share=0.5),),
        segment="plan = prepaid",
        began_at="2026-11-03T09:00:00Z",
        sentence="age contributes 100%",
    ),
)


def test_the_published_schema_is_the_one_that_the_code_makes(tmp_path: Path) -> None:
    main([str(tmp_path)])

    for file in (FILE, EXPLANATION_FILE):
        assert (DOCS / file).read_text() == (tmp_path / file).read_text()


def test_a_verdict_and_the_example_of_the_reference_fit_the_schema() -> None:
    example = json.loads((DOCS / "events.md").read_text().partition("```json")[2].partition("```")[0])
    validator = Draft202012Validator(verdict_schema())

    for detail in (json.loads(json.dumps(VERDICT.to_detail())), example["detail"]):
        validator.validate(detail)


def test_an_explanation_verdict_fits_its_schema() -> None:
    verdict = ExplanationVerdict(
        endpoint_name="churn",
        variant_name="primary",
        model_package_arn="arn",
        period_start="2026-10-27T00:00:00Z",
        period_end="2026-11-03T00:00:00Z",
        verdict="bias_drift",
        severity="ticket",
        sentence="bias_drift: DPPL of age_band",
        ndcg=0.97,
        bias=("DPPL of age_band",),
    )
    validator = Draft202012Validator(explanation_schema())

    validator.validate(json.loads(json.dumps(verdict.to_detail())))
    with pytest.raises(ValidationError):
        validator.validate({**verdict.to_detail(), "severity": "page"})


def test_the_schema_refuses_a_verdict_that_does_not_exist() -> None:
    detail = {**VERDICT.to_detail(), "verdict": "fine"}

    with pytest.raises(ValidationError):
        Draft202012Validator(verdict_schema()).validate(detail)


def test_an_event_survives_its_way_through_json() -> None:
    assert MonitoringVerdict.from_detail(json.loads(json.dumps(VERDICT.to_detail()))) == VERDICT


def test_fields_of_a_later_minor_version_are_passed_over_and_older_events_read() -> None:
    detail = VERDICT.to_detail()
    later = {**detail, "version": "1.9", "weather": "rain", "root_cause": {**detail["root_cause"], "who": "x"}}
    older = {name: value for name, value in detail.items() if name not in {"root_cause", "revision", "partial"}}

    assert MonitoringVerdict.from_detail(later).root_cause == VERDICT.root_cause
    assert MonitoringVerdict.from_detail({**older, "version": "1.0"}).revision == 1


def test_another_major_version_is_refused() -> None:
    with pytest.raises(TypeError, match=r"version must be 1\.1 or another of the same major number, got '2\.0'"):
        MonitoringVerdict.from_detail({**VERDICT.to_detail(), "version": "2.0"})
