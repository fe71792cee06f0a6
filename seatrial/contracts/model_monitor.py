"""Model Monitor's file formats: statistics.json, constraints.json and constraint_violations.json.

Shapes after the SageMaker developer guide, "Schema for Statistics", "Schema for Constraints" and "Schema for
Violations"; the example files are those of the SageMaker Python SDK's tests.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from seatrial.contracts.events import Finding, FindingKind

STATISTICS_FILE = "statistics.json"
CONSTRAINTS_FILE = "constraints.json"
VIOLATIONS_FILE = "constraint_violations.json"

InferredType = Literal["Integral", "Fractional", "String", "Unknown"]

CHECK_TYPES: Mapping[FindingKind, str] = {
    "input_drift": "baseline_drift_check",
    "prediction_drift": "baseline_drift_check",
    "completeness": "completeness_check",
    "data_type": "data_type_check",
    "missing_column": "missing_column_check",
    "extra_column": "extra_column_check",
    "renamed_column": "missing_column_check",
    "reordered_column": "data_type_check",
    "domain": "categorical_values_check",
    "range": "range_check",
    "uniqueness": "uniqueness_check",
    "freshness": "freshness_check",
    "label_join": "label_join_check",
    "quality_loss": "LessThanThreshold",
    "estimated_quality_loss": "LessThanThreshold",
}
"""Our kinds of finding in Model Monitor's words; range, uniqueness and freshness it does not check, the words for a
loss of quality are those of the model quality monitor."""


def numerical_feature(
    name: str,
    inferred_type: InferredType,
    *,
    present: int,
    missing: int,
    mean: float,
    std_dev: float,
    minimum: float,
    maximum: float,
    kll: Mapping[str, Any],
) -> dict[str, Any]:
    """One numeric entry of `features` in statistics.json."""
    statistics = {
        "common": {"num_present": present, "num_missing": missing},
        "mean": mean,
        "sum": mean * present,
        "std_dev": std_dev,
        "min": minimum,
        "max": maximum,
        "distribution": {"kll": dict(kll)},
    }
    return {"name": name, "inferred_type": inferred_type, "numerical_statistics": statistics}


def string_feature(
    name: str, *, present: int, missing: int, distinct: int, counts: Mapping[str, int]
) -> dict[str, Any]:
    """One text entry of `features` in statistics.json."""
    buckets = [{"value": value, "count": count} for value, count in counts.items()]
    statistics = {
        "common": {"num_present": present, "num_missing": missing},
        "distinct_count": float(distinct),
        "distribution": {"categorical": {"buckets": buckets}},
    }
    return {"name": name, "inferred_type": "String", "string_statistics": statistics}


def statistics_document(rows: int, features: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole of statistics.json."""
    return {"version": 0.0, "dataset": {"item_count": rows}, "features": [dict(feature) for feature in features]}


def feature_constraint(
    name: str,
    inferred_type: InferredType,
    *,
    completeness: float,
    is_non_negative: bool | None = None,
    domain: Iterable[str] | None = None,
) -> dict[str, Any]:
    """One entry of `features` in constraints.json."""
    constraint: dict[str, Any] = {"name": name, "inferred_type": inferred_type, "completeness": completeness}
    if is_non_negative is not None:
        constraint["num_constraints"] = {"is_non_negative": is_non_negative}
    if domain is not None:
        constraint["string_constraints"] = {"domains": list(domain)}
    return constraint


def constraints_document(features: Iterable[Mapping[str, Any]], *, comparison_threshold: float = 0.1) -> dict[str, Any]:
    """The whole of constraints.json, with Model Monitor's own default configuration."""
    monitoring = {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": {
            "perform_comparison": "Enabled",
            "comparison_threshold": comparison_threshold,
            "comparison_method": "Robust",
            "categorical_comparison_threshold": comparison_threshold,
            "categorical_drift_method": "LInfinity",
        },
    }
    return {"version": 0.0, "features": [dict(feature) for feature in features], "monitoring_config": monitoring}


def violations_document(findings: Iterable[Finding]) -> dict[str, Any]:
    """The whole of constraint_violations.json."""
    return {
        "violations": [
            {
                "feature_name": finding.feature or finding.statistic,
                "constraint_check_type": CHECK_TYPES[finding.kind],
                "description": finding.sentence,
            }
            for finding in findings
        ]
    }
