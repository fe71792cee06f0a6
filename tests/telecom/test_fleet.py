"""Files of an operator: the same from any number of processes, complete, and counted as they lie there."""

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from seatrial.contracts.telecom import BILLING, CARE, CRM, LABELS
from seatrial.telecom.fleet import MOST_BLOCKS_A_FILE, generate_files, tasks
from seatrial.telecom.landing import SUMMARY, LandingError
from seatrial.telecom.plan import BLOCK_SUBSCRIBERS, Faults, Plan

FAULTS = Faults(duplicates=0.01, late=0.01, too_late=0.01, out_of_order=0.01, bad=0.01)
PLAN = Plan(subscribers=2 * BLOCK_SUBSCRIBERS + 5, days=3, seed=3, faults=FAULTS)
LONG = Plan(subscribers=300, days=65, seed=4, churn_rate=0.03, crm_every=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("operator") / "telecom"
    generate_files(PLAN, str(place))
    return place


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    place = tmp_path_factory.mktemp("long")
    generate_files(LONG, str(place))
    return place


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(folder, table):
    return ds.dataset(folder / table, partitioning="hive").to_table()


def account(folder):
    return json.loads((folder / SUMMARY).read_text())


def test_two_processes_write_the_same_bytes_as_one(folder, tmp_path):
    generate_files(PLAN, str(tmp_path / "again"), workers=2)

    assert contents(tmp_path / "again") == contents(folder)


def test_another_seed_gives_other_rows_and_the_same_layout(folder, tmp_path):
    other = Plan(subscribers=PLAN.subscribers, days=3, seed=4, faults=FAULTS)
    generate_files(other, str(tmp_path))

    first, second = (contents(place / "tables") for place in (folder, tmp_path))
    assert first.keys() == second.keys()
    assert first != second


def test_events_lie_by_day_of_arrival_without_arrows_own_schema(folder):
    for path in (folder / "events" / "cdr").rglob("*.parquet"):
        day = date.fromisoformat(path.parent.name.removeprefix("date="))
        table = pq.read_table(path, partitioning=None)
        assert set(pc.cast(table["received_at"], pa.date32()).to_pylist()) == {day}
        assert table.schema.field("subscriber_id").type == pa.string()
        assert table.schema.field("started_at").type == pa.timestamp("us", tz="UTC")
        assert table.schema.metadata is None


def test_the_account_counts_what_lies_there(folder):
    told, events = account(folder), read(folder, "events/cdr")

    assert told["rows"]["events"] == told["events"]["rows"] == events.num_rows
    assert told["events"]["distinct"] == len(pc.unique(events["event_id"]))
    counted = pc.value_counts(events["date"].combine_chunks()).to_pylist()
    assert told["events"]["rows_by_arrival"] == {str(one["values"]): one["counts"] for one in counted}
    assert told["files"] == len(list(folder.rglob("*.parquet")))
    for table in ("crm", "billing", "care", "labels", "network_kpi"):
        assert told["rows"][table] == read(folder, f"tables/{table}").num_rows, table


@pytest.mark.parametrize(
    ("table", "contract"), [("crm", CRM), ("billing", BILLING), ("care", CARE), ("labels", LABELS)]
)
def test_extracts_keep_their_contracts_and_keys(long, table, contract):
    rows = read(long, f"tables/{table}")

    listed = rows.to_pylist()
    assert {reason for row in listed if (reason := contract.problem(row))} == set()
    keys = [(*(row[name] for name in contract.key), row["date"] if table == "crm" else None) for row in listed]
    assert len(set(keys)) == len(keys)


def test_the_crm_holds_every_customer_of_its_day_and_shows_changes(long):
    crm = read(long, "tables/crm").to_pandas()

    days = sorted(crm["date"].astype(str).unique())
    assert days == [str(LONG.day(number)) for number in range(0, 65, 7)]
    sizes = crm.groupby("date", observed=True).size()
    assert sizes.iloc[0] >= 298
    assert (sizes.diff().dropna() <= 0).all()
    assert sizes.iloc[-1] < 295
    assert (crm.groupby("subscriber_id")["plan_type"].nunique() > 1).sum() >= 3
    assert crm.groupby("subscriber_id")["tenure_months"].agg(lambda months: months.max() - months.min()).max() == 2


def test_invoices_are_named_by_calendar_months_even_where_thirty_days_are_not_one(long):
    billing = read(long, "tables/billing")

    assert sorted(set(billing["invoice_month"].to_pylist())) == ["2026-06", "2026-07", "2026-08"]


def test_labels_tell_who_leaves_within_thirty_days_and_come_when_all_are_known(long):
    labels, crm = read(long, "tables/labels").to_pandas(), read(long, "tables/crm").to_pandas()

    first = labels[labels["as_of"] == LONG.day(30)]
    assert set(first["date"].astype(str)) == {"2026-08-03"}
    assert str(first["known_at"].max())[:10] == "2026-08-03"
    churners = set(first[first["churned"] == 1]["subscriber_id"])
    assert 2 <= len(churners) <= 25
    there = set(crm[crm["date"].astype(str) == "2026-08-03"]["subscriber_id"])
    assert not churners & there
    assert set(first[first["churned"] == 0]["subscriber_id"]) <= set(
        crm[crm["date"].astype(str) == "2026-07-27"]["subscriber_id"]
    )


def test_no_event_of_a_subscriber_comes_after_the_crm_has_lost_him(long):
    crm, events = read(long, "tables/crm").to_pandas(), read(long, "events/cdr").to_pandas()

    gone = set(crm["subscriber_id"]) - set(crm[crm["date"].astype(str) == "2026-07-27"]["subscriber_id"])
    late = events[events["subscriber_id"].isin(gone) & (events["started_at"] >= "2026-07-28T00:00:00Z")]
    assert gone
    assert late.empty


def test_the_best_possible_auc_is_told_for_each_label_set(folder, long):
    (only,) = account(folder)["labels"].values()

    assert only["labels"] == account(folder)["rows"]["labels"]
    assert 0.8 < only["bayes_auc"] < 0.9
    assert list(account(long)["labels"]) == ["2026-07-01", "2026-07-31", "2026-08-05"]


def test_events_alone_can_be_written(tmp_path):
    generate_files(Plan(subscribers=20, days=2), str(tmp_path), events_only=True)

    assert sorted(path.name for path in tmp_path.iterdir()) == [SUMMARY, "events"]


def test_a_place_that_is_not_empty_is_left_alone(folder):
    before = contents(folder)

    with pytest.raises(LandingError, match=r"is not empty .*: take another, or empty it"):
        generate_files(PLAN, str(folder))

    assert contents(folder) == before


def test_data_that_could_not_be_finished_has_no_account(tmp_path):
    (tmp_path / "fine").mkdir()
    place = tmp_path / "fine"

    def full(account, done, of):
        raise OSError(28, "No space left on device")

    with pytest.raises(LandingError, match=r"what lies there is incomplete: .*No space left"):
        generate_files(Plan(subscribers=20, days=2), str(place), progress=full)

    assert not (place / SUMMARY).exists()


def test_files_grow_with_the_operator_but_not_without_end():
    sizes = []
    for blocks in (1, 31, 64, 3200):
        groups = [one.blocks for one in tasks(Plan(subscribers=blocks * BLOCK_SUBSCRIBERS, days=1), events_only=True)]
        sizes.append(max(map(len, groups)))
        assert [block for group in groups for block in group] == list(range(blocks))

    assert sizes == [1, 1, 2, MOST_BLOCKS_A_FILE]


def test_memory_is_that_of_one_block_however_many_there_are():
    """What a task keeps between months is the state of its blocks alone: some hundred bytes a subscriber."""
    from seatrial.telecom.lifecycle import live

    month = next(live(Plan(subscribers=BLOCK_SUBSCRIBERS, days=30), 0))
    state = sum(values.nbytes for values in vars(month.people).values())

    assert state * MOST_BLOCKS_A_FILE < 100e6


@pytest.mark.parametrize("place", ["gs://bucket/x", "s3://", "hdfs://a/b"])
def test_an_address_that_cannot_be_used_is_told(place):
    with pytest.raises(LandingError, match=r"^--out: "):
        generate_files(PLAN, place)


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "file").write_text("x")

    with pytest.raises(LandingError, match="cannot be used"):
        generate_files(PLAN, str(Path(tmp_path / "file" / "below")))
