"""What a rehearsal gets to work with: no row twice, every stretch there, labels counted, files in place."""

from dataclasses import replace
from hashlib import md5

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.config.sections import Dataset
from seatrial.contracts.dataset import DatasetSpec
from seatrial.contracts.given_dataset import lake_columns
from seatrial.rehearsal.data import (
    DataError,
    TelecomOptions,
    load_customer_table,
    prepare,
    split,
    write_snapshots,
)
from seatrial.rehearsal.frames import labels_of
from tests.rehearsal.public_tables import IBM, IRANIAN

TELECOM = DatasetSpec(name="churn", kind="telecom")
TINY = TelecomOptions(subscribers=120, quiet_subscribers=90, live_subscribers=60, fresh_subscribers=100, days=5)
STRETCHES = ["quiet", "covariate", "prior", "broken_feed", "concept"]


def ids(tables):
    table = tables.get("crm", tables.get("table"))
    return set(table[table.column_names[0]].to_pylist())


def test_telecom_data_has_every_stretch_in_its_size():
    data = split(TINY, TELECOM, 1)

    assert list(data.live) == STRETCHES
    assert [len(ids(tables)) for tables in data.live.values()] == [90, 60, 60, 60, 60]
    assert (len(ids(data.history)), len(ids(data.fresh))) == (120, 100)
    assert data.customer_table is None


def test_no_telecom_subscriber_is_in_two_snapshots():
    data = split(TINY, TELECOM, 1)

    parts = [ids(data.history), ids(data.fresh), *(ids(tables) for tables in data.live.values())]
    assert len(set.union(*parts)) == sum(len(part) for part in parts)


def test_live_data_comes_after_history_and_fresh_data_after_that():
    data = split(TINY, TELECOM, 1)

    first, live, fresh = (
        tables["cdr"]["started_at"].to_numpy() for tables in (data.history, data.live["quiet"], data.fresh)
    )
    assert first.max() < live.min()
    assert live.max() < fresh.min()


def test_counts_labelled_rows_of_both_kinds(table, spec):
    telecom, own = split(TINY, TELECOM, 1), split(table, spec, 1)

    assert telecom.labelled_rows(telecom.history) == 120
    assert own.labelled_rows(own.history) == own.history["table"].num_rows


def test_a_customers_rows_are_in_one_part_only(table, spec):
    data = split(table, spec, 1)

    history, live, fresh = (
        ids(data.history),
        set.union(*(ids(tables) for tables in data.live.values())),
        ids(data.fresh),
    )
    assert not history & live
    assert not history & fresh
    assert not live & fresh
    assert len(history | live | fresh) == table.num_rows


def test_the_parts_have_the_churn_rate_of_the_whole(table, spec):
    data = split(table, spec, 1)

    rate = labels_of(table, spec).mean()
    for tables in (data.history, data.live["quiet"], data.live["concept"], data.fresh):
        assert labels_of(tables["table"], spec).mean() == pytest.approx(rate, abs=0.005)


def test_times_are_dealt_anew_for_the_rehearsals_requests_have_no_rhythm(table, spec):
    times = pa.array([f"2026-11-01T{row * 24 // table.num_rows:02}:00:00Z" for row in range(table.num_rows)])
    timed = replace(spec, time_column="seen_at")

    data = split(table.append_column("seen_at", times), timed, 1)

    plain, history = split(table, spec, 1).history["table"], data.history["table"]
    assert history.drop_columns(["seen_at"]).equals(plain)
    assert len(set(history.column("seen_at").to_pylist())) == 24
    kept = dict(zip(table.column(spec.id).to_pylist(), times.to_pylist(), strict=True))
    dealt = zip(history.column(spec.id).to_pylist(), history.column("seen_at").to_pylist(), strict=True)
    assert sum(kept[name] == time for name, time in dealt) < history.num_rows / 10


def test_equal_rows_without_an_id_stay_in_one_part(table, spec):
    nameless = replace(spec, id=None)
    doubled = table.drop(["id"]).take(list(range(1500)) * 2)

    data = split(doubled, nameless, 1)

    features = list(spec.columns)
    parts = [
        set(map(tuple, zip(*tables["table"].select(features).to_pydict().values(), strict=True)))
        for tables in (data.history, data.live["quiet"], data.fresh)
    ]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 1500


def test_another_seed_divides_otherwise(table, spec):
    assert ids(split(table, spec, 1).history) == ids(split(table, spec, 1).history)
    assert ids(split(table, spec, 1).history) != ids(split(table, spec, 2).history)


