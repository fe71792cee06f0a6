"""What every extension of the offline cloud is given: where the cloud listens, its clock, journal and folder."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from seatrial.offline.clock import Clock
from seatrial.offline.journal import Journal


@dataclass
class CloudContext:
    """Shared by all extensions; one for each running cloud."""

    url: str
    account: str
    region: str
    folder: Path
    clock: Clock
    journal: Journal
    stopping: list[Callable[[], None]] = field(default_factory=list)
    """Called in reverse order when the cloud stops: end processes, join threads."""
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None

    def environment(self) -> dict[str, str]:
        """What a process must have in its environment so that any AWS SDK talks to this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "offline",
            "AWS_SECRET_ACCESS_KEY": "offline",
            "AWS_SESSION_TOKEN": "offline",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud, made once for each service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._new_client(service)
            return self._clients[service]

    def _new_client(self, service: str) -> Any:
        # One session for all clients: botocore reads its shared data files once for each session.
        session: Any = self._session or boto3.session.Session(
            aws_access_key_id="offline",
            aws_secret_access_key="offline",  # noqa: S106 - the offline cloud takes any key
            region_name=self.region,
        )
        self._session = session
        config = Config(retries={"max_attempts": 1, "mode": "standard"}, max_pool_connections=32)
        return session.client(service, endpoint_url=self.url, config=config)
