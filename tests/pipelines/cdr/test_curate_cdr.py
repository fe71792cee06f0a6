"""Curation: every raw row is used, a duplicate, late or in quarantine, exactly once, whatever the data does."""

import json
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from seatrial.spark.errors import DataError
from tests.pipelines.cdr import oracle
from tests.pipelines.lake import DAY, EVENTS, Lake, event, moment

pytestmark = pytest.mark.slow

BAD = {
    "event_id_missing": {"event_id": ""},
    "subscriber_id_missing": {"subscriber_id": None},
    "started_at_missing": {"started_at": None},
    "started_at_range": {"started_at": moment("06-01 12:00").replace(year=1999)},
    "received_at_missing": {"received_at": None},
    "kind_invalid": {"kind": "fax"},
    "duration_seconds_invalid": {"duration_seconds": float("nan")},
    "duration_seconds_range": {"duration_seconds": -1.0},
    "data_mb_range": {"data_mb": 1e9},
    "cell_id_missing": {"cell_id": ""},
    "dropped_range": {"dropped": 2},
}
DELAYS = {
    "on time": timedelta(seconds=2),
    "early within the skew": -timedelta(minutes=5),
    "future": -timedelta(minutes=6),
    "late at the limit": timedelta(hours=24),
    "late": timedelta(hours=25),
    "late at the reach": timedelta(days=3),
    "too late": timedelta(days=3, seconds=1),
}


@st.composite
def landings(draw):
    """One raw row of few ids, so that copies are common, with a moment, a delay, a fault, a source and a folder."""
    started = moment("06-02 00:00") + timedelta(minutes=draw(st.integers(-1500, 1500)))
    row = event(f"e{draw(st.integers(0, 25))}", started, subscriber_id=f"s{draw(st.integers(0, 3))}")
    row["received_at"] = started + draw(st.sampled_from(sorted(DELAYS.values())))
    fault = draw(st.sampled_from([*[{}] * 20, *BAD.values()]))
    arrival = row["received_at"].date() + timedelta(days=draw(st.sampled_from([0, 0, 0, 1, 4, -1])))
    return row | fault, arrival, draw(st.sampled_from(["batch", "stream"]))


def land_all(lake, landed):
    files = {}
    for row, arrival, source in landed:
        files.setdefault((arrival, source), []).append(row)
    for (arrival, source), rows in files.items():
        lake.land(rows, arrival, source)


@settings(
    max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(landed=st.lists(landings(), min_size=30, max_size=120))
def test_any_mix_of_copies_late_and_bad_rows_is_accounted_for_row_by_row(tmp_path_factory, spark, landed):
    lake = Lake(tmp_path_factory.mktemp("lake"), spark)
    land_all(lake, landed)

    summary = lake.curate("--maximum-quarantined-share", "1")

    accounts, kept = oracle.curate(landed)
    assert oracle.flat(lake.accounts()) == accounts
    assert lake.rows() == sorted(kept, key=repr)
    assert summary["read"] == len(landed)
    assert len(lake.rows("quarantine/cdr")) == summary["quarantined"] + summary["late_dropped"]


def test_each_reason_is_told_and_the_row_is_kept_as_it_came(lake):
    rows = [event(f"e{index}") | fault for index, fault in enumerate(BAD.values())]
    rows += [event(name, received_at=moment("06-01 12:00") + delay) for name, delay in DELAYS.items()]
    lake.land([*rows, event("good"), event("good")])

    lake.curate("--maximum-quarantined-share", "1")

    account = lake.account()
    assert account["quarantined"] == {**dict.fromkeys(BAD, 1), "future": 1}
    assert [account[name] for name in ("read", "used", "late_used", "duplicate", "late_dropped")] == [20, 4, 2, 1, 1]
    refused = {row["reason"]: row for row in lake.rows("quarantine/cdr")}
    assert json.loads(refused["kind_invalid"]["payload"])["kind"] == "fax"
    assert refused["too_late"]["file"] == "events/cdr/date=2026-06-01/part-00000.parquet"


def test_an_event_that_comes_again_by_the_other_source_is_used_once_and_the_first_copy_wins(lake):
    later = {"received_at": moment("06-01 13:00"), "duration_seconds": 1.0}
    lake.land([event("a", **later), event("a"), event("a")], source="stream")
    lake.land([event("a", **later)])

    lake.curate()

    assert [(row["source"], row["duration_seconds"]) for row in lake.rows()] == [("stream", 60.5)]
    sources = lake.account()["sources"]
    assert (sources["stream"]["duplicate"], sources["batch"]["duplicate"]) == (2, 1)


def test_only_days_that_received_rows_are_made_again(lake):
    lake.land([event("a"), event("b", "06-02 12:00")])
    lake.curate()
    before = lake.tree()

    nothing = lake.curate()
    lake.land([event("c", received_at=moment("06-03 01:00"))], date(2026, 6, 3))
    late = lake.curate()

    assert nothing["days"] == []
    assert late["days"] == ["2026-06-01"]
    assert (lake.account()["used"], lake.account()["late_used"]) == (1, 1)
    changed = {path for path, data in lake.tree().items() if before.get(path) != data}
    assert all("date=2026-06-01" in path for path in changed)
    assert len(lake.rows()) == 3


def test_a_rerun_gives_the_same_files_and_a_replaced_raw_file_a_new_partition(lake):
    lake.land([event("a"), event("b"), event("bad", kind="fax")])
    options = ["--maximum-quarantined-share", "0.5", "--from", "2026-06-01", "--to", "2026-06-01"]
    lake.curate(*options)
    before = lake.tree()

    lake.curate("--everything", *options)
    again = lake.tree()
    lake.land([event("a")])
    lake.curate(*options)

    assert again == before
    assert [row["event_id"] for row in lake.rows()] == ["a"]
    assert lake.rows("quarantine/cdr") == []


def test_a_run_that_dies_between_the_files_and_the_account_is_mended_by_the_next(lake):
    lake.land([event("a")])
    lake.curate()
    good = lake.tree()
    account = lake.root / "curated/telecom/accounts/curate_cdr/date=2026-06-01.json"
    lake.land([event("late", received_at=moment("06-02 13:00"))], date(2026, 6, 2))
    kept = account.read_bytes()
    account.with_name(f"_{account.name}").mkdir()  # the scratch file of the account cannot be written

    with pytest.raises(Exception, match="directory"):
        lake.curate()
    halfway = account.read_bytes()
    account.with_name(f"_{account.name}").rmdir()
    lake.curate()

    assert halfway == kept
    assert sorted(row["event_id"] for row in lake.rows()) == ["a", "late"]
    assert lake.tree().keys() & good.keys() == {str(account.relative_to(lake.root / "curated"))}


def test_a_new_column_upstream_is_read_over_and_reported(lake):
    extra = pa.Table.from_pylist([event("b")], EVENTS).append_column("roaming", pa.array([True]))
    lake.land([event("a")])
    lake.land(extra, name="part-00001")

    lake.curate()

    assert len(lake.rows()) == 2
    assert lake.account()["unexpected_columns"] == {"batch": ["roaming"]}


def without(name):
    return pa.Table.from_pylist([event("b"), event("c")], EVENTS).drop_columns([name])


def retyped(name, kind):
    table = pa.Table.from_pylist([event("b"), event("c")], EVENTS)
    index = table.schema.get_field_index(name)
    return table.set_column(index, name, table[name].cast(kind))


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (without("partner_id"), "column 'partner_id' is missing"),
        (retyped("duration_seconds", pa.string()), "column 'duration_seconds' must be a double, got 'binary STRING'"),
    ],
)
def test_a_missing_or_retyped_column_stops_the_job_and_changes_nothing(lake, table, sentence):
    lake.land([event("a")])
    lake.land(table, name="part-00001")

    with pytest.raises(DataError, match=sentence):
        lake.curate()

    assert lake.tree() == {}


