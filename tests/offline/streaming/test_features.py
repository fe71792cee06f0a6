import io
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pyarrow import parquet

from seatrial.offline.cloud import OfflineCloud
from seatrial.offline.warehouse.lake.iceberg import catalog
from tests.offline.streaming.bench import BUCKET, content, keys_under, put_bucket
from tests.offline.support import ACCOUNT, REGION, ROLE

DEFINITIONS = [
    {"FeatureName": "subscriber_id", "FeatureType": "String"},
    {"FeatureName": "event_time", "FeatureType": "String"},
    {"FeatureName": "calls", "FeatureType": "Integral"},
    {"FeatureName": "data_mb", "FeatureType": "Fractional"},
]


def put_group(cloud: OfflineCloud, name: str, **settings: Any) -> dict[str, Any]:
    """Create a group; returns its description."""
    put_bucket(cloud)
    sagemaker = cloud.context.client("sagemaker")
    sagemaker.create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="subscriber_id",
        EventTimeFeatureName="event_time",
        FeatureDefinitions=settings.pop("FeatureDefinitions", DEFINITIONS),
        RoleArn=ROLE,
        **{"OnlineStoreConfig": {"EnableOnlineStore": True}, **settings},
    )
    return sagemaker.describe_feature_group(FeatureGroupName=name)


def offline(kind: str, bucket: str = BUCKET) -> dict[str, Any]:
    return {"S3StorageConfig": {"S3Uri": f"s3://{bucket}/features"}, "TableFormat": kind}


def put(cloud: OfflineCloud, name: str, who: str, when: str, calls: int = 1, **more: Any) -> None:
    values = {"subscriber_id": who, "event_time": when, "calls": calls}
    record = [{"FeatureName": key, "ValueAsString": str(value)} for key, value in values.items()]
    runtime(cloud).put_record(FeatureGroupName=name, Record=record, **more)


def get(cloud: OfflineCloud, name: str, who: str) -> dict[str, str]:
    found = runtime(cloud).get_record(FeatureGroupName=name, RecordIdentifierValueAsString=who)
    return {each["FeatureName"]: each["ValueAsString"] for each in found.get("Record", [])}


def runtime(cloud: OfflineCloud) -> Any:
    return cloud.context.client("sagemaker-featurestore-runtime")


def test_an_older_event_time_never_replaces_a_newer_one(cloud: OfflineCloud) -> None:
    put_group(cloud, "ordered")

    put(cloud, "ordered", "a", "2026-11-01T10:00:00Z", 1)
    put(cloud, "ordered", "a", "2026-11-01T09:00:00Z", 2)
    older = get(cloud, "ordered", "a")
    put(cloud, "ordered", "a", "2026-11-01T10:00:00.500Z", 3)

    assert older["calls"] == "1"
    assert get(cloud, "ordered", "a")["calls"] == "3"
    assert get(cloud, "ordered", "nobody") == {}


def test_a_record_expires_on_the_clouds_clock(cloud: OfflineCloud) -> None:
    put_group(
        cloud, "expiring", OnlineStoreConfig={"EnableOnlineStore": True, "TtlDuration": {"Unit": "Hours", "Value": 2}}
    )
    now = cloud.clock.now()

    put(cloud, "expiring", "group", f"{now:%Y-%m-%dT%H:%M:%SZ}")
    put(cloud, "expiring", "own", f"{now:%Y-%m-%dT%H:%M:%SZ}", TtlDuration={"Unit": "Days", "Value": 1})
    put(cloud, "expiring", "late", f"{now - timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}")
    told = runtime(cloud).get_record(
        FeatureGroupName="expiring", RecordIdentifierValueAsString="group", ExpirationTimeResponse="Enabled"
    )
    cloud.clock.advance(2 * 3600)

    assert told["ExpiresAt"] == f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    assert [bool(get(cloud, "expiring", who)) for who in ("group", "own", "late")] == [False, True, False]


