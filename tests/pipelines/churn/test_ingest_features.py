"""Churn features in the feature store: each day once, in history and online; training sets see no later write."""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.contracts.feature_store import EVENT_TIME, feature_types
from seatrial.contracts.point_in_time import PointInTimeJoin
from seatrial.offline.cloud import OfflineCloud
from seatrial.offline.warehouse.lake.iceberg import catalog
from seatrial.spark import feature_store
from seatrial.spark.errors import DataError
from tests.pipelines.lake import load_job

pytestmark = pytest.mark.slow

GROUP = "telecom-dev-churn"
DAYS = (date(2026, 7, 1), date(2026, 7, 2))
NOW = datetime(2026, 7, 3, tzinfo=UTC)
ARROW = {"string": pa.string(), "double": pa.float64(), "int32": pa.int32()}
SCHEMA = pa.schema([(field.name, ARROW[field.kind]) for field in CHURN_FEATURES.fields])


def features(subscriber, calls):
    """A row of the contract: what may be missing is missing."""
    row = {field.name: None if field.nullable else 0 for field in CHURN_FEATURES.fields}
    return row | {"subscriber_id": subscriber, "voice_calls_30d": calls, "region": "north"}


def publish(lake, day, calls):
    """Features of two subscribers as of a day, with their account."""
    folder, account = lake.root / "features/telecom/churn", lake.root / "features/telecom/accounts/churn_features"
    rows = [features("a", calls), features("b", 7)]
    target = folder / f"as_of={day}" / "part-00000.parquet"
    for place in (target.parent, account):
        place.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), target)
    document = {"rows": 2, "files": [f"file:{target}"], "checksum": str(calls)}
    (account / f"as_of={day}.json").write_text(json.dumps(document))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with OfflineCloud(tmp_path_factory.mktemp("cloud"), start=NOW) as running:
        client = running.context.client("s3")
        client.create_bucket(Bucket="features", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield running


@pytest.fixture(scope="module")
def group(cloud, spark):
    """The group as the stack makes it; Spark's workers, too, find the cloud by the environment."""
    cloud.context.client("sagemaker").create_feature_group(
        FeatureGroupName=GROUP,
        RecordIdentifierFeatureName="subscriber_id",
        EventTimeFeatureName=EVENT_TIME,
        FeatureDefinitions=[{"FeatureName": n, "FeatureType": k} for n, k in feature_types(CHURN_FEATURES).items()],
        OnlineStoreConfig={"EnableOnlineStore": True, "TtlDuration": {"Unit": "Days", "Value": 2}},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://features/store"}, "TableFormat": "Iceberg"},
        RoleArn="arn:aws:iam::111111111111:role/features",
    )
    variables = cloud.environment()
    before = dict(os.environ)
    os.environ.update(variables)
    spark.sparkContext.environment.update(variables)
    yield feature_store.describe(GROUP, "eu-central-1")
    os.environ.clear()
    os.environ.update(before)
    for name in variables:
        spark.sparkContext.environment.pop(name, None)


def ingest(lake, day):
    places = ["--features", str(lake.root / "features"), "--group", GROUP, "--region", "eu-central-1"]
    job = load_job("churn/steps/ingest_features")
    return job.run(lake.spark, job.parse([*places, "--dataset", "telecom", "--as-of", str(day)]))


def online(cloud, subscriber):
    client = cloud.context.client("sagemaker-featurestore-runtime")
    found = client.get_record(FeatureGroupName=GROUP, RecordIdentifierValueAsString=subscriber).get("Record", [])
    return {one["FeatureName"]: one["ValueAsString"] for one in found}


def history(cloud, group):
    """Rows of the group's table, as training sets read them."""
    cloud.clock.advance(900)  # the service buffers what is put
    found = catalog(cloud.context).load_table(group.table).scan().to_arrow().to_pylist()
    return [row | {"write_time": row["write_time"].replace(tzinfo=UTC)} for row in found]


def test_a_day_is_put_once_and_the_newest_day_alone_is_online(lake, cloud, group):
    for day, calls in zip(DAYS, (5, 6), strict=True):
        publish(lake, day, calls)

    newest, older, again = ingest(lake, DAYS[1]), ingest(lake, DAYS[0]), ingest(lake, DAYS[0])

    assert (newest["rows"], newest["offline"], newest["online"]) == (2, 2, 2)
    assert (older["offline"], older["online"], older["made"]) == (2, 0, True)
    assert again["made"] is False
    assert online(cloud, "a")["voice_calls_30d"] == "6"
    assert online(cloud, "a")[EVENT_TIME] == "2026-07-02T00:00:00Z"
    assert "drop_rate_7d" not in online(cloud, "a")  # what is missing is no feature of the record
    seen = {(row["subscriber_id"], row[EVENT_TIME]): row["voice_calls_30d"] for row in history(cloud, group)}
    assert len(seen) == 4
    assert seen["a", "2026-07-01T00:00:00Z"] == 5


def test_online_records_leave_after_their_time_to_live(lake, cloud, group):
    publish(lake, DAYS[1], 8)
    ingest(lake, DAYS[1])

    before = online(cloud, "b")
    cloud.clock.advance(timedelta(days=1).total_seconds())

    assert before["voice_calls_30d"] == "7"
    assert online(cloud, "b") == {}


def test_history_is_appended_in_one_commit_that_a_rerun_does_not_repeat(spark, cloud, group, tmp_path):
    local = replace(group, location=f"file:{tmp_path}")  # Spark of this process writes no s3://
    day, tables = datetime(2026, 8, 1, tzinfo=UTC), catalog(cloud.context)
    frames = [
        feature_store.rows_for(spark.createDataFrame([_spark_row(calls)], _spark_schema()), group, day)
        for calls in (1, 2)
    ]

    done = [feature_store.append(frame, local, tables, token) for frame, token in zip(frames, "xy", strict=True)]
    again = feature_store.append(frames[0], local, tables, "x")

    assert (done, again) == ([True, True], False)
    rows = [row for row in history(cloud, group) if row[EVENT_TIME].startswith("2026-08")]
    assert sorted(row["voice_calls_30d"] for row in rows) == [1, 2]
    assert {row["is_deleted"] for row in rows} == {False}
    rule, repaired = PointInTimeJoin(entity="subscriber_id", event_time="at"), max(r["write_time"] for r in rows)
    known = [row | {"at": day} for row in rows]
    assert rule.choose({"subscriber_id": "a", "as_of": repaired}, known)["voice_calls_30d"] == 2
    earlier = min(row["write_time"] for row in rows)
    assert rule.choose({"subscriber_id": "a", "as_of": earlier}, known)["voice_calls_30d"] == 1


def _spark_row(calls):
    row = features("a", calls)
    made = {"string": lambda value: value, "double": float, "int32": int}
    return [None if row[f.name] is None else made[f.kind](row[f.name]) for f in CHURN_FEATURES.fields]


def _spark_schema():
    kinds = {"string": "string", "double": "double", "int32": "int"}
    return ", ".join(f"{field.name} {kinds[field.kind]}" for field in CHURN_FEATURES.fields)


def test_rows_that_lack_a_feature_of_the_group_are_refused(spark, group):
    frame = spark.createDataFrame([("a",)], "subscriber_id string")

    with pytest.raises(DataError, match=r"feature group telecom-dev-churn: rows have no tenure_months, plan_type"):
        feature_store.rows_for(frame, group, NOW)
