import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from seatrial.offline import functions, streaming
from seatrial.offline.cloud import OfflineCloud
from tests.offline.streaming.bench import put_stream
from tests.offline.support import bodies_of, events_of, put_queue, put_recorder

HALF = str(2**127)


def read(cloud: OfflineCloud, name: str, shard: str, kind: str = "TRIM_HORIZON") -> list[str]:
    kinesis = cloud.context.client("kinesis")
    arn = kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
    iterator = kinesis.get_shard_iterator(StreamARN=arn, ShardId=shard, ShardIteratorType=kind)["ShardIterator"]
    return [record["Data"].decode() for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def put(cloud: OfflineCloud, name: str, *data: str, key: str = "a", **more: str) -> list[str]:
    kinesis = cloud.context.client("kinesis")
    return [
        kinesis.put_record(StreamName=name, Data=each.encode(), PartitionKey=key, **more)["SequenceNumber"]
        for each in data
    ]


def test_records_of_one_key_stay_in_order_under_concurrent_writers(cloud: OfflineCloud) -> None:
    put_stream(cloud, "ordered", shards=4)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: put(cloud, "ordered", *(f"{key}-{n}" for n in range(20)), key=str(key)), range(8)))

    found: dict[str, list[int]] = defaultdict(list)
    for shard in cloud.context.client("kinesis").list_shards(StreamName="ordered")["Shards"]:
        for text in read(cloud, "ordered", shard["ShardId"]):
            key, _, number = text.partition("-")
            found[key].append(int(number))
    assert dict(found) == {str(key): list(range(20)) for key in range(8)}


def test_sequence_numbers_are_unique_and_grow(cloud: OfflineCloud) -> None:
    put_stream(cloud, "numbered")

    numbers = put(cloud, "numbered", "a", "b", key="x") + put(cloud, "numbered", "c", key="y")

    assert len({len(number) for number in numbers}) == 1
    assert [int(number) for number in numbers] == sorted({int(number) for number in numbers})


def test_records_are_gone_after_the_retention(cloud: OfflineCloud) -> None:
    put_stream(cloud, "expiring", shards=1)
    put(cloud, "expiring", "old")

    cloud.clock.advance(23 * 3600)
    put(cloud, "expiring", "new")
    before = read(cloud, "expiring", "shardId-000000000000")
    cloud.clock.advance(2 * 3600)

    assert before == ["old", "new"]
    assert read(cloud, "expiring", "shardId-000000000000") == ["new"]


