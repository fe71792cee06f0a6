"""Stored procedures: the guide's own examples, control flow, and what is refused when a procedure is made."""

import pytest

from seatrial.offline.warehouse.errors import NotSupportedError, SqlError

TEST_SP1 = """CREATE OR REPLACE PROCEDURE test_sp1(f1 in int, f2 inout varchar(256), out_var OUT varchar(256))
AS $$
DECLARE
  loop_var int;
BEGIN
  IF f1 is null OR f2 is null THEN
    RAISE EXCEPTION 'input cannot be null';
  END IF;
  DROP TABLE if exists my_etl;
  CREATE TEMP TABLE my_etl(a int, b varchar);
    FOR loop_var IN 1..f1 LOOP
        insert into my_etl values (loop_var, f2); -- as many rows as asked for; doubled each time
        f2 := f2 || '+' || f2;
    END LOOP;
  SELECT INTO out_var count(*) from my_etl;
END;
$$ LANGUAGE plpgsql"""
"""From "Overview of stored procedures" of the guide, which prints what its call gives."""
UPDATE_VALUE = """CREATE PROCEDURE update_value() AS $$
DECLARE
  value integer := 20;
BEGIN
  RAISE NOTICE 'Value here is %', value;  -- Value here is 20
  value := 50;
  DECLARE
    value integer := 80;
  BEGIN
    RAISE NOTICE 'Value here is %', value;  -- Value here is 80
  END;
  RAISE NOTICE 'Value here is %', value;  -- Value here is 50
END;
$$ LANGUAGE plpgsql"""
"""From "Structure of PL/pgSQL" of the guide."""
LOOPS = """create procedure sp_loops(out total bigint, out n int) language plpgsql as $$
declare
  rec record;
  i int := 0;
begin
  total := 0;
  for rec in select a, b from source order by a loop
    total := total + rec.a * 10;
    insert into t values (rec.a, rec.b);
    get diagnostics n := row_count;
  end loop;
  while true loop
    i := i + 1;
    continue when i < 3;
    exit when i >= case when i > 5 then 6 else 7 end;
  end loop;
  <<outer>>
  for k in reverse 5..1 by 2 loop
    loop
      exit outer when k = 3;
      exit;
    end loop;
  end loop;
  execute 'update t set b = ' || quote_literal('it''s') || ' where a = 1';
  update t set a = a + i where b = 'it''s';
  select count(*) into n from t where a > i;
  if not found then
    raise exception 'none';
  elsif n = 0 then
    n := -1;
  else
    null;
  end if;
end;
$$"""


def test_the_guides_procedure_gives_the_guides_row(session):
    session.execute(TEST_SP1)

    outcome = session.execute("call test_sp1(2,'2019')")

    assert outcome.columns == ["f2", "out_var"]
    assert outcome.rows == [("2019+2019+2019+2019", "2")]
    assert session.execute("select * from my_etl order by a").rows == [(1, "2019"), (2, "2019+2019")]
    with pytest.raises(SqlError, match=r"^input cannot be null$"):
        session.execute("call test_sp1(null,'2019')")


def test_variables_of_an_inner_block_hide_those_outside(session):
    session.execute(UPDATE_VALUE)

    session.execute("call update_value()")

    assert session.values["notices"] == [f"NOTICE:  Value here is {number}" for number in (20, 80, 50)]


def test_loops_records_dynamic_statements_and_counts(session):
    session.execute("create table source as select 1 as a, 'x'::varchar(9) as b union all select 2, 'y'")
    session.execute("create table t (a int, b varchar(20))")
    session.execute(LOOPS)

    row = session.execute("call sp_loops()").rows

    assert row == [(30, 1)]
    assert session.execute("select a, b from t order by a").rows == [(2, "y"), (7, "it's")]


def test_procedures_call_each_other_and_not_for_ever(session):
    session.execute("create table deep (n int)")
    body = "begin insert into deep values (n); call sp_again(1); end;"
    session.execute(f"create procedure sp_deep(n int) as $$ {body} $$ language plpgsql")
    session.execute("create procedure sp_again(n int) as $$ begin call sp_deep(2); end; $$ language plpgsql")

    with pytest.raises(SqlError, match="nested call depth exceeds 16"):
        session.execute("call sp_deep(0)")


@pytest.mark.parametrize(
    ("body", "error", "sentence"),
    [
        ("begin commit; end;", NotSupportedError, "COMMIT in a procedure"),
        ("begin null; exception when others then null; end;", NotSupportedError, "EXCEPTION in a procedure"),
        ("declare c refcursor; begin end;", NotSupportedError, "a variable of type refcursor"),
        ("begin fetch c into x; end;", NotSupportedError, "cursors"),
        ("begin select 1; end;", SqlError, "no destination for result data"),
        ("begin return 1; end;", SqlError, "use an OUT argument"),
        ("begin if 1 = 1 then null; end;", SqlError, "want IF"),
        ("begin null;", SqlError, "want END"),
        ("begin null; end; begin end;", SqlError, "after the end of the procedure"),
    ],
)
def test_a_body_that_cannot_run_is_refused_when_it_is_made(session, body, error, sentence):
    with pytest.raises(error, match=sentence):
        session.execute(f"create procedure p() as $$ {body} $$ language plpgsql")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("begin x := 1; end;", '"x" is not a known variable'),
        ("declare x constant int := 1; begin x := 2; end;", "declared CONSTANT"),
        ("declare x int; begin create table made as select x as a; end;", "EXECUTE it"),
        ("declare x int; y int; begin select 1 into x, y; end;", "1 columns for 2 variables"),
        ("begin exit; end;", "outside of a loop"),
    ],
)
def test_what_goes_wrong_in_a_call_is_told(session, body, sentence):
    session.execute(f"create procedure p() as $$ {body} $$ language plpgsql")

    with pytest.raises(SqlError, match=sentence):
        session.execute("call p()")


def test_a_procedure_is_replaced_only_when_asked(session):
    session.execute("create procedure p(a int) as $$ begin null; end; $$ language plpgsql")
    session.execute("create procedure p(a int, b int) as $$ begin null; end; $$ language plpgsql")
    session.execute("create or replace procedure p(a int) as $$ begin raise info 'new'; end; $$ language plpgsql")

    session.execute("call p(1)")

    assert session.values["notices"] == ["INFO:  new"]
    with pytest.raises(SqlError, match="already exists with same argument types"):
        session.execute("create procedure p(b int) as $$ begin null; end; $$ language plpgsql")


def test_a_dropped_procedure_is_gone(session):
    session.execute("create procedure p(int, out b int) as $$ begin b := $1 + 1; end; $$ language plpgsql")
    assert session.execute("call p(4)").rows == [(5,)]
    assert "b := $1 + 1" in session.execute("show procedure p(int)").rows[0][0]

    session.execute("drop procedure p(int)")

    with pytest.raises(SqlError, match="procedure p\\(int\\) does not exist"):
        session.execute("call p(4)")
