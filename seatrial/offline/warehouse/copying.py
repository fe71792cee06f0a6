"""COPY from S3: CSV, delimited text, JSON and Parquet, with manifests, gzip, and rejected rows told one by one."""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from seatrial.offline.warehouse import datatypes
from seatrial.offline.warehouse.catalog import Column, Entry
from seatrial.offline.warehouse.datatypes import TEXTS
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.lake.storage import Stored, parse_uri
from seatrial.offline.warehouse.relations import need
from seatrial.offline.warehouse.texts import as_text
from seatrial.offline.warehouse.transfer_options import options_in
from seatrial.offline.warehouse.writes import insert_rows

_HEAD = re.compile(
    r"copy\s+(?P<table>[\w\".$]+)\s*(?:\((?P<columns>[^)]*)\))?\s+from\s+'(?P<uri>[^']+)'(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_OPTION = re.compile(
    r"\s*(?:(?P<role>iam_role\s+(?:default|'[^']*'))|(?:format\s+(?:as\s+)?)?(?P<format>parquet|csv|json|orc|avro|fixedwidth)"
    r"(?P<json>\s+(?:as\s+)?'[^']*')?(?P<quote>\s+quote\s+(?:as\s+)?'.')?|(?P<delimiter>delimiter\s+(?:as\s+)?'[^']+')|"
    r"(?P<header>ignoreheader\s+(?:as\s+)?\d+)|(?P<maxerror>maxerror\s+(?:as\s+)?\d+)|(?P<null>null\s+(?:as\s+)?'[^']*')|"
    r"(?P<date>dateformat\s+(?:as\s+)?'[^']*')|(?P<time>timeformat\s+(?:as\s+)?'[^']*')|(?P<region>region\s+(?:as\s+)?'[^']*')|"
    r"(?P<quoteas>quote\s+(?:as\s+)?'.')|(?P<on>(?:compupdate|statupdate)(?:\s+(?:on|off|preset|true|false))?)|"
    r"(?P<word>manifest|gzip|bzip2|zstd|lzop|truncatecolumns|removequotes|escape|emptyasnull|blanksasnull|acceptinvchars|"
    r"explicit_ids|noload|fillrecord|trimblanks|roundec|ignoreblanklines|encrypted|ignoreallerrors|"
    r"serializetojson|acceptanydate)(?:\s+(?:as\s+)?'[^']*')?)(?=\s|$)",
    re.IGNORECASE,
)
_REFUSED = {"bzip2", "zstd", "lzop", "encrypted", "roundec", "acceptanydate", "noload"}
_REFUSED_FORMATS = {"orc", "avro", "fixedwidth"}


@dataclass
class Options:
    """What stands after FROM."""

    format: str = "text"
    delimiter: str = "|"
    quote: str = '"'
    null: str = "\\N"
    header_lines: int = 0
    most_errors: int = 0
    json_paths: str = "auto"
    date: str = "auto"
    time: str = "auto"
    words: set[str] = field(default_factory=set)


class RejectedError(Exception):
    """A row does not fit: column, type, value and reason, as STL_LOAD_ERRORS tells them."""

    def __init__(self, column: str, kind: str, value: str, code: int, reason: str) -> None:
        self.column, self.kind, self.value, self.code = column, kind, value, code
        super().__init__(reason)


def copy(session: Session, text: str) -> Outcome:
    """Load files into a table; the rows of all of them, or none."""
    found = _HEAD.match(text)
    if found is None:
        raise NotSupportedError("COPY from anything but S3")
    options = _options(found["rest"])
    entry = need(session, exp.to_table(found["table"].lower(), dialect="redshift"), "table")
    columns = _columns(entry, found["columns"], options)
    files = _files(session, found["uri"], options)
    around: Any = session.database.lake
    paths = around.storage.local(files)
    if options.format == "parquet":
        count = sum(_parquet(session, entry, columns, path, file) for path, file in zip(paths, files, strict=True))
    else:
        count = _rows(session, entry, columns, list(zip(paths, files, strict=True)), options)
    identity = len(session.database.history) + 1
    session.values.update(last_copy_count=count, last_copy_id=identity)
    session.database.history.append(
        {"query": identity, "kind": "copy", "table": entry.name, "rows": count, "files": len(files)}
    )
    return Outcome(changed=count)


