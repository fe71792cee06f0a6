"""Delivery to a target of a rule or schedule by the API of its service, and the dead-letter queue when that fails."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from seatrial.offline import functions
from seatrial.offline.context import CloudContext
from seatrial.offline.functions.destinations import queue_url


class DeliveryError(Exception):
    """A target refused what was sent to it; `code` is what the dead-letter queue shows."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event on its way to one target; `content` is the text that the target receives, JSON as a rule."""

    context: CloudContext
    target: dict[str, Any]
    content: str
    source_arn: str
    """The rule or schedule that sends."""
    event: dict[str, Any] = field(default_factory=dict)
    """The whole event, empty for a schedule of EventBridge Scheduler."""
    principal: str | None = None
    """The service that a function's own policy must let in; None when the sender has a role for this."""

    @property
    def arn(self) -> str:
        """The target's ARN."""
        return self.target["Arn"]


def send(delivery: Delivery) -> bool:
    """Deliver; a failure goes to the journal and to the target's dead-letter queue, and is answered with False."""
    try:
        _sender(delivery.arn)(delivery)
    except (DeliveryError, ClientError, BotoCoreError, NotImplementedError, KeyError, ValueError) as error:
        fail(delivery, error)
        return False
    return True


def fail(delivery: Delivery, error: Exception) -> None:
    """Say loudly that an event was not delivered, and keep it in the dead-letter queue if there is one."""
    code = error.code if isinstance(error, DeliveryError) else type(error).__name__
    queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    delivery.context.journal.record(
        "event",
        status="not-delivered",
        target=delivery.arn,
        source_arn=delivery.source_arn,
        error=str(error),
        queue=queue,
    )
    if queue is not None:
        facts = {"RULE_ARN": delivery.source_arn, "TARGET_ARN": delivery.arn, "ERROR_CODE": code}
        facts["ERROR_MESSAGE"] = str(error)[:1024]
        attributes = {key: {"DataType": "String", "StringValue": value} for key, value in facts.items()}
        url = queue_url(delivery.context, queue)
        client = delivery.context.client("sqs")
        client.send_message(QueueUrl=url, MessageBody=delivery.content, MessageAttributes=attributes)


def _to_function(delivery: Delivery) -> None:
    event = delivery.content if _is_json(delivery.content) else json.dumps(delivery.content)
    try:
        if delivery.principal is None:
            functions.submit_to(delivery.arn, event, trigger=delivery.source_arn)
            return
        delivered = functions.deliver(delivery.arn, event, principal=delivery.principal, source_arn=delivery.source_arn)
    except functions.NoSuchFunctionError as error:
        raise DeliveryError("RESOURCE_NOT_FOUND", str(error)) from error
    if not delivered:
        raise DeliveryError("NO_PERMISSIONS", f"{delivery.principal} has no permission to invoke {delivery.arn}")


def _to_queue(delivery: Delivery) -> None:
    group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId")
    extra = {"MessageGroupId": group} if group else {}
    if group and delivery.event:
        extra["MessageDeduplicationId"] = delivery.event["id"]
    url = queue_url(delivery.context, delivery.arn)
    delivery.context.client("sqs").send_message(QueueUrl=url, MessageBody=delivery.content, **extra)


def _to_topic(delivery: Delivery) -> None:
    delivery.context.client("sns").publish(TopicArn=delivery.arn, Message=delivery.content)


def _to_state_machine(delivery: Delivery) -> None:
    delivery.context.client("stepfunctions").start_execution(stateMachineArn=delivery.arn, input=delivery.content)


def _to_pipeline(delivery: Delivery) -> None:
    listed = (delivery.target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or []
    name = delivery.arn.rpartition("/")[2]
    delivery.context.client("sagemaker").start_pipeline_execution(PipelineName=name, PipelineParameters=listed)


def _to_log_group(delivery: Delivery) -> None:
    group = delivery.arn.partition(":log-group:")[2].removesuffix(":*")
    now = delivery.context.clock.now()
    stream = f"{now:%Y/%m/%d/%H%M%S%f}"
    logs = delivery.context.client("logs")
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    entry = {"timestamp": int(now.timestamp() * 1000), "message": delivery.content}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[entry])


def _to_bus(delivery: Delivery) -> None:
    from seatrial.offline.events import bus

    parameters = delivery.target.get("EventBridgeParameters") or {}
    name = delivery.arn.rpartition("/")[2]
    envelope = delivery.event
    bus.put(
        delivery.context,
        source=parameters.get("Source", envelope.get("source", "")),
        detail_type=parameters.get("DetailType", envelope.get("detail-type", "")),
        detail=json.loads(delivery.content) if parameters else envelope.get("detail", {}),
        resources=envelope.get("resources", []),
        bus_name=name,
    )


def _to_stream(delivery: Delivery) -> None:
    key = (delivery.target.get("KinesisParameters") or {}).get("PartitionKey") or delivery.event.get("id", "seatrial")
    delivery.context.client("kinesis").put_record(
        StreamARN=delivery.arn, Data=delivery.content.encode(), PartitionKey=key
    )


_SENDERS: dict[tuple[str, str], Callable[[Delivery], None]] = {
    ("lambda", "function"): _to_function,
    ("sqs", ""): _to_queue,
    ("sns", ""): _to_topic,
    ("states", "stateMachine"): _to_state_machine,
    ("sagemaker", "pipeline"): _to_pipeline,
    ("logs", "log-group"): _to_log_group,
    ("events", "event-bus"): _to_bus,
    ("kinesis", "stream"): _to_stream,
}


def _sender(arn: str) -> Callable[[Delivery], None]:
    parts = arn.split(":", 5)
    service, resource = parts[2], parts[5]
    for (name, kind), sender in _SENDERS.items():
        if name == service and resource.startswith(kind):
            return sender
    known = ", ".join(sorted({name for name, _ in _SENDERS}))
    raise NotImplementedError(f"a target {arn!r} is not emulated by the offline cloud: use one of {known}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
