"""COPY, UNLOAD and Spectrum against the cloud's S3 and Glue."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.offline.warehouse.conftest import ROLE


@pytest.fixture(scope="module")
def loaded(bench):
    bench.rows("create table calls (id int not null, who varchar(6), cost decimal(6,2), at timestamp, extra super)")
    return bench


def test_csv_with_header_quotes_gzip_and_nulls_is_loaded(loaded):
    text = 'id,who,cost,at,extra\n1,"a,b",2.5,2026-01-01 10:00:00,"{""z"":[1]}"\n2,,,,\n'
    loaded.put("copy/csv/a.csv.gz", gzip.compress(text.encode()))

    loaded.rows(f"copy calls from 's3://lake/copy/csv/' {ROLE} csv gzip ignoreheader 1")

    rows = loaded.rows("select id, who, cost, extra.z[0]::int from calls order by id")
    assert rows == [(1, "a,b", "2.50", 1), (2, "", None, None)]
    assert loaded.rows("select loaded_rows from sys_load_history")[-1] == (2,)


def test_json_is_loaded_by_name_and_a_manifest_names_the_files(loaded):
    loaded.put("copy/json/a.json", b'{"id": 11, "who": "x"}\n{"id": 12, "who": "y", "unknown": 1}')
    loaded.put("copy/json/not.json", b'{"id": 13}')
    manifest = {"entries": [{"url": "s3://lake/copy/json/a.json", "mandatory": True}]}
    loaded.put("copy/manifest", json.dumps(manifest).encode())

    loaded.rows(f"copy calls from 's3://lake/copy/manifest' {ROLE} format as json 'auto' manifest")

    assert loaded.rows("select id, who from calls where id > 10 order by 1") == [(11, "x"), (12, "y")]


def test_a_manifest_of_parquet_files_must_tell_their_sizes(loaded):
    manifest = {"entries": [{"url": "s3://lake/copy/some.parquet", "mandatory": True}]}
    loaded.put("copy/sizes", json.dumps(manifest).encode())

    found = loaded.run(f"copy calls from 's3://lake/copy/sizes' {ROLE} format as parquet manifest")

    assert "must tell the size of each, meta.content_length" in found["Error"]


def test_a_bad_row_fails_the_load_and_is_told(loaded):
    loaded.put("copy/bad/a.csv", b"x,a,1,,\n21,far too long,1,,\n")

    found = loaded.run(f"copy calls from 's3://lake/copy/bad/' {ROLE} csv")

    assert found["Status"] == "FAILED"
    assert "Load into table 'calls' failed" in found["Error"]
    errors = loaded.rows("select column_name, error_message from sys_load_error_detail order by line_number")
    assert errors[0] == ("id", "Invalid digit, Value 'x', Pos 0, Type: Integer")


def test_maxerror_lets_bad_rows_go(loaded):
    loaded.put("copy/some/a.csv", b"x,a,1,,\n31,far too long,1,,\n32,ok,1,,\n")

    loaded.rows(f"copy calls from 's3://lake/copy/some/' {ROLE} csv maxerror 5")

    assert loaded.rows("select id from calls where id between 30 and 39") == [(32,)]


def test_parquet_must_fit_the_table(loaded):
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": ["text"], "who": ["a"]}), buffer)
    loaded.put("copy/parquet/a.parquet", buffer.getvalue())

    found = loaded.run(f"copy calls (id, who) from 's3://lake/copy/parquet/' {ROLE} format as parquet")

    assert "incompatible Parquet schema for column 'id'" in found["Error"]


def test_unload_writes_partitions_that_spectrum_reads_back(loaded):
    loaded.rows("create table usage (day date, who varchar(6), mb decimal(8,3))")
    loaded.rows("insert into usage values ('2026-01-01', 'a', 1.5), ('2026-01-01', 'b', 2), ('2026-01-02', 'a', 3)")
    loaded.rows(f"unload ('select * from usage') to 's3://lake/usage/' {ROLE} format parquet partition by (day)")
    columns = [{"Name": "who", "Type": "string"}, {"Name": "mb", "Type": "decimal(8,3)"}]
    keys = [{"Name": "day", "Type": "string"}]
    loaded.glue.create_table(DatabaseName="lake", TableInput=projected("usage", columns, keys))

    loaded.rows(f"create external schema if not exists spectrum from data catalog database 'lake' {ROLE}")

    assert loaded.keys("usage/") == [f"usage/day=2026-01-0{day}/0000_part_00.parquet" for day in (1, 2)]
    rows = loaded.rows("select day, count(*), sum(mb) from spectrum.usage group by 1 order by 1")
    assert rows == [("2026-01-01", 2, "3.500"), ("2026-01-02", 1, "3.000")]
    assert ("spectrum", "usage") in loaded.rows("select schemaname, tablename from svv_external_tables")


def test_unload_does_not_write_over_what_is_there(loaded):
    sql = f"unload ('select 1 as a') to 's3://lake/twice/x_' {ROLE} csv header"
    loaded.rows(sql)

    found = loaded.run(sql)

    assert "Specified unload destination on S3 is not empty" in found["Error"]
    loaded.rows(f"{sql} allowoverwrite")
    assert loaded.s3.get_object(Bucket="lake", Key="twice/x_0000_part_00")["Body"].read() == b"a\n1\n"


def projected(name: str, columns: list[dict[str, str]], keys: list[dict[str, str]]) -> dict[str, object]:
    parameters = {
        "projection.enabled": "true",
        "projection.day.type": "date",
        "projection.day.format": "yyyy-MM-dd",
        "projection.day.range": "2025-12-01,NOW",
        "storage.location.template": f"s3://lake/{name}/day=${{day}}/",
    }
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}
    storage = {"Columns": columns, "Location": f"s3://lake/{name}/", "SerdeInfo": serde}
    return {"Name": name, "StorageDescriptor": storage, "PartitionKeys": keys, "Parameters": parameters}
