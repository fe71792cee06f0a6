"""What Firehose tells CloudWatch: metrics of each delivery stream, and the log of its errors."""

import json
from datetime import datetime

from botocore.exceptions import ClientError

from seatrial.offline import alarms
from seatrial.offline.context import CloudContext


class Metrics:
    """The metrics of one delivery stream.

    https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
    """

    def __init__(self, context: CloudContext, stream: str) -> None:
        self._context = context
        self._dimensions = {"DeliveryStreamName": stream}

    def count(self, name: str, value: float, unit: str = "Count") -> None:
        """Put one value."""
        alarms.put_metric(self._context, "AWS/Firehose", name, float(value), self._dimensions, unit)

    def put(self, values: dict[str, tuple[float, str]]) -> None:
        """Put values that belong together."""
        alarms.put_metrics(self._context, "AWS/Firehose", values, self._dimensions)

    def incoming(self, records: int, size: int) -> None:
        """Records that a caller put."""
        self.put({"IncomingRecords": (records, "Count"), "IncomingBytes": (size, "Bytes")})

    def read(self, records: int, size: int) -> None:
        """Records that were read from the data stream."""
        names = ("DataReadFromKinesisStream.Records", "DataReadFromKinesisStream.Bytes")
        self.put({names[0]: (records, "Count"), names[1]: (size, "Bytes")})

    def delivered(self, oldest: datetime, records: int, size: int) -> None:
        """One object that was written."""
        self._object("DeliveryToS3", oldest, records, size)

    def backed_up(self, oldest: datetime, records: int, size: int) -> None:
        """One object of source records that was written."""
        self._object("BackupToS3", oldest, records, size)

    def _object(self, prefix: str, oldest: datetime, records: int, size: int) -> None:
        age = (self._context.clock.now() - oldest).total_seconds()
        self.put(
            {
                f"{prefix}.Records": (records, "Count"),
                f"{prefix}.Bytes": (size, "Bytes"),
                f"{prefix}.DataFreshness": (age, "Seconds"),
                f"{prefix}.Success": (1.0, "Count"),
            }
        )

    def log(self, group: str, stream: str, arn: str, version: str, *, code: str, message: str) -> None:
        """Write an entry into the stream's error log; a group that is not there is told in the journal."""
        entry = {"deliveryStreamARN": arn, "deliveryStreamVersionId": version, "message": message, "errorCode": code}
        now = int(self._context.clock.now().timestamp() * 1000)
        logs = self._context.client("logs")
        event = {"timestamp": now, "message": json.dumps(entry)}
        try:
            self._make_stream(group, stream)
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
        except ClientError as error:
            self._context.journal.record("fault", api="firehose log", error=str(error))

    def _make_stream(self, group: str, stream: str) -> None:
        logs = self._context.client("logs")
        try:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        except logs.exceptions.ResourceAlreadyExistsException:
            return