def test_writes_the_raw_layout(tmp_path, table, spec):
    data = split(table, spec, 1)

    write_snapshots({"history": data.history, **data.live}, tmp_path)

    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet"))
    assert files == sorted(f"snapshot={name}/table/part-00000.parquet" for name in ["history", *STRETCHES])
    assert pq.read_table(tmp_path / "snapshot=history/table/part-00000.parquet").equals(data.history["table"])


def test_the_broken_feed_of_telecom_data_keeps_its_schema_on_disk(tmp_path):
    write_snapshots({"broken_feed": split(TINY, TELECOM, 1).live["broken_feed"]}, tmp_path)

    path = tmp_path / "snapshot=broken_feed/network_kpi/part-00000.parquet"
    assert pq.read_metadata(path).num_rows == 0
    assert pq.read_schema(path).names == ["cell_id", "day", "drop_rate", "throughput_mbps", "latency_ms"]


def test_refuses_a_file_for_generated_data(tmp_path):
    with pytest.raises(DataError, match=r"set training\.dataset\.kind to table"):
        prepare(TELECOM, tmp_path / "t.csv", 1)


def test_asks_for_the_file_of_a_table(spec):
    with pytest.raises(DataError, match="give its file with --data FILE"):
        prepare(spec, None, 1)


@pytest.mark.parametrize(
    ("spec", "name", "rows", "parts"),
    [
        (IBM, "ibm_telco_customer_churn.csv.gz", 7043, (3400, 2000, 1300)),
        (IRANIAN, "iranian_churn_uci563.csv.gz", 3150, (1500, 900, 500)),
    ],
)
def test_the_public_tables_load_and_divide(public_data, spec, name, rows, parts):
    table = load_customer_table(public_data / name, spec)

    data = split(table, spec, 7)

    assert table.num_rows == rows
    sizes = [tables["table"].num_rows for tables in (data.history, data.live["quiet"], data.fresh)]
    assert sum(sizes) == rows
    assert all(size > least for size, least in zip(sizes, parts, strict=True)), sizes
    assert all(tables["table"].num_rows >= 300 for tables in data.live.values())


SPEC = DatasetSpec(name="t", kind="table", id="id", label="left", positive="yes", columns={"age": "numeric"})


def made_up(names, labels):
    ages = [str(20 + row % 50) for row in range(len(names))]
    return pa.table({"id": names, "left": ["yes" if label else "no" for label in labels], "age": ages})


@pytest.mark.parametrize("subscribers", [1, 2, 3])
def test_a_table_whose_parts_would_lack_a_class_is_refused_in_one_sentence(subscribers):
    names = [f"s{row % subscribers}" for row in range(1000)]

    with pytest.raises(DataError, match=r"part '\w+' needs both classes, got \d+ churners among \d+ rows") as caught:
        split(made_up(names, [row % 4 == 0 for row in range(1000)]), SPEC, 1)

    assert "\n" not in str(caught.value)


def test_a_split_of_the_training_data_that_would_lack_a_class_is_refused():
    def bucket(name):
        return int(md5(name.encode(), usedforsecurity=False).hexdigest()[:8], 16) % 100

    names = [f"s{number}" for number in range(2000)]
    labels = [bucket(name) < 60 and number % 3 == 0 for number, name in enumerate(names)]

    with pytest.raises(DataError, match=r"part 'validation' needs both classes, got 0 churners"):
        split(made_up(names, labels), SPEC, 1)


LAKE = Dataset.model_validate({"name": "churn", "kind": "lake"})


def test_what_the_lakes_jobs_make_is_rehearsed_with_them_or_given_as_a_file():
    with pytest.raises(
        DataError, match=r"training.dataset 'churn' is made by the lake's jobs: .* --with data, or give"
    ):
        prepare(LAKE, None, 1)


def test_a_training_set_of_the_lake_is_a_table_of_its_features(tmp_path):
    rng, rows = np.random.default_rng(3), 1200
    made = {name: rng.normal(0, 1, rows) for name, kind in lake_columns().items() if kind == "numeric"}
    made |= {name: rng.choice(["a", "b"], rows) for name, kind in lake_columns().items() if kind == "categorical"}
    names = {"subscriber_id": [f"s{row}" for row in range(rows)], "churned": rng.integers(0, 2, rows)}
    pq.write_table(pa.table(names | made), tmp_path / "part.parquet")

    data = prepare(LAKE, tmp_path / "part.parquet", 1)

    assert data.spec.kind == "table"
    assert data.history["table"].column_names == ["subscriber_id", "churned", *lake_columns()]
    assert data.labelled_rows(data.history) == data.history["table"].num_rows > 500
