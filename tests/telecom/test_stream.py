"""The stream holds the same events as the files, in order of arrival over all blocks."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.dataset as ds

from seatrial.contracts.cdr import CDR
from seatrial.telecom.events import EVENT_SCHEMA
from seatrial.telecom.fleet import generate_files
from seatrial.telecom.plan import BLOCK_SUBSCRIBERS, Faults, Plan
from seatrial.telecom.stream import days_of_arrival, stream, to_json

SPOILT = Plan(subscribers=150, days=33, seed=2, faults=Faults(duplicates=0.02, late=0.02, too_late=0.02, bad=0.02))


def test_the_stream_holds_the_rows_of_the_files(tmp_path):
    generate_files(SPOILT, str(tmp_path), events_only=True)

    files = ds.dataset(tmp_path / "events" / "cdr").to_table().sort_by([("received_at", "ascending")])
    streamed = pa.concat_tables([table for _, table in days_of_arrival(SPOILT)])
    assert streamed.sort_by([("received_at", "ascending"), ("event_id", "ascending")]).equals(
        files.sort_by([("received_at", "ascending"), ("event_id", "ascending")]).cast(EVENT_SCHEMA)
    )


def test_events_of_all_blocks_come_in_order_of_arrival():
    plan = Plan(subscribers=BLOCK_SUBSCRIBERS + 300, days=2, seed=2, faults=Faults(late=0.1))

    tables = [table for _, table in days_of_arrival(plan)]
    received = pa.concat_tables(tables)["received_at"].to_pylist()
    assert received == sorted(received)
    first = set(tables[0]["event_id"].to_pylist())
    assert {one[:6] for one in first} == {"000000", "000001"}


def test_a_record_is_the_contracts_json():
    for event in stream(Plan(subscribers=30, days=1, seed=1)):
        row = CDR.from_json(event.data)
        assert row["event_id"] == event.partition_key
        assert row["received_at"] == event.received_at


def test_spoilt_records_reach_the_stream_as_they_are():
    texts = [event.data for event in stream(SPOILT)]

    for piece in (
        '"subscriber_id":null',
        '"started_at":null',
        '"kind":"fax"',
        '"duration_seconds":-1,',
        '"dropped":2}',
    ):
        assert any(piece in text for text in texts), piece


def test_days_can_be_chosen():
    events = list(stream(SPOILT, date(2026, 6, 3), date(2026, 6, 4)))

    assert {event.received_at.date() for event in events} == {date(2026, 6, 3), date(2026, 6, 4)}
    assert [event.received_at for event in events] == sorted(event.received_at for event in events)


def test_json_of_one_row_is_exact():
    row = {
        "event_id": "e1",
        "subscriber_id": "s1",
        "started_at": datetime(2026, 6, 1, 12, 0, 0, 5, tzinfo=UTC),
        "received_at": datetime(2026, 6, 1, 12, 0, 7, tzinfo=UTC),
        "kind": "voice",
        "duration_seconds": 61.5,
        "data_mb": 0.0,
        "partner_id": None,
        "cell_id": "north-001",
        "dropped": 0,
    }

    (text,) = to_json(pa.Table.from_pylist([row], schema=EVENT_SCHEMA)).to_pylist()

    assert text == (
        '{"event_id":"e1","subscriber_id":"s1","started_at":"2026-06-01T12:00:00.000005Z",'
        '"received_at":"2026-06-01T12:00:07.000000Z","kind":"voice","duration_seconds":61.5,"data_mb":0,'
        '"partner_id":null,"cell_id":"north-001","dropped":0}'
    )
    assert CDR.from_json(text) == {**row, "data_mb": 0}
