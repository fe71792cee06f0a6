"""Athena's statements: queries, CREATE TABLE AS, INSERT, partitions, and the upkeep of Iceberg tables."""

import re
import tempfile
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlglot
from botocore.exceptions import ClientError
from sqlglot import exp
from sqlglot.errors import SqlglotError

from seatrial.offline.warehouse.athena.queries import Result, Runner
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.lake import iceberg
from seatrial.offline.warehouse.lake import tables as lake_tables
from seatrial.offline.warehouse.scripts import without_comments

_SPELLED = {"fileformat": "format", "partitionedby": "partitioned_by", "location": "location"}
"""Options that sqlglot names otherwise."""
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
_TYPES = {"VARCHAR": "string", "INTEGER": "int", "FLOAT": "float", "HUGEINT": "decimal(38,0)", "BLOB": "binary"}
_TYPES |= {"TIMESTAMP WITH TIME ZONE": "timestamp", "JSON": "string"}


def run(runner: Runner, sql: str, parameters: list[str], output: str) -> Result:
    """Run one statement; `output` is where CREATE TABLE AS may put its files. Raises `SqlError`."""
    text = without_comments(sql).strip().rstrip(";").strip()
    words = " ".join(text.lower().split())
    for start, statement in _STATEMENTS.items():
        if re.match(start, words):
            return statement(runner, text)
    try:
        parsed = sqlglot.parse(text, read="athena")
    except SqlglotError as error:
        raise SqlError(f"SYNTAX_ERROR: {error}") from error
    if len(parsed) != 1 or parsed[0] is None:
        raise SqlError("SYNTAX_ERROR: only one statement is allowed")
    tree = _with_parameters(parsed[0], parameters)
    if isinstance(tree, exp.Query):
        return runner.query(tree)
    if isinstance(tree, exp.Create) and tree.expression is not None and str(tree.args["kind"]).upper() == "TABLE":
        return _create_as(runner, tree, output)
    if isinstance(tree, exp.Insert):
        return _insert(runner, tree)
    if isinstance(tree, exp.Delete):
        return _delete(runner, tree)
    raise NotSupportedError(f"Athena's statement {' '.join(text.split()[:3]).upper()}")


def _with_parameters(tree: exp.Expr, parameters: list[str]) -> exp.Expr:
    marks = list(tree.find_all(exp.Placeholder))
    if len(marks) != len(parameters):
        raise SqlError(f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}")
    for mark, value in zip(marks, parameters, strict=True):
        mark.replace(sqlglot.parse_one(value, read="athena"))
    return tree


def _place(runner: Runner, table: exp.Table) -> tuple[str, str]:
    return (table.db or runner.database).lower(), table.name.lower()


def _create_as(runner: Runner, tree: exp.Create, output: str) -> Result:
    """CREATE TABLE AS: Parquet, or an Iceberg table."""
    database, name = _place(runner, tree.this.find(exp.Table) or tree.this)
    options = _options(tree)
    if options.get("format", "PARQUET").upper() != "PARQUET":
        raise NotSupportedError(f"CREATE TABLE AS with format {options['format']}")
    content = runner.connection.sql(runner.compiled(tree.expression)).to_arrow_table()
    location = (
        options.get("external_location") or options.get("location") or f"{output.rstrip('/')}/tables/{uuid.uuid4()}"
    )
    if options.get("table_type", "HIVE").upper() == "ICEBERG":
        if options.get("partitioning"):
            raise NotSupportedError("CREATE TABLE AS of a partitioned Iceberg table")
        made = iceberg.catalog(runner.lake.context).create_table(
            (database, name), content.schema, location=location.rstrip("/")
        )
        iceberg.append(made, content)
        return Result(scanned=runner.scanned, kind="DDL", changed=content.num_rows)
    listed = re.sub(r"^\s*ARRAY", "", options.get("partitioned_by", ""), flags=re.IGNORECASE)
    keys = [key.lower() for key in re.findall(r"\w+", listed)]
    kinds = runner.connection.execute("DESCRIBE SELECT * FROM content").fetchall()
    columns = [{"Name": row[0].lower(), "Type": _hive(row[1])} for row in kinds]
    table = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "PartitionKeys": [one for one in columns if one["Name"] in keys],
        "StorageDescriptor": _descriptor(
            location.rstrip("/") + "/", [one for one in columns if one["Name"] not in keys]
        ),
    }
    _glue(runner, "create_table", DatabaseName=database, TableInput=table)
    _write(runner, content, lake_tables.describe(runner.lake, database, name))
    return Result(scanned=runner.scanned, kind="DDL", changed=content.num_rows)


