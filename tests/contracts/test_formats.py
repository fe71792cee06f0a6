"""File formats: what real endpoints write can be read, and what we write has Model Monitor's shape."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.contracts import model_monitor
from seatrial.contracts.data_capture import parse_capture
from seatrial.contracts.events import SOURCE, VERDICT_DETAIL_TYPE, VERDICT_VERSION, Finding, MonitoringVerdict
from seatrial.contracts.ground_truth import ground_truth_line, parse_ground_truth
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.contracts.serving import package_of_model, package_version
from seatrial.statistics.baseline import Baseline, build_baseline
from seatrial.statistics.window import summarise_window

REAL_LINE = (  # from the SageMaker Python SDK's test data
    '{"eventMetadata":{"eventId":"74b0dd56","inferenceTime":"2026-11-01T17:25:49Z"},"eventVersion":"0",'
    '"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"9,45,45","encoding":'
    '"CSV"},"endpointOutput":{"observedContentType":"text/csv","mode":"OUTPUT","data":"0.3027","encoding":"CSV"}}}'
)
SCHEMA = FeatureSchema((Feature("tenure_months", "numeric"), Feature("plan_type", "categorical")))
BASELINE = build_baseline(SCHEMA, [["3", "a"], ["", "b"], ["9.5", "a"]], [0.2, 0.9, 0.4], [0, 1, 0])


def line(data: str, encoding: str, output: str = "0.5", output_encoding: str = "CSV") -> str:
    parts = {
        "endpointInput": {"data": data, "encoding": encoding},
        "endpointOutput": {"data": output, "encoding": output_encoding},
    }
    return json.dumps({"captureData": parts, "eventMetadata": {"eventId": "e", "inferenceId": "i"}})


def test_a_real_capture_line_is_read() -> None:
    record = parse_capture([REAL_LINE]).records[0]

    assert (record.join_id, record.rows, record.predictions) == ("74b0dd56", (("9", "45", "45"),), (0.3027,))


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("1,a", "CSV"),
        (base64.b64encode(b"1,a\n").decode(), "BASE64"),
        ('{"instances": [{"features": [1, "a"]}]}', "JSON"),
        ('[[1, "a"]]', "JSON"),
        (base64.b64encode(b'{"instances": [[1, "a"]]}').decode(), "BASE64"),
    ],
)
def test_every_encoding_gives_the_same_rows(data: str, encoding: str) -> None:
    assert parse_capture([line(data, encoding)]).records[0].rows == (("1", "a"),)


def test_a_request_of_several_rows_keeps_its_predictions_in_order() -> None:
    record = parse_capture([line("1,a\n2,b", "CSV", "0.1\n0.2")]).records[0]

    assert (record.join_id, record.predictions) == ("i", (0.1, 0.2))


@given(cut=st.integers(1, len(REAL_LINE) - 1))
def test_a_line_truncated_anywhere_is_rejected_and_harms_no_other(cut: int) -> None:
    capture = parse_capture([REAL_LINE, REAL_LINE[:cut], REAL_LINE])

    assert (len(capture.records), capture.rejected) == (2, 1)


@pytest.mark.parametrize("bad", ["null", "[]", "7", '{"captureData": null}', line("1", "XML"), line("1", "CSV", "x")])
def test_what_is_no_capture_is_rejected(bad: str) -> None:
    assert parse_capture([bad]).rejected == 1


def test_of_conflicting_labels_the_first_is_kept() -> None:
    truth = parse_ground_truth([ground_truth_line("e", [1]), ground_truth_line("e", [0]), "{", '{"x": 1}'])

    assert (truth.labels, truth.rejected) == ({"e": (1,)}, 2)


@pytest.mark.parametrize("label", ["maybe", "", "2"])
def test_a_label_that_is_none_is_rejected(label: str) -> None:
    text = json.dumps({"groundTruthData": {"data": label}, "eventMetadata": {"eventId": "e"}})

    assert parse_ground_truth([text]).rejected == 1


def test_statistics_have_model_monitors_shape() -> None:
    document = BASELINE.to_model_monitor_statistics()

    number, text = document["features"]
    assert document["dataset"] == {"item_count": 3}
    assert number["numerical_statistics"]["common"] == {"num_present": 2, "num_missing": 1}
    assert number["numerical_statistics"]["distribution"]["kll"]["sketch"]["parameters"] == {"c": 0.64, "k": 2048.0}
    assert len(number["numerical_statistics"]["distribution"]["kll"]["buckets"]) == 10
    assert text["string_statistics"]["distribution"]["categorical"]["buckets"][0] == {"value": "a", "count": 2}


def test_constraints_have_model_monitors_shape() -> None:
    document = BASELINE.to_model_monitor_constraints()

    number, text = document["features"]
    assert number["num_constraints"] == {"is_non_negative": True}
    assert number["completeness"] == pytest.approx(2 / 3)
    assert text["string_constraints"] == {"domains": ["a", "b"]}
    assert document["monitoring_config"]["distribution_constraints"]["comparison_method"] == "Robust"


def test_a_windows_statistics_have_the_baselines_features() -> None:
    window = summarise_window(BASELINE, [["4", "c"], ["x", "a"], ["1", "a", "b"]], [0.5, 0.5])

    document = window.to_model_monitor_statistics(BASELINE)

    assert [feature["name"] for feature in document["features"]] == ["tenure_months", "plan_type"]
    assert document["dataset"]["item_count"] == 2
    assert window.widths == ((3, 1),)


def test_every_finding_has_a_check_type_of_model_monitors() -> None:
    findings = [
        Finding(kind=kind, feature="f", statistic="s", value=1.0, threshold=0.1, sentence="why")
        for kind in model_monitor.CHECK_TYPES
    ]

    violations = model_monitor.violations_document(findings)["violations"]

    assert violations[0] == {
        "feature_name": "f",
        "constraint_check_type": "baseline_drift_check",
        "description": "why",
    }


def test_a_baseline_survives_its_file_and_another_file_is_refused() -> None:
    assert Baseline.from_json(BASELINE.to_json()) == BASELINE
    for text in ("{}", "[]", "no", '{"version": 9}'):
        with pytest.raises(ValueError, match="baseline: "):
            Baseline.from_json(text)


@pytest.mark.parametrize(
    ("rows", "predictions", "labels", "sentence"),
    [
        ([], [], [], "needs at least one row"),
        ([["1", "a"]], [0.5, 0.5], [0], "equally many"),
        ([["1"]], [0.5], [0], "row 0 must have 2 values"),
        ([["1", "a"]], [float("nan")], [0], "prediction 0 must be a probability"),
        ([["1", "a"]], [0.5], [2], "label 0 must be 0 or 1"),
    ],
)
def test_a_baseline_says_what_does_not_fit(rows: list, predictions: list, labels: list, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build_baseline(SCHEMA, rows, predictions, labels)


def test_one_class_and_constant_features_still_make_a_baseline() -> None:
    baseline = build_baseline(SCHEMA, [["1", ""]] * 5, [0.5] * 5, [0] * 5)

    assert baseline.quality.auc is None
    assert Baseline.from_json(baseline.to_json()) == baseline


def test_a_verdict_survives_its_event() -> None:
    finding = Finding(kind="domain", feature="f", statistic="s", value=1.0, threshold=0.1, sentence="why")
    verdict = MonitoringVerdict(
        endpoint_name="e",
        variant_name="v",
        model_package_arn="p",
        window_start="s",
        window_end="t",
        verdict="schema_violation",
        severity="page",
        rows=1,
        labelled_rows=0,
        sentence="why",
        findings=(finding,),
    )

    assert MonitoringVerdict.from_detail(json.loads(json.dumps(verdict.to_detail()))) == verdict


def test_the_model_package_is_found_in_either_form_of_a_model() -> None:
    assert package_of_model({"PrimaryContainer": {"ModelPackageName": "p"}}) == "p"
    assert package_of_model({"Containers": [{"Image": "i"}, {"ModelPackageName": "p"}]}) == "p"
    assert package_of_model({"PrimaryContainer": {"Image": "i"}}) is None


def test_an_arn_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match="must end in a version number"):
        package_version("arn:aws:sagemaker:eu-central-1:111111111111:model-package/churn")


def test_the_example_in_the_reference_is_a_verdict() -> None:
    text = (Path(__file__).parents[2] / "docs/reference/events.md").read_text()
    example = json.loads(text.partition("```json")[2].partition("```")[0])

    verdict = MonitoringVerdict.from_detail(example["detail"])

    assert example["source"] == SOURCE
    assert example["detail-type"] == VERDICT_DETAIL_TYPE
    assert verdict.version == VERDICT_VERSION
