"""S3 event notifications: to functions, queues, topics and EventBridge, with failures told instead of swallowed."""

import itertools
import json
from typing import Any
from urllib.parse import quote_plus

from moto.s3 import notifications
from moto.s3.models import s3_backends

from seatrial.offline import functions, patches
from seatrial.offline.context import CloudContext
from seatrial.offline.events import bus
from seatrial.offline.functions.destinations import queue_url

_sequence = itertools.count(1)


def replace_all() -> None:
    """Replace what moto lacks."""
    patches.replace(notifications, "quote_plus", _quoted_key)
    patches.replace(notifications, "_invoke_awslambda", _invoke_function)
    patches.replace(notifications, "_send_sqs_message", _send_to_queue)
    patches.replace(notifications, "_send_sns_message", _send_to_topic)
    patches.replace(notifications, "_send_event_bridge_message", _send_to_event_bridge)


def _quoted_key(name: str) -> str:
    """Moto quotes the slashes of a key too."""
    return quote_plus(name, safe="/")


def _invoke_function(account_id: str, event_body: Any, fn_arn: str, region_name: str) -> None:
    """Moto runs the function while the object is being put, swallows every error, and needs no permission."""
    source = event_body["Records"][0]["s3"]["bucket"]["arn"]
    try:
        functions.deliver(fn_arn, json.dumps(event_body), principal="s3.amazonaws.com", source_arn=source)
    except functions.NoSuchFunctionError as error:
        _tell(bus.current(), fn_arn, source, error)


def _send_to_queue(account_id: str, event_body: Any, queue_name: str, region_name: str) -> None:
    """Moto swallows every error."""
    context = bus.current()
    arn = f"arn:aws:sqs:{region_name}:{account_id}:{queue_name}"
    try:
        context.client("sqs").send_message(QueueUrl=queue_url(context, arn), MessageBody=json.dumps(event_body))
    except Exception as error:
        _tell(context, arn, "s3", error)


def _send_to_topic(account_id: str, event_body: Any, topic_arn: str, region_name: str) -> None:
    """Moto swallows every error."""
    context = bus.current()
    try:
        context.client("sns").publish(
            TopicArn=topic_arn, Subject="Amazon S3 Notification", Message=json.dumps(event_body)
        )
    except Exception as error:
        _tell(context, topic_arn, "s3", error)


def _send_to_event_bridge(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
    """Moto writes a fixed requester and sequencer, tells of tags that an object has not, and swallows every error."""
    if "ObjectTagging:Put" in event_name and not s3_backends[account_id]["aws"].tagger.has_tags(key.arn):
        return
    _, kind, reason = (event_name.value if hasattr(event_name, "value") else event_name).split(":")
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": {
            "key": key.name,
            "size": key.size,
            "etag": key.etag.replace('"', ""),
            **({"version-id": key.version_id} if bucket.is_versioned else {}),
            "sequencer": f"{next(_sequence):016X}",
        },
        "request-id": f"{next(_sequence):016X}",
        "requester": account_id,
        "source-ip-address": "127.0.0.1",
    }
    if kind == "ObjectCreated":
        detail["reason"] = {"Put": "PutObject", "Copy": "CopyObject", "Post": "POST Object"}.get(reason, reason)
    if kind == "ObjectRemoved":
        detail["reason"] = "DeleteObject"
        detail["deletion-type"] = "Delete Marker Created" if "Marker" in reason else "Permanently Deleted"
    bus.put(
        bus.current(),
        source="aws.s3",
        detail_type=notifications._detail_type(event_name),
        detail=detail,
        resources=[bucket.arn],
    )


def _tell(context: CloudContext, target: str, source: str, error: Exception) -> None:
    context.journal.record("event", status="not-delivered", target=target, source_arn=source, error=str(error))
