"""Athena over the Glue catalog: projection, pruning, limits, writes, and Iceberg."""

import io
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.offline.warehouse.lake import iceberg, optimizers
from tests.offline.warehouse.test_files import projected

DAYS = ("2026-01-01", "2026-01-02")


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def lake(bench):
    for number, day in enumerate(DAYS):
        content = pa.table({"n": pa.array([number, number + 10], pa.int32()), "pad": ["x" * 500, f"{number}" * 500]})
        bench.put(f"events/day={day}/a.parquet", parquet(content))
    columns = [{"Name": "n", "Type": "int"}, {"Name": "pad", "Type": "string"}, {"Name": "new", "Type": "double"}]
    keys = [{"Name": "day", "Type": "string"}]
    bench.glue.create_table(DatabaseName="lake", TableInput=projected("events", columns, keys))
    return bench


def test_projected_partitions_are_read_and_columns_that_files_lack_are_null(lake):
    rows = lake.answer("select day, n, n / 3 as third, new from events order by day, n")

    assert rows[0] == ["day", "n", "third", "new"]
    assert rows[1:] == [
        [DAYS[0], "0", "0", None],
        [DAYS[0], "10", "3", None],
        [DAYS[1], "1", "0", None],
        [DAYS[1], "11", "3", None],
    ]


def test_only_the_columns_and_partitions_used_are_scanned(lake):
    sizes = [
        lake.query(sql)["Statistics"]["DataScannedInBytes"]
        for sql in ("select * from events", "select n from events", f"select n from events where day = '{DAYS[0]}'")
    ]

    assert sizes[0] > sizes[1] == 2 * sizes[2] > 0


def test_a_query_past_the_workgroups_limit_is_cancelled(lake):
    settings = {
        "ResultConfiguration": {"OutputLocation": "s3://lake/results/"},
        "BytesScannedCutoffPerQuery": 10_000_000,
    }
    lake.athena.create_work_group(Name="small", Configuration=settings)
    noise = pa.table({"v": pa.array(range(3_000_000), pa.int64())})
    lake.put("large/a.parquet", parquet(noise))
    columns = [{"Name": "v", "Type": "bigint"}]
    table = projected("large", columns, [])
    lake.glue.create_table(DatabaseName="lake", TableInput={**table, "Parameters": {}})

    found = lake.query("select sum(v) from large", WorkGroup="small")

    assert found["Status"]["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in found["Status"]["StateChangeReason"]
    assert lake.query("select count(*) from large", WorkGroup="small")["Status"]["State"] == "SUCCEEDED"


def test_results_are_written_as_csv_where_the_workgroup_says(lake):
    found = lake.query(
        "select 1 as a, cast(null as varchar) as b, '' as c", ResultConfiguration={"OutputLocation": "s3://else/"}
    )

    place = found["ResultConfiguration"]["OutputLocation"]

    assert place == f"s3://lake/results/{found['QueryExecutionId']}.csv"
    body = lake.s3.get_object(Bucket="lake", Key=place.removeprefix("s3://lake/"))["Body"].read()
    assert body == b'"a","b","c"\n"1",,""\n'


def test_a_table_is_made_of_a_query_filled_and_repaired(lake):
    lake.answer(
        "create table copied with (format = 'PARQUET', external_location = 's3://lake/copied/', "
        "partitioned_by = array['day']) as select n, day from events"
    )
    lake.answer("insert into copied values (99, '2026-01-03')")
    lake.put("copied/day=2026-01-04/a.parquet", parquet(pa.table({"n": pa.array([100], pa.int32())})))
    before = lake.answer("select count(*) from copied")[1]

    repaired = lake.answer("msck repair table copied")

    assert (before, lake.answer("select count(*) from copied")[1]) == (["5"], ["6"])
    assert repaired == [["Repair: Added partition to metastore copied:2026-01-04"]]


def test_parameters_and_the_clouds_clock(lake):
    rows = lake.answer(
        "select current_date, n from events where n = ? and day = ?", ExecutionParameters=["11", f"'{DAYS[1]}'"]
    )

    assert rows[1] == ["2026-11-02", "11"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select nothing from events", "Column 'nothing' could not be resolved"),
        ("select * from nothing", "does not exist in the data catalog"),
        ("select frobnicate(n) from events", "frobnicate does not exist"),
        ("merge into events using large on true when matched then delete", "does not support Athena's statement"),
        ("delete from events where n = 1", "NOT_SUPPORTED"),
    ],
)
def test_what_cannot_be_run_fails_with_its_reason(lake, sql, reason):
    found = lake.query(sql)

    assert found["Status"]["State"] == "FAILED"
    assert reason in found["Status"]["StateChangeReason"]


def test_iceberg_tables_are_written_compacted_and_expired(lake):
    fields = [{"Id": 1, "Name": "n", "Type": "int"}, {"Id": 2, "Name": "at", "Type": "date"}]
    spec = {"Fields": [{"SourceId": 2, "FieldId": 1000, "Name": "at_day", "Transform": "day"}]}
    given = {"IcebergTableInput": {"Location": "s3://lake/ice", "Schema": {"Fields": fields}, "PartitionSpec": spec}}
    context = lake.cloud.context
    optimizers.create_table(context, "lake", "ice", given, {})
    for number in range(3):
        lake.answer(f"insert into ice values ({number}, date '2026-01-01'), ({number + 10}, date '2026-01-02')")

    lake.answer("delete from ice where n = 11")
    compacted = optimizers.compact(iceberg.table(context, "lake", "ice"))
    expired = optimizers.expire(iceberg.table(context, "lake", "ice"), datetime(2030, 1, 1, tzinfo=UTC), 1)

    table = iceberg.table(context, "lake", "ice")
    assert compacted == "nothing to compact"  # DELETE has already written one file a partition
    assert expired.endswith("snapshots expired")
    assert len(table.metadata.snapshots) == 1
    assert lake.answer("select n from ice order by n")[1:] == [["0"], ["1"], ["2"], ["10"], ["12"]]
    assert {task.file.partition[0] for task in table.scan().plan_files()} == {20454, 20455}, date(2026, 1, 1)
