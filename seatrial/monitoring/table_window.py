"""A whole table of the lake as one window: its summary, and what the monitor says of it, as files."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path

import pyarrow.parquet as pq

from seatrial.columnar.window import PREDICTION_COLUMN, WindowPart, merge_parts, part_of_batch
from seatrial.contracts import model_monitor
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.bins import Categories
from seatrial.statistics.monitor import Labelled, MonitorLimits, MonitorState, evaluate

WINDOW_FILE, EVALUATION_FILE = "window.json", "evaluation.json"


def read_parquet(baseline: Baseline, paths: Sequence[Path], prediction: str = PREDICTION_COLUMN) -> WindowPart:
    """The rows of Parquet files, one row group of the columns that the baseline knows at a time.

    Raises `ColumnError` for a column that is not there.
    """
    return merge_parts(baseline, (_file_part(baseline, path, prediction) for path in paths))


def table_documents(baseline: Baseline, part: WindowPart) -> dict[str, str]:
    """Files: the summary, Model Monitor's statistics and violations, and the evaluation of the window by itself."""
    limits, window = MonitorLimits(), part.summary()
    evaluation, _ = evaluate(baseline, MonitorState.fresh(baseline, limits), window, Labelled(), limits)
    findings = (*evaluation.schema, *evaluation.losses, *evaluation.drift)
    told = {
        "rows": evaluation.rows,
        "log_threshold": evaluation.log_threshold,
        "drift_statistic": evaluation.drift_statistic,
        "distributions": [report.to_json() for report in evaluation.reports],
        "findings": [asdict(finding) for finding in findings],
    }
    documents = {
        EVALUATION_FILE: told,
        model_monitor.STATISTICS_FILE: window.to_model_monitor_statistics(baseline),
        model_monitor.VIOLATIONS_FILE: model_monitor.violations_document(findings),
    }
    texts = {name: json.dumps(document, sort_keys=True, indent=1) for name, document in documents.items()}
    return {WINDOW_FILE: window.to_json(), **texts}


def wanted_columns(baseline: Baseline, present: Sequence[str], prediction: str) -> list[str]:
    """Columns of a table that are counted; those that are absent are told when they are looked for."""
    return [name for name in (*baseline.schema.names, prediction) if name in present]


def _file_part(baseline: Baseline, path: Path, prediction: str) -> WindowPart:
    texts = [item.name for item in baseline.features if isinstance(item.cells, Categories)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        columns = wanted_columns(baseline, file.schema_arrow.names, prediction)
        groups = (
            file.read_row_group(group, columns=columns, use_threads=False) for group in range(file.num_row_groups)
        )
        parts = [part_of_batch(baseline, group, prediction) for group in groups]
        return (
            reduce(WindowPart.merge, parts)
            if parts
            else part_of_batch(baseline, file.schema_arrow.empty_table(), prediction)
        )
