"""Athena reads the monitor's results as the catalog declares them."""

from seatrial.constructs.catalog import projection
from seatrial.contracts.catalog import result_tables
from seatrial.contracts.monitor_results import result_files
from tests.contracts.test_monitor_results import DETAIL, EVIDENCE, STATISTICS


def declare(bench, table, bucket):
    location = f"s3://{bucket}/{table.prefix}"
    columns = [{"Name": name, "Type": kind} for name, kind in table.columns]
    bench.glue.create_table(
        DatabaseName="lake",
        TableInput={
            "Name": table.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": projection(table.partitions, location),
            "PartitionKeys": [{"Name": part.name, "Type": "string"} for part in table.partitions],
            "StorageDescriptor": {
                "Location": location,
                "Columns": columns,
                "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
            },
        },
    )


def test_windows_and_distributions_are_joined_by_day_and_window(bench):
    for table in result_tables():
        declare(bench, table, "lake")
    for hour, verdict in (("07", "drift"), ("08", "ok")):
        detail = {**DETAIL, "window_start": f"2026-11-01T{hour}:00:00Z", "verdict": verdict}
        for key, body in result_files(detail, EVIDENCE, STATISTICS).items():
            bench.put(key, body)

    rows = bench.answer(
        "select w.verdict, d.name, d.effect from monitor_windows w join monitor_distributions d "
        "on w.window_start = d.window_start and w.date = d.date "
        "where w.date = '2026-11-01' and d.drifted and hour(w.window_start) = 7"
    )

    assert rows[1:] == [["drift", "tenure", "0.3"]]
