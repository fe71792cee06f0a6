"""A Glue table as a query of DuckDB's: its files, its partitions, and what reading them would scan."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import ClientError

from seatrial.offline.warehouse.engine import Lake
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.lake import projection
from seatrial.offline.warehouse.lake.storage import Storage, Stored

_TYPES = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "binary": "BLOB",
}
_FORMATS = {"parquet": "parquet", "opencsv": "csv", "lazysimple": "csv", "json": "json"}


@dataclass(frozen=True)
class Partition:
    """One partition: the values of its keys, and its files."""

    values: tuple[str, ...]
    files: tuple[Stored, ...]


@dataclass
class LakeTable:
    """A table of the catalog, with columns as (name, Hive type)."""

    database: str
    name: str
    columns: list[tuple[str, str]]
    keys: list[tuple[str, str]]
    format: str
    location: str
    parameters: dict[str, str] = field(default_factory=dict)
    serde: dict[str, str] = field(default_factory=dict)
    partitions: list[Partition] = field(default_factory=list)

    @property
    def all_columns(self) -> list[tuple[str, str]]:
        """Columns and partition keys."""
        return [*self.columns, *self.keys]


def duckdb_type(hive: str) -> str:
    """DuckDB's type of a column; nested types are kept as JSON.

    >>> duckdb_type("decimal(10,2)"), duckdb_type("array<string>")
    ('DECIMAL(10,2)', 'JSON')
    """
    plain = hive.lower().strip()
    if plain.startswith(("array<", "struct<", "map<")):
        return "JSON"
    if plain.startswith(("varchar", "char")):
        return "VARCHAR"
    if plain.startswith("decimal"):
        return plain.upper() if "(" in plain else "DECIMAL(10,0)"
    if plain not in _TYPES:
        raise NotSupportedError(f"the column type {hive!r} of a table in the lake")
    return _TYPES[plain]


def describe(lake: Lake, database: str, name: str) -> dict[str, Any]:
    """Glue's own record of a table; raises `SqlError` when there is none."""
    try:
        return lake.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    except ClientError as error:
        raise SqlError(f"table {database}.{name} does not exist in the data catalog: {error}") from error


def is_iceberg(record: Mapping[str, Any]) -> bool:
    """Whether a record is of an Iceberg table."""
    return str((record.get("Parameters") or {}).get("table_type", "")).upper() == "ICEBERG"


def load(lake: Lake, storage: Storage, record: Mapping[str, Any]) -> LakeTable:
    """A table with the files of its partitions; raises `NotSupportedError` for formats that are not read."""
    descriptor = record.get("StorageDescriptor") or {}
    pair = lambda one: (one["Name"].lower(), one.get("Type", "string"))  # noqa: E731
    table = LakeTable(
        record["DatabaseName"],
        record["Name"],
        [pair(one) for one in descriptor.get("Columns", ())],
        [pair(one) for one in record.get("PartitionKeys", ())],
        _format(record, descriptor),
        descriptor.get("Location", ""),
        dict(record.get("Parameters") or {}),
        dict((descriptor.get("SerdeInfo") or {}).get("Parameters") or {}),
    )
    table.partitions = _partitions(lake, storage, table)
    return table


def _format(record: Mapping[str, Any], descriptor: Mapping[str, Any]) -> str:
    serde = (descriptor.get("SerdeInfo") or {}).get("SerializationLibrary", "")
    declared = (
        f"{serde} {descriptor.get('InputFormat', '')} {(record.get('Parameters') or {}).get('classification', '')}"
    )
    for mark, name in _FORMATS.items():
        if mark in declared.lower():
            return name
    raise NotSupportedError(f"the format of the table {record['Name']} ({declared.strip() or 'none declared'})")


def _partitions(lake: Lake, storage: Storage, table: LakeTable) -> list[Partition]:
    if not table.keys:
        return [Partition((), tuple(storage.listed(table.location.rstrip("/") + "/")))]
    keys = [name for name, _ in table.keys]
    if projection.is_projected(table.parameters):
        template = table.parameters.get("storage.location.template")
        values = projection.partitions(keys, table.parameters, lake.now())
        places = {one: projection.location(template, table.location, keys, one) for one in values}
        root = (template or table.location).partition("${")[0]
        root = root[: root.rindex("/") + 1] if template else root.rstrip("/") + "/"
    else:
        pages = (
            lake.client("glue")
            .get_paginator("get_partitions")
            .paginate(DatabaseName=table.database, TableName=table.name)
        )
        found = [one for page in pages for one in page["Partitions"]]
        places = {tuple(one["Values"]): one["StorageDescriptor"]["Location"].rstrip("/") + "/" for one in found}
        root = table.location.rstrip("/") + "/"
    return _filled(storage, places, root)


