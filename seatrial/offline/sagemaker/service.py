"""The state of the offline SageMaker: what exists in the account, and what every operation needs to work on it."""

import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.offline.context import CloudContext
from seatrial.offline.sagemaker.neighbours import Neighbours

Request = dict[str, Any]
Response = dict[str, Any]
SOURCE = "aws.sagemaker"


@dataclass
class Service:
    """One account's SageMaker in one region.

    The stores are keyed by name (executions and packages by ARN); each owner module defines what it keeps.
    """

    context: CloudContext
    neighbours: Neighbours
    lock: threading.RLock = field(default_factory=threading.RLock)
    pipelines: dict[str, Any] = field(default_factory=dict)
    executions: dict[str, Any] = field(default_factory=dict)
    jobs: dict[tuple[str, str], Any] = field(default_factory=dict)
    package_groups: dict[str, Any] = field(default_factory=dict)
    packages: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    endpoint_configs: dict[str, Any] = field(default_factory=dict)
    endpoints: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    monitoring: dict[str, Any] = field(default_factory=dict)
    """Data capture and metric buffers, by the name of the module that keeps them."""
    stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where jobs and endpoints keep their files."""
        return self.context.folder / "sagemaker"

    def now(self) -> datetime:
        """The cloud's time."""
        return self.context.clock.now()

    def arn(self, kind: str, name: str) -> str:
        """ARN of a resource; SageMaker lower-cases none of the parts."""
        return f"arn:aws:sagemaker:{self.context.region}:{self.context.account}:{kind}/{name}"

    def emit(self, detail_type: str, detail: dict[str, Any], arn: str) -> None:
        """Put an event of SageMaker's own on the default bus."""
        resources = [arn] if arn else []
        self.neighbours.emit(
            self.context, source=SOURCE, detail_type=detail_type, detail=jsonable(detail), resources=resources
        )

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` on a thread of its own, joined when the cloud stops."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self.lock:
            self._threads = [other for other in self._threads if other.is_alive()]
            self._threads.append(thread)
        thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the threads that `run` started; call it after everything was told to stop."""
        with self.lock:
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=seconds)

    def set_tags(self, arn: str, tags: Iterable[dict[str, str]] | None) -> None:
        """Keep the tags that a create request carried."""
        self.tags[arn] = {tag["Key"]: tag["Value"] for tag in tags or ()}


def jsonable(value: Any) -> Any:
    """The value with datetimes as ISO 8601 UTC with a Z, as SageMaker's events carry them."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def epoch_milliseconds(when: datetime) -> int:
    """Milliseconds since 1970, as endpoint and job events carry times."""
    return int(when.timestamp() * 1000)


def short_id(length: int = 12) -> str:
    """A random lower-case id such as SageMaker makes for executions."""
    return secrets.token_hex(length)[:length]


def present(**fields: Any) -> Response:
    """The fields that are not None, so that absent members stay out of responses."""
    return {name: value for name, value in fields.items() if value is not None}
