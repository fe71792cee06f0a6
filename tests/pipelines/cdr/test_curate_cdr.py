"""Curation: every raw row is used, a duplicate, late or in quarantine, exactly once, whatever the data does."""

import json
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as fn

from seatrial.spark import raw_events, raw_rows
from seatrial.spark.errors import DataError
from seatrial.spark.files import Files
from tests.pipelines.cdr import oracle
from tests.pipelines.lake import DAY, EVENTS, Lake, event, load_job, moment, spark_session

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


def test_each_reason_is_told_the_first_copy_wins_and_silent_days_have_an_account(lake):
    rows = [event(f"e{index}") | fault for index, fault in enumerate(BAD.values())]
    rows += [event(name, received_at=moment("06-01 12:00") + delay) for name, delay in DELAYS.items()]
    lake.land([*rows, event("good"), event("good")])
    again = {"received_at": moment("06-02 13:00"), "duration_seconds": 1.0}
    lake.land([event("a", "06-02 12:00", **again), *[event("a", "06-02 12:00")] * 2], date(2026, 6, 2), "stream")
    lake.land([event("a", "06-02 12:00", **again)], date(2026, 6, 2))

    lake.curate("--maximum-quarantined-share", "1", "--from", "2026-06-01", "--to", "2026-06-03")

    account, second, third = (lake.account(f"2026-06-0{number}") for number in (1, 2, 3))
    assert account["quarantined"] == {**dict.fromkeys(BAD, 1), "future": 1}
    assert [account[name] for name in ("read", "used", "late_used", "duplicate", "late_dropped")] == [20, 4, 2, 1, 1]
    assert [second["sources"][name]["duplicate"] for name in ("stream", "batch")] == [2, 1]
    kept = {row["event_id"]: row for row in lake.rows()}["a"]
    assert (kept["source"], kept["duration_seconds"], kept["copies_stream"]) == ("stream", 60.5, 3)
    assert (third["read"], third["rows"], third["files"]) == (0, 0, [])
    refused = {row["reason"]: row for row in lake.rows("quarantine/cdr")}
    assert json.loads(refused["kind_invalid"]["payload"])["kind"] == "fax"
    assert refused["too_late"]["file"] == "events/cdr/date=2026-06-01/part-00000.parquet"


def test_an_event_sent_again_on_later_days_counts_once_and_one_id_of_two_days_is_two_events(lake):
    sent = [("06-02 15:00", "stream"), ("06-04 11:00", "batch"), ("06-10 12:00", "batch")]
    lake.land([event("a")])
    lake.curate()

    for received, source in sent:
        lake.land([event("a", received_at=moment(received))], moment(received).date(), source)
    lake.land([event("a")], date(2026, 6, 9))  # the first file once more, as it was
    lake.land([event("a", "06-03 12:00")], date(2026, 6, 3))
    lake.curate("--maximum-quarantined-share", "1")

    kept = {row["date"]: row for row in lake.rows()}
    assert sorted(kept) == ["2026-06-01", "2026-06-03"]
    first, other = kept.values()
    assert (first["copies_batch"], first["copies_stream"], first["received_at"]) == (2, 1, event("a")["received_at"])
    assert (other["copies_batch"], other["copies_stream"]) == (1, 0)
    assert (lake.account()["used"], lake.account()["duplicate"]) == (1, 2)
    assert {row["date"]: row["reason"] for row in lake.rows("quarantine/cdr")} == {
        "2026-06-09": "too_late",
        "2026-06-10": "too_late",
    }


@pytest.mark.parametrize(("pieces", "files"), [(1, {1}), (3, {2, 3})])
def test_copies_meet_in_one_file_however_many_files_a_day_goes_into(lake, pieces, files):
    job = load_job("cdr/steps/curate_cdr")
    columns = [name for name in EVENTS.names if name != "event_id"]
    good = {**event("a"), "source": "stream", "date": DAY}
    rows = [good | {"event_id": f"e{n % 40}", "duration_seconds": float(n)} for n in range(80)]

    kept = job.keep_first(lake.spark.createDataFrame(rows), 1, pieces)

    found = kept.select("event_id", "copies_stream", *columns, fn.spark_partition_id().alias("file")).collect()
    assert sorted((row.event_id, row.copies_stream, row.duration_seconds) for row in found) == sorted(
        (f"e{n}", 2, float(n)) for n in range(40)
    )
    assert len({row.file for row in found}) in files  # pieces may share a file, by the hash of their number


def test_the_code_that_asks_every_row_is_short_enough_for_javas_compiler(lake):
    lake.land([event("a")])
    files = Files(lake.spark)
    checked = raw_events.check_files(files, raw_events.list_inputs(files, str(lake.root / "raw"), "telecom"))
    for name, value in {"wholeStage": "true", "factoryMode": "FALLBACK"}.items():
        lake.spark.conf.set(f"spark.sql.codegen.{name}", value)
    try:
        plan = raw_rows.good_rows(lake.spark, checked)._jdf.queryExecution().executedPlan()
        debug = getattr(lake.spark._jvm.org.apache.spark.sql.execution.debug, "package$")
        stages = getattr(debug, "MODULE$").codegenStringSeq(plan)
    finally:
        spark_session()  # puts the tests' own settings back

    sizes = [stages.apply(number)._3().maxMethodCodeSize() for number in range(stages.size())]

    assert 0 < max(sizes) < 8_000  # bytes of a method: HotSpot interprets longer ones for ever


