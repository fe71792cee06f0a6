"""What we write has the documented shape of Model Monitor's files, so that its SDK classes and consoles read it."""

import jsonschema
import pytest

from seatrial.contracts.events import Finding
from seatrial.contracts.model_monitor import violations_document
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.baseline import Baseline, build_baseline
from seatrial.statistics.window import summarise_window

NUMBER, TEXT, COUNT = {"type": "number"}, {"type": "string"}, {"type": "number", "minimum": 0}


def record(**properties: object) -> dict:
    """An object with these properties, all of them and no other; a name ending in _ may be absent."""
    named = {name.rstrip("_"): value for name, value in properties.items()}
    required = [name for name in properties if not name.endswith("_")]
    return {"type": "object", "properties": named, "required": required, "additionalProperties": False}


def each(item: object, **limits: object) -> dict:
    return {"type": "array", "items": item, **limits}


COMMON = record(num_present=COUNT, num_missing=COUNT)
KLL = record(
    buckets=each(record(lower_bound=NUMBER, upper_bound=NUMBER, count=COUNT), maxItems=10),
    sketch=record(parameters=record(c=NUMBER, k=NUMBER), data=each(each(NUMBER))),
)
NUMERICAL = record(
    name=TEXT,
    inferred_type={"enum": ["Fractional", "Integral"]},
    numerical_statistics=record(
        common=COMMON,
        mean=NUMBER,
        sum=NUMBER,
        std_dev=COUNT,
        min=NUMBER,
        max=NUMBER,
        distribution=record(kll=KLL),
    ),
)
STRING = record(
    name=TEXT,
    inferred_type={"const": "String"},
    string_statistics=record(
        common=COMMON,
        distinct_count=COUNT,
        distribution=record(categorical=record(buckets=each(record(value=TEXT, count=COUNT)))),
    ),
)
STATISTICS = record(
    version=NUMBER, dataset=record(item_count=COUNT), features=each({"anyOf": [NUMERICAL, STRING]}, minItems=1)
)
SWITCH, SHARE = {"enum": ["Enabled", "Disabled"]}, {"type": "number", "minimum": 0, "maximum": 1}
CONSTRAINTS = record(
    version=NUMBER,
    features=each(
        record(
            name=TEXT,
            inferred_type={"enum": ["Fractional", "Integral", "String", "Unknown"]},
            completeness=SHARE,
            num_constraints_=record(is_non_negative={"type": "boolean"}),
            string_constraints_=record(domains=each(TEXT)),
            monitoring_config_overrides_={"type": "object"},
        )
    ),
    monitoring_config=record(
        evaluate_constraints=SWITCH,
        emit_metrics=SWITCH,
        datatype_check_threshold=SHARE,
        domain_content_threshold=SHARE,
        distribution_constraints=record(
            perform_comparison=SWITCH,
            comparison_threshold=SHARE,
            comparison_method={"enum": ["Simple", "Robust"]},
            categorical_comparison_threshold=SHARE,
            categorical_drift_method={"enum": ["LInfinity", "ChiSquared"]},
        ),
    ),
)
VIOLATIONS = record(violations=each(record(feature_name=TEXT, constraint_check_type=TEXT, description=TEXT)))
DATA_QUALITY_CHECKS = {
    "data_type_check",
    "completeness_check",
    "baseline_drift_check",
    "missing_column_check",
    "extra_column_check",
    "categorical_values_check",
}


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    features = (Feature("tenure", "numeric"), Feature("charge", "numeric"), Feature("plan", "categorical"))
    rows = [[str(index), f"{index * 0.37:.2f}" if index % 7 else "", "ab"[index % 2]] for index in range(200)]
    return build_baseline(FeatureSchema(features), rows, [0.5] * 200, [0, 1] * 100)


def test_the_baseline_has_the_documented_shape(baseline: Baseline) -> None:
    jsonschema.validate(baseline.to_model_monitor_statistics(), STATISTICS)
    jsonschema.validate(baseline.to_model_monitor_constraints(), CONSTRAINTS)


def test_a_window_has_the_documented_shape(baseline: Baseline) -> None:
    for rows in ([["4", "", "c"], ["x", "2", "a"]], []):
        window = summarise_window(baseline, rows, [0.5] * len(rows))

        jsonschema.validate(window.to_model_monitor_statistics(baseline), STATISTICS)


def test_the_sketch_stands_for_all_present_values(baseline: Baseline) -> None:
    for feature in baseline.to_model_monitor_statistics()["features"][:2]:
        statistics = feature["numerical_statistics"]
        levels = statistics["distribution"]["kll"]["sketch"]["data"]
        buckets = statistics["distribution"]["kll"]["buckets"]

        weight = sum(len(values) << level for level, values in enumerate(levels))
        assert weight == pytest.approx(statistics["common"]["num_present"], rel=0.02)
        assert sum(bucket["count"] for bucket in buckets) == statistics["common"]["num_present"]
        assert (buckets[0]["lower_bound"], buckets[-1]["upper_bound"]) == (statistics["min"], statistics["max"])


def test_violations_have_the_documented_shape_and_words() -> None:
    kinds = ["input_drift", "completeness", "data_type", "missing_column", "extra_column", "domain"]
    findings = [
        Finding(kind=kind, feature="a", statistic="share", value=0.2, threshold=0.1, sentence=kind) for kind in kinds
    ]

    document = violations_document(findings)

    jsonschema.validate(document, VIOLATIONS)
    assert {item["constraint_check_type"] for item in document["violations"]} == DATA_QUALITY_CHECKS
