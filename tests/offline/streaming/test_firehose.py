import json
from collections import Counter
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from seatrial.offline import functions, streaming
from seatrial.offline.cloud import OfflineCloud
from tests.offline.streaming.bench import (
    BUCKET,
    COLUMNS,
    cdr,
    content,
    errors_under,
    extraction,
    keys_under,
    partitioned,
    plain,
    put_bucket,
    put_delivery,
    put_direct,
    put_stream,
    put_table,
    rows_under,
)
from tests.offline.support import put_function

UPPERCASE = """
    import base64

    def lambda_handler(event, context):
        return {"records": [
            {"recordId": each["recordId"], "result": "Ok",
             "data": base64.b64encode(base64.b64decode(each["data"]).upper()).decode()}
            for each in event["records"]
        ]}
"""


@pytest.fixture(autouse=True)
def lake(cloud: OfflineCloud) -> None:
    put_bucket(cloud)
    put_table(cloud)


def test_records_wait_until_their_interval_is_over(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "waiting", plain("waiting"))

    put_direct(cloud, "waiting", b"a", b"b")
    cloud.clock.advance(50)
    before = keys_under(cloud, "waiting/")
    cloud.clock.advance(15)

    assert before == []
    (key,) = keys_under(cloud, "waiting/")
    assert key.startswith(f"waiting/{cloud.clock.now():%Y/%m/%d}")
    assert "/waiting-1-2026-" in key
    assert content(cloud, key) == b"ab"


def test_a_full_buffer_is_written_before_its_interval_is_over(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "full", plain("full"))

    put_direct(cloud, "full", b"x" * 700_000, b"y" * 700_000)
    functions.settle()

    assert [len(content(cloud, key)) for key in keys_under(cloud, "full/")] == [1_400_000]


def test_json_becomes_parquet_by_partition(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "parquet", partitioned("parquet"))

    put_direct(cloud, "parquet", *(cdr(number) for number in range(9)))
    cloud.clock.advance(65)

    folders = Counter(key.rpartition("/")[0] for key in keys_under(cloud, "parquet/"))
    assert folders == {f"parquet/date=2026-11-01/hour={hour}": 1 for hour in ("09", "10", "11")}
    rows = rows_under(cloud, "parquet/date=2026-11-01/hour=10/")
    assert sorted(row["event_id"] for row in rows) == ["e1", "e4", "e7"]
    assert str(rows[0]["started_at"]) == "2026-11-01 10:15:00.250000"
    assert set(rows[0]) == set(COLUMNS)


def test_records_that_fail_go_to_the_error_prefix_and_nothing_is_lost(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "failing", partitioned("failing"))

    put_direct(cloud, "failing", cdr(1), b"nope", cdr(2, dropped="x"), cdr(3, started_at=None))
    cloud.clock.advance(130)

    assert [row["event_id"] for row in rows_under(cloud, "failing/")] == ["e1"]
    processing = errors_under(cloud, "failing-errors/processing-failed/2026-11-01/")
    assert [each["errorCode"] for each in processing] == ["DynamicPartitioning.MetadataExtractionFailed"] * 2
    (conversion,) = errors_under(cloud, "failing-errors/format-conversion-failed/")
    assert conversion["lastErrorCode"] == "DataFormatConversion.MalformedData"
    assert conversion["dataCatalogTable"]["tableName"] == "cdr"


def test_a_record_of_which_one_object_fails_is_among_the_errors_only(cloud: OfflineCloud) -> None:
    put_table(cloud, {**COLUMNS, "price": "decimal(4,2)"})
    put_delivery(cloud, "halves", partitioned("halves"))

    put_direct(cloud, "halves", cdr(1), json.dumps(cdr(2)).encode() + b'{"dropped":"x"}', cdr(3, price=123456))
    cloud.clock.advance(130)

    assert [row["event_id"] for row in rows_under(cloud, "halves/")] == ["e1"]
    assert len(errors_under(cloud, "halves-errors/format-conversion-failed/")) == 2


def test_a_key_that_makes_the_prefix_too_long_fails_its_record(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "endless", partitioned("endless", ProcessingConfiguration=extraction("{date: .id, hour: 1}")))

    put_direct(cloud, "endless", {"id": "x" * 1100}, {"id": "short"})
    cloud.clock.advance(130)

    assert len(keys_under(cloud, "endless/date=short/")) == 1
    assert [each["errorCode"] for each in errors_under(cloud, "endless-errors/")] == ["S3.KeyTooLong"]


def test_the_columns_are_those_of_the_table_at_delivery(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "evolving", partitioned("evolving"))

    put_direct(cloud, "evolving", cdr(1, extra="new"))
    put_table(cloud, {**COLUMNS, "extra": "string"})
    cloud.clock.advance(65)

    assert rows_under(cloud, "evolving/")[0]["extra"] == "new"


def test_a_table_that_is_gone_fails_the_records_with_its_name(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "tableless", partitioned("tableless"))
    cloud.context.client("glue").delete_table(DatabaseName="telecom", Name="cdr")

    put_direct(cloud, "tableless", cdr(1))
    cloud.clock.advance(130)

    (error,) = errors_under(cloud, "tableless-errors/")
    assert error["lastErrorCode"] == "DataFormatConversion.EntityNotFound"