def _options(tree: exp.Create) -> dict[str, str]:
    properties = tree.args.get("properties")
    found = {}
    for one in properties.expressions if properties is not None else ():
        key = one.name if isinstance(one, exp.Property) and one.name else one.key.replace("property", "")
        value = one.args.get("value") or one.this
        found[_SPELLED.get(key.lower(), key.lower())] = (
            value.name if isinstance(value, exp.Literal | exp.Var) else value.sql("athena")
        )
    return found


def _descriptor(location: str, columns: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": f"{_PARQUET}.MapredParquetInputFormat",
        "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{_PARQUET}.serde.ParquetHiveSerDe"},
    }


def _hive(kind: str) -> str:
    return _TYPES.get(kind, kind.lower())


def _insert(runner: Runner, tree: exp.Insert) -> Result:
    target = tree.this
    named = [one.name.lower() for one in target.expressions] if isinstance(target, exp.Schema) else []
    database, name = _place(runner, target.this if isinstance(target, exp.Schema) else target)
    record = lake_tables.describe(runner.lake, database, name)
    query = tree.expression
    if isinstance(query, exp.Values):
        query = exp.select("*").from_(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("v"))))
    given = runner.connection.sql(runner.compiled(query)).to_arrow_table()
    columns = _target(runner, record)
    order = named or [one for one, _ in columns]
    if len(order) != given.num_columns:
        raise SqlError(f"TYPE_MISMATCH: Insert query has {given.num_columns} columns, the table {len(order)}")
    given = given.rename_columns(order)
    casts = [
        f'CAST("{one}" AS {kind}) AS "{one}"' if one in order else f'CAST(NULL AS {kind}) AS "{one}"'
        for one, kind in columns
    ]
    content = runner.connection.sql(f"SELECT {', '.join(casts)} FROM given").to_arrow_table()
    if lake_tables.is_iceberg(record):
        table = iceberg.table(runner.lake.context, database, name)
        iceberg.append(table, content)
    else:
        _write(runner, content, record)
    return Result(scanned=runner.scanned, changed=content.num_rows)


def _target(runner: Runner, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    columns = [*record["StorageDescriptor"]["Columns"], *record.get("PartitionKeys", ())]
    del runner
    return [(one["Name"].lower(), lake_tables.duckdb_type(one["Type"])) for one in columns]


def _write(runner: Runner, content: pa.Table, record: Mapping[str, Any]) -> None:
    """Add files of Parquet below the table, and the partitions that are new to Glue."""
    keys = [one["Name"].lower() for one in record.get("PartitionKeys", ())]
    location = record["StorageDescriptor"]["Location"].rstrip("/")
    groups = (
        runner.connection.execute(
            f"SELECT DISTINCT {', '.join(f'CAST({chr(34)}{key}{chr(34)} AS VARCHAR)' for key in keys)} FROM content"
        ).fetchall()
        if keys
        else [()]
    )
    known = {tuple(one["Values"]) for one in _partitions(runner, record)} if keys else set()
    for values in groups:
        folder = "".join(f"/{key}={value}" for key, value in zip(keys, values, strict=True))
        tests = " AND ".join(f'CAST("{key}" AS VARCHAR) = ?' for key in keys) or "true"
        drop = f" EXCLUDE ({', '.join(keys)})" if keys else ""
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "part.parquet"
            select = f"SELECT *{drop} FROM content WHERE {tests}"
            runner.connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)", list(values))
            runner.lake.storage.put(f"{location}{folder}/{uuid.uuid4()}.parquet", path.read_bytes())
        if keys and tuple(values) not in known and record["Parameters"].get("projection.enabled") != "true":
            _add_partition(runner, record, list(values), f"{location}{folder}/")


