"""SNS subscriptions: functions and queues get the documented message, with its attributes, at the cloud's time."""

import json
from typing import Any

from moto.sns.models import Subscription

from seatrial.offline import functions, patches
from seatrial.offline.context import CloudContext
from seatrial.offline.events import bus
from seatrial.offline.functions.destinations import queue_url


def replace_all() -> None:
    """Replace what moto lacks."""
    patches.replace(Subscription, "publish", _publish)


def _publish(  # noqa: PLR0917 - moto calls it so
    self: Subscription,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> None:
    """Moto sends functions a made-up message, runs them at once, needs no permission, and calls the web."""
    matcher = self._filter_policy_matcher
    if matcher is not None and not matcher.matches(message_attributes, message):
        return
    if message_structure == "json":
        message = self._parse_message_structure(message, self.protocol)
    attributes = message_attributes or {}
    context = bus.current()
    envelope = _envelope(context, self, message, message_id, subject=subject, attributes=attributes)
    if self.protocol == "lambda":
        _to_function(context, self, envelope)
    elif self.protocol == "sqs":
        raw = str(self.attributes.get("RawMessageDelivery", "")).lower() == "true"
        body = message if raw else json.dumps(envelope)
        _to_queue(
            context,
            self,
            body,
            attributes=attributes if raw else {},
            group_id=group_id,
            deduplication_id=deduplication_id,
        )
    else:
        context.journal.record(
            "event", status="notified", protocol=self.protocol, target=self.endpoint, subject=subject, message=message
        )


def _envelope(
    context: CloudContext,
    subscription: Subscription,
    message: str,
    message_id: str,
    *,
    subject: str | None,
    attributes: dict[str, Any],
) -> dict[str, Any]:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    fields: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic.arn,
        "Subject": subject,
        "Message": message,
        "Timestamp": context.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "SignatureVersion": "1",
        "Signature": "offline",
        "SigningCertURL": f"{context.url}/SimpleNotificationService.pem",
        "UnsubscribeURL": f"{context.url}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
    }
    if subject is None:
        del fields["Subject"]
    if attributes:
        fields["MessageAttributes"] = {name: _attribute(value) for name, value in attributes.items()}
    return fields


def _attribute(value: dict[str, Any]) -> dict[str, str]:
    content = value["Value"]
    return {"Type": value["Type"], "Value": content.decode() if isinstance(content, bytes) else str(content)}


def _to_function(context: CloudContext, subscription: Subscription, envelope: dict[str, Any]) -> None:
    renamed = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    message = {renamed.get(key, key): value for key, value in envelope.items()}
    message.setdefault("Subject", None)
    message.setdefault("MessageAttributes", {})
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": message,
    }
    source = subscription.topic.arn
    event = json.dumps({"Records": [record]})
    try:
        functions.deliver(subscription.endpoint, event, principal="sns.amazonaws.com", source_arn=source)
    except functions.NoSuchFunctionError as error:
        _fail(context, subscription, event, error)


def _to_queue(
    context: CloudContext,
    subscription: Subscription,
    body: str,
    *,
    attributes: dict[str, Any],
    group_id: str | None,
    deduplication_id: str | None,
) -> None:
    extra: dict[str, Any] = {}
    if attributes:
        extra["MessageAttributes"] = {name: _queue_attribute(value) for name, value in attributes.items()}
    if group_id:
        extra["MessageGroupId"] = group_id
    if deduplication_id:
        extra["MessageDeduplicationId"] = deduplication_id
    try:
        url = queue_url(context, subscription.endpoint)
        context.client("sqs").send_message(QueueUrl=url, MessageBody=body, **extra)
    except Exception as error:
        _fail(context, subscription, body, error)


def _queue_attribute(value: dict[str, Any]) -> dict[str, Any]:
    field = "BinaryValue" if value["Type"].startswith("Binary") else "StringValue"
    return {"DataType": value["Type"], field: value["Value"] if field == "BinaryValue" else str(value["Value"])}


def _fail(context: CloudContext, subscription: Subscription, body: str, error: Exception) -> None:
    target, topic = subscription.endpoint, subscription.topic.arn
    context.journal.record("event", status="not-delivered", target=target, source_arn=topic, error=str(error))
    redrive = subscription.attributes.get("RedrivePolicy")
    if redrive:
        queue = json.loads(redrive)["deadLetterTargetArn"]
        context.client("sqs").send_message(QueueUrl=queue_url(context, queue), MessageBody=body)
