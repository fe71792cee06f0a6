"""The state of the offline warehouses: which namespaces and clusters there are, and the databases that they hold."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.offline.context import CloudContext
from seatrial.offline.warehouse.engine import Database
from seatrial.offline.warehouse.json_api import ApiError
from seatrial.offline.warehouse.lake.cloud import CloudLake


@dataclass
class Holder:
    """Databases of one namespace or cluster; `default` is made with it."""

    name: str
    default: str
    user: str
    databases: dict[str, Database] = field(default_factory=dict)


@dataclass
class Service:
    """One account's warehouses in one region."""

    context: CloudContext
    lock: threading.RLock = field(default_factory=threading.RLock)
    namespaces: dict[str, dict[str, Any]] = field(default_factory=dict)
    workgroups: dict[str, dict[str, Any]] = field(default_factory=dict)
    usage_limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    holders: dict[str, Holder] = field(default_factory=dict)
    """By `namespace/<name>` or `cluster/<name>`."""
    optimizers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Configurations of Glue's table optimizers, by `database|table|type`."""
    optimizing: bool = False
    cluster_status: Callable[[str], dict[str, Any] | None] = lambda name: None
    """A cluster's record, None when there is none."""
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where databases keep their files."""
        return self.context.folder / "warehouse"

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account."""
        return f"arn:aws:{service}:{self.context.region}:{self.context.account}:{resource}"

    def holder(self, key: str, default: str, user: str) -> Holder:
        """The databases of a namespace or cluster, made when they are first asked for."""
        with self.lock:
            if key not in self.holders:
                self.holders[key] = Holder(key, default, user)
            return self.holders[key]

    def database(self, request: dict[str, Any]) -> Database:
        """The database that a request of the Data API names; raises `ApiError` as AWS answers."""
        workgroup, cluster = request.get("WorkgroupName"), request.get("ClusterIdentifier")
        if bool(workgroup) == bool(cluster):
            raise ApiError("ValidationException", "Exactly one of ClusterIdentifier and WorkgroupName must be given")
        holder = self._of_workgroup(str(workgroup)) if workgroup else self._of_cluster(str(cluster))
        name = (request.get("Database") or holder.default).lower()
        if name != holder.default:
            raise ApiError("ValidationException", f'database "{name}" does not exist: there is {holder.default!r}')
        with self.lock:
            if name not in holder.databases:
                place = self.folder / re.sub(r"\W", "_", holder.name)
                holder.databases[name] = Database(name, CloudLake(self.context), place, holder.user)
            return holder.databases[name]

    def drop(self, key: str) -> None:
        """A namespace or cluster is gone, and its data with it."""
        with self.lock:
            holder = self.holders.pop(key, None)
        for database in holder.databases.values() if holder else ():
            database.discard()

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` on a thread, joined when the cloud stops."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self.lock:
            self._threads = [one for one in self._threads if one.is_alive()]
            self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Wait for what runs, then close every database."""
        for thread in list(self._threads):
            thread.join(timeout=10)
        for holder in list(self.holders.values()):
            for database in holder.databases.values():
                database.close()

    def _of_workgroup(self, name: str) -> Holder:
        name = name.rpartition("/")[2] if name.startswith("arn:") else name
        found = self.workgroups.get(name) or self._by_id(name)
        if found is None:
            raise ApiError("ValidationException", "Redshift endpoint doesn't exist in this region.")
        namespace = self.namespaces[found["namespaceName"]]
        return self.holder(
            f"namespace/{namespace['namespaceName']}", namespace["dbName"], namespace.get("adminUsername", "admin")
        )

    def _by_id(self, identity: str) -> dict[str, Any] | None:
        return next((one for one in self.workgroups.values() if one["workgroupId"] == identity), None)

    def _of_cluster(self, name: str) -> Holder:
        found = self.cluster_status(name)
        if found is None:
            raise ApiError("ValidationException", "Redshift endpoint doesn't exist in this region.")
        if found["status"] != "available":
            raise ApiError("ValidationException", f"Redshift cluster {name} is {found['status']}")
        return self.holder(f"cluster/{name}", found["database"], found["user"])
