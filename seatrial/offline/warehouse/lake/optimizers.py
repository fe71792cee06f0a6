"""Iceberg tables as Glue makes them from a template, and what its optimizers do with them, by pyiceberg."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import parse_transform
from pyiceberg.types import NestedField

from seatrial.offline.context import CloudContext
from seatrial.offline.engine.errors import ResourceError
from seatrial.offline.warehouse.lake import iceberg
from seatrial.offline.warehouse.service import Service

_DEFAULT_DAYS = 5
_FEW_FILES = 2
_KINDS = ("compaction", "retention", "orphan_file_deletion")


def create_table(
    context: CloudContext, database: str, name: str, given: Mapping[str, Any], source: Mapping[str, Any]
) -> Table:
    """An empty Iceberg table, its first metadata in S3 and its record in Glue.

    `given` is an IcebergInput of CloudFormation; raises `ResourceError` without a schema or location.
    """
    spec = given.get("IcebergTableInput") or {}
    location = spec.get("Location") or (source.get("StorageDescriptor") or {}).get("Location")
    fields = (spec.get("Schema") or {}).get("Fields")
    if not fields or not location:
        raise ResourceError("an Iceberg table needs IcebergTableInput with a Schema and a Location")
    schema = Schema(*[_field(one) for one in fields])
    parts = (spec.get("PartitionSpec") or {}).get("Fields") or ()
    partition = PartitionSpec(*[_partition(one, number) for number, one in enumerate(parts)])
    properties = {str(key): str(value) for key, value in (spec.get("Properties") or {}).items()}
    properties.setdefault("format-version", str(given.get("Version", "2")))
    return iceberg.catalog(context).create_table(
        (database, name), schema, location=location.rstrip("/"), partition_spec=partition, properties=properties
    )


def _field(one: Mapping[str, Any]) -> NestedField:
    required = str(one.get("Required", False)).lower() == "true"
    return NestedField(int(one["Id"]), one["Name"], one["Type"], required=required, doc=one.get("Doc"))


def _partition(one: Mapping[str, Any], number: int) -> PartitionField:
    return PartitionField(
        source_id=int(one["SourceId"]),
        field_id=int(one.get("FieldId", 1000 + number)),
        transform=parse_transform(one["Transform"]),
        name=one["Name"],
    )


def put(service: Service, identity: str, configuration: Mapping[str, Any]) -> None:
    """Keep an optimizer; the first one starts the daily round."""
    kind = identity.rpartition("|")[2]
    if kind not in _KINDS:
        raise ResourceError(f"Type of AWS::Glue::TableOptimizer: must be one of {', '.join(_KINDS)}, got {kind!r}")
    first = not service.optimizers
    service.optimizers[identity] = dict(configuration)
    if first and not service.optimizing:
        service.optimizing = True
        service.context.clock.every(86400, lambda: _round(service))


def _round(service: Service) -> None:
    run_all(service)


def run_all(service: Service) -> list[str]:
    """Run every enabled optimizer once; returns what was done, which the journal is told too."""
    done = []
    for identity, configuration in sorted(service.optimizers.items()):
        if str(configuration.get("Enabled", True)).lower() == "true":
            database, name, kind = identity.split("|")
            try:
                told = _run(service, iceberg.table(service.context, database, name), kind, configuration)
            except Exception as error:
                told = f"failed: {error!r}"
            done.append(f"{kind} of {database}.{name}: {told}")
            service.context.journal.record(
                "job", job="table optimizer", table=f"{database}.{name}", result=told, type=kind
            )
    return done


def _run(service: Service, table: Table, kind: str, configuration: Mapping[str, Any]) -> str:
    now = service.context.clock.now()
    if kind == "compaction":
        return compact(table)
    if kind == "retention":
        settings = (configuration.get("RetentionConfiguration") or {}).get("IcebergConfiguration") or {}
        return expire(
            table,
            now - timedelta(days=float(settings.get("SnapshotRetentionPeriodInDays", _DEFAULT_DAYS))),
            int(settings.get("NumberOfSnapshotsToRetain", 1)),
        )
    return "orphan files are not looked for offline: no writer leaves any without failing loudly"


def compact(table: Table) -> str:
    """Rewrite partitions that have several small files into one file each, in one transaction."""
    by_partition: dict[Any, int] = {}
    for task in table.scan().plan_files():
        by_partition[task.file.partition] = by_partition.get(task.file.partition, 0) + 1
    if max(by_partition.values(), default=0) < _FEW_FILES:
        return "nothing to compact"
    before = sum(by_partition.values())
    content: pa.Table = table.scan().to_arrow()
    iceberg.replace(table, content)
    after = len(list(table.refresh().scan().plan_files()))
    return f"{before} files became {after}"


def expire(table: Table, older_than: datetime, keep: int) -> str:
    """Drop snapshots made before `older_than`, but never the newest `keep`."""
    ordered = sorted(table.metadata.snapshots, key=lambda one: one.timestamp_ms, reverse=True)
    limit = older_than.timestamp() * 1000
    old = [one.snapshot_id for one in ordered[max(1, keep) :] if one.timestamp_ms < limit]
    if not old:
        return "no snapshot to expire"
    expiry = table.maintenance.expire_snapshots()
    for identity in old:
        expiry = expiry.by_id(identity)
    expiry.commit()
    return f"{len(old)} snapshots expired"
