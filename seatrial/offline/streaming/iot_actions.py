"""Actions of IoT Core's rules: each sends a rule's result to another service of this cloud."""

import base64
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from seatrial.offline import alarms, functions
from seatrial.offline.context import CloudContext
from seatrial.offline.functions import NoSuchFunctionError
from seatrial.offline.functions.destinations import queue_url
from seatrial.offline.streaming import iot_sql
from seatrial.offline.streaming.iot_functions import Message

Settings = Mapping[str, Any]
_RETRIES = 3
_SEPARATORS = {"\n", "\t", "\r\n", ","}


class ActionError(Exception):
    """An action that failed: what a rule's error action is told."""

    def __init__(self, kind: str, resource: str, message: str) -> None:
        self.kind, self.resource = kind, resource
        super().__init__(message)


class Delivery:
    """One result of one rule on its way; `republish` puts a message back on a topic."""

    def __init__(self, context: CloudContext, rule_arn: str, message: Message, republish: Callable[..., None]) -> None:
        self.context, self.rule_arn, self.message = context, rule_arn, message
        self.republish = republish

    def text(self, template: str) -> str:
        """A setting with its substitution templates filled in."""
        return iot_sql.template(template)(self.message)

    def run(self, action: Settings, result: Any) -> None:
        """Perform an action of a rule; raises `ActionError`."""
        ((kind, settings),) = action.items()
        send, resource = ACTIONS[kind]
        name = str(settings.get(resource) or (settings.get("putItem") or {}).get("tableName", ""))
        try:
            send(self, settings, result)
        except (ClientError, BotoCoreError, NoSuchFunctionError, ValueError, LookupError, TypeError) as error:
            raise ActionError(f"{kind[0].upper()}{kind[1:]}Action", name, str(error)) from error


def check(action: Settings) -> None:
    """Raise `NotImplementedError` for an action that the offline cloud lacks, `SqlError` for a wrong template."""
    for kind, settings in action.items():
        if kind not in ACTIONS:
            raise NotImplementedError(f"the action {kind} of an IoT rule: there are {', '.join(ACTIONS)}")
        for value in settings.values():
            if isinstance(value, str):
                iot_sql.template(value)
        if kind == "firehose" and settings.get("separator") and settings["separator"] not in _SEPARATORS:
            raise iot_sql.SqlError(f"separator: must be one of {sorted(_SEPARATORS)}, got {settings['separator']!r}")


def payload(result: Any) -> bytes:
    """A result as the bytes that services are given."""
    return result if isinstance(result, bytes) else json.dumps(result, separators=(",", ":")).encode()


def _kinesis(delivery: Delivery, settings: Settings, result: Any) -> None:
    key = delivery.text(settings.get("partitionKey") or "${newuuid()}")
    client = delivery.context.client("kinesis")
    for attempt in range(_RETRIES):
        try:
            client.put_record(StreamName=delivery.text(settings["streamName"]), Data=payload(result), PartitionKey=key)
            return
        except client.exceptions.ProvisionedThroughputExceededException:
            if attempt == _RETRIES - 1:
                raise


def _firehose(delivery: Delivery, settings: Settings, result: Any) -> None:
    name, separator = delivery.text(settings["deliveryStreamName"]), (settings.get("separator") or "").encode()
    results = result if settings.get("batchMode") and isinstance(result, list) else [result]
    records = [{"Data": payload(each) + separator} for each in results]
    delivery.context.client("firehose").put_record_batch(DeliveryStreamName=name, Records=records)


def _lambda(delivery: Delivery, settings: Settings, result: Any) -> None:
    if isinstance(result, bytes):
        raise ValueError("a Lambda action takes no binary payload: select encode(*, 'base64')")
    event = json.dumps(result)
    arn, source = settings["functionArn"], delivery.rule_arn
    if not functions.deliver(arn, event, principal="iot.amazonaws.com", source_arn=source):
        raise ValueError(f"the function's policy does not let iot.amazonaws.com invoke it for {source}")


def _sqs(delivery: Delivery, settings: Settings, result: Any) -> None:
    body = base64.b64encode(payload(result)) if settings.get("useBase64") else payload(result)
    name = settings["queueUrl"].rpartition("/")[2]
    url = queue_url(delivery.context, f"arn:aws:sqs:{delivery.context.region}:{delivery.context.account}:{name}")
    delivery.context.client("sqs").send_message(QueueUrl=url, MessageBody=body.decode())


def _sns(delivery: Delivery, settings: Settings, result: Any) -> None:
    structure = {"MessageStructure": "json"} if settings.get("messageFormat") == "JSON" else {}
    message = payload(result).decode()
    delivery.context.client("sns").publish(TopicArn=settings["targetArn"], Message=message, **structure)


def _s3(delivery: Delivery, settings: Settings, result: Any) -> None:
    bucket, key = delivery.text(settings["bucketName"]), delivery.text(settings["key"])
    delivery.context.client("s3").put_object(Bucket=bucket, Key=key, Body=payload(result))


def _table(delivery: Delivery, settings: Settings, result: Any) -> None:
    if not isinstance(result, dict):
        raise ValueError("a dynamoDBv2 action needs an object: each of its fields becomes an attribute")
    document = json.loads(json.dumps(result), parse_float=Decimal)
    item = {name: TypeSerializer().serialize(value) for name, value in document.items()}
    table = delivery.text(settings["putItem"]["tableName"])
    delivery.context.client("dynamodb").put_item(TableName=table, Item=item)


def _republish(delivery: Delivery, settings: Settings, result: Any) -> None:
    delivery.republish(delivery.text(settings["topic"]), payload(result))


def _metric(delivery: Delivery, settings: Settings, result: Any) -> None:
    del result
    names = ("metricNamespace", "metricName", "metricValue", "metricUnit")
    namespace, name, value, unit = (delivery.text(settings[each]) for each in names)
    alarms.put_metric(delivery.context, namespace, name, float(value), {}, unit)


def _log(delivery: Delivery, settings: Settings, result: Any) -> None:
    logs, group, stream = (
        delivery.context.client("logs"),
        delivery.text(settings["logGroupName"]),
        delivery.message.trace,
    )
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    stamp = int(delivery.message.time.timestamp() * 1000)
    results = result if settings.get("batchMode") and isinstance(result, list) else [result]
    events = [{"timestamp": stamp, "message": payload(each).decode()} for each in results]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


ACTIONS: dict[str, tuple[Callable[[Delivery, Settings, Any], None], str]] = {
    "kinesis": (_kinesis, "streamName"),
    "firehose": (_firehose, "deliveryStreamName"),
    "lambda": (_lambda, "functionArn"),
    "sqs": (_sqs, "queueUrl"),
    "sns": (_sns, "targetArn"),
    "s3": (_s3, "bucketName"),
    "dynamoDBv2": (_table, "tableName"),
    "republish": (_republish, "topic"),
    "cloudwatchMetric": (_metric, "metricName"),
    "cloudwatchLogs": (_log, "logGroupName"),
}
"""What performs an action, and the setting that names its resource."""
