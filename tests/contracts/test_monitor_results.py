"""The monitor's results as Parquet without a library: what pyarrow reads is what was written."""

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.contracts.monitor_results import DISTRIBUTION_COLUMNS, WINDOW_COLUMNS, result_files
from seatrial.contracts.parquet_file import parquet_bytes

COLUMNS = [("text", "string"), ("number", "bigint"), ("share", "double"), ("at", "timestamp"), ("yes", "boolean")]
VALUES = {
    "text": st.text(max_size=300).filter(lambda text: text.isprintable()),
    "number": st.integers(-(2**63), 2**63 - 1),
    "share": st.floats(allow_nan=False),
    "at": st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}Z"),  # noqa: DTZ001
    "yes": st.booleans(),
}
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={name: st.none() | one for name, one in VALUES.items()}), max_size=40
)
DETAIL = {
    "endpoint_name": "churn",
    "variant_name": "primary",
    "model_package_arn": "arn:aws:sagemaker:eu-central-1:1:model-package/churn/1",
    "window_start": "2026-11-01T07:00:00Z",
    "window_end": "2026-11-01T08:00:00Z",
    "verdict": "drift",
    "severity": "ticket",
    "rows": 160,
    "labelled_rows": 12,
    "sentence": "drift: tenure is higher",
    "findings": [{"kind": "input_drift"}],
    "revision": 1,
}
EVIDENCE = {
    "drift_statistic": 1.5,
    "distributions": [
        {"name": "tenure", "log_evidence": 21.0, "effect": 0.3, "windows": 2, "drifted": True, "rows": 9}
    ],
}
STATISTICS = {
    "features": [
        {
            "name": "tenure",
            "inferred_type": "Integral",
            "numerical_statistics": {"common": {"num_present": 150, "num_missing": 10}, "mean": 24.5, "min": 0.0},
        },
        {"name": "plan", "inferred_type": "String", "string_statistics": {"common": {"num_present": 160}}},
    ]
}


def read(body):
    return pq.read_table(io.BytesIO(body))


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back(rows):
    found = read(parquet_bytes(COLUMNS, rows))

    assert found.column_names == [name for name, _ in COLUMNS]
    for name in ("text", "number", "share", "yes"):
        assert found[name].to_pylist() == [row.get(name) for row in rows]
    times = [row.get("at") and datetime.fromisoformat(row["at"]) for row in rows]
    assert found["at"].to_pylist() == times
    assert found.schema.field("at").type == pa.timestamp("us", tz="UTC")


def test_a_value_of_another_type_is_refused_with_its_column():
    with pytest.raises(ValueError, match="column number: values must be bigint"):
        parquet_bytes(COLUMNS, [{"number": "three"}])


def test_a_window_gives_a_row_and_a_row_for_each_distribution_in_the_folders_of_its_day():
    files = {key: read(body) for key, body in result_files(DETAIL, EVIDENCE, STATISTICS).items()}

    windows = files["monitoring/results/monitor_windows/date=2026-11-01/churn-primary-0700.parquet"]
    distributions = files["monitoring/results/monitor_distributions/date=2026-11-01/churn-primary-0700.parquet"]
    assert windows.column_names == [name for name, _ in WINDOW_COLUMNS]
    assert windows.to_pylist()[0] | {"verdict": "drift", "rows": 160, "findings": 1} == windows.to_pylist()[0]
    assert windows["window_start"][0].as_py() == datetime(2026, 11, 1, 7, tzinfo=UTC)
    assert distributions.column_names == [name for name, _ in DISTRIBUTION_COLUMNS]
    assert distributions["name"].to_pylist() == ["tenure", "plan"]
    assert distributions["log_evidence"].to_pylist() == [21.0, None]
    assert distributions["present"].to_pylist() == [150, 160]


def test_equal_results_give_equal_bytes():
    first, second = (result_files(json.loads(json.dumps(DETAIL)), EVIDENCE, STATISTICS) for _ in range(2))

    assert first == second
