"""Rewrites of Redshift's syntax before names are resolved: date parts, conditional functions, the cloud's clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from seatrial.offline.warehouse.errors import NotSupportedError, SqlError

_PARTS = {
    "millennium": "mil mils millennium millennia",
    "century": "c cent cents century centuries",
    "decade": "dec decs decade decades",
    "epoch": "epoch",
    "year": "y yr yrs year years",
    "quarter": "qtr qtrs quarter quarters",
    "month": "mon mons month months",
    "week": "w week weeks",
    "dow": "dow d dw weekday dayofweek",
    "doy": "doy dayofyear dy yearday",
    "day": "d day days",
    "hour": "h hr hrs hour hours",
    "minute": "m min mins minute minutes",
    "second": "s sec secs second seconds",
    "millisecond": "ms msec msecs msecond mseconds millisec millisecs millisecon millisecond milliseconds",
    "microsecond": "us usec usecs microsec microsecs microsecond microseconds",
    "timezone": "timezone",
    "timezone_hour": "timezone_hour",
    "timezone_minute": "timezone_minute",
}
DATE_PARTS = {word: part for part, words in _PARTS.items() for word in words.split()}
"""Source: "Date parts for date or timestamp functions" of the Amazon Redshift developer guide."""
_FIRST_IS_PART = {"DATEADD", "DATE_ADD", "DATEDIFF", "DATE_DIFF", "DATE_PART", "PGDATE_PART", "DATE_TRUNC"}
_CLOCKS = {"GETDATE": "timestamp", "SYSDATE": "timestamp", "NOW": "timestamptz"}


@dataclass(frozen=True)
class Facts:
    """What a statement may ask of its session; `now` is the cloud's time at the transaction's start."""

    now: datetime
    session: dict[str, Any] = field(default_factory=dict)
    expand: Callable[[exp.Expr], None] = lambda tree: None
    """Puts the bodies of users' functions in place of their calls."""


def prepare(tree: exp.Expr, facts: Facts) -> exp.Expr:
    """Rewrite in place and return the tree; raises for syntax that is refused."""
    facts.expand(tree)
    _refuse(tree)
    for kind in tree.find_all(exp.DataType):
        if kind.this is exp.DataType.Type.DATETIME:
            kind.set("this", exp.DataType.Type.TIMESTAMP)
    for call in list(tree.find_all(exp.Anonymous)):
        _expand(call, facts)
    for node in list(tree.find_all(exp.CurrentTimestamp, exp.CurrentDate, exp.Extract, exp.CurrentUser)):
        _replace_clock(node, facts)
    for node in list(tree.find_all(exp.CurrentSchema, exp.SessionUser)):
        node.replace(exp.Literal.string(facts.session.get("schema", "public")))
    return normalize_identifiers(tree, dialect="redshift")


def _refuse(tree: exp.Expr) -> None:
    refused = {exp.Connect: "CONNECT BY", exp.Pivot: "PIVOT and UNPIVOT", exp.Lateral: "LATERAL"}
    for select in tree.find_all(exp.Select):
        distinct = select.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is not None:
            raise SqlError("syntax error: Redshift has no DISTINCT ON")
    for dot in tree.find_all(exp.Dot):
        if isinstance(dot.expression, exp.Anonymous):
            raise SqlError(f"function {dot.this.name.lower()}.{dot.expression.name.lower()} does not exist")
    if tree.find(exp.Values) is not None:
        raise SqlError("syntax error: VALUES lists used as tables are not supported by Redshift")
    for kind, name in refused.items():
        if tree.find(kind) is not None:
            raise NotSupportedError(name)


def _replace_clock(node: exp.Expr, facts: Facts) -> None:
    if isinstance(node, exp.Extract):
        node.set("this", exp.Var(this=date_part(node.this.name)))
    elif isinstance(node, exp.CurrentUser):
        node.replace(exp.Literal.string(facts.session.get("user", "admin")))
    elif isinstance(node, exp.CurrentDate):
        node.replace(_typed(f"{facts.now:%Y-%m-%d}", "date"))
    else:
        kind = "timestamp" if node.args.get("sysdate") else "timestamptz"
        node.replace(_typed(f"{facts.now:%Y-%m-%d %H:%M:%S.%f}" + ("+00" if kind == "timestamptz" else ""), kind))


def _typed(text: str, kind: str) -> exp.Expr:
    return exp.cast(exp.Literal.string(text), exp.DataType.build(kind, dialect="redshift"))


def date_part(word: str) -> str:
    """The full name of a date part; raises `SqlError` for what is none."""
    found = DATE_PARTS.get(word.lower())
    if found is None:
        raise SqlError(f'"{word}" is not a valid date part')
    return found


