"""UNLOAD to S3: Parquet, CSV, JSON and delimited text, partitioned, with a manifest."""

import gzip
import json
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlglot import exp

from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.lake.storage import Storage
from seatrial.offline.warehouse.queries import Compiled, compile_query
from seatrial.offline.warehouse.relations import resolver
from seatrial.offline.warehouse.transfer_options import options_in

_HEAD = re.compile(
    r"unload\s*\(\s*(?P<quote>'|\$\$)(?P<query>.*?)(?P=quote)\s*\)\s*to\s*'(?P<uri>[^']+)'(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_OF_TEXT = re.compile(
    r"unload\s*\(\s*'(?P<query>(?:[^'\\]|''|\\.)*)'\s*\)\s*to\s*'(?P<uri>[^']+)'(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_OPTION = re.compile(
    r"\s*(?:(?P<role>iam_role\s+(?:default|'[^']*'))|(?:format\s+(?:as\s+)?)?(?P<format>parquet|csv|json)|"
    r"(?P<partition>partition\s+by\s*\((?P<keys>[^)]*)\)(?P<include>\s+include)?)|(?P<delimiter>delimiter\s+(?:as\s+)?'[^']+')|"
    r"(?P<null>null\s+(?:as\s+)?'[^']*')|(?P<size>(?:maxfilesize|rowgroupsize)\s+(?:as\s+)?[\d.]+\s*(?:mb|gb)?)|"
    r"(?P<parallel>parallel\s+(?:on|off|true|false))|(?P<region>region\s+(?:as\s+)?'[^']*')|(?P<kms>kms_key_id\s+(?:as\s+)?'[^']*')|"
    r"(?P<manifest>manifest(?:\s+verbose)?)|"
    r"(?P<word>allowoverwrite|cleanpath|header|gzip|addquotes|escape|encrypted(?:\s+auto)?|bzip2|zstd|fixedwidth))(?=\s|$)",
    re.IGNORECASE,
)


@dataclass
class Options:
    """What stands after TO."""

    format: str = "text"
    delimiter: str = "|"
    null: str = ""
    keys: list[str] = field(default_factory=list)
    include: bool = False
    manifest: str = ""
    kms_key: str | None = None
    words: set[str] = field(default_factory=set)


def unload(session: Session, text: str) -> Outcome:
    """Write the rows of a query below a prefix; without ALLOWOVERWRITE or CLEANPATH nothing may be there."""
    from seatrial.offline.warehouse.statements import parse

    found = _HEAD_OF_TEXT.match(text) or _HEAD.match(text)
    if found is None:
        raise SqlError("syntax error in UNLOAD: it reads UNLOAD ('select ...') TO 's3://...'")
    options = _options(found["rest"])
    query = (
        found["query"] if "$$" in text.split("(", 1)[1][:4] else found["query"].replace("''", "'").replace("\\'", "'")
    )
    tree = parse(query)
    if not isinstance(tree, exp.Query):
        raise SqlError("UNLOAD takes a SELECT")
    if isinstance(tree, exp.Select) and tree.args.get("limit") is not None:
        raise SqlError("LIMIT clause is not supported in the outermost SELECT of UNLOAD")
    compiled = compile_query(tree, resolver(session), session.facts())
    around: Any = session.database.lake
    _clear(around.storage, found["uri"], options)
    count, files = _write(session, compiled, found["uri"], options, around.storage)
    if options.manifest:
        _manifest(around.storage, found["uri"], files, options)
    session.values.update(last_unload_count=count)
    return Outcome(changed=count)


def _options(rest: str) -> Options:
    options = Options()
    for match in options_in(rest, _OPTION, "UNLOAD"):
        _option(options, match)
    return options


def _option(options: Options, match: re.Match[str]) -> None:
    quoted = re.search(r"'(.*)'", match[0], re.DOTALL)
    if match["format"]:
        options.format = match["format"].lower()
        options.delimiter = "," if options.format == "csv" else options.delimiter
    elif match["partition"]:
        options.keys = [key.strip().strip('"').lower() for key in match["keys"].split(",")]
        options.include = bool(match["include"])
    elif match["delimiter"] and quoted:
        options.delimiter = quoted[1].encode().decode("unicode_escape")
    elif match["null"] and quoted:
        options.null = quoted[1]
    elif match["manifest"]:
        options.manifest = "verbose" if "verbose" in match["manifest"].lower() else "plain"
    elif match["kms"] and quoted:
        options.kms_key = quoted[1]
    elif match["word"]:
        word = match["word"].lower().split()[0]
        if word in {"bzip2", "zstd", "fixedwidth"}:
            raise NotSupportedError(f"the UNLOAD option {word.upper()}")
        options.words.add(word)


