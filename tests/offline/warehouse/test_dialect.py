"""Redshift's SQL where a translation alone is wrong or impossible."""

from datetime import date
from decimal import Decimal

import pytest

from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from tests.offline.warehouse.conftest import NOW

PLAIN = NOW.replace(tzinfo=None)


@pytest.fixture
def table(session):
    session.execute(
        "create table t (a int distkey sortkey, b varchar(5) encode lzo, c char(3), d decimal(8,2), s super)"
    )
    session.execute(
        """insert into t values (1, 'x', 'ab', 1.50, json_parse('{"n": {"v": [10, {"k": "hi"}]}, "l": [1, 2]}')),
           (2, 'y', null, 2.25, null), (4, null, null, null, null)"""
    )
    return session


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 7/2, -7/2, 7/2.0::float", (3, -3, 3.5)),
        ("select avg(a), sum(a), avg(a::float) from t", (2, 7, 7 / 3)),
        ("select avg(d), sum(d) from t", (Decimal("1.87"), Decimal("3.75"))),
        ("select 1::decimal(8,2) / 3::decimal(8,2)", (Decimal("0.333333333"),)),
        (
            "select getdate(), sysdate, current_date",
            (PLAIN.replace(microsecond=0), PLAIN, PLAIN.date()),
        ),
        ("select trunc(sysdate), trunc(7.9)", (date(2026, 11, 2), Decimal(7))),
        ("select 'é'::varchar(1), 'abc'::varchar(2), '12345'::char(3)", ("", "ab", "123")),
        ("select concat('a', null), nvl2(null, 1, 2), decode(null, null, 'n', 'x')", (None, 2, "n")),
        ("select 'x ' = 'x', c = 'ab ', len(c) from t where a = 1", (True, True, 2)),
        ("select s.n.v[0], s.n.v[1].k, s.nothing.at[3] from t where a = 1", ("10", '"hi"', None)),
        ("select count(*) from t where s.n.v[1].k = 'hi' and s.n.v[0] = 10", (1,)),
        ("select sum(e) from t, t.s.l as e", (3.0,)),
        ("select listagg(b, ',') within group (order by a desc) from t", ("y,x",)),
        ("select approximate count(distinct a), median(a) from t", (3, 2.0)),
        ("select a from t qualify row_number() over (order by a desc) = 2", (2,)),
        ("select a + 1 as n, n * 2 as m from t where a = 1", (2, 4)),
        ("select '10_%' like '10\\\\_%', 'abc' similar to '(a|b)%', 'Abc' ilike 'a%'", (True, True, True)),
        ("select count(*) from t, (select 1 as k) u where t.a = u.k (+)", (3,)),
    ],
)
def test_a_query_gives_what_redshift_gives(table, sql, expected):
    assert table.execute(sql).rows == [expected]


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("insert into t (b) values ('123456')", "value too long for type character varying(5)"),
        ("insert into t (b) values ('éééé')", "value too long for type character varying(5)"),
        ("select 2147483647 + 1", "Overflow (Integer)"),
        ("select 1/0", "Divide by zero"),
        ("select '12.3'::int", 'invalid input syntax for integer: "12.3"'),
        ("select nothing from t", 'column "nothing" does not exist in t'),
        ("select * from nothing", 'relation "nothing" does not exist'),
        ("select a as k from t where k = 1", 'column "k" does not exist in t'),
        (
            "select sum(a) over (order by a) from t",
            "Aggregate window functions with an ORDER BY clause require a frame clause",
        ),
        ("select 1; select 2", "cannot insert multiple commands into a prepared statement"),
        ("select count(*) filter (where a > 1) from t", "syntax error: Redshift has no FILTER clause"),
        ("select x from (values (1)) v(x)", "syntax error: VALUES lists used as tables are not supported by Redshift"),
    ],
)
def test_a_mistake_is_told_in_redshifts_words(table, sql, sentence):
    with pytest.raises(SqlError) as raised:
        table.execute(sql)

    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("sql", "construct"),
    [
        ("select frobnicate(1)", "the function FROBNICATE"),
        ("create procedure p() nonatomic as $$ begin end; $$ language plpgsql", "NONATOMIC procedures"),
        ("create table g (p geometry)", "the data type"),
        ("select * from t pivot (sum(d) for b in ('x'))", "PIVOT and UNPIVOT"),
        ("select * from stv_blocklist", "the system view stv_blocklist"),
        ("create materialized view v auto refresh yes as select 1 as a", "AUTO REFRESH YES"),
        ("set timezone to 'Europe/Berlin'", "SET timezone"),
        ("copy t from 's3://b/k' iam_role default format orc", "COPY of ORC"),
        ("create user u password disable", "CREATE USER"),
    ],
)
def test_what_is_not_run_is_refused_by_name(table, sql, construct):
    with pytest.raises(NotSupportedError) as raised:
        table.execute(sql)

    assert f"does not support {construct}" in str(raised.value)


