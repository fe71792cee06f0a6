"""The Spark job against a pandas reference and against tables with known faults; one Spark session for all."""

import argparse
import csv
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from seatrial.contracts import schema as contract
from seatrial.contracts.dataset import TIME_ADVICE, TIME_TEXT, DatasetSpec
from seatrial.statistics.baseline import build_baseline
from seatrial.telecom.spec import TelecomSpec
from seatrial.telecom.tables import generate, write
from tests.pipelines.conftest import dataset_file, load_step, run_step, write_table
from tests.pipelines.lake import spark_session
from tests.pipelines.reference import telecom_features

pytestmark = pytest.mark.slow
LIMITS = {"minimum_rows": 1, "maximum_duplicate_share": 1.0, "maximum_missing_label_share": 1.0}


@pytest.fixture(scope="session")
def features():
    return load_step("features")


@pytest.fixture(scope="session")
def spark():
    """The tests' quick session in the job's time zone; the script makes its own where it runs as a process."""
    session = spark_session()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    return session


@pytest.fixture
def job(features, spark, tmp_path):
    """Run the job on a raw folder; gives quality.json's content, the output lies in `out`."""

    def run(dataset, raw="raw", mode="train", out="out", **limits):
        paths = {"input": str(tmp_path / raw), "dataset": str(dataset), "output": str(tmp_path / out)}
        return features.run(spark, argparse.Namespace(mode=mode, digest="unpinned", **paths, **{**LIMITS, **limits}))

    return run


def rows_of(folder):
    """All CSV rows below a folder, as dicts."""
    found = []
    for part in sorted(Path(folder).rglob("*.csv")):
        with part.open(newline="") as lines:
            found += list(csv.DictReader(lines))
    return found


def frame_of(folder):
    return pd.DataFrame(rows_of(folder)).set_index("subscriber_id").replace("", np.nan)


def customers(count, **overrides):
    """Columns of a customer's table; every fourth one churned."""
    columns = {
        "customer": [f"c{i}" for i in range(count)],
        "Call  Failure": [str(i % 7) for i in range(count)],
        "plan": [("basic", "premium")[i % 2] for i in range(count)],
        "Churn": [("No", "Yes")[i % 4 == 0] for i in range(count)],
    }
    return {**columns, **overrides}


def table_spec(tmp_path, **overrides):
    fields = {
        "id": "customer",
        "label": "Churn",
        "positive": "Yes",
        "columns": {"Call  Failure": "numeric", "plan": "categorical"},
    }
    return dataset_file(tmp_path, **{**fields, **overrides})


def faulty_telecom():
    """Generated tables with copies, bad rows, silence and gaps put in, as arrow tables."""
    tables = generate(TelecomSpec(subscribers=150, days=12, seed=5, snapshot="a"))
    crm, cdr = tables["crm"], tables["cdr"]
    ids = crm["subscriber_id"].to_pylist()
    silent = pa.compute.invert(pa.compute.is_in(cdr["subscriber_id"], pa.array(ids[:5])))
    cdr = cdr.filter(silent)
    bad = cdr.slice(0, 3)
    bad = bad.set_column(4, "data_mb", pa.array([-1.0] * 3))
    tables["cdr"] = pa.concat_tables([cdr, cdr.slice(100, 40), bad])
    tables["crm"] = pa.concat_tables([crm, crm.slice(10, 6)])
    kpi = tables["network_kpi"]
    tables["network_kpi"] = kpi.filter(pa.compute.not_equal(kpi["cell_id"], kpi["cell_id"][0]))
    return tables