def _options(rest: str) -> Options:
    options = Options()
    for match in options_in(rest, _OPTION, "COPY"):
        _option(options, match)
    return options


def _option(options: Options, match: re.Match[str]) -> None:
    quoted = re.search(r"'(.*)'", match[0], re.DOTALL)
    value = quoted[1] if quoted else match[0].split()[-1]
    if match["format"]:
        options.format = match["format"].lower()
        if options.format in _REFUSED_FORMATS:
            raise NotSupportedError(f"COPY of {options.format.upper()}")
        options.delimiter = "," if options.format == "csv" else options.delimiter
        options.json_paths = re.sub(r"^\s*(as\s+)?", "", match["json"]).strip("'") if match["json"] else "auto"
    elif match["delimiter"]:
        options.delimiter = value.encode().decode("unicode_escape")
    elif match["quoteas"]:
        options.quote = value
    elif match["header"]:
        options.header_lines = int(value)
    elif match["maxerror"]:
        options.most_errors = int(value)
    elif match["null"]:
        options.null = value
    elif match["date"] or match["time"]:
        setattr(options, "date" if match["date"] else "time", value)
    elif match["word"]:
        word = match["word"].lower()
        if word in _REFUSED:
            raise NotSupportedError(f"the COPY option {word.upper()}")
        options.words.add(word)


def _columns(entry: Entry, named: str | None, options: Options) -> list[Column]:
    by_name = {column.name: column for column in entry.columns}
    if named is None:
        keep = options.words & {"explicit_ids"}
        return [column for column in entry.columns if not column.identity or column.identity == "default" or keep]
    names = [name.strip().strip('"').lower() for name in named.split(",")]
    for name in names:
        if name not in by_name:
            raise SqlError(f'column "{name}" of relation "{entry.name}" does not exist')
    return [by_name[name] for name in names]


def _files(session: Session, uri: str, options: Options) -> list[Stored]:
    around: Any = session.database.lake
    storage = around.storage
    if "manifest" not in options.words:
        found = storage.listed(uri)
        if not found:
            raise SqlError(f"The specified S3 prefix '{parse_uri(uri)[1]}' does not exist")
        return found
    try:
        entries = json.loads(storage.content(uri))["entries"]
    except (ValueError, KeyError) as error:
        raise SqlError(f"{uri} is not a manifest of COPY: {error}") from error
    files = []
    for one in entries:
        if options.format == "parquet" and "content_length" not in one.get("meta", {}):
            raise SqlError(f"{uri}: a manifest of columnar files must tell the size of each, meta.content_length")
        listed = [file for file in storage.listed(one["url"]) if file.uri == one["url"]]
        if not listed and one.get("mandatory"):
            raise SqlError(
                f"Problem reading manifest file - S3ServiceException: the object {one['url']} does not exist"
            )
        files += listed
    return files


def _parquet(session: Session, entry: Entry, columns: Sequence[Column], path: Path, file: Stored) -> int:
    """Columnar files are matched by position, and must have as many columns as the table."""
    source = f"read_parquet('{path}')"
    kinds = session.query(f"DESCRIBE SELECT * FROM {source}").rows
    if len(kinds) != len(columns):
        raise SqlError(
            f"Spectrum Scan Error: Unmatched number of columns between table and file. Table columns: {len(columns)}, "
            f"Data columns: {len(kinds)}, File name: {file.uri}"
        )
    for row, column in zip(kinds, columns, strict=True):
        _check_kind(str(row[0]), str(row[1]), column, file)
    values = [
        f'"{row[0]}"' if "[" not in row[1] and "STRUCT" not in row[1] else f'to_json("{row[0]}")' for row in kinds
    ]
    return insert_rows(session, entry, columns, f"SELECT {', '.join(values)} FROM {source}")


def _check_kind(name: str, kind: str, column: Column, file: Stored) -> None:
    """COPY of columnar files does not convert between text, numbers and times."""
    source, target = datatypes.of_duckdb(kind).this, column.data_type.this
    groups = (TEXTS, datatypes.NUMBERS, datatypes.DATES, {datatypes.Kind.SUPER})
    matches = source is target or any(source in group and target in group for group in groups)
    if not matches and target is not datatypes.Kind.SUPER:
        raise SqlError(
            f"Spectrum Scan Error: File '{file.uri}' has an incompatible Parquet schema for column '{name}'. "
            f"Column type: {column.type}, Parquet schema: {kind}"
        )


