"""What the data layer's rehearsal asks of AWS: streams, devices, flows, the warehouse, metrics, the feature store."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

POLL_SECONDS = 0.2
MOST_RECORDS = 500
"""Of one PutRecords."""
_ENDED = {"FINISHED", "FAILED", "ABORTED"}


class SqlError(Exception):
    """A statement failed; the text is the warehouse's."""


class DataAws:
    """Typed calls in the rehearsal's own words; `client` returns a boto3 client for a service name."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    # streams and devices

    def put_records(self, stream: str, records: Iterable[tuple[str, bytes]]) -> int:
        """Put partition keys and data into a stream, what is throttled again; returns how many."""
        kinesis, count = self._client("kinesis"), 0
        for batch in _batches(records, MOST_RECORDS):
            waiting = [{"PartitionKey": key, "Data": data} for key, data in batch]
            while waiting:
                answer = kinesis.put_records(StreamName=stream, Records=waiting)
                results = zip(waiting, answer["Records"], strict=True)
                waiting = [record for record, result in results if "ErrorCode" in result]
            count += len(batch)
        return count

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish a message as a device does."""
        self._client("iot-data").publish(topic=topic, qos=1, payload=payload)

    def metric_sums(self, names: Iterable[str], dimensions: Mapping[str, str], start: datetime) -> dict[str, int]:
        """Sums of metrics of the namespace Seatrial since `start`."""
        cloudwatch, sums = self._client("cloudwatch"), {}
        wanted = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        begin = start.replace(minute=0, second=0, microsecond=0)
        for name in names:
            answer = cloudwatch.get_metric_statistics(
                Namespace="Seatrial",
                MetricName=name,
                Dimensions=wanted,
                StartTime=begin,
                EndTime=begin + timedelta(days=2),
                Period=3600,
                Statistics=["Sum"],
            )
            sums[name] = round(sum(point["Sum"] for point in answer["Datapoints"]))
        return sums

    # Step Functions

    def start_flow(self, arn: str, given: Mapping[str, Any]) -> str:
        """Start an execution; returns its ARN."""
        answer = self._client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(given))
        return answer["executionArn"]

    # the warehouse

    def run_sql(self, target: Mapping[str, str], statements: Sequence[str]) -> str:
        """Run statements in one transaction and wait; returns the Data API's id. Raises `SqlError`."""
        data = self._client("redshift-data")
        if len(statements) == 1:
            statement = data.execute_statement(Sql=statements[0], **target)["Id"]
        else:
            statement = data.batch_execute_statement(Sqls=list(statements), **target)["Id"]
        while (described := data.describe_statement(Id=statement))["Status"] not in _ENDED:
            time.sleep(POLL_SECONDS)
        if described["Status"] != "FINISHED":
            raise SqlError(f"{described['Status'].lower()}: {described.get('Error', 'no reason was given')}")
        return statement

    def query(self, target: Mapping[str, str], sql: str) -> list[list[Any]]:
        """All rows of a query."""
        statement, token, rows = self.run_sql(target, [sql]), {}, []
        while True:
            answer = self._client("redshift-data").get_statement_result(Id=statement, **token)
            rows += [[_plain(field) for field in record] for record in answer["Records"]]
            if not answer.get("NextToken"):
                return rows
            token = {"NextToken": answer["NextToken"]}

    # the feature store

    def features(self, group: str, identifier: str) -> dict[str, str]:
        """GetRecord: texts by feature; empty when there is no such record."""
        runtime = self._client("sagemaker-featurestore-runtime")
        answer = runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=identifier)
        return {one["FeatureName"]: one["ValueAsString"] for one in answer.get("Record", ())}


def _plain(field: Mapping[str, Any]) -> Any:
    (kind, value), *_ = field.items()
    return None if kind == "isNull" else value


def _batches(records: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
