"""Copies what a process printed to CloudWatch Logs, where SageMaker puts it."""

import re
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from seatrial.offline.context import CloudContext
from seatrial.offline.sagemaker.service import Service

_CHATTER = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (INFO|DEBUG|WARN) ")
MAXIMUM_EVENTS = 5000
MAXIMUM_BYTES = 900_000


def publish(service: Service, group: str, stream: str, log: Path) -> None:
    """Append the file's lines to the stream, made with its group when absent."""
    publish_lines(service.context, group, stream, log)


def publish_lines(context: CloudContext, group: str, stream: str, log: Path) -> None:
    """The same for what is no job of SageMaker."""
    client = context.client("logs")
    _create(client.create_log_group, logGroupName=group)
    _create(client.create_log_stream, logGroupName=group, logStreamName=stream)
    when = int(context.clock.now().timestamp() * 1000)
    for lines in _batches(log.read_text(encoding="utf-8", errors="replace").splitlines()):
        events = [{"timestamp": when, "message": line} for line in lines]
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def tail(log: Path, lines: int = 12, characters: int = 900, before: str | None = None) -> str:
    """The log's last telling lines (not empty, not Spark's chatter), only those before a line that holds `before`."""
    if not log.exists():
        return ""
    written = log.read_text(encoding="utf-8", errors="replace").splitlines()
    text = [line for line in written if line.strip() and not _CHATTER.match(line)]
    ends = [index for index, line in enumerate(text) if before and before in line]
    return "\n".join(text[: ends[0] if ends else None][-lines:])[-characters:]


def _create(create: Any, **names: str) -> None:
    try:
        create(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


def _batches(lines: list[str]) -> list[list[str]]:
    batches: list[list[str]] = []
    size = MAXIMUM_BYTES
    for line in lines:
        text = line or " "
        size += len(text.encode()) + 26
        if size > MAXIMUM_BYTES or len(batches[-1]) >= MAXIMUM_EVENTS:
            batches.append([])
            size = len(text.encode())
        batches[-1].append(text)
    return batches