def test_the_spark_features_equal_the_pandas_reference(job, tmp_path):
    tables = faulty_telecom()
    write(tables, tmp_path / "raw" / "snapshot=a")

    quality = job(dataset_file(tmp_path, kind="telecom"), mode="score")

    expected = telecom_features({name: table.to_pandas() for name, table in tables.items()})
    found = frame_of(tmp_path / "out" / "features" / "snapshot=a").loc[expected.index]
    assert len(found) == 150
    schema = json.loads((tmp_path / "out/schema/schema.json").read_text())["features"]
    for feature in schema:
        name = feature["name"]
        if feature["type"] == "numeric":
            np.testing.assert_allclose(found[name].astype(float), expected[name].astype(float), atol=1e-6, err_msg=name)
        else:
            assert found[name].tolist() == expected[name].tolist()
    assert found["label"].astype(int).tolist() == expected["label"].tolist()
    assert set(expected.columns) - {"label"} == {feature["name"] for feature in schema}
    assert quality["duplicates_by_table"] == {"crm": 6, "cdr": 40}
    assert quality["quarantined"] == 3
    assert quality["duplicate_share"] == pytest.approx(6 / 156)


def test_feeds_that_deliver_nothing_leave_gaps_not_zeros(job, tmp_path):
    tables = generate(TelecomSpec(subscribers=60, days=6, seed=3, snapshot="b", scenario="broken_feed"))
    write(tables, tmp_path / "raw" / "snapshot=b")

    job(dataset_file(tmp_path, kind="telecom"), mode="score")

    rows = rows_of(tmp_path / "out" / "features")
    assert {row["overdue_days"] for row in rows} == {""}
    assert {row["cell_latency_ms"] for row in rows} == {""}
    assert {row["care_other"] for row in rows} != {""}


def test_snapshots_stay_apart(job, tmp_path):
    for name in ("a", "b"):
        write(
            generate(TelecomSpec(subscribers=40, days=4, seed=1, snapshot=name)), tmp_path / "raw" / f"snapshot={name}"
        )

    job(dataset_file(tmp_path, kind="telecom"), mode="score")

    for name in ("a", "b"):
        rows = rows_of(tmp_path / "out" / "features" / f"snapshot={name}")
        assert len(rows) == 40
        assert all(row["subscriber_id"].startswith(f"{name}-") for row in rows)


def test_a_table_is_cast_mapped_and_counted(job, tmp_path):
    numbers = ["1", " 2.5 ", "", "NA", "twelve", "12d", "1e400", "7", "8", "9"]
    labels = ["Yes", "No", "yes?", " Yes", None, "No", "No", "No", "No", "No"]
    plans = ["basic", " premium ", None, "?", 'say "hi", now', "basic", "basic", "basic", "basic", "basic"]
    write_table(tmp_path / "raw", customers(10, **{"Call  Failure": numbers, "Churn": labels, "plan": plans}))

    quality = job(table_spec(tmp_path), mode="score")

    rows = {row["subscriber_id"]: row for row in rows_of(tmp_path / "out" / "features")}
    assert [rows[f"c{i}"]["Call  Failure"] for i in range(10)] == ["1.0", "2.5", *[""] * 5, "7.0", "8.0", "9.0"]
    assert [rows[f"c{i}"]["label"] for i in range(5)] == ["1", "0", "0", "1", ""]
    assert [rows[f"c{i}"]["plan"] for i in range(5)] == ["basic", "premium", "", "", 'say "hi", now']
    assert quality["invalid_values"] == {"Call  Failure": 3}
    assert (quality["missing_labels"], quality["missing_label_share"]) == (1, 0.1)


def test_columns_stand_in_the_order_of_the_schema_after_id_and_label(job, tmp_path):
    write_table(tmp_path / "raw", customers(8))

    job(table_spec(tmp_path, columns={"plan": "categorical", "Call  Failure": "numeric"}), mode="score")

    parts = sorted((tmp_path / "out" / "features" / "snapshot=a").iterdir())
    assert {part.name for part in parts} <= {"part-00000.csv", "part-00001.csv"}
    assert {part.read_text().splitlines()[0] for part in parts} == {"subscriber_id,label,plan,Call  Failure"}


def test_a_number_as_positive_label_also_matches_its_other_spellings(job, tmp_path):
    write_table(tmp_path / "raw", customers(4, Churn=["1", "1.0", "0", "01"]))

    job(table_spec(tmp_path, positive="1"), mode="score")

    rows = {row["subscriber_id"]: row["label"] for row in rows_of(tmp_path / "out" / "features")}
    assert rows == {"c0": "1", "c1": "1", "c2": "0", "c3": "1"}


def test_copies_are_dropped_and_contradictions_and_nameless_rows_quarantined(job, tmp_path):
    table = customers(12)
    for values in table.values():
        values.extend([values[0], values[1], values[2], values[3]])  # c0 and c1 again; c2 with another label; no name
    table["Churn"][14] = "Yes"
    table["customer"][15] = None
    write_table(tmp_path / "raw", table)

    quality = job(table_spec(tmp_path), mode="score")

    found = sorted(row["subscriber_id"] for row in rows_of(tmp_path / "out" / "features"))
    assert found == sorted(f"c{i}" for i in range(12) if i != 2)
    assert (quality["raw_rows"], quality["rows"], quality["duplicates"]) == (16, 11, 3)
    assert (quality["conflicting_labels"], quality["quarantined"]) == (1, 2)


def test_rows_without_an_id_get_one_from_their_content(job, tmp_path):
    table = customers(6)
    for values in table.values():
        values.append(values[0])
    write_table(tmp_path / "raw", table)

    quality = job(table_spec(tmp_path, id=None), mode="score", out="first")
    job(table_spec(tmp_path, id=None), mode="score", out="second")

    first = [row["subscriber_id"] for row in rows_of(tmp_path / "first" / "features")]
    assert quality["duplicates"] == 1
    assert len(set(first)) == 6
    assert first == [row["subscriber_id"] for row in rows_of(tmp_path / "second" / "features")]


def test_a_subscriber_falls_into_the_same_split_in_every_run_and_snapshot(job, tmp_path):
    write_table(tmp_path / "raw", customers(400), snapshot="a")
    other = customers(400, **{"Call  Failure": ["3"] * 400})
    write_table(tmp_path / "raw", other, snapshot="b")

    job(table_spec(tmp_path))

    splits = {
        name: {row["subscriber_id"] for row in rows_of(tmp_path / "out" / name)}
        for name in ("train", "validation", "test")
    }
    assert sum(len(ids) for ids in splits.values()) == 400
    assert [round(len(splits[name]) / 400, 1) for name in splits] == [0.6, 0.2, 0.2]
    assert sum(len(rows_of(tmp_path / "out" / name)) for name in splits) == 800


def test_unlabelled_rows_are_counted_but_train_nothing(job, tmp_path):
    write_table(tmp_path / "raw", customers(100, Churn=[("Yes", "No", None, "No")[i % 4] for i in range(100)]))

    quality = job(table_spec(tmp_path), maximum_missing_label_share=0.2)

    rows = [row for name in ("train", "validation", "test") for row in rows_of(tmp_path / "out" / name)]
    assert len(rows) == 75
    assert {row["label"] for row in rows} == {"0", "1"}
    assert (quality["passed"], quality["gate"]) == (False, 0)
    assert quality["reasons"] == ["missing_label_share: at most 0.2 is allowed, got 0.2500"]
    assert quality["label_rate"] == pytest.approx(1 / 3)


def test_the_quality_gate_gives_every_reason(job, tmp_path):
    table = customers(10, Churn=["No"] * 10)
    for values in table.values():
        values.extend(values[:5])
    write_table(tmp_path / "raw", table)

    quality = job(table_spec(tmp_path), minimum_rows=50, maximum_duplicate_share=0.1)

    assert quality["reasons"] == [
        "rows: at least 50 with a known label are needed, got 10 of 10",
        "duplicate_share: at most 0.1 is allowed, got 0.3333",
        "label: both classes are needed, got 0 churners among 10 labelled rows",
    ]
    assert json.loads((tmp_path / "out/quality/quality.json").read_text()) == quality