def _expand(call: exp.Anonymous, facts: Facts) -> None:
    name = call.name.upper()
    if name in _FIRST_IS_PART and call.expressions:
        first = call.expressions[0]
        call.expressions[0].replace(exp.Literal.string(date_part(first.name)))
    elif name in _CLOCKS:
        text = f"{facts.now:%Y-%m-%d %H:%M:%S}" + (f"{facts.now:.%f}" if name == "SYSDATE" else "")
        call.replace(_typed(text, "timestamp"))
    elif name in _EXPANSIONS:
        call.replace(_EXPANSIONS[name](call.expressions))
    elif name in _SESSION:
        call.replace(_session_value(facts, _SESSION[name]))


_SESSION = {
    "CURRENT_DATABASE": "database",
    "CURRENT_SCHEMA": "schema",
    "PG_LAST_COPY_COUNT": "last_copy_count",
    "PG_LAST_COPY_ID": "last_copy_id",
    "PG_LAST_QUERY_ID": "last_query_id",
    "PG_LAST_UNLOAD_COUNT": "last_unload_count",
    "CURRENT_NAMESPACE": "namespace",
}


def _session_value(facts: Facts, key: str) -> exp.Expr:
    value = facts.session.get(key)
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(int(value or 0))


def _coalesce(arguments: list[exp.Expr]) -> exp.Expr:
    return exp.Coalesce(this=arguments[0].copy(), expressions=[one.copy() for one in arguments[1:]])


def _nvl2(arguments: list[exp.Expr]) -> exp.Expr:
    given, present, absent = (one.copy() for one in arguments)
    return exp.Case().when(exp.Not(this=exp.Is(this=given, expression=exp.Null())), present).else_(absent)


def _decode(arguments: list[exp.Expr]) -> exp.Expr:
    """DECODE holds NULL equal to NULL."""
    subject, rest = arguments[0], arguments[1:]
    case = exp.Case()
    while len(rest) >= 2:
        case = case.when(exp.NullSafeEQ(this=subject.copy(), expression=rest[0].copy()), rest[1].copy())
        rest = rest[2:]
    return case.else_(rest[0].copy()) if rest else case


def _json_path(arguments: list[exp.Expr]) -> exp.Expr:
    """JSON_EXTRACT_PATH_TEXT takes any number of names, and a flag at the end."""
    flag = exp.false()
    if isinstance(arguments[-1], exp.Boolean):
        flag, arguments = arguments[-1].copy(), arguments[:-1]
    names = [exp.cast(one.copy(), "varchar") for one in arguments[1:]]
    path = exp.Anonymous(this="RS_NAMES", expressions=names)
    call = exp.Anonymous(this="RS_JSON_AT", expressions=[arguments[0].copy(), path, flag])
    return exp.cast(call, "varchar")


def _date_concatenation(arguments: list[exp.Expr]) -> exp.Expr:
    return exp.Anonymous(this="CONCAT", expressions=[one.copy() for one in arguments])


_EXPANSIONS: dict[str, Callable[[list[exp.Expr]], exp.Expr]] = {
    "NVL": _coalesce,
    "ISNULL": _coalesce,
    "NVL2": _nvl2,
    "DECODE": _decode,
    "JSON_EXTRACT_PATH_TEXT": _json_path,
}


def output_name(column: exp.Expr) -> str:
    """The name of an unnamed column, as PostgreSQL 8 and Redshift give it."""
    node = column
    while isinstance(node, exp.Window | exp.WithinGroup | exp.Paren | exp.Bracket):
        node = node.this
    for kind, name in _NAMES.items():
        if isinstance(node, kind):
            return name(node) or "?column?"
    return "?column?"


def _name_of_cast(node: Any) -> str:
    return node.this.name if isinstance(node.this, exp.Column) else node.to.this.name.lower()


_RENAMED = {"dateadd": "date_add", "datediff": "date_diff"}
_NAMES: dict[Any, Callable[[Any], str]] = {
    exp.Alias: lambda node: node.alias,
    exp.Column: lambda node: node.name,
    exp.Dot: lambda node: node.expression.name,
    exp.CurrentTimestamp: lambda node: "timestamp",
    exp.Cast: _name_of_cast,
    exp.Anonymous: lambda node: _RENAMED.get(node.name.lower(), node.name.lower()),
    exp.Binary: lambda node: "",
    exp.Unary: lambda node: "",
    exp.ApproxDistinct: lambda node: "count",
    exp.Case: lambda node: "case",
    exp.Func: lambda node: node.sql_name().lower(),
}
"""How a column is named by what it is; the first kind that fits counts."""
