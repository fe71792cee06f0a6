"""CREATE MODEL and its prediction functions, SQL functions of users, and what of both is refused by name."""

from pathlib import Path

import pytest

from seatrial.contracts import sql_scripts
from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError

TRAIN = "function f_churn iam_role default settings (s3_bucket 'lake')"
BOOSTED = "auto off model_type xgboost objective 'binary:logistic' preprocessors 'none'"
ETA = "hyperparameters default except (eta '1')"
SQL = Path(__file__).parents[3] / "pipelines" / "churn" / "sql"
CLUSTERS = "auto off model_type kmeans preprocessors 'none' hyperparameters default except (k '3')"


@pytest.fixture(scope="module")
def customers(bench):
    """600 customers: young ones of plan b leave; spending follows the day on which they joined."""
    bench.rows("create table digits (d int)")
    bench.rows("insert into digits values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
    numbers = "select a.d * 100 + b.d * 10 + c.d as n from digits a, digits b, digits c where a.d < 6"
    columns = """n, 18 + n * 7 % 60 as age, case n % 3 when 0 then 'a' when 1 then 'b' else 'c' end as plan,
        dateadd(day, n * 11 % 300, date '2026-01-01')::date as joined, n * 11 % 300 + 0.5 as spend,
        (18 + n * 7 % 60 < 45 and n % 3 = 1) as churned"""
    bench.rows(f"create table customers as select {columns} from ({numbers}) t")
    return bench


def test_a_model_learns_from_a_query_and_predicts_in_sql(customers):
    customers.rows(f"create model churn from (select age, plan, joined, churned from customers) target churned {TRAIN}")

    wrong = customers.rows("select count(*) from customers where f_churn(age, plan, joined) <> churned")
    shown = dict(customers.rows("show model churn"))

    assert wrong[0][0] < 10
    assert shown["Model State"] == "READY"
    assert shown["Function Parameter Types"] == "integer character varying(65535) date"
    assert float(shown["validation:f1"]) > 0.9
    assert customers.rows("show model all") == [("public", "churn")]


def test_a_number_is_predicted_from_a_day_as_it_was_learned(customers):
    customers.rows(
        "create model spending from (select joined, spend from customers) target spend "
        "function f_spend iam_role default model_type linear_learner problem_type regression objective 'mse' "
        "settings (s3_bucket 'lake')"
    )

    furthest = customers.rows("select max(abs(f_spend(joined) - spend)) from customers")

    assert furthest[0][0] < 1


def test_boosted_trees_and_clusters_take_their_own_parameters(customers):
    settings = "settings (s3_bucket 'lake')"
    customers.rows(
        "create model trees from (select age, n % 3 as plan, churned::int as y from customers) target y "
        f"function f_trees iam_role default {BOOSTED} "
        "hyperparameters default except (num_round '20', max_depth '3') " + settings
    )
    customers.rows(
        f"create model groups from (select age, spend from customers) "
        f"function f_group iam_role default {CLUSTERS} {settings}"
    )

    wrong = customers.rows("select count(*) from customers where f_trees(age, n % 3) <> churned::int")
    groups = customers.rows("select count(distinct f_group(age, spend)) from customers")

    assert wrong[0][0] < 10
    assert groups == [(3,)]


@pytest.mark.parametrize("kind", ["xgboost", "mlp", "linear_learner"])
def test_one_of_several_texts_is_predicted(customers, kind):
    rows = "select n % 3 = 0 as a, n % 3 = 1 as b, plan from customers"
    customers.rows(
        f"create model kind_{kind} from ({rows}) target plan function f_{kind} iam_role default model_type {kind} "
        "problem_type multiclass_classification settings (s3_bucket 'lake', max_cells 1700)"
    )

    wrong = customers.rows(f"select count(*) from customers where f_{kind}(n % 3 = 0, n % 3 = 1) <> plan")

    assert wrong == [(0,)]
    assert customers.rows(f"select f_{kind}(null, null)")[0][0] in {"a", "b", "c"}


def test_a_training_that_fails_says_why(customers):
    failed = customers.run(
        "create model wide from (select age, spend from customers) target spend "
        "function f_wide iam_role default auto off model_type xgboost objective 'reg:logistic' preprocessors 'none' "
        "settings (s3_bucket 'lake')"
    )

    assert failed["Status"] == "FAILED"
    assert failed["Error"].startswith("ERROR: training failed: ")
    assert "base_score must be in (0,1)" in failed["Error"]


def test_a_schema_takes_its_models_and_functions_along(session):
    session.execute("create schema passing")
    session.execute("create function passing.f_one(int) returns int stable as $$ select $1 $$ language sql")

    session.execute("drop schema passing cascade")

    session.execute("create schema passing")
    with pytest.raises(SqlError, match=r"function passing\.f_one does not exist"):
        session.execute("select passing.f_one(1)")


def test_a_schema_with_a_function_in_it_is_not_dropped_by_mistake(session):
    session.execute("create schema passing")
    session.execute("create function passing.f_one(int) returns int stable as $$ select $1 $$ language sql")

    with pytest.raises(SqlError, match="other objects depend on it"):
        session.execute("drop schema passing")


def test_a_dropped_model_takes_its_function_along(customers):
    customers.rows("create model gone from (select age, churned from customers) target churned function f_gone "
                   "iam_role default settings (s3_bucket 'lake')")  # fmt: skip
    customers.rows("drop model gone")

    failed = customers.run("select f_gone(30)")

    assert "the function F_GONE" in failed["Error"]
    assert customers.run("drop model gone")["Error"] == 'ERROR: model "gone" does not exist'
    assert customers.run("drop model if exists gone")["Status"] == "FINISHED"


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (f"from customers target nosuch {TRAIN}", 'TARGET column "nosuch" is not in the training data'),
        (f"from customers {TRAIN}", "CREATE MODEL needs TARGET"),
        (f"from (select age, churned from customers limit 10) target churned {TRAIN}", "at least 500 rows, got 10"),
        (f"from 'job-1' target churned {TRAIN}", "FROM a SageMaker job"),
        (
            f"from customers target churned function f iam_role default {BOOSTED} settings (s3_bucket 'lake')",
            "AUTO OFF does",
        ),
        ("from customers target churned function f iam_role default settings (s3_bucket 'no')", "'no' is not there"),
        (
            "from customers target churned function f(int) returns int sagemaker 'endpoint' iam_role default",
            "types of the",
        ),
        ("from customers target churned function f sagemaker 'endpoint' iam_role default", "SAGEMAKER"),
        ("from customers target churned function f iam_role default model_type forecast", "MODEL_TYPE FORECAST"),
        ("from customers target churned function f iam_role default preprocessors '[]'", "PREPROCESSORS '[]'"),
        (
            f"from customers target churned function f iam_role default {ETA} settings (s3_bucket 'lake')",
            "need AUTO OFF",
        ),
        (f"from customers target churned {TRAIN} frobnicate", "syntax error at or near 'frobnicate'"),
        (f"from customers {TRAIN} target churned", "each clause once, in the guide's order"),
        ("from customers target churned function f iam_role default settings (s3_bucket 'lake', horizon 3)", "HORIZON"),
    ],
)
def test_what_create_model_cannot_do_is_refused_in_words(customers, statement, sentence):
    failed = customers.run(f"create model refused {statement}")

    assert failed["Status"] == "FAILED"
    assert sentence in failed["Error"]


