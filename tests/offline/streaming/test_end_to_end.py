"""From a producer to the readers: call detail records through streams into Parquet, device messages to a function."""

import base64
import json
from collections import Counter
from typing import Any

from seatrial.offline import functions
from seatrial.offline.cloud import OfflineCloud
from tests.offline.streaming.bench import (
    cdr,
    content,
    errors_under,
    keys_under,
    partitioned,
    plain,
    put_bucket,
    put_delivery,
    put_stream,
    put_table,
    rows_under,
)
from tests.offline.support import ROLE, bodies_of, put_function, put_queue

RECORDS, BAD = 300, 3
CONSUMER = """
    import base64, json, boto3

    def lambda_handler(event, context):
        failures = []
        for record in event["Records"]:
            message = json.loads(base64.b64decode(record["kinesis"]["data"]))
            if message.get("poison"):
                failures.append({"itemIdentifier": record["kinesis"]["sequenceNumber"]})
                break
            boto3.client("sqs").send_message(QueueUrl=message["reply_to"], MessageBody=json.dumps(message))
        return {"batchItemFailures": failures}
"""


def test_every_call_detail_record_put_is_read_back_or_accounted_for(cloud: OfflineCloud) -> None:
    put_bucket(cloud)
    put_table(cloud)
    backup = plain("sources", CompressionFormat="GZIP")
    source = put_stream(cloud, "cdr", shards=4)
    destination = partitioned("telecom/stream/cdr", S3BackupMode="Enabled", S3BackupConfiguration=backup)
    put_delivery(cloud, "cdr", destination, source=source)
    sent: list[dict[str, Any]] = [cdr(n, started_at=f"2026-11-0{1 + n % 2}T{n % 5:02d}:00:00Z") for n in range(RECORDS)]
    lines = [json.dumps(each).encode() for each in sent] + [b"broken"] * BAD

    for start in range(0, len(lines), 100):
        entries = [{"Data": line, "PartitionKey": str(hash(line))} for line in lines[start : start + 100]]
        answer = cloud.context.client("kinesis").put_records(StreamName="cdr", Records=entries)
        assert answer["FailedRecordCount"] == 0
    cloud.clock.advance(130)

    rows = rows_under(cloud, "telecom/stream/cdr/")
    assert Counter(row["event_id"] for row in rows) == Counter(each["event_id"] for each in sent)
    failed = errors_under(cloud, "telecom/stream/cdr-errors/")
    assert [base64.b64decode(each["rawData"]) for each in failed] == [b"broken"] * BAD
    kept = b"".join(content(cloud, key) for key in keys_under(cloud, "sources/"))
    assert len(kept) == sum(map(len, lines))
    for row in rows_under(cloud, "telecom/stream/cdr/date=2026-11-02/hour=03/"):
        assert row["started_at"].strftime("%d %H") == "02 03"


def test_a_devices_message_reaches_the_consumer_through_rule_and_stream(cloud: OfflineCloud) -> None:
    arn = put_stream(cloud, "kpi", shards=1)
    put_queue(cloud, "answers")
    dead = put_queue(cloud, "poisoned")
    url = cloud.context.client("sqs").get_queue_url(QueueName="answers")["QueueUrl"]
    put_function(cloud, "kpi", CONSUMER)
    cloud.context.client("lambda").create_event_source_mapping(
        FunctionName="kpi",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BatchSize=10,
        MaximumBatchingWindowInSeconds=5,
        MaximumRetryAttempts=2,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": dead}},
    )
    forward = {"kinesis": {"roleArn": ROLE, "streamName": "kpi", "partitionKey": "${topic(2)}"}}
    sql = "SELECT *, topic(2) AS cell_id, timestamp() AS received_at FROM 'cells/+/kpi' WHERE drops >= 0"
    cloud.context.client("iot").create_topic_rule(ruleName="kpi", topicRulePayload={"sql": sql, "actions": [forward]})

    for number in range(6):
        payload = {"drops": number - 1, "reply_to": url, "poison": number == 3}
        cloud.context.client("iot-data").publish(topic=f"cells/{number}/kpi", payload=json.dumps(payload))
    functions.settle()
    cloud.clock.advance(600)

    answered = [json.loads(body) for body in bodies_of(cloud, "answers")]
    assert sorted({message["cell_id"] for message in answered}) == ["1", "2", "4", "5"]
    assert all(isinstance(message["received_at"], int) for message in answered)
    (record,) = [json.loads(body) for body in bodies_of(cloud, "poisoned")]
    assert record["KinesisBatchInfo"]["batchSize"] == 1