def test_a_split_shard_keeps_its_records_and_ends(cloud: OfflineCloud) -> None:
    put_stream(cloud, "split", shards=1)
    put(cloud, "split", "before")
    kinesis = cloud.context.client("kinesis")

    kinesis.split_shard(StreamName="split", ShardToSplit="shardId-000000000000", NewStartingHashKey=HALF)
    put(cloud, "split", "low", ExplicitHashKey="0")
    put(cloud, "split", "high", ExplicitHashKey=str(2**128 - 1))

    assert [read(cloud, "split", f"shardId-00000000000{n}") for n in range(3)] == [["before"], ["low"], ["high"]]
    iterator = kinesis.get_shard_iterator(
        StreamName="split", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert "NextShardIterator" not in kinesis.get_records(ShardIterator=iterator)


def test_merged_shards_keep_their_records(cloud: OfflineCloud) -> None:
    put_stream(cloud, "merged")
    put(cloud, "merged", "low", ExplicitHashKey="0")

    cloud.context.client("kinesis").update_shard_count(
        StreamName="merged", TargetShardCount=1, ScalingType="UNIFORM_SCALING"
    )
    put(cloud, "merged", "after", ExplicitHashKey="0")

    assert [read(cloud, "merged", f"shardId-00000000000{n}") for n in range(3)] == [["low"], [], ["after"]]


def test_an_on_demand_stream_has_shards_of_its_own(cloud: OfflineCloud) -> None:
    kinesis = cloud.context.client("kinesis")

    kinesis.create_stream(StreamName="on-demand", StreamModeDetails={"StreamMode": "ON_DEMAND"})

    summary = kinesis.describe_stream_summary(StreamName="on-demand")["StreamDescriptionSummary"]
    assert (summary["StreamModeDetails"]["StreamMode"], summary["OpenShardCount"]) == ("ON_DEMAND", 4)


def test_a_stream_is_throttled_on_request(cloud: OfflineCloud) -> None:
    put_stream(cloud, "throttled", shards=1)
    kinesis = cloud.context.client("kinesis")
    entries = [{"Data": str(n).encode(), "PartitionKey": "a"} for n in range(3)]

    streaming.throttle_next(cloud.context, "throttled", 2)
    first = kinesis.put_records(StreamName="throttled", Records=entries)
    streaming.throttle_next(cloud.context, "throttled", 2)  # boto3 tries once more
    with pytest.raises(ClientError) as failure:
        put(cloud, "throttled", "x")

    assert first["FailedRecordCount"] == 2
    assert [entry.get("ErrorCode", "") for entry in first["Records"]] == [
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceededException",
        "",
    ]
    assert failure.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert read(cloud, "throttled", "shardId-000000000000") == ["2"]


def mapping(cloud: OfflineCloud, name: str, stream: str, **settings: object) -> None:
    put_recorder(cloud, name)
    cloud.context.client("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=stream, **{"StartingPosition": "LATEST", **settings}
    )


def data_of(cloud: OfflineCloud, name: str) -> list[int]:
    """Sizes of the batches that a recorder got, in order."""
    logs = cloud.context.client("logs")
    try:
        return [len(event["Records"]) for event in events_of(cloud, name)]
    except logs.exceptions.ResourceNotFoundException:
        return []  # it never ran


def test_a_batch_waits_for_its_window(cloud: OfflineCloud) -> None:
    stream = put_stream(cloud, "windowed", shards=1)
    mapping(cloud, "windowed", stream, BatchSize=3, MaximumBatchingWindowInSeconds=60)

    put(cloud, "windowed", "a", "b")
    functions.settle()
    before = data_of(cloud, "windowed")
    cloud.clock.advance(61)
    after = data_of(cloud, "windowed")
    put(cloud, "windowed", "c", "d", "e")
    functions.settle()

    assert (before, after, data_of(cloud, "windowed")) == ([], [2], [2, 3])


def test_a_filter_looks_into_the_data(cloud: OfflineCloud) -> None:
    stream = put_stream(cloud, "filtered", shards=1)
    pattern = json.dumps({"data": {"kind": ["voice"]}})
    mapping(cloud, "voice", stream, FilterCriteria={"Filters": [{"Pattern": pattern}]})

    put(cloud, "filtered", '{"kind": "voice"}', '{"kind": "sms"}')
    functions.settle()

    assert sum(data_of(cloud, "voice")) == 1


def test_a_mapping_starts_at_a_time(cloud: OfflineCloud) -> None:
    stream = put_stream(cloud, "timed", shards=1)
    put(cloud, "timed", "early")
    cloud.clock.advance(600)
    start = cloud.clock.now()
    put(cloud, "timed", "late")

    mapping(cloud, "timed", stream, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=start)
    functions.settle()

    assert sum(data_of(cloud, "timed")) == 1


def test_records_too_old_go_to_the_failure_destination(cloud: OfflineCloud) -> None:
    stream = put_stream(cloud, "aged", shards=1)
    failures = put_queue(cloud, "aged-failures")
    mapping(
        cloud,
        "aged",
        stream,
        MaximumRecordAgeInSeconds=60,
        MaximumBatchingWindowInSeconds=120,
        DestinationConfig={"OnFailure": {"Destination": failures}},
    )

    put(cloud, "aged", "a")
    cloud.clock.advance(125)

    (body,) = [json.loads(text) for text in bodies_of(cloud, "aged-failures")]
    assert body["requestContext"]["condition"] == "RecordAgeExceeded"
    assert body["KinesisBatchInfo"]["batchSize"] == 1
    assert data_of(cloud, "aged") == []


def test_a_tumbling_window_says_that_it_is_not_emulated(cloud: OfflineCloud) -> None:
    stream = put_stream(cloud, "tumbling", shards=1)

    with pytest.raises(ClientError, match="TumblingWindowInSeconds"):
        mapping(cloud, "tumbling", stream, TumblingWindowInSeconds=60)