def test_only_labelled_rows_count_for_the_fewest_rows(job, tmp_path):
    write_table(tmp_path / "raw", customers(40, Churn=[("Yes", "No", None, None)[i % 4] for i in range(40)]))

    quality = job(table_spec(tmp_path), minimum_rows=30)

    assert quality["reasons"] == ["rows: at least 30 with a known label are needed, got 20 of 40"]


@pytest.fixture
def hdfs_by_default(spark):
    """Hadoop's settings as in AWS's Spark image: a path without a scheme is looked for in HDFS."""
    settings = spark.sparkContext._jsc.hadoopConfiguration()
    before = settings.get("fs.defaultFS")
    settings.set("fs.defaultFS", "hdfs://127.0.0.1:9")
    yield
    settings.set("fs.defaultFS", before)


def test_the_containers_folders_are_found_where_hdfs_is_the_default(job, hdfs_by_default, tmp_path):
    write_table(tmp_path / "raw data", customers(40))

    quality = job(table_spec(tmp_path), raw="raw data", out="out put")

    assert quality["rows"] == 40
    assert len(rows_of(tmp_path / "out put")) == 40


def test_the_job_gives_the_same_files_twice(job, tmp_path):
    write_table(tmp_path / "raw", customers(50))

    for out in ("first", "second"):
        job(table_spec(tmp_path), out=out)

    first, second = (
        {p.relative_to(tmp_path / out): p.read_bytes() for p in (tmp_path / out).rglob("*.*")}
        for out in ("first", "second")
    )
    assert first == second
    assert {path.name for path in first} == {"part-00000.csv", "part-00001.csv", "schema.json", "quality.json"}


def timed_rows():
    """Two weeks of requests: in the first eight hours of a day mostly "premium", else mostly "basic"."""
    hours = [hour for hour in range(14 * 24) for _ in range(25)]
    plans = [("basic", "premium")[(index % 5 == 0) != (hour % 24 < 8)] for index, hour in enumerate(hours)]
    times = [f"2026-10-{5 + hour // 24:02}T{hour % 24:02}:{index % 60:02}:00Z" for index, hour in enumerate(hours)]
    return customers(len(hours), plan=plans, seen_at=times)


@pytest.fixture(scope="module")
def timed(features, spark, tmp_path_factory):
    """A folder with the output for the same rows once with their times ("timed") and once without ("plain")."""
    folder = tmp_path_factory.mktemp("times")
    write_table(folder / "raw", timed_rows())
    for name, column in (("timed", "seen_at"), ("plain", None)):
        dataset = table_spec(folder, time_column=column)
        paths = {"input": str(folder / "raw"), "dataset": str(dataset), "output": str(folder / name)}
        features.run(spark, argparse.Namespace(mode="train", digest="unpinned", **paths, **LIMITS))
    return folder