def _filled(storage: Storage, places: Mapping[tuple[str, ...], str], root: str) -> list[Partition]:
    """Partitions that hold files: the table's folder is listed once, places outside of it by themselves."""
    by_folder: dict[str, list[Stored]] = {}
    for one in storage.listed(root) if any(place.startswith(root) for place in places.values()) else ():
        by_folder.setdefault(one.uri.rpartition("/")[0] + "/", []).append(one)
    partitions = []
    for values, place in places.items():
        if place.startswith(root):
            files = [file for folder, inside in by_folder.items() if folder.startswith(place) for file in inside]
        else:
            files = storage.listed(place)
        if files:
            partitions.append(Partition(values, tuple(files)))
    return partitions


def query(
    connection: duckdb.DuckDBPyConnection,
    storage: Storage,
    table: LakeTable,
    partitions: Iterable[Partition] | None = None,
) -> str:
    """DuckDB's SELECT of every column of the partitions given, or of all."""
    chosen = list(table.partitions if partitions is None else partitions)
    selects = [_select(connection, storage, table, one) for one in chosen if one.files]
    if not selects:
        empty = ", ".join(f'CAST(NULL AS {duckdb_type(kind)}) AS "{name}"' for name, kind in table.all_columns)
        return f"SELECT {empty} WHERE false"
    return " UNION ALL ".join(selects)


def _select(connection: duckdb.DuckDBPyConnection, storage: Storage, table: LakeTable, one: Partition) -> str:
    paths = storage.local(one.files)
    source = _READERS[table.format](paths, table)
    present = {row[0].lower(): row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    columns = [_column(name, kind, present) for name, kind in table.columns]
    for (name, kind), value in zip(table.keys, one.values, strict=True):
        literal = value.replace("'", "''")
        columns.append(f"CAST('{literal}' AS {duckdb_type(kind)}) AS \"{name}\"")
    return f"SELECT {', '.join(columns)} FROM {source}"


def _column(name: str, kind: str, present: Mapping[str, str]) -> str:
    """A column as declared; one that the files lack is NULL, as Hive has it."""
    target = duckdb_type(kind)
    if name not in present:
        return f'CAST(NULL AS {target}) AS "{name}"'
    if target == "JSON" and present[name] != "JSON":
        return f'to_json("{name}") AS "{name}"'
    if target == "TIMESTAMP" and "ZONE" in present[name]:
        return f'timezone(\'UTC\', "{name}") AS "{name}"'
    return f'CAST("{name}" AS {target}) AS "{name}"'


def _list(paths: Iterable[Path]) -> str:
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"


def _parquet(paths: list[Path], table: LakeTable) -> str:
    del table
    return f"read_parquet({_list(paths)}, union_by_name = true)"


def _csv(paths: list[Path], table: LakeTable) -> str:
    delimiter = table.serde.get("field.delim") or table.serde.get("separatorChar") or ","
    quote = table.serde.get("quoteChar", '"')
    skip = int(table.parameters.get("skip.header.line.count", 0))
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name, _ in table.columns)
    quoting = "quote = ''" if "field.delim" in table.serde else f"quote = '{quote}'"
    null = table.serde.get("serialization.null.format", "\\N").replace("'", "''")
    options = (
        f"delim = '{delimiter}', {quoting}, header = false, skip = {skip}, nullstr = '{null}', auto_detect = false"
    )
    return f"read_csv({_list(paths)}, columns = {{{columns}}}, {options}, null_padding = true)"


def _json(paths: list[Path], table: LakeTable) -> str:
    kinds = {name: duckdb_type(kind) for name, kind in table.columns}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    return f"read_json({_list(paths)}, format = 'newline_delimited', columns = {{{columns}}})"


_READERS: dict[str, Callable[[list[Path], LakeTable], str]] = {"parquet": _parquet, "csv": _csv, "json": _json}


def scanned_bytes(
    connection: duckdb.DuckDBPyConnection,
    storage: Storage,
    table: LakeTable,
    partitions: Iterable[Partition],
    used: set[str],
) -> int:
    """Bytes that Athena would bill: of Parquet the chunks of the columns used, of text formats whole files."""
    files = [file for one in partitions for file in one.files]
    if table.format != "parquet" or not files:
        return sum(file.size for file in files)
    names = json.dumps(sorted(used))
    paths = _list(storage.local(files))
    rows = connection.execute(
        f"SELECT coalesce(sum(total_compressed_size), 0) FROM parquet_metadata({paths}) "
        f"WHERE list_contains(from_json(?, '[\"VARCHAR\"]'), lower(split_part(path_in_schema, ', ', 1)))",
        [names],
    ).fetchone()
    return int(rows[0]) if rows else 0