def test_days_are_made_again_when_rows_came_and_come_out_the_same_after_a_rerun_or_a_death(lake):
    lake.land([event("a"), event("bad", kind="fax")])
    lake.land([event("b", "06-02 12:00")], date(2026, 6, 2))
    options = ["--maximum-quarantined-share", "0.5", "--from", "2026-06-01", "--to", "2026-06-02"]
    lake.curate(*options)
    before = lake.tree()
    nothing = lake.curate(*options)
    lake.curate("--everything", *options)
    again = lake.tree()

    lake.land([event("late", received_at=moment("06-03 01:00"))], date(2026, 6, 3))
    account = lake.root / "curated/telecom/accounts/curate_cdr/date=2026-06-01.json"
    account.with_name(f"_{account.name}").mkdir()  # the account cannot be written: dies after the files were moved
    with pytest.raises(Exception, match="directory"):
        lake.curate(*options)
    halfway = account.read_bytes()
    account.with_name(f"_{account.name}").rmdir()
    mended = lake.curate(*options)

    assert nothing["days"] == []
    assert again == before
    assert halfway == before[str(account.relative_to(lake.root / "curated"))]
    assert mended["days"] == ["2026-06-01"]
    assert (lake.account()["used"], lake.account()["late_used"]) == (1, 1)
    changed = {path for path, data in lake.tree().items() if before.get(path) != data}
    assert changed
    assert all("date=2026-06-01" in path for path in changed)
    assert [row["event_id"] for row in lake.rows()] == ["a", "b", "late"]


def test_a_replaced_raw_file_makes_its_day_anew(lake):
    lake.land([event("a"), event("b")])
    lake.curate()
    lake.land([event("a")])

    lake.curate()

    assert [row["event_id"] for row in lake.rows()] == ["a"]
    assert len(list((lake.root / "curated/telecom/cdr").rglob("*.parquet"))) == 1


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


def test_bad_files_can_be_set_aside_while_new_columns_and_other_forms_of_time_are_read(lake):
    table = pa.Table.from_pylist([event("text"), event("no time")], EVENTS)
    lake.land([event("a")])
    lake.land(without("dropped"), name="part-00001")
    lake.land([event("cut off")], name="part-00002").write_bytes(b"PAR1 this is no parquet file")
    lake.land(table.set_column(2, "started_at", pa.array(["2026-06-01T12:00:00.5Z", "yesterday"])), name="part-00003")
    lake.land(retyped("started_at", pa.timestamp("ns", tz="UTC")), source="stream")
    extra = pa.Table.from_pylist([event("extra")], EVENTS).append_column("roaming", pa.array([True]))
    pq.write_table(extra, lake.folder(DAY, "stream") / "x.parquet", use_deprecated_int96_timestamps=True)

    day = ["--from", "2026-06-01", "--to", "2026-06-01"]
    lake.curate("--bad-files", "quarantine", "--maximum-quarantined-share", "0.9", *day)

    account = lake.account()
    assert (account["read"], account["used"]) == (8, 3)
    assert account["quarantined"] == {"schema": 4, "started_at_invalid": 1}
    assert account["unexpected_columns"] == {"stream": ["roaming"]}
    assert [uri.rsplit("/", 1)[1] for uri in account["unreadable_files"]] == ["part-00002.parquet"]
    moments = {row["event_id"]: row["started_at"] for row in lake.rows()}
    noon = moment("06-01 12:00")
    assert moments == {"a": noon, "extra": noon, "text": noon + timedelta(seconds=0.5)}


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


def test_too_many_refused_rows_and_a_silent_source_publish_nothing(lake):
    lake.land([event("a"), event("b", kind="fax")])

    with pytest.raises(DataError) as refused:
        lake.curate("--require-sources", "batch,stream")

    assert "2026-06-01: 1 of 2 rows are refused: {'kind_invalid': 1}" in str(refused.value)
    assert "2026-06-01: no rows from stream" in str(refused.value)
    assert [path for path in lake.tree() if "/_staging/" not in path] == []


def deliver(lake, day, **sources):
    """So many events of a day by each source."""
    for source, count in sources.items():
        rows = [event(f"{source}{number}", f"{day:%m-%d} 12:00") for number in range(count)]
        lake.land(rows, day, source)


def test_a_source_that_delivers_far_less_than_usual_stops_the_job_until_its_days_are_accepted(lake):
    days = [DAY + timedelta(days=number) for number in range(5)]
    for day in days[:4]:
        deliver(lake, day, batch=120, stream=101)
    deliver(lake, days[4], batch=60, stream=50)
    span = ["--from", str(days[0]), "--to", str(days[4])]

    with pytest.raises(DataError) as stopped:
        lake.curate(*span)
    nothing = [path for path in lake.tree() if "/_staging/" not in path]
    accepted = lake.curate(*span, "--silent-feeds", "publish")

    assert "\n  2026-06-05: 50 rows from stream, usually 101\n" in str(stopped.value)
    assert "rows from batch" not in str(stopped.value)
    assert "--silent-feeds publish" in str(stopped.value)
    assert nothing == []
    assert accepted["silent"] == ["2026-06-05: 50 rows from stream, usually 101"]
    assert lake.account(days[4])["sources"]["stream"]["used"] == 50


def test_an_accepted_day_may_grow_unasked_and_may_not_shrink(lake):
    job = load_job("cdr/steps/curate_cdr")
    options = job.parse(lake.places)
    table = job.tables_of(options, [])["curated"]
    files, day = Files(lake.spark), DAY + timedelta(days=4)
    for number in range(5):
        one = DAY + timedelta(days=number)
        files.write_json(table.account(one), {"sources": {"stream": {"read": 50 if one == day else 101}}})

    grown, shrunk = (
        job.silences(files, table, {day: {"sources": {"stream": {"read": rows}}}}, options) for rows in (50, 49)
    )

    assert grown == []
    assert shrunk == ["2026-06-05: 49 rows from stream, usually 101"]