def test_a_time_column_is_no_feature_and_says_in_which_hour_each_validation_row_came(timed):
    for split in ("train", "validation", "test"):
        assert frame_of(timed / "timed" / split).sort_index().equals(frame_of(timed / "plain" / split).sort_index())
    validation, hours = rows_of(timed / "timed/validation"), rows_of(timed / "timed/hours")
    assert [row["subscriber_id"] for row in hours] == [row["subscriber_id"] for row in validation]
    first = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp()) // 3600
    assert all(int(row["hour"]) == first + int(row["subscriber_id"][1:]) // 25 for row in hours)
    assert not (timed / "plain/hours").exists()


def test_a_baseline_of_rows_with_times_has_their_rhythm(timed):
    step = load_step("baseline")
    kinds = (contract.Feature("Call  Failure", "numeric"), contract.Feature("plan", "categorical"))
    rows, labels = step.read_rows(timed / "timed/validation", ("Call  Failure", "plan"))
    scores, hours = [0.5] * len(rows), step.read_hours(timed / "timed/hours")

    baseline = build_baseline(contract.FeatureSchema(kinds), rows, scores, labels, hours=hours)

    night, day = (baseline.rhythms["plan"].hours[hour] for hour in (3, 15))
    assert max(map(abs, (*night, *day))) > 0.15
    assert step.read_hours(timed / "plain/hours") == []


def test_the_same_values_at_another_time_are_no_copy(job, tmp_path):
    same = {"customer": ["c1"] * 4, "Call  Failure": ["1"] * 4, "plan": ["basic"] * 4, "Churn": ["Yes"] * 4}
    times = ["2026-11-01T08:00:00Z", "2026-11-01 08:00:00", "2026-11-01T09:00:00.5+01:00", "2026-11-02T08:00:00Z"]
    write_table(tmp_path / "raw", {**same, "seen_at": times})

    quality = job(table_spec(tmp_path, time_column="seen_at"))

    assert (quality["rows"], quality["duplicates"]) == (2, 2)


@pytest.mark.parametrize("text", ["2026-11-01", "12:30", "2026-02-30T08:00:00Z", None])
def test_a_time_that_cannot_be_read_is_refused_with_its_row_and_value(job, features, tmp_path, text):
    times = ["2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z", text, *["2026-11-01T08:00:00Z"] * 7]
    write_table(tmp_path / "raw", customers(10, seen_at=times))

    message = f"part-00000.parquet, row 3, column 'seen_at': {TIME_ADVICE}, got {text or ''!r}"
    with pytest.raises(features.DataError, match=re.escape(message)):
        job(table_spec(tmp_path, time_column="seen_at"))


def test_a_time_column_that_the_file_lacks_is_named(job, features, tmp_path):
    write_table(tmp_path / "raw", customers(10))

    with pytest.raises(features.DataError, match=r"columns \['seen_at'\] are missing"):
        job(table_spec(tmp_path, time_column="seen_at"))


def test_says_which_columns_or_tables_are_missing(job, features, tmp_path):
    write_table(tmp_path / "raw", {"customer": ["c1"], "Churn": ["Yes"]})

    with pytest.raises(features.DataError, match=r"columns \['Call  Failure', 'plan'\] are missing"):
        job(table_spec(tmp_path))
    with pytest.raises(features.DataError, match=r"no files snapshot=\*/cdr/\*.parquet below"):
        job(dataset_file(tmp_path, kind="telecom"))


def test_the_script_agrees_with_the_contracts(features):
    from seatrial.statistics import parsing

    assert (features.ID, features.LABEL) == (contract.ID_COLUMN, contract.LABEL_COLUMN)
    assert set(features.MISSING_TEXTS) == parsing.MISSING_TEXTS
    assert features.LARGEST_MAGNITUDE == parsing.LARGEST_MAGNITUDE
    assert features.TIME_TEXT == TIME_TEXT


def test_runs_as_a_plain_script_with_the_java_of_a_wheel(tmp_path):
    write_table(tmp_path / "raw", customers(40))
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in (
        "bash",
        "dirname",
        "ps",
        "uname",
        "cat",
        "rm",
        "mkdir",
        "nice",
        "find",
        "which",
        "readlink",
        "chmod",
        "ls",
    ):
        source = next((Path(folder) / tool for folder in ("/usr/bin", "/bin") if (Path(folder) / tool).exists()), None)
        if source is not None:
            (tools / tool).symlink_to(source)
    environment = {key: value for key, value in os.environ.items() if key != "JAVA_HOME"} | {"PATH": str(tools)}
    spec = table_spec(tmp_path)
    arguments = ["--mode", "train", "--dataset", spec, "--input", tmp_path / "raw", "--output", tmp_path / "out"]
    arguments += ["--message", tmp_path / "message", "--minimum-rows", "50"]

    done = run_step("features", *arguments, environment=environment)

    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "message").read_text().startswith("rows: at least 50 ")
    assert json.loads(done.stdout.splitlines()[-1])["rows"] == 40
    assert DatasetSpec.from_json(spec.read_text()).columns == {"Call  Failure": "numeric", "plan": "categorical"}
