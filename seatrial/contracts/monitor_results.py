"""The monitor's results as tables: a row a window, and a row for each watched distribution of a window, by day."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from seatrial.contracts.parquet_file import Kind, parquet_bytes

RESULTS_PREFIX = "monitoring/results/"
WINDOWS_TABLE, DISTRIBUTIONS_TABLE = "monitor_windows", "monitor_distributions"
_KEY: tuple[tuple[str, Kind], ...] = (
    ("endpoint_name", "string"),
    ("variant_name", "string"),
    ("model_package_arn", "string"),
    ("window_start", "timestamp"),
    ("window_end", "timestamp"),
    ("revision", "bigint"),
)
WINDOW_COLUMNS: tuple[tuple[str, Kind], ...] = (
    *_KEY,
    ("verdict", "string"),
    ("severity", "string"),
    ("sentence", "string"),
    ("incident_id", "string"),
    ("incident_state", "string"),
    ("findings", "bigint"),
    ("rows", "bigint"),
    ("labelled_rows", "bigint"),
    ("label_coverage", "double"),
    ("sampled_share", "double"),
    ("unreadable", "bigint"),
    ("partial", "boolean"),
    ("estimated_auc", "double"),
    ("drift_statistic", "double"),
    ("quality_loss_statistic", "double"),
    ("log_threshold", "double"),
    ("report_uri", "string"),
)
DISTRIBUTION_COLUMNS: tuple[tuple[str, Kind], ...] = (
    *_KEY,
    ("name", "string"),
    ("inferred_type", "string"),
    ("present", "bigint"),
    ("missing", "bigint"),
    ("mean", "double"),
    ("std_dev", "double"),
    ("minimum", "double"),
    ("maximum", "double"),
    ("log_evidence", "double"),
    ("effect", "double"),
    ("shift", "double"),
    ("population_stability_index", "double"),
    ("jensen_shannon_distance", "double"),
    ("robust_distance", "double"),
    ("windows", "bigint"),
    ("drifted", "boolean"),
)


def result_files(
    detail: Mapping[str, Any], evidence: Mapping[str, Any], statistics: Mapping[str, Any]
) -> dict[str, bytes]:
    """Key in the artifacts bucket and content of each table's file for one window.

    `detail` is the verdict event's, `evidence` what the verdict file adds, `statistics` is statistics.json.
    A revised result takes the place of the one before.
    """
    window = {**detail, **_wanted(evidence, WINDOW_COLUMNS), "findings": len(detail.get("findings", ()))}
    return {
        result_key(WINDOWS_TABLE, detail): parquet_bytes(WINDOW_COLUMNS, [_typed(window, WINDOW_COLUMNS)]),
        result_key(DISTRIBUTIONS_TABLE, detail): parquet_bytes(
            DISTRIBUTION_COLUMNS, _distributions(detail, evidence.get("distributions", ()), statistics)
        ),
    }


def result_key(table: str, detail: Mapping[str, Any]) -> str:
    """Key of a window's file in a table, below the folder of its day.

    >>> detail = {"endpoint_name": "churn", "variant_name": "primary", "window_start": "2026-11-01T07:00:00Z"}
    >>> result_key("monitor_windows", detail)
    'monitoring/results/monitor_windows/date=2026-11-01/churn-primary-0700.parquet'
    """
    start = datetime.fromisoformat(detail["window_start"])
    name = f"{detail['endpoint_name']}-{detail['variant_name']}-{start:%H%M}.parquet"
    return f"{RESULTS_PREFIX}{table}/date={start:%Y-%m-%d}/{name}"


def _distributions(
    detail: Mapping[str, Any], reports: Sequence[Mapping[str, Any]], statistics: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Features in the order of the statistics, then what has a report only: predictions and labels."""
    known = {item["name"]: item for item in statistics.get("features", ())}
    told = {item["name"]: item for item in reports}
    rows = [
        {**detail, **_told_by_statistics(known.get(name, {})), **told.get(name, {}), "name": name}
        for name in dict.fromkeys((*known, *told))
    ]
    return [_typed(row, DISTRIBUTION_COLUMNS) for row in rows]


def _told_by_statistics(feature: Mapping[str, Any]) -> dict[str, Any]:
    numbers = feature.get("numerical_statistics") or feature.get("string_statistics") or {}
    common = numbers.get("common", {})
    return {
        "inferred_type": feature.get("inferred_type"),
        "present": common.get("num_present"),
        "missing": common.get("num_missing"),
        "mean": numbers.get("mean"),
        "std_dev": numbers.get("std_dev"),
        "minimum": numbers.get("min"),
        "maximum": numbers.get("max"),
    }


def _wanted(row: Mapping[str, Any], columns: Sequence[tuple[str, Kind]]) -> dict[str, Any]:
    return {name: row[name] for name, _ in columns if name in row}


def _typed(row: Mapping[str, Any], columns: Sequence[tuple[str, Kind]]) -> dict[str, Any]:
    """The columns alone, with whole numbers where a count is wanted."""
    counts = {name for name, kind in columns if kind == "bigint" and row.get(name) is not None}
    return {name: int(row[name]) if name in counts else row.get(name) for name, _ in columns}
