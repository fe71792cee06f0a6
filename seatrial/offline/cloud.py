"""The offline cloud: one process, one loopback port, moto plus the extensions that replace its stated holes."""

import importlib
import importlib.util
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from moto import settings
from moto.moto_api._internal import moto_api_backend
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3 import utils as s3_utils

from seatrial.offline import routes, thrift
from seatrial.offline.admin import Admin
from seatrial.offline.clock import Clock
from seatrial.offline.context import CloudContext
from seatrial.offline.engine.leftovers import Leftovers, child_processes, find_leftovers
from seatrial.offline.journal import Journal
from seatrial.offline.not_emulated import loud
from seatrial.offline.routes import Environ, StartResponse
from seatrial.offline.server import LoopbackServer
from seatrial.offline.thrift import Dispatcher

EXTENSIONS = ("functions", "events", "alarms", "states", "sagemaker", "spark", "streaming", "warehouse", "engine")
"""Packages beside this module, installed in this order."""

_running: list["OfflineCloud"] = []


class CloudError(Exception):
    """The offline cloud cannot start."""


class OfflineCloud:
    """An AWS account that runs in this process.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, OfflineCloud(Path(folder)) as cloud:
    ...     cloud.context.client("sts").get_caller_identity()["Account"]
    '111111111111'
    """

    def __init__(
        self,
        folder: Path,
        *,
        account: str = "111111111111",
        region: str = "eu-central-1",
        start: datetime | None = None,
        port: int = 0,
    ) -> None:
        self.folder = folder
        self._account = account
        self._region = region
        self._port = port
        self._moto = Dispatcher(_backend_app)
        self.clock = Clock(start)
        self.journal = Journal(folder / "journal.jsonl", self.clock)
        self._processes_before: frozenset[str] = frozenset()
        self._server: LoopbackServer | None = None
        self._context: CloudContext | None = None

    @property
    def context(self) -> CloudContext:
        """What extensions are given; there once the cloud has started."""
        if self._context is None:
            raise CloudError("the offline cloud has not been started: call start() first")
        return self._context

    @property
    def url(self) -> str:
        """The one endpoint for every service."""
        return self.context.url

    def environment(self) -> dict[str, str]:
        """What a process must have in its environment so that any AWS SDK talks to this cloud."""
        return self.context.environment()

    def start(self) -> Self:
        """Start listening with an empty account; raises `CloudError` when a cloud runs in this process already."""
        if _running:
            raise CloudError("an offline cloud runs in this process already: moto's state is one for each process")
        _running.append(self)
        self._processes_before = frozenset(child_processes(os.getpid()))
        _read_buckets_from_paths(wanted=True)
        moto_api_backend.reset()
        routes.clear()
        self._server = LoopbackServer(loud(self._answer, self.journal), self._port)
        url = self._server.url
        self._context = CloudContext(url, self._account, self._region, self.folder, self.clock, self.journal)
        routes.add("/_seatrial/", Admin(self.clock, self.journal))
        self._server.start()
        self._install()
        thrift.install()
        self.clock.start()
        return self

    def prepare(self, services: Iterable[str]) -> None:
        """Load what the first requests to these services (moto's names) would wait for."""
        for service in services:
            self._moto.prepare(service)

    def stop(self) -> None:
        """Stop the clock, then what extensions have started, then the server."""
        if self not in _running:
            return
        self.clock.stop()
        for clean_up in reversed(self.context.stopping):
            clean_up()
        if self._server is not None:
            self._server.stop()
        self.journal.close()
        _read_buckets_from_paths(wanted=False)
        _running.remove(self)

    def leftovers(self) -> list[str]:
        """What is still there and nothing accounts for, as "type physical-id"; empty after a clean destroy."""
        return self._found().unexpected

    def retained(self) -> list[str]:
        """What is still there because a DeletionPolicy or UpdateReplacePolicy keeps it, as "type physical-id"."""
        return self._found().retained

    def _found(self) -> Leftovers:
        return find_leftovers(self.context, self._processes_before)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _install(self) -> None:
        for name in EXTENSIONS:
            install = _installer(f"seatrial.offline.{name}")
            if install is None:
                self.journal.fidelity(name, "not-proven", f"the extension {name} is not installed")
            else:
                install(self.context)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account
        app = routes.find(environ["PATH_INFO"], environ.get("HTTP_X_AMZ_TARGET", ""))
        return (app or self._moto)(environ, start_response)


def _backend_app(service: Any) -> Any:
    """Moto fails with an import error for a service that it does not know."""
    if not service:
        raise NotImplementedError("moto has no such service")
    return create_backend_app(service)


def _read_buckets_from_paths(*, wanted: bool) -> None:
    """Every name is 127.0.0.1 here; moto asks its settings, and a copy of them made when its S3 was first imported."""
    settings.S3_IGNORE_SUBDOMAIN_BUCKETNAME = s3_utils.S3_IGNORE_SUBDOMAIN_BUCKETNAME = wanted


def _installer(name: str) -> Any:
    if importlib.util.find_spec(name) is None:
        return None
    return getattr(importlib.import_module(name), "install", None)
