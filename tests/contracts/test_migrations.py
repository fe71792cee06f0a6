"""Migration files: read in order, every mistake told at once; scripts split and filled without surprises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.contracts.migrations import MigrationFilesError, read_migrations
from seatrial.contracts.sql_scripts import ScriptError, fill, split_statements
from seatrial.decisions.migration import Applied, plan

FIRST = {"0001_a.sql": "CREATE SCHEMA a;"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "there is no migration"),
        ({"1_a.sql": "SELECT 1"}, "1_a.sql: must be named NNNN_name.sql in lower case"),
        ({"0002_a.sql": "SELECT 1"}, r"versions must count up from 0001 without gap or repetition, got \[2\]"),
        ({"0001_a.sql": "SELECT 1", "0001_b.sql": "SELECT 1"}, r"got \[1, 1\]"),
        ({"0001_a.sql": "-- nothing\n;"}, "0001_a.sql: holds no statement"),
        ({"0001_a.sql": "SELECT 1;" * 38}, "holds 38 statements, one transaction takes 37 at most: split the file"),
        ({"0001_a.sql": "CREATE SCHEMA a; COMMIT;"}, "COMMIT would end the transaction"),
        ({"0001_a.sql": "TRUNCATE a;"}, "TRUNCATE would end the transaction"),
        ({"0001_a.sql": "VACUUM a;"}, "VACUUM cannot run inside a transaction: a file of its own"),
        ({"0001_a.sql": "create  external\nschema x"}, "CREATE EXTERNAL SCHEMA cannot run inside a transaction"),
        ({"0001_a.sql": "-- seatrial: outside-transaction\nVACUUM a; VACUUM b;"}, "allows one statement, got 2"),
        ({"0001_a.sql": "-- seatrial: outside-transaction\nCREATE TABLE a (i INT)"}, "that can be repeated"),
        ({"0001_a.sql": "-- seatrial: requires spectra\nSELECT 1"}, "unknown directive 'requires spectra', known: "),
        ({"0001_a.sql": "SELECT 'x"}, "0001_a.sql: line 1: ' is never closed"),
    ],
)
def test_says_what_is_wrong_with_a_folder(files, message):
    with pytest.raises(MigrationFilesError, match=message):
        read_migrations(files)


def test_every_mistake_is_told_at_once():
    with pytest.raises(MigrationFilesError) as caught:
        read_migrations({"a.sql": "SELECT 1", "0001_b.sql": "COMMIT"})

    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("SELECT 1; SELECT 2", ("SELECT 1", "SELECT 2")),
        ("SELECT 'it''s; ok' ; ;", ("SELECT 'it''s; ok'",)),
        (r"SELECT 'a\'; b';", (r"SELECT 'a\'; b'",)),
        ('SELECT ";" -- no; end\n FROM t', ('SELECT ";"  \n FROM t',)),
        ("/* a; b */ SELECT 1", ("SELECT 1",)),
        ("CREATE PROCEDURE p() AS $x$ BEGIN a; b; END $x$ LANGUAGE plpgsql; SELECT 1",
         ("CREATE PROCEDURE p() AS $x$ BEGIN a; b; END $x$ LANGUAGE plpgsql", "SELECT 1")),
    ],
)  # fmt: skip
def test_statements_end_at_semicolons_outside_of_quotes(script, statements):
    assert split_statements(script) == statements


@given(st.lists(st.sampled_from(["SELECT 1", "SELECT ';'", 'SELECT ";"', "DO $$ a; b $$"]), min_size=1, max_size=6))
def test_splitting_what_was_joined_gives_it_back(statements):
    assert split_statements(" ;\n-- c; d\n".join(statements)) == tuple(statements)


@pytest.mark.parametrize("value", ["x'; DROP TABLE t; --", "a b", 'a"b', "a\nb"])
def test_no_value_can_change_the_statement_around_it(value):
    with pytest.raises(ScriptError, match="must hold letters, digits and"):
        fill("SELECT '${x}'", {"x": value})


@given(st.integers(0, 6), st.integers(1, 6))
def test_whatever_has_been_applied_the_rest_follows_in_order(done, count):
    available = read_migrations({f"{n:04d}_m.sql": f"SELECT {n}" for n in range(1, count + 1)})
    applied = [Applied(m.version, m.name, m.checksum) for m in available[:done]]

    decision = plan(applied, available)

    assert decision.pending == available[done:]
    assert decision.action == ("apply" if available[done:] else "done")


def test_a_recorded_migration_twice_is_refused():
    (first,) = read_migrations(FIRST)
    row = Applied(1, "a", first.checksum)

    assert plan([row, row], [first]).reason == (
        "0001_a is recorded twice: somebody wrote into the table of migrations, have a look"
    )


def test_a_gap_below_the_newest_is_refused():
    first, second = read_migrations({**FIRST, "0002_b.sql": "SELECT 2"})

    decision = plan([Applied(2, "b", second.checksum)], [first, second])

    assert decision.action == "refuse"
    assert "give it a number after the last one" in decision.reason