def test_the_shipped_statements_train_and_predict_on_the_warehouses_own_tables(customers):
    for name in ("0001_schemas", "0003_labels", "0006_features"):
        for statement in sql_scripts.split_statements((SQL / "migrations" / f"{name}.sql").read_text()):
            customers.rows(statement)
    made = {one.name: "'x'" if one.kind == "string" else "n % 7" for one in CHURN_FEATURES.fields}
    made |= {"subscriber_id": "'s' || n", "plan_type": "plan", "tenure_months": "age"}
    made["as_of"] = "date '2026-07-01'"
    columns, values = ", ".join(made), ", ".join(made.values())
    customers.rows(f"insert into features.churn ({columns}) select {values} from customers")
    customers.rows(
        "insert into telecom.labels select 's' || n, date '2026-07-01', churned::int, date '2026-08-01' from customers"
    )
    given = {"as_of": "2026-07-01", "known_on": "2026-08-01", "artifacts_bucket": "lake"}
    given["ml_role_arn"] = "arn:aws:iam::111111111111:role/ml"
    create, predict = (
        sql_scripts.fill((SQL / "templates" / f"{name}.sql").read_text(), given)
        for name in ("create_churn_model", "predict_churn")
    )

    customers.rows(create)
    leaving = {row[0] for row in customers.rows(predict)}

    left = {row[0] for row in customers.rows("select subscriber_id from telecom.labels where churned = 1")}
    assert len(left) > 50
    assert len(leaving ^ left) < 10