def test_bad_files_can_be_set_aside_with_every_row_that_can_be_counted(lake):
    lake.land([event("a")])
    lake.land(without("dropped"), name="part-00001")
    lake.land(retyped("started_at", pa.timestamp("ns", tz="UTC")), source="stream")
    lake.land([event("cut off")], name="part-00002").write_bytes(b"PAR1 this is no parquet file")

    lake.curate("--bad-files", "quarantine", "--maximum-quarantined-share", "0.9")

    account = lake.account()
    assert (account["read"], account["used"], account["quarantined"]) == (5, 1, {"schema": 4})
    assert [uri.rsplit("/", 1)[1] for uri in account["unreadable_files"]] == ["part-00002.parquet"]


def test_timestamps_as_text_and_as_int96_are_read(lake):
    table = pa.Table.from_pylist([event("a"), event("b")], EVENTS)
    text = pa.array(["2026-06-01T12:00:00.5Z", "yesterday"])
    lake.land(table.set_column(2, "started_at", text))
    folder = lake.folder(DAY, "stream")
    folder.mkdir(parents=True)
    pa.parquet.write_table(
        pa.Table.from_pylist([event("c")], EVENTS), folder / "x.parquet", use_deprecated_int96_timestamps=True
    )

    lake.curate("--maximum-quarantined-share", "0.5")

    moments = {row["event_id"]: row["started_at"] for row in lake.rows()}
    assert moments == {"a": moment("06-01 12:00") + timedelta(seconds=0.5), "c": moment("06-01 12:00")}
    assert lake.account()["quarantined"] == {"started_at_invalid": 1}


def test_a_file_that_is_cut_off_stops_the_job_by_its_name(lake):
    path = lake.land([event("a")])
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(DataError, match=r"part-00000.parquet: .*PAR1|part-00000.parquet: .*magic|not a Parquet"):
        lake.curate()


def test_a_folder_that_is_still_being_written_stops_the_job(lake):
    lake.land([event("a")])
    (lake.folder(DAY) / "_temporary").mkdir()

    with pytest.raises(DataError, match="is being written, or its writer died"):
        lake.curate()


def test_too_many_refused_rows_or_a_silent_source_publish_nothing(lake):
    lake.land([event("a"), event("b", kind="fax")])

    with pytest.raises(DataError, match=r"2026-06-01: 1 of 2 rows are refused: \{'kind_invalid': 1\}"):
        lake.curate()
    with pytest.raises(DataError, match="2026-06-01: no rows from stream"):
        lake.curate("--require-sources", "batch,stream", "--maximum-quarantined-share", "1")

    assert [path for path in lake.tree() if "/_staging/" not in path] == []


def test_days_asked_for_without_any_event_have_an_account_of_zeros(lake):
    lake.land([event("a")])

    lake.curate("--from", "2026-06-01", "--to", "2026-06-03")

    assert {day: account["rows"] for day, account in lake.accounts().items()} == {
        "2026-06-01": 1,
        "2026-06-02": 0,
        "2026-06-03": 0,
    }