def test_a_deleted_record_is_gone_and_older_ones_do_not_come_back(cloud: OfflineCloud) -> None:
    put_group(cloud, "deleting")
    put(cloud, "deleting", "a", "2026-11-01T10:00:00Z")
    delete = {"FeatureGroupName": "deleting", "RecordIdentifierValueAsString": "a"}

    runtime(cloud).delete_record(**delete, EventTime="2026-11-01T09:00:00Z")
    stale = get(cloud, "deleting", "a")
    runtime(cloud).delete_record(**delete, EventTime="2026-11-01T11:00:00Z")
    put(cloud, "deleting", "a", "2026-11-01T10:30:00Z")
    soft = get(cloud, "deleting", "a")
    runtime(cloud).delete_record(**delete, EventTime="2026-11-01T12:00:00Z", DeletionMode="HardDelete")
    put(cloud, "deleting", "a", "2026-11-01T10:30:00Z")

    assert (bool(stale), soft) == (True, {})
    assert get(cloud, "deleting", "a")["event_time"] == "2026-11-01T10:30:00Z"


def test_a_batch_tells_records_and_errors_apart(cloud: OfflineCloud) -> None:
    put_group(cloud, "batch")
    put(cloud, "batch", "a", "2026-11-01T10:00:00Z", 4)

    found = runtime(cloud).batch_get_record(
        Identifiers=[
            {"FeatureGroupName": "batch", "RecordIdentifiersValueAsString": ["a", "b"], "FeatureNames": ["calls"]},
            {"FeatureGroupName": "nowhere", "RecordIdentifiersValueAsString": ["a"]},
        ]
    )

    (record,) = found["Records"]
    assert record["Record"] == [{"FeatureName": "calls", "ValueAsString": "4"}]
    assert [(error["FeatureGroupName"], error["ErrorCode"]) for error in found["Errors"]] == [
        ("nowhere", "ResourceNotFound")
    ]


