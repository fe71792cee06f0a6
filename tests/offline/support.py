"""What the tests of functions, events, alarms and state machines share: a cloud, and small functions to put into it."""

import io
import json
import tempfile
import textwrap
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seatrial.offline.cloud import OfflineCloud

START = datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC)
ACCOUNT = "111111111111"
REGION = "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/functions"


@pytest.fixture(scope="module")
def cloud() -> Iterator[OfflineCloud]:
    with tempfile.TemporaryDirectory() as folder, OfflineCloud(Path(folder), start=START) as running:
        trust = {"Version": "2012-10-17", "Statement": []}
        iam = running.context.client("iam")
        iam.create_role(RoleName="functions", AssumeRolePolicyDocument=json.dumps(trust))
        yield running


def zipped(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", textwrap.dedent(code))
    return buffer.getvalue()


def put_function(cloud: OfflineCloud, name: str, code: str, allow: tuple[str, ...] = (), **properties: Any) -> str:
    """Create a function and let services invoke it; returns its ARN."""
    client = cloud.context.client("lambda")
    settings: dict[str, Any] = {"Timeout": 30, "Runtime": "python3.13", **properties}
    arn = client.create_function(
        FunctionName=name, Role=ROLE, Handler="handler.lambda_handler", Code={"ZipFile": zipped(code)}, **settings
    )["FunctionArn"]
    for principal in allow:
        statement = principal.split(".")[0]
        client.add_permission(
            FunctionName=name, StatementId=statement, Action="lambda:InvokeFunction", Principal=principal
        )
    return arn


def put_recorder(cloud: OfflineCloud, name: str, *allow: str, **properties: Any) -> str:
    """A function that logs each event it gets; `events_of` reads them."""
    return put_function(cloud, name, RECORDER, allow, **properties)


RECORDER = """
    import json

    def lambda_handler(event, context):
        print("EVENT " + json.dumps(event))
        return {"received": event}
"""


def messages_of(cloud: OfflineCloud, name: str) -> list[str]:
    """Everything in a function's log."""
    logs = cloud.context.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    return [event["message"] for page in pages for event in page["events"]]


def events_of(cloud: OfflineCloud, name: str) -> list[Any]:
    """The events that a recorder received, in order."""
    marked = [message for message in messages_of(cloud, name) if message.startswith("EVENT ")]
    return [json.loads(message.removeprefix("EVENT ")) for message in marked]


def put_queue(cloud: OfflineCloud, name: str, **attributes: str) -> str:
    """Create a queue; returns its ARN."""
    cloud.context.client("sqs").create_queue(QueueName=name, Attributes=attributes)
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def bodies_of(cloud: OfflineCloud, name: str) -> list[str]:
    """Bodies of the messages in a queue; they are taken out."""
    client = cloud.context.client("sqs")
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    bodies = []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(message["Body"])
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies
