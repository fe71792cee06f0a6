"""The benchmark of real streams reads any labelled CSV, counts as it says, and is skipped with a reason otherwise."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def parts():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import _kpi
        import _streams
    finally:
        sys.path.remove(str(BENCHMARKS))
    return _streams, _kpi


def test_without_data_it_is_skipped_with_the_reason():
    environment = {name: value for name, value in os.environ.items() if name != "SEATRIAL_DATA"}

    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "real_streams.py")],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip

    assert done.returncode == 0
    assert done.stdout.startswith("skipped: no data; name a folder with --data or SEATRIAL_DATA")


def test_a_stream_is_read_with_texts_and_its_rarer_label_as_positive(parts, tmp_path):
    streams, _ = parts
    lines = [f"{row},{'wet' if row % 3 else 'dry'},{'up' if row % 4 == 0 else 'down'}" for row in range(1500)]
    (tmp_path / "made.csv").write_text("number,kind,class\n" + "\n".join(lines))

    stream = streams.read_stream(tmp_path / "made.csv")

    assert stream.positive == "up"
    assert [feature.type for feature in stream.schema.features] == ["numeric", "categorical"]
    assert stream.labels.mean() == 0.25
    assert stream.matrix[1].tolist() == [1.0, 0.0]
    assert len(stream.hours()) == 50 * 24 + 1
    assert np.bincount(stream.folds()).tolist()[0] == pytest.approx(900, abs=80)


def test_blocks_hold_out_whole_quarters_of_days_and_every_time_of_day_in_turn(parts, tmp_path):
    streams, _ = parts
    lines = [f"{row},{row % 2}" for row in range(50 * 24 * 2)]
    (tmp_path / "made.csv").write_text("number,class\n" + "\n".join(lines))

    folds = streams.read_stream(tmp_path / "made.csv").block_folds()

    blocks = folds.reshape(-1, 12)
    assert (blocks == blocks[:, :1]).all()
    assert np.bincount(folds).tolist() == [1440, 480, 480]
    assert {place % 4 for place in np.flatnonzero(blocks[:20, 0] == 2)} == {0, 1, 2, 3}


def test_a_stream_too_short_for_its_hours_is_refused(parts, tmp_path):
    streams, _ = parts
    (tmp_path / "short.csv").write_text("a,target\n1,0\n2,1\n")

    with pytest.raises(ValueError, match=r"short\.csv: 2 rows are fewer than the 1200 hours"):
        streams.read_stream(tmp_path / "short.csv")


def test_alarms_count_once_a_span_and_false_outside(parts):
    _, kpi = parts
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=hour) for hour in range(100)]
    series = kpi.Series("made", times, [0.0] * 100, [(times[40], times[50]), (times[70], times[80])])

    found = kpi.score(series, [times[20], times[43], times[48], times[90]])

    assert found.delays == [3.0]
    assert found.false_alarms == 2


def test_three_deviations_tell_an_hour_once(parts):
    _, kpi = parts
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=hour) for hour in range(100)]
    values = [float(hour % 2) for hour in range(100)]
    values[60:63] = [9.0, 9.0, 9.0]

    assert kpi.beyond(kpi.Series("made", times, values, [])) == [times[60]]