def _rows(
    session: Session, entry: Entry, columns: Sequence[Column], files: list[tuple[Path, Stored]], options: Options
) -> int:
    accepted: list[list[str | None]] = []
    errors: list[dict[str, Any]] = []
    for path, file in files:
        for line, raw, values in _records(path, columns, options, session):
            try:
                accepted.append(_checked(values, columns, options))
            except RejectedError as error:
                errors.append({**_told(file, line, raw, error), **_context(entry, session)})
                if len(errors) > options.most_errors:
                    break
    session.database.load_errors.extend(errors)
    if len(errors) > options.most_errors:
        raise SqlError(
            f"Load into table '{entry.name}' failed.  Check 'sys_load_error_detail' system table for details."
        )
    return _load(session, entry, columns, accepted)


def _load(session: Session, entry: Entry, columns: Sequence[Column], rows: list[list[str | None]]) -> int:
    if not rows:
        return 0
    import pyarrow as pa

    names = [f"c{number}" for number in range(len(columns))]
    table = pa.table(
        {name: pa.array(values, pa.string()) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    )
    session.connection.register("seatrial_copy", table)
    try:
        kinds = [
            f"CAST({name} AS {datatypes.stored(column.data_type)})" for name, column in zip(names, columns, strict=True)
        ]
        return insert_rows(session, entry, columns, f"SELECT {', '.join(kinds)} FROM seatrial_copy")
    finally:
        session.connection.unregister("seatrial_copy")


def _records(
    path: Path, columns: Sequence[Column], options: Options, session: Session
) -> Iterator[tuple[int, str, list[str | None]]]:
    """Line number, raw line, and one text a column."""
    content = path.read_bytes()
    if "gzip" in options.words or content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    text = content.decode("utf-8-sig", "replace" if "acceptinvchars" in options.words else "strict")
    if options.format == "json":
        yield from _json_records(text, columns, options, session)
        return
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=options.delimiter, quotechar=options.quote, strict=True)
    if options.format != "csv" and "removequotes" not in options.words:
        lines = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=options.delimiter,
            quoting=csv.QUOTE_NONE,
            escapechar="\\" if "escape" in options.words else None,
        )
    for number, values in enumerate(lines, 1):
        if number > options.header_lines and (values or "ignoreblanklines" not in options.words):
            yield number, options.delimiter.join(values), list(values)


def _json_records(
    text: str, columns: Sequence[Column], options: Options, session: Session
) -> Iterator[tuple[int, str, list[str | None]]]:
    paths = None
    if options.json_paths.startswith("s3://"):
        around: Any = session.database.lake
        paths = json.loads(around.storage.content(options.json_paths))["jsonpaths"]
        if len(paths) != len(columns):
            raise SqlError(f"Number of jsonpaths and the number of columns should match. JSONPath size: {len(paths)}")
    elif options.json_paths.lower() not in {"auto", "auto ignorecase", "noshred"}:
        raise SqlError(
            f"JSON takes 'auto', 'auto ignorecase', 'noshred' or a jsonpaths file, got {options.json_paths!r}"
        )
    decoder, position, number = json.JSONDecoder(), 0, 0
    while (match := re.compile(r"\S").search(text, position)) is not None:
        number += 1
        try:
            value, position = decoder.raw_decode(text, match.start())
        except ValueError as error:
            raise SqlError(f"Invalid JSON at record {number}: {error}") from error
        yield number, text[match.start() : position], _of_json(value, columns, options, paths)


def _of_json(value: Any, columns: Sequence[Column], options: Options, paths: list[str] | None) -> list[str | None]:
    if options.json_paths.lower() == "noshred":
        return [json.dumps(value)]
    if paths is not None:
        return [_json_text(_at(value, path), column) for path, column in zip(paths, columns, strict=True)]
    fold = "ignorecase" in options.json_paths.lower()
    given = {key.lower() if fold else key: item for key, item in value.items()}
    return [_json_text(given.get(column.name), column) for column in columns]