def _partitions(runner: Runner, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    pages = runner.lake.client("glue").get_paginator("get_partitions")
    found = pages.paginate(DatabaseName=record["DatabaseName"], TableName=record["Name"])
    return [one for page in found for one in page["Partitions"]]


def _add_partition(runner: Runner, record: Mapping[str, Any], values: list[str], location: str) -> None:
    descriptor = {**record["StorageDescriptor"], "Location": location}
    entry = {"Values": values, "StorageDescriptor": descriptor}
    _glue(
        runner, "create_partition", DatabaseName=record["DatabaseName"], TableName=record["Name"], PartitionInput=entry
    )


def _glue(runner: Runner, operation: str, **request: Any) -> Any:
    try:
        return getattr(runner.lake.client("glue"), operation)(**request)
    except ClientError as error:
        raise SqlError(f"FAILED: {error}") from error


def _delete(runner: Runner, tree: exp.Delete) -> Result:
    """DELETE from an Iceberg table: what stays is written anew, in one transaction."""
    database, name = _place(runner, tree.this)
    if not lake_tables.is_iceberg(lake_tables.describe(runner.lake, database, name)):
        raise SqlError("NOT_SUPPORTED: Modifying Hive table rows is only supported for transactional tables")
    where = tree.args.get("where")
    everything = exp.select("*").from_(tree.this.copy())
    kept = (
        everything.where(exp.Not(this=exp.func("coalesce", exp.paren(where.this.copy()), exp.false())))
        if where
        else everything.where("false")
    )
    content = runner.connection.sql(runner.compiled(kept)).to_arrow_table()
    table = iceberg.table(runner.lake.context, database, name)
    before = table.scan().count()
    iceberg.replace(table, content)
    return Result(scanned=runner.scanned, changed=before - content.num_rows)


def _repair(runner: Runner, text: str) -> Result:
    """MSCK REPAIR TABLE: partitions in Hive's folders that Glue does not know."""
    record = _record(runner, text.rsplit(maxsplit=1)[-1])
    keys = [one["Name"].lower() for one in record.get("PartitionKeys", ())]
    known = {tuple(one["Values"]) for one in _partitions(runner, record)}
    location = record["StorageDescriptor"]["Location"].rstrip("/") + "/"
    found = {}
    for one in runner.lake.storage.listed(location):
        folder = one.uri[len(location) :].rpartition("/")[0]
        pairs = [part.partition("=") for part in folder.split("/")]
        if [pair[0].lower() for pair in pairs] == keys:
            found[tuple(pair[2] for pair in pairs)] = f"{location}{folder}/"
    new = {values: place for values, place in found.items() if values not in known}
    for values, place in new.items():
        _add_partition(runner, record, list(values), place)
    lines = [(f"Repair: Added partition to metastore {record['Name']}:{'/'.join(values)}",) for values in new]
    return Result(["result"], ["varchar"], lines, kind="DDL")


def _record(runner: Runner, name: str) -> dict[str, Any]:
    table = exp.to_table(name.strip('`"').lower(), dialect="athena")
    return lake_tables.describe(runner.lake, *_place(runner, table))


def _optimize(runner: Runner, text: str) -> Result:
    """OPTIMIZE t REWRITE DATA USING BIN_PACK."""
    from seatrial.offline.warehouse.lake.optimizers import compact

    if re.search(r"\bwhere\b", text, re.IGNORECASE):
        raise NotSupportedError("OPTIMIZE with WHERE")
    compact(_iceberg(runner, text.split()[1]))
    return Result(kind="DML")


def _vacuum(runner: Runner, text: str) -> Result:
    """VACUUM t: snapshots older than the table's property, five days unless it says otherwise."""
    from seatrial.offline.warehouse.lake.optimizers import expire

    table = _iceberg(runner, text.split()[1])
    age = int(table.properties.get("vacuum_max_snapshot_age_seconds", 432000))
    expire(
        table, runner.lake.now() - timedelta(seconds=age), int(table.properties.get("vacuum_min_snapshots_to_keep", 1))
    )
    return Result(kind="DML")


def _iceberg(runner: Runner, name: str) -> Any:
    record = _record(runner, name)
    if not lake_tables.is_iceberg(record):
        raise SqlError(f"NOT_SUPPORTED: {record['Name']} is not an Iceberg table")
    return iceberg.table(runner.lake.context, record["DatabaseName"], record["Name"])


def _show(runner: Runner, text: str) -> Result:
    words = text.split()
    what = words[1].lower()
    if what in {"databases", "schemas"}:
        rows = [(one["Name"],) for one in _glue(runner, "get_databases")["DatabaseList"]]
    elif what == "tables":
        database = words[3].strip('`"') if len(words) > 3 else runner.database
        rows = [(one["Name"],) for one in _glue(runner, "get_tables", DatabaseName=database)["TableList"]]
    elif what == "partitions":
        record = _record(runner, words[2])
        keys = [one["Name"] for one in record.get("PartitionKeys", ())]
        found = _partitions(runner, record)
        rows = [("/".join(f"{k}={v}" for k, v in zip(keys, one["Values"], strict=True)),) for one in found]
    else:
        raise NotSupportedError(f"SHOW {words[1].upper()}")
    return Result([what.rstrip("s")], ["varchar"], sorted(rows), kind="UTILITY")


def _describe(runner: Runner, text: str) -> Result:
    record = _record(runner, text.rsplit(maxsplit=1)[-1])
    columns = [*record["StorageDescriptor"]["Columns"], *record.get("PartitionKeys", ())]
    rows = [(one["Name"], one.get("Type", ""), one.get("Comment", "")) for one in columns]
    return Result(["col_name", "data_type", "comment"], ["varchar"] * 3, rows, kind="UTILITY")


def _create_database(runner: Runner, text: str) -> Result:
    found = re.match(
        r"create\s+(?:database|schema)\s+(if\s+not\s+exists\s+)?[`\"]?(\w+)[`\"]?\s*$", text, re.IGNORECASE
    )
    if found is None:
        raise NotSupportedError("CREATE DATABASE with clauses")
    try:
        runner.lake.client("glue").create_database(DatabaseInput={"Name": found[2].lower()})
    except ClientError as error:
        if not found[1]:
            raise SqlError(f"FAILED: Database {found[2]} already exists") from error
    return Result(kind="DDL")


def _drop(runner: Runner, text: str) -> Result:
    found = re.match(r"drop\s+table\s+(if\s+exists\s+)?(\S+)\s*$", text, re.IGNORECASE)
    if found is None:
        raise NotSupportedError(f"the statement {text[:40]}")
    try:
        record = _record(runner, found[2])
    except SqlError:
        if found[1]:
            return Result(kind="DDL")
        raise
    if lake_tables.is_iceberg(record):
        # Athena deletes the files of Iceberg tables, and keeps those of external ones.
        location = record["StorageDescriptor"]["Location"].rstrip("/") + "/"
        runner.lake.storage.delete(runner.lake.storage.listed(location))
    _glue(runner, "delete_table", DatabaseName=record["DatabaseName"], Name=record["Name"])
    return Result(kind="DDL")


_STATEMENTS: dict[str, Callable[[Runner, str], Result]] = {
    r"msck repair table ": _repair,
    r"optimize ": _optimize,
    r"vacuum ": _vacuum,
    r"show ": _show,
    r"(describe|desc) ": _describe,
    r"create (database|schema) ": _create_database,
    r"drop table ": _drop,
}