def test_source_records_are_backed_up_as_they_came(cloud: OfflineCloud) -> None:
    backup = plain("backup", CompressionFormat="GZIP")
    put_delivery(cloud, "kept", partitioned("kept", S3BackupMode="Enabled", S3BackupConfiguration=backup))

    put_direct(cloud, "kept", cdr(1), b"nope")
    cloud.clock.advance(65)

    (key,) = keys_under(cloud, "backup/")
    assert content(cloud, key).endswith(b"}nope")


def test_a_delivery_stream_reads_a_data_stream(cloud: OfflineCloud) -> None:
    stream = put_stream(cloud, "source")
    put_delivery(cloud, "reading", plain("reading"), source=stream)

    cloud.context.client("kinesis").put_record(StreamName="source", Data=b"ring", PartitionKey="a")
    cloud.clock.advance(65)

    (key,) = keys_under(cloud, "reading/")
    assert content(cloud, key) == b"ring"
    with pytest.raises(ClientError, match="its source is a data stream"):
        put_direct(cloud, "reading", b"x")


def test_a_function_transforms_records(cloud: OfflineCloud) -> None:
    arn = put_function(cloud, "upper", UPPERCASE)
    processor = {"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": arn}]}
    put_delivery(
        cloud, "changing", plain("changing", ProcessingConfiguration={"Enabled": True, "Processors": [processor]})
    )

    put_direct(cloud, "changing", b"quiet")
    cloud.clock.advance(65)

    (key,) = keys_under(cloud, "changing/")
    assert content(cloud, key) == b"QUIET"


def test_a_delivery_that_fails_is_tried_again(cloud: OfflineCloud) -> None:
    late = plain("late", BucketARN="arn:aws:s3:::not-yet")
    put_delivery(cloud, "late", late)

    put_direct(cloud, "late", b"a")
    cloud.clock.advance(65)
    put_bucket(cloud, "not-yet")
    cloud.clock.advance(65)

    assert cloud.context.client("s3").list_objects_v2(Bucket="not-yet")["KeyCount"] == 1


def test_an_object_is_delivered_twice_on_request(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "twice", plain("twice"))
    streaming.duplicate_next(cloud.context, "twice")

    put_direct(cloud, "twice", b"a")
    cloud.clock.advance(65)

    assert [content(cloud, key) for key in keys_under(cloud, "twice/")] == [b"a", b"a"]


def test_deliveries_are_measured(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "measured", plain("measured"))

    put_direct(cloud, "measured", b"a", b"b")
    cloud.clock.advance(65)

    now = cloud.clock.now()
    found = cloud.context.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Firehose",
        MetricName="DeliveryToS3.Records",
        Dimensions=[{"Name": "DeliveryStreamName", "Value": "measured"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=600,
        Statistics=["Sum"],
    )
    assert [point["Sum"] for point in found["Datapoints"]] == [2.0]


def test_an_updated_destination_takes_effect_and_counts_its_version(cloud: OfflineCloud) -> None:
    put_delivery(cloud, "moved", plain("moved"))
    firehose = cloud.context.client("firehose")

    firehose.update_destination(
        DeliveryStreamName="moved",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"Prefix": "moved-on/"},
    )
    put_direct(cloud, "moved", b"a")
    cloud.clock.advance(65)

    (key,) = keys_under(cloud, "moved-on/")
    assert "/moved-2-" in key


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"BufferingHints": {"SizeInMBs": 5}}, "at least 64 when data format conversion"),
        ({"CompressionFormat": "GZIP"}, "CompressionFormat must be UNCOMPRESSED"),
        ({"ErrorOutputPrefix": "errors/"}, "ErrorOutputPrefix must contain"),
        ({"ProcessingConfiguration": extraction("{date: .x | nosuch, hour: 1}")}, "nosuch/0 is not defined"),
        ({"ProcessingConfiguration": {"Enabled": False}}, "needs a MetadataExtraction or a Lambda processor"),
        ({"CustomTimeZone": "Mars/Olympus"}, "there is no time zone"),
    ],
)
def test_a_destination_that_aws_refuses_is_refused(cloud: OfflineCloud, change: dict, sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence) as failure:
        put_delivery(cloud, "refused", partitioned("refused", **change))

    assert failure.value.response["Error"]["Code"] == "InvalidArgumentException"


def test_another_destination_than_s3_says_that_it_is_not_emulated(cloud: OfflineCloud) -> None:
    with pytest.raises(ClientError, match="without an S3 destination") as failure:
        cloud.context.client("firehose").create_delivery_stream(
            DeliveryStreamName="http",
            HttpEndpointDestinationConfiguration={
                "EndpointConfiguration": {"Url": "https://example.com"},
                "S3Configuration": {
                    "RoleARN": "arn:aws:iam::111111111111:role/x",
                    "BucketARN": f"arn:aws:s3:::{BUCKET}",
                },
            },
        )

    assert failure.value.response["Error"]["Code"] == "NotEmulated"
