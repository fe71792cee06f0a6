"""Reads CREATE TABLE as Redshift writes it, with distribution, sort keys, encodings and identity columns."""

import re
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from seatrial.offline.warehouse import datatypes
from seatrial.offline.warehouse.catalog import Column
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.scripts import parenthesized, top_level

_HEAD = re.compile(
    r"create\s+(?:local\s+)?(?P<temporary>temp(?:orary)?\s+)?table\s+(?P<absent>if\s+not\s+exists\s+)?"
    r"(?P<name>(?:\"[^\"]+\"|[\w#$]+)(?:\.(?:\"[^\"]+\"|[\w$]+))*)\s*",
    re.IGNORECASE,
)
_NAME = re.compile(r'"((?:[^"]|"")+)"|([A-Za-z_][\w$]*)')
_TYPE = re.compile(
    r"\s*((?:double\s+precision|character\s+varying|national\s+character\s+varying|national\s+character|"
    r"binary\s+varying|[a-z]\w*)(?:\s*\([^)]*\))?(?:\s+with(?:out)?\s+time\s+zone)?)",
    re.IGNORECASE,
)
_CONSTRAINT = re.compile(r"(constraint\s+\S+\s+)?(primary\s+key|unique|foreign\s+key|check)\b", re.IGNORECASE)
_ATTRIBUTES = re.compile(
    r"\s*(?:(?P<notnull>not\s+null)|(?P<null>null)|(?P<encode>encode\s+(?P<encoding>\w+))|(?P<distkey>distkey)|"
    r"(?P<sortkey>sortkey)|(?P<always>(?:generated\s+always\s+as\s+)?identity\s*\()|"
    r"(?P<bydefault>generated\s+by\s+default\s+as\s+identity\s*\()|(?P<default>default\s+)|"
    r"(?P<key>unique|primary\s+key)|(?P<references>references\s+\S+(?:\s*\([^)]*\))?)|(?P<collate>collate\s+\w+))",
    re.IGNORECASE,
)
_AFTER_DEFAULT = re.compile(
    r"\s(not\s+null|null|encode\s+\w+|distkey|sortkey|unique|primary\s+key|references)\b", re.IGNORECASE
)
_TABLE_ATTRIBUTES = re.compile(
    r"\s*(?:backup\s+(?:yes|no)|diststyle\s+(?P<style>\w+)|distkey\s*\(\s*(?P<key>[^)]+)\)|"
    r"(?:(?P<kind>compound|interleaved)\s+)?sortkey\s*(?:\(\s*(?P<sort>[^)]+)\)|auto)|encode\s+auto)",
    re.IGNORECASE,
)


@dataclass
class Declaration:
    """A CREATE TABLE taken apart; `query` is that of CREATE TABLE AS, `like` the table of (LIKE t)."""

    table: exp.Table
    columns: list[Column] = field(default_factory=list)
    temporary: bool = False
    if_not_exists: bool = False
    query: str | None = None
    like: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    seeds: dict[str, tuple[int, int]] = field(default_factory=dict)
    """First value and step of identity columns."""


def read_table(text: str) -> Declaration:
    """Read a statement; raises `SqlError` for what is no declaration."""
    head = _HEAD.match(text)
    if head is None:
        raise SqlError(f"syntax error in {text[:60]!r}")
    table = exp.to_table(head["name"].lower().lstrip("#"), dialect="redshift")
    temporary = bool(head["temporary"]) or head["name"].startswith("#")
    found = Declaration(table, temporary=temporary, if_not_exists=bool(head["absent"]))
    rest = text[head.end() :]
    if rest.startswith("("):
        body, end = parenthesized(rest, 0)
        rest = rest[end:]
        _body(found, body, is_names_only=re.search(r"\bas\b\s*[\(\s]*(select|with)\b", rest, re.IGNORECASE) is not None)
    return _tail(found, rest)