def test_the_offline_store_is_written_by_the_clock_in_the_documented_layout(cloud: OfflineCloud) -> None:
    described = put_group(cloud, "churn-usage", OfflineStoreConfig=offline("Glue"))
    uri = described["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]

    put(cloud, "churn-usage", "a", "2026-11-01T10:00:00Z", 1)
    put(cloud, "churn-usage", "a", "2026-11-01T09:30:00Z", 2)
    runtime(cloud).delete_record(
        FeatureGroupName="churn-usage", RecordIdentifierValueAsString="a", EventTime="2026-11-01T10:45:00Z"
    )
    before = keys_under(cloud, "features/")
    cloud.clock.advance(300)

    seconds = int(described["CreationTime"].timestamp())
    folder = f"features/{ACCOUNT}/sagemaker/{REGION}/offline-store/churn-usage-{seconds}/data"
    assert (before, uri) == ([], f"s3://{BUCKET}/{folder}")
    keys = keys_under(cloud, folder)
    assert [key.rpartition("_")[0] for key in keys] == [
        f"{folder}/year=2026/month=11/day=01/hour=09/20261101T093000Z",
        f"{folder}/year=2026/month=11/day=01/hour=10/20261101T104500Z",
    ]
    rows = [row for key in keys for row in parquet.ParquetFile(io.BytesIO(content(cloud, key))).read().to_pylist()]
    assert [(row["calls"], row["is_deleted"]) for row in rows] == [(2, False), (1, False), (None, True)]
    assert all(row["api_invocation_time"] < row["write_time"] for row in rows)
    _check_glue_table(cloud, described, uri)


def _check_glue_table(cloud: OfflineCloud, described: dict[str, Any], uri: str) -> None:
    named = described["OfflineStoreConfig"]["DataCatalogConfig"]
    glue = cloud.context.client("glue")
    table = glue.get_table(DatabaseName=named["Database"], Name=named["TableName"])["Table"]
    partitions = glue.get_partitions(DatabaseName=named["Database"], TableName=named["TableName"])["Partitions"]

    columns = {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}
    assert columns["calls"] == "bigint"
    assert columns["write_time"] == "timestamp"
    assert sorted(partition["StorageDescriptor"]["Location"] for partition in partitions) == [
        f"{uri}/year=2026/month=11/day=01/hour=09",
        f"{uri}/year=2026/month=11/day=01/hour=10",
    ]


def test_an_iceberg_offline_store_keeps_every_record_and_grows_columns(cloud: OfflineCloud) -> None:
    described = put_group(cloud, "lake", OfflineStoreConfig=offline("Iceberg"))
    named = described["OfflineStoreConfig"]["DataCatalogConfig"]

    put(cloud, "lake", "a", "2026-10-31T10:00:00Z", 1)
    put(cloud, "lake", "a", "2026-11-01T10:00:00Z", 2)
    cloud.clock.advance(300)
    added = [{"FeatureName": "plan", "FeatureType": "String"}]
    cloud.context.client("sagemaker").update_feature_group(FeatureGroupName="lake", FeatureAdditions=added)
    put(cloud, "lake", "b", "2026-11-01T11:00:00Z", 3)
    cloud.clock.advance(300)

    table = catalog(cloud.context).load_table((named["Database"], named["TableName"]))
    rows = table.scan(selected_fields=("calls", "plan", "is_deleted")).to_arrow().to_pylist()
    assert sorted(row["calls"] for row in rows) == [1, 2, 3]
    assert len(table.snapshots()) == 2
    days = {task.file.partition[0] for task in table.scan().plan_files()}
    assert days == {"2026-10-31", "2026-11-01"}


def test_a_record_may_go_to_one_store_only(cloud: OfflineCloud) -> None:
    put_group(cloud, "single")

    with pytest.raises(ClientError, match="OfflineStore is not enabled"):
        put(cloud, "single", "a", "2026-11-01T10:00:00Z", TargetStores=["OfflineStore"])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"subscriber_id": "a"}, "event_time must have a value"),
        ({"event_time": "2026-11-01T10:00:00Z"}, "subscriber_id must have a value"),
        ({"subscriber_id": "a", "event_time": "2026-11-01"}, "yyyy-MM-dd'T'HH:mm:ssZ"),
        ({"subscriber_id": "a", "event_time": "2026-11-01T10:00:00Z", "calls": "1.5"}, "calls: '1.5' is not Integral"),
        ({"subscriber_id": "a", "event_time": "2026-11-01T10:00:00Z", "other": "1"}, "has no feature other"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(cloud: OfflineCloud, values: dict[str, str], sentence: str) -> None:
    if "strict" not in [each["FeatureGroupName"] for each in _groups(cloud)]:
        put_group(cloud, "strict")
    record = [{"FeatureName": key, "ValueAsString": value} for key, value in values.items()]

    with pytest.raises(ClientError, match=sentence) as failure:
        runtime(cloud).put_record(FeatureGroupName="strict", Record=record)

    assert failure.value.response["Error"]["Code"] == "ValidationError"


def _groups(cloud: OfflineCloud) -> list[dict[str, Any]]:
    return cloud.context.client("sagemaker").list_feature_groups()["FeatureGroupSummaries"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"OnlineStoreConfig": {}}, "OnlineStoreConfig and/or OfflineStoreConfig"),
        ({"FeatureDefinitions": DEFINITIONS[:1]}, "EventTimeFeatureName 'event_time' is not among"),
        ({"FeatureDefinitions": [*DEFINITIONS, {"FeatureName": "year", "FeatureType": "String"}]}, "reserved"),
        ({"OnlineStoreConfig": {"EnableOnlineStore": True, "StorageType": "InMemory"}}, "InMemory"),
    ],
)
def test_a_group_that_cannot_be_is_refused(cloud: OfflineCloud, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        put_group(cloud, "refused", **settings)


def test_a_group_without_its_bucket_fails_with_the_reason(cloud: OfflineCloud) -> None:
    described = put_group(cloud, "bucketless", OfflineStoreConfig=offline("Glue", "no-such-bucket"))

    assert described["FeatureGroupStatus"] == "CreateFailed"
    assert "no-such-bucket" in described["FailureReason"]


def test_a_deleted_group_knows_no_records_and_leaves_its_files(cloud: OfflineCloud) -> None:
    uri = put_group(cloud, "ended", OfflineStoreConfig=offline("Glue"))["OfflineStoreConfig"]["S3StorageConfig"]
    put(cloud, "ended", "a", "2026-11-01T10:00:00Z")

    cloud.context.client("sagemaker").delete_feature_group(FeatureGroupName="ended")

    with pytest.raises(ClientError) as failure:
        get(cloud, "ended", "a")
    assert failure.value.response["Error"]["Code"] == "ResourceNotFound"
    assert len(keys_under(cloud, uri["ResolvedOutputS3Uri"].removeprefix(f"s3://{BUCKET}/"))) == 1


def test_metadata_of_features_is_kept(cloud: OfflineCloud) -> None:
    put_group(cloud, "described")
    sagemaker = cloud.context.client("sagemaker")
    feature = {"FeatureGroupName": "described", "FeatureName": "calls"}

    unit = [{"Key": "unit", "Value": "1"}]
    sagemaker.update_feature_metadata(**feature, Description="calls made", ParameterAdditions=unit)

    found = sagemaker.describe_feature_metadata(**feature)
    assert (found["Description"], found["Parameters"]) == ("calls made", unit)