def test_sql_functions_call_each_other_and_stand_anywhere_in_a_statement(session):
    session.execute("create table fees (commission decimal(8,2), price decimal(8,2))")
    session.execute("insert into fees values (109.2, 728), (11.4, 76), (52.5, 400)")
    greater = "as $$ select case when $1 > $2 then $1 else $2 end $$ language sql"
    session.execute(f"create function f_sql_greater (float, float) returns float stable {greater}")
    commission = "as $$ select f_sql_greater($1,$1*2) $$ language sql"
    session.execute(f"create function f_sql_commission (float) returns float stable {commission}")

    session.execute(
        "update fees set price = public.f_sql_commission(commission) where f_sql_greater(commission, 100) = 100"
    )

    assert session.execute("select f_sql_greater(commission, price * 0.5) from fees order by 1").rows == [
        (11.4,),
        (52.5,),
        (364,),
    ]


@pytest.mark.parametrize(
    ("statement", "error", "sentence"),
    [
        ("f(a int) returns int stable as $$ return a $$ language plpythonu", NotSupportedError, "until June 30, 2026"),
        ("f(int) returns int stable as $$ select $2 $$ language sql", SqlError, "there is no parameter \\$2"),
        ("f(int) returns int stable as $$ select f_none($1) $$ language sql", NotSupportedError, "the function F_NONE"),
        ("f(int) returns int stable as $$ select $1 from t $$ language sql", SqlError, "must not have FROM"),
        ("f(int) returns int stable as $$ select 1, 2 $$ language sql", SqlError, "a SELECT of one expression"),
        ("f(int) returns int stable as $$ delete from t $$ language sql", SqlError, "a SELECT of one expression"),
        ("trunc(int) returns int stable as $$ select $1 $$ language sql", NotSupportedError, "the built-in trunc"),
        ("f(int) returns int as $$ select $1 $$ language sql", SqlError, "syntax error in CREATE FUNCTION"),
    ],
)
def test_functions_that_cannot_run_are_refused_when_they_are_made(session, statement, error, sentence):
    with pytest.raises(error, match=sentence):
        session.execute(f"create function {statement}")


def test_a_function_is_replaced_dropped_and_overloaded_by_its_number_of_arguments(session):
    session.execute("create function f_one(int) returns int stable as $$ select $1 $$ language sql")
    session.execute("create function f_one(int, int) returns int stable as $$ select $1 + $2 $$ language sql")

    session.execute("create or replace function f_one(int) returns int stable as $$ select $1 * 10 $$ language sql")

    assert session.execute("select f_one(2), f_one(2, 3)").rows == [(20, 5)]
    session.execute("drop function f_one(int)")
    assert session.execute("select f_one(2, 3)").rows == [(5,)]
    with pytest.raises(SqlError, match="does not exist"):
        session.execute("drop function f_one(int)")
