"""What curation published is committed to an Iceberg table of a Glue catalog, day by day, from the accounts."""

import json
import os
import urllib.request
from datetime import date
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pyiceberg.catalog import load_catalog

from seatrial.spark.errors import DataError
from seatrial.spark.iceberg import parse_properties
from tests.pipelines.lake import event, moment

pytestmark = pytest.mark.slow

KEYS = {"region": "eu-central-1", "access-key-id": "offline", "secret-access-key": "offline"}


@pytest.fixture(scope="module")
def catalog():
    """Properties of a catalog whose Glue answers on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"").close()  # of what ran here before
    properties = {"type": "glue", "glue.endpoint": f"http://{host}:{port}", **{f"glue.{k}": v for k, v in KEYS.items()}}
    client = boto3.client(
        "glue",
        endpoint_url=properties["glue.endpoint"],
        region_name=KEYS["region"],
        aws_access_key_id="offline",
        aws_secret_access_key="offline",
    )
    client.create_database(DatabaseInput={"Name": "lake"})
    yield properties
    server.stop()


def rows_of(table, snapshot=None):
    return sorted(table.scan(snapshot_id=snapshot).to_arrow()["event_id"].to_pylist())


def test_days_are_replaced_by_metadata_alone_and_old_snapshots_stay_readable(lake, catalog):
    options = ["--table", "lake.cdr", "--catalog", *[f"{key}={value}" for key, value in catalog.items()]]
    options += ["--from", "2026-06-01", "--to", "2026-06-02"]
    lake.land([event("a"), event("b", "06-02 12:00")])
    first = lake.curate(*options)
    table = load_catalog("lake", **catalog).load_table("lake.cdr")
    begun = table.current_snapshot().snapshot_id

    for path in (lake.root / "curated/telecom/cdr").rglob("*.parquet"):
        os.utime(path, (0, 0))  # much older than replaced files are kept
    lake.land([event("late", received_at=moment("06-02 13:00"))], date(2026, 6, 2))
    died = lake.curate(*options[-4:], "--keep-replaced-days", "5")
    caught_up = lake.curate(*options)

    assert first["committed"] == ["2026-06-01", "2026-06-02"]
    assert (died["days"], caught_up["days"], caught_up["committed"]) == (["2026-06-01"], [], ["2026-06-01"])
    table.refresh()
    assert rows_of(table) == ["a", "b", "late"]
    assert rows_of(table, begun) == ["a", "b"]
    assert table.current_snapshot().summary["seatrial.date"] == "2026-06-01"
    paths = {task.file.file_path.removeprefix("file://") for task in table.scan().plan_files()}
    there = {str(path) for path in (lake.root / "curated/telecom/cdr").rglob("*.parquet")}
    assert paths <= there
    assert loaded_by_manifest(lake) == paths != there  # what was replaced lies beside, for the old snapshot


def loaded_by_manifest(lake):
    """The files that COPY reads, whose sizes the manifests tell."""
    found = set()
    for path in sorted((lake.root / "curated/telecom/manifests/curate_cdr").glob("date=*.json")):
        for one in json.loads(path.read_text())["entries"]:
            file = Path(one["url"].removeprefix("file:"))
            assert one["mandatory"]
            assert one["meta"]["content_length"] == file.stat().st_size
            found.add(str(file))
    return found


def test_a_catalog_property_without_a_value_is_refused():
    with pytest.raises(DataError, match="catalog properties must be name=value, got"):
        parse_properties(["glue"])
