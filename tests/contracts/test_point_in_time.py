"""Point-in-time joins: nothing from the future, nothing repaired later; the SQL says the same as the rule."""

from datetime import UTC, datetime, timedelta

import duckdb
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.contracts.point_in_time import PointInTimeJoin

START = datetime(2026, 6, 1, tzinfo=UTC)
RULE = PointInTimeJoin(entity="id", longest_age=timedelta(hours=8))
HOURS = st.integers(0, 12)
HISTORY = st.lists(
    st.tuples(st.sampled_from("ab"), HOURS, HOURS, st.booleans()), max_size=12, unique_by=lambda r: r[:3]
)
EXAMPLES = st.lists(st.tuples(st.sampled_from("abc"), HOURS), min_size=1, max_size=5, unique=True)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def record(hour: int, written: int, value: str, deleted: bool = False):
    return {"id": "a", "event_time": at(hour), "write_time": at(written), "is_deleted": deleted, "x": value}


def test_nothing_from_the_future_is_seen():
    chosen = RULE.choose({"id": "a", "as_of": at(5)}, [record(4, 4, "then"), record(6, 6, "later")])

    assert chosen["x"] == "then"


def test_a_repair_that_was_written_later_is_not_seen():
    history = [record(4, 4, "as it was known"), record(4, 9, "repaired")]

    assert RULE.choose({"id": "a", "as_of": at(5)}, history)["x"] == "as it was known"
    assert RULE.choose({"id": "a", "as_of": at(10)}, history)["x"] == "repaired"


def test_too_old_or_deleted_features_are_none():
    assert RULE.choose({"id": "a", "as_of": at(12)}, [record(1, 1, "old")]) is None
    assert RULE.choose({"id": "a", "as_of": at(3)}, [record(1, 1, "x"), record(2, 2, "y", deleted=True)]) is None


@settings(max_examples=30, deadline=None)
@given(EXAMPLES, HISTORY)
def test_the_sql_chooses_what_the_rule_chooses(examples, history):
    records = [
        {"id": i, "event_time": at(e), "write_time": at(w), "is_deleted": d, "x": f"{i}{e}-{w}"}
        for i, e, w, d in history
    ]
    spine = [{"id": i, "as_of": at(moment)} for i, moment in examples]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.execute("CREATE TABLE spine (id VARCHAR, as_of TIMESTAMPTZ)")
        connection.execute(
            "CREATE TABLE history (id TEXT, event_time TEXT, write_time TIMESTAMPTZ, is_deleted BOOLEAN, x TEXT)"
        )
        connection.executemany("INSERT INTO spine VALUES (?, ?)", [[one["id"], one["as_of"]] for one in spine])
        if records:
            rows = [[r["id"], r["event_time"].isoformat(), r["write_time"], r["is_deleted"], r["x"]] for r in records]
            connection.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?)", rows)

        query = sqlglot.transpile(RULE.sql("spine", "history", ["x"]), read="trino", write="duckdb")[0]
        found = {(i, as_of): x for i, as_of, x in connection.execute(query).fetchall()}

    expected = {(one["id"], one["as_of"]): (RULE.choose(one, records) or {}).get("x") for one in spine}
    assert found == expected