def _tail(found: Declaration, rest: str) -> Declaration:
    position = 0
    while match := _TABLE_ATTRIBUTES.match(rest, position):
        _table_attribute(found, match)
        position = match.end()
    remaining = rest[position:].strip()
    query = re.match(r"as\s*(.+)$", remaining, re.IGNORECASE | re.DOTALL)
    if query:
        found.query = query[1].strip()
    elif remaining:
        raise NotSupportedError(f"CREATE TABLE with {remaining[:40]!r}")
    return found


def _table_attribute(found: Declaration, match: re.Match[str]) -> None:
    if match["style"]:
        found.details["diststyle"] = match["style"].upper()
    if match["key"]:
        found.details["distkey"] = match["key"].strip().strip('"').lower()
    if match["sort"]:
        found.details["sortkey"] = [name.strip().strip('"').lower() for name in match["sort"].split(",")]


def settle_keys(found: Declaration) -> None:
    """Write table-level keys onto the columns; raises `SqlError` for a key that is no column."""
    by_name = {column.name: column for column in found.columns}
    sort = found.details.get("sortkey", [])
    for name in [*sort, *([found.details["distkey"]] if "distkey" in found.details else [])]:
        if name not in by_name:
            raise SqlError(f'column "{name}" named in key does not exist')
    if "distkey" in found.details:
        by_name[found.details["distkey"]].distkey = True
    for position, name in enumerate(sort, 1):
        by_name[name].sortkey = position
    if sum(column.distkey for column in found.columns) > 1:
        raise SqlError("multiple DISTKEY columns are not allowed")


def _body(found: Declaration, body: str, *, is_names_only: bool) -> None:
    for part in top_level(body):
        like = re.match(r"like\s+(\S+)", part, re.IGNORECASE)
        if like:
            found.like = like[1].lower()
        elif _CONSTRAINT.match(part):
            # Redshift keeps keys as hints and does not enforce them: neither do we.
            if re.match(r"(constraint\s+\S+\s+)?check\b", part, re.IGNORECASE):
                raise SqlError("CHECK constraints are not supported by Redshift")
        elif is_names_only:
            found.columns.append(Column(part.strip().strip('"').lower(), "varchar"))
        else:
            found.columns.append(read_column(part, found.seeds))


def read_column(text: str, seeds: dict[str, tuple[int, int]]) -> Column:
    """Read the declaration of one column."""
    name = _NAME.match(text)
    kind = _TYPE.match(text, name.end()) if name else None
    if name is None or kind is None:
        raise SqlError(f"syntax error in the column {text!r}")
    try:
        data_type = exp.DataType.build(kind[1], dialect="redshift", udt=False)
    except (SqlglotError, ValueError) as error:
        raise NotSupportedError(f"the data type {kind[1]}") from error
    column = Column((name[1] or name[2]).lower(), datatypes.declared(data_type).sql("redshift"))
    position = kind.end()
    while position < len(text.rstrip()):
        match = _ATTRIBUTES.match(text, position)
        if match is None:
            raise SqlError(f"syntax error at {text[position:].strip()[:30]!r} of column {column.name}")
        position = _column_attribute(column, text, match, seeds)
    return column


def _column_attribute(column: Column, text: str, match: re.Match[str], seeds: dict[str, tuple[int, int]]) -> int:
    column.nullable = (
        column.nullable and not match["notnull"] and not (match["key"] or "").lower().startswith("primary")
    )
    column.distkey = column.distkey or bool(match["distkey"])
    column.sortkey = column.sortkey or int(bool(match["sortkey"]))
    if match["encode"]:
        column.encoding = match["encoding"].lower()
    if match["collate"] and "insensitive" in match["collate"].lower():
        raise NotSupportedError("COLLATE CASE_INSENSITIVE")
    if match["always"] or match["bydefault"]:
        numbers, end = parenthesized(text, match.end() - 1)
        first, step = (int(number) for number in numbers.split(","))
        column.identity, column.nullable = ("always" if match["always"] else "default"), False
        seeds[column.name] = (first, step)
        return end
    if match["default"]:
        after = _AFTER_DEFAULT.search(text, match.end())
        end = after.start() if after else len(text)
        column.default = text[match.end() : end].strip()
        return end
    return match.end()