def _clear(storage: Storage, uri: str, options: Options) -> None:
    there = storage.listed(uri)
    if "cleanpath" in options.words:
        storage.delete(there)
    elif there and "allowoverwrite" not in options.words:
        raise SqlError(
            f"Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, "
            f"manually removing the target files in S3, or using the ALLOWOVERWRITE option: {uri}"
        )


def _write(
    session: Session, compiled: Compiled, uri: str, options: Options, storage: Storage
) -> tuple[int, list[tuple[str, int, int]]]:
    """Rows, and the files as (uri, bytes, rows)."""
    view = "seatrial_unload"
    session.query(f"CREATE OR REPLACE TEMP TABLE {view} AS {compiled.sql}")
    try:
        for key in options.keys:
            if key not in compiled.names:
                raise SqlError(f'partition column "{key}" is not in the SELECT list of UNLOAD')
        total = int(session.query(f"SELECT count(*) FROM {view}").rows[0][0])
        files = []
        for where, folder in _parts(session, view, options):
            rows = int(session.query(f"SELECT count(*) FROM {view} WHERE {where}").rows[0][0])
            content = _content(session, view, where, options, compiled)
            name = _name(uri, folder, options)
            storage.put(name, content, options.kms_key)
            files.append((name, len(content), rows))
        return total, files
    finally:
        session.query(f"DROP TABLE IF EXISTS {view}")


def _parts(session: Session, view: str, options: Options) -> list[tuple[str, str]]:
    if not options.keys:
        return [("true", "")]
    listed = ", ".join(f'"{key}"' for key in options.keys)
    cast = ", ".join(f'CAST("{key}" AS VARCHAR)' for key in options.keys)
    parts = []
    for row in session.query(f"SELECT DISTINCT {cast} FROM {view} ORDER BY ALL").rows:
        values = ["__HIVE_DEFAULT_PARTITION__" if value is None else str(value) for value in row]
        folder = "".join(f"{key}={value}/" for key, value in zip(options.keys, values, strict=True))
        tests = [
            f'"{key}" IS NULL'
            if value is None
            else f"CAST(\"{key}\" AS VARCHAR) = '{str(value).replace(chr(39), chr(39) * 2)}'"
            for key, value in zip(options.keys, row, strict=True)
        ]
        parts.append((" AND ".join(tests), folder))
    del listed
    return parts


def _name(uri: str, folder: str, options: Options) -> str:
    suffix = {"parquet": ".parquet", "csv": ".csv", "json": ".json"}.get(options.format, "")
    suffix = f".{suffix.lstrip('.')}".rstrip(".") if options.format == "parquet" else ""
    gzipped = ".gz" if "gzip" in options.words else ""
    return f"{uri.rstrip('/') + '/' if folder else uri}{folder}0000_part_00{suffix}{gzipped}"


def _content(session: Session, view: str, where: str, options: Options, compiled: Compiled) -> bytes:
    names = [name for name in compiled.names if options.include or name not in options.keys]
    if not names:
        raise SqlError("UNLOAD with PARTITION BY needs at least one column that is not a partition")
    columns = ", ".join(f'"{name}"' for name in names)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part"
        session.query(f"COPY (SELECT {columns} FROM {view} WHERE {where}) TO '{path}' ({_target(options)})")
        content = path.read_bytes()
    return gzip.compress(content, mtime=0) if "gzip" in options.words else content


def _target(options: Options) -> str:
    if options.format == "parquet":
        return "FORMAT parquet, COMPRESSION snappy"
    if options.format == "json":
        return "FORMAT json"
    header = "true" if "header" in options.words else "false"
    quoting = "" if options.format == "csv" or "addquotes" in options.words else ", QUOTE ''"
    if "addquotes" in options.words:
        quoting = ", FORCE_QUOTE *"
    delimiter = options.delimiter.replace("'", "''")
    null = options.null.replace("'", "''")
    return f"FORMAT csv, HEADER {header}, DELIMITER '{delimiter}', NULLSTR '{null}'{quoting}"


def _manifest(storage: Storage, uri: str, files: list[tuple[str, int, int]], options: Options) -> None:
    entries = [{"url": name, "meta": {"content_length": size}} for name, size, _ in files]
    document: dict[str, Any] = {"entries": entries}
    if options.manifest == "verbose":
        for entry, (_, _, rows) in zip(entries, files, strict=True):
            entry["meta"]["record_count"] = rows
        total = sum(size for _, size, _ in files)
        document["meta"] = {"content_length": total, "record_count": sum(rows for _, _, rows in files)}
    storage.put(f"{uri}manifest", json.dumps(document, indent=2).encode())