def _at(value: Any, path: str) -> Any:
    for name, index in re.findall(r"\.(\w+)|\[(?:'([^']+)'|(\d+))\]", path) and re.findall(
        r"(?:\.|\[')(\w+)(?:'\])?|\[(\d+)\]", path
    ):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _json_text(value: Any, column: Column) -> str | None:
    if column.data_type.this is datatypes.Kind.SUPER:
        return None if value is None else json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_text(value)


def _checked(values: Sequence[str | None], columns: Sequence[Column], options: Options) -> list[str | None]:
    if len(values) > len(columns):
        raise RejectedError("", "", "", 1202, "Extra column(s) found")
    if len(values) < len(columns) and "fillrecord" not in options.words:
        raise RejectedError("", "", "", 1213, "Delimiter not found")
    filled = [*values, *([None] * (len(columns) - len(values)))]
    return [_value(value, column, options) for value, column in zip(filled, columns, strict=True)]


def _value(value: str | None, column: Column, options: Options) -> str | None:
    kind = column.data_type
    text = kind.this in TEXTS
    if value is not None and "trimblanks" in options.words and text:
        value = value.rstrip(" ")
    if value == options.null or (value == "" and (not text or "emptyasnull" in options.words)):
        value = None
    if value is not None and text and not value.strip() and "blanksasnull" in options.words:
        value = None
    if value is None:
        if not column.nullable and not column.default:
            raise RejectedError(column.name, column.type, "", 1213, "Missing data for not-null field")
        return None
    if text:
        return _fit(value, column, options)
    return _converted(value, column, options)


def _fit(value: str, column: Column, options: Options) -> str:
    most = datatypes.length_of(column.data_type) or 256
    raw = value.encode()
    if len(raw) <= most or len(value.rstrip(" ").encode()) <= most:
        return value
    if "truncatecolumns" in options.words:
        return raw[:most].decode(errors="ignore")
    raise RejectedError(column.name, column.type, value, 1204, "String length exceeds DDL length")


_CHECKER = duckdb.connect()


def _converted(value: str, column: Column, options: Options) -> str:
    """A value that DuckDB can cast to the column's type; formats of dates are applied here."""
    from seatrial.offline.warehouse.formats import to_timestamp

    kind, stored = column.data_type.this, datatypes.stored(column.data_type)
    special: Mapping[Any, str] = {datatypes.Kind.DATE: options.date, datatypes.Kind.TIMESTAMP: options.time}
    pattern = special.get(kind, "auto")
    if kind in datatypes.INTEGERS and re.fullmatch(r"\s*[+-]?\d+\s*", value) is None:
        raise RejectedError(
            column.name, column.type, value, 1207, f"Invalid digit, Value '{value[:1]}', Pos 0, Type: {stored.title()}"
        )
    try:
        if pattern.lower() in {"epochsecs", "epochmillisecs"}:
            seconds = int(value) / (1 if pattern.lower() == "epochsecs" else 1000)
            return str(
                _CHECKER.cursor()
                .execute("SELECT CAST(to_timestamp(?) AT TIME ZONE 'UTC' AS VARCHAR)", [seconds])
                .fetchall()[0][0]
            )
        if pattern.lower() != "auto":
            return to_timestamp(value, pattern).isoformat(sep=" ")
        row = _CHECKER.cursor().execute(f"SELECT CAST(TRY_CAST(? AS {stored}) AS VARCHAR)", [value]).fetchall()
    except ValueError as error:
        raise RejectedError(column.name, column.type, value, 1206, str(error)) from error
    if row[0][0] is None:
        raise RejectedError(column.name, column.type, value, 1206, f"Invalid value for type {column.type.lower()}")
    return value


def _told(file: Stored, line: int, raw: str, error: RejectedError) -> dict[str, Any]:
    return {
        "filename": file.uri,
        "line_number": line,
        "colname": error.column,
        "type": error.kind,
        "raw_line": raw[:1024],
        "raw_field_value": error.value[:1024],
        "err_code": error.code,
        "err_reason": str(error),
    }


def _context(entry: Entry, session: Session) -> dict[str, Any]:
    time = session.database.lake.now().replace(tzinfo=None)
    return {"starttime": time, "query": len(session.database.history) + 1, "tbl": entry.name}