def test_writes_are_fitted_to_their_columns(table):
    table.execute("update t set b = 'wide ' where a = 1")
    table.execute("update t set c = u.v from (select 2 as k, 'zz' as v) u where t.a = u.k")
    table.execute("delete from t using (select 4 as k) u where t.a = u.k")

    rows = table.execute("select a, b, c from t order by a").rows

    assert rows == [(1, "wide ", "ab"), (2, "y", "zz")]


def test_merge_updates_inserts_and_refuses_a_double_match(table):
    merge = """merge into t using (select {source}) u on t.a = u.k when matched then update set b = u.v
               when not matched then insert (a, b) values (u.k, u.v)"""

    changed = table.execute(merge.format(source="1 as k, 'new' as v union all select 9, 'in'")).changed
    rows = table.execute("select a, b from t where a in (1, 9) order by a").rows

    assert (changed, rows) == (2, [(1, "new"), (9, "in")])
    with pytest.raises(SqlError, match="Found multiple matches to update the same tuple"):
        table.execute(merge.format(source="1 as k, 'p' as v union all select 1, 'q'"))


def test_keys_are_hints_and_identities_count(session):
    session.execute("create table i (id bigint identity(10, 5), k int primary key, unique (k))")
    session.execute("insert into i (k) values (1), (1)")

    rows = session.execute("select id, k from i order by id").rows

    assert rows == [(10, 1), (15, 1)]
    with pytest.raises(SqlError, match="cannot set an identity column to a value"):
        session.execute("insert into i (id, k) values (1, 1)")


def test_a_table_made_of_a_query_has_redshifts_types_and_keys(table):
    table.execute(
        "create table u distkey(a) compound sortkey(a, n) as select a, count(*) as n, avg(d) m from t group by a"
    )

    rows = table.execute("select \"column\", type, distkey, sortkey from pg_table_def where tablename = 'u'").rows

    assert rows == [("a", "integer", True, 1), ("n", "bigint", False, 2), ("m", "numeric(38,2)", False, 0)]


def test_a_materialized_view_shows_its_rows_until_it_is_refreshed(table):
    table.execute("create materialized view counted as select count(*) as n from t")
    table.execute("insert into t (a) values (5)")
    before = table.execute("select n from counted").rows

    table.execute("refresh materialized view counted")

    assert (before, table.execute("select n from counted").rows) == ([(3,)], [(4,)])


def test_a_rollback_restores_tables_and_the_catalog(database):
    session = database.session()
    session.execute("begin")
    session.execute("create table gone (a int)")

    session.execute("rollback")

    with pytest.raises(SqlError, match='relation "gone" does not exist'):
        session.execute("select * from gone")
    session.close()


def test_a_failed_statement_aborts_its_transaction(database):
    session = database.session()
    session.execute("begin")
    with pytest.raises(SqlError):
        session.execute("select 1/0")

    with pytest.raises(SqlError, match="current transaction is aborted"):
        session.execute("select 1")
    session.execute("rollback")

    assert session.execute("select 1").rows == [(1,)]
    session.close()


def test_unnamed_columns_have_redshifts_names(table):
    outcome = table.execute(
        "select count(*), sum(a), 1 + 1, dateadd(day, 1, getdate()), s.n.v, nvl(b, '') from t group by b, s"
    )

    assert outcome.columns == ["count", "sum", "?column?", "date_add", "v", "nvl"]
