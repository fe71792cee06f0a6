"""The Spark job writes the rows that the local generator writes, counts them once, and refuses in one sentence."""

import json
import sys

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from pyspark.cloudpickle import register_pickle_by_value, unregister_pickle_by_value

from seatrial.constructs.staging import library_files
from seatrial.spark.errors import DataError
from seatrial.telecom.account import Account
from seatrial.telecom.fleet import generate_files
from seatrial.telecom.plan import BLOCK_SUBSCRIBERS, Faults, Plan
from tests.pipelines.lake import PIPELINES, load_job, spark_session

TABLES = ("events/cdr", "tables/crm", "tables/billing", "tables/care", "tables/labels", "tables/network_kpi")
PLAN = Plan(subscribers=BLOCK_SUBSCRIBERS + 100, days=2, seed=6, crm_every=2, faults=Faults(duplicates=0.05, bad=0.05))
ARGUMENTS = [
    *("--subscribers", str(PLAN.subscribers), "--days", "2", "--seed", "6"),
    *("--crm-every", "2", "--duplicates", "0.05", "--bad", "0.05"),
]


@pytest.fixture(scope="module")
def job():
    context = spark_session().sparkContext
    before, context.pythonExec = context.pythonExec, sys.executable  # whatever "python3" is on this machine
    module = load_job("generate/steps/generate_operator")
    register_pickle_by_value(module)  # executors cannot import it by its name; as a script it is sent by value too
    yield module
    unregister_pickle_by_value(module)
    context.pythonExec = before


@pytest.fixture(scope="module")
def both(job, tmp_path_factory):
    """The same operator by Spark and by the local generator."""
    spark, local = tmp_path_factory.mktemp("spark") / "telecom", tmp_path_factory.mktemp("local")
    job.run(["--output", str(spark), *ARGUMENTS])
    generate_files(PLAN, str(local))
    return spark, local


def rows(folder, table):
    """All rows with their days, in one order."""
    found = ds.dataset(folder / table, partitioning=ds.partitioning(pa.schema([("date", pa.string())]), flavor="hive"))
    read = found.to_table()
    return read.sort_by([(name, "ascending") for name in read.column_names])


@pytest.mark.parametrize("table", TABLES)
def test_the_rows_are_those_of_the_local_generator(both, table):
    spark, local = (rows(folder, table) for folder in both)

    assert spark.num_rows > 0
    assert spark.select(local.column_names).cast(local.schema).equals(local)


def test_the_account_is_the_same_but_for_the_number_of_files(both):
    spark, local = (json.loads((folder / "_generated.json").read_text()) for folder in both)

    assert spark.pop("files") == len(list(both[0].rglob("*.parquet")))
    local.pop("files")
    assert spark == local


def test_a_task_that_ran_twice_counts_once(job):
    tasks = job.ByTask()

    def wrote(count):
        account = Account()
        account.rows["events"] = count
        return account

    merged = tasks.addInPlace(tasks.addInPlace(tasks.zero({}), {0: wrote(5), 8: wrote(7)}), {0: wrote(5)})

    assert sum(account.rows["events"] for account in merged.values()) == 12


def test_a_place_in_use_is_left_alone(job, both):
    with pytest.raises(DataError, match="is not empty: give another place, or empty it"):
        job.run(["--output", str(both[0]), *ARGUMENTS])


def test_a_wrong_plan_is_one_sentence(job, tmp_path):
    with pytest.raises(DataError, match="subscribers: must be from 1 to"):
        job.run(["--output", str(tmp_path / "x"), "--subscribers", "0", "--days", "1"])


def test_the_job_carries_all_of_the_library_that_it_needs():
    source = (PIPELINES / "generate" / "steps" / "generate_operator.py").read_bytes()

    carried = set(library_files([source]))

    assert {"seatrial/telecom/events.py", "seatrial/spark/session.py", "seatrial/contracts/cdr.py"} <= carried
