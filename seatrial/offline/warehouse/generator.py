"""DuckDB's text for a typed tree of Redshift's SQL: numbers, texts, times and SUPER as Redshift computes them."""

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.generator import ErrorLevel

from seatrial.offline.warehouse import datatypes
from seatrial.offline.warehouse.datatypes import DECIMALS, INTEGERS, NUMBERS, TEXTS, Kind
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.functions import part_of, render
from seatrial.offline.warehouse.moments import parse_time, parse_time_utc

_ISO = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?(?P<zone>Z|[+-]\d{2}(:?\d{2})?)?")
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)


def to_duckdb(tree: exp.Expr) -> str:
    """The text of a tree whose nodes carry their types; raises `NotSupportedError` for what has no counterpart."""
    generator = _Engine().generator(unsupported_level=ErrorLevel.RAISE)
    return generator.generate(tree, copy=False)


def kind_of(node: exp.Expr | None) -> Any:
    """The kind of type of a node, UNKNOWN when nothing is known."""
    return node.type.this if node is not None and node.type is not None else Kind.UNKNOWN


def is_super(node: exp.Expr | None) -> bool:
    """Whether a node gives SUPER."""
    return kind_of(node) is Kind.SUPER


def _quotient(generator: Any, node: exp.Div) -> str:
    left, right = (_number(generator, one) for one in (node.left, node.right))
    kind = kind_of(node)
    if kind is Kind.UNKNOWN:
        return f"rs_div({left}, {right})"
    if kind in INTEGERS:
        return f"({left} // {right})"
    quotient = f"(CAST({left} AS DOUBLE) / {right})"
    if node.type is None or kind not in DECIMALS:
        return quotient
    return f"CAST({quotient} AS {datatypes.stored(node.type)})"


def _number(generator: Any, node: exp.Expr) -> str:
    text = generator.sql(node)
    if is_super(node):
        return f"rs_super_number({text})"
    if isinstance(node, exp.Binary):
        return f"({text})"
    return text


def _arithmetic(operator: str) -> Callable[[Any, exp.Binary], str]:
    def arithmetic(generator: Any, node: exp.Binary) -> str:
        numeric = {kind_of(node.left), kind_of(node.right)} & (NUMBERS | {Kind.SUPER})
        sides = [_number(generator, one) if numeric else generator.sql(one) for one in (node.left, node.right)]
        return f"{sides[0]} {operator} {sides[1]}"

    return arithmetic


def _windowed(generator: Any, node: exp.Expr, build: Callable[[Callable[[str], str]], str]) -> str:
    """Text of an aggregate that becomes several: each gets the window of the original."""
    parent = node.parent
    if not isinstance(parent, exp.Window) or parent.this is not node:
        return build(lambda call: call)
    window = parent.copy()
    window.set("this", exp.Var(this="\0"))
    over = _window_text(generator, window)
    return build(lambda call: over.replace("\0", call))


def _window_text(generator: Any, node: exp.Window) -> str:
    return DuckDB.Generator.window_sql(generator, node)


def _window(generator: Any, node: exp.Window) -> str:
    call = node.this
    if isinstance(call, exp.Avg | exp.Sum):
        return generator.sql(call)
    if isinstance(call, exp.Anonymous) and call.name.upper() == "RATIO_TO_REPORT":
        value = generator.sql(call.expressions[0])
        total = _windowed(generator, call, lambda over: over(f"sum({value})"))
        return f"(CAST({value} AS DOUBLE) / nullif({total}, 0))"
    if isinstance(call, exp.Lag | exp.Lead) and call.args.get("default") is not None:
        raise SqlError(f"{call.key} does not take a default value in Redshift")
    if node.args.get("spec") is None and node.args.get("order") and _needs_frame(call):
        raise SqlError("Aggregate window functions with an ORDER BY clause require a frame clause")
    return _window_text(generator, node)


def _needs_frame(call: exp.Expr) -> bool:
    return isinstance(call, exp.Sum | exp.Avg | exp.Min | exp.Max | exp.Count)


def _average(generator: Any, node: exp.Avg) -> str:
    argument, kind = _argument(generator, node)
    _check_frame(node)

    def build(over: Callable[[str], str]) -> str:
        total, count = over(f"sum({argument})"), over(f"count({argument})")
        if kind.this in INTEGERS:
            return f"CAST({total} // nullif({count}, 0) AS BIGINT)"
        if kind.this in DECIMALS:
            scale = datatypes.precision_of(kind)[1]
            return f"CAST(trunc(CAST({total} AS DOUBLE) / nullif({count}, 0), {scale}) AS DECIMAL(38,{scale}))"
        return f"(CAST({total} AS DOUBLE) / nullif({count}, 0))"

    return _windowed(generator, node, build)


def _sum(generator: Any, node: exp.Sum) -> str:
    argument, kind = _argument(generator, node)
    _check_frame(node)
    integer = kind.this in INTEGERS

    def build(over: Callable[[str], str]) -> str:
        total = over(f"sum({argument})")
        return f"CAST({total} AS BIGINT)" if integer else total

    return _windowed(generator, node, build)


def _check_frame(node: exp.Expr) -> None:
    window = node.parent
    if not isinstance(window, exp.Window) or window.this is not node:
        return
    if window.args.get("order") and window.args.get("spec") is None:
        raise SqlError("Aggregate window functions with an ORDER BY clause require a frame clause")


def _argument(generator: Any, node: exp.Expr) -> tuple[str, exp.DataType]:
    distinct = isinstance(node.this, exp.Distinct)
    value = node.this.expressions[0] if distinct else node.this
    text = f"rs_super_number({generator.sql(value)})" if is_super(value) else generator.sql(value)
    kind = value.type or exp.DataType.build("unknown")
    return ("DISTINCT " if distinct else "") + text, kind


def _cast(generator: Any, node: exp.Cast) -> str:
    target, source = node.to, kind_of(node.this)
    value = generator.sql(node.this)
    if target.this is Kind.SUPER:
        return value if source is Kind.SUPER else f"to_json({value})"
    value = f"rs_text({value})" if source is Kind.SUPER else value
    if target.this in TEXTS:
        return _cast_to_text(node, value)
    if target.this in {*datatypes.DATES, Kind.TIME} and isinstance(node.this, exp.Literal):
        return f"CAST('{_iso(node.this.name, target.this)}' AS {datatypes.stored(target)})"
    if source in TEXTS | {Kind.SUPER, Kind.UNKNOWN}:
        return _cast_from_text(target, source, value)
    return f"CAST({value} AS {datatypes.stored(target)})"


def _cast_from_text(target: exp.DataType, source: Any, value: str) -> str:
    """Redshift reads texts more strictly than DuckDB where numbers are meant, and less where times are."""
    known = source is not Kind.UNKNOWN
    stored = datatypes.stored(target)
    if target.this in datatypes.DATES:
        return _time_of(value, target.this)
    if target.this in INTEGERS and known:
        return f"CAST(rs_to_integer({value}) AS {stored})"
    if target.this is Kind.VARBINARY and known:
        return f"encode({value})"
    if target.this is Kind.BOOLEAN and known:
        return f"rs_to_boolean({value})"
    return f"CAST({value} AS {stored})"


def _time_of(value: str, kind: Any) -> str:
    return f"rs_tstz({value})" if kind is Kind.TIMESTAMPTZ else f"CAST(rs_ts({value}) AS {kind.name})"


def _cast_to_text(node: exp.Cast, value: str) -> str:
    source = kind_of(node.this)
    text = f"decode({value})" if source is Kind.VARBINARY else f"CAST({value} AS VARCHAR)"
    length = datatypes.length_of(node.to)
    if source in TEXTS and length is None and node.to.this in {Kind.CHAR, Kind.NCHAR}:
        length = 1
    text = text if length is None else f"rs_bytes({text}, {length})"
    return f"rtrim({text})" if node.to.this in {Kind.CHAR, Kind.NCHAR, Kind.BPCHAR} else text


def _iso(text: str, kind: Any) -> str:
    """A date or time literal as ISO text: Redshift reads the many forms that PostgreSQL does."""
    found = _ISO.fullmatch(text.strip())
    if kind is Kind.TIME or (found and (kind is Kind.TIMESTAMPTZ or not found["zone"])):
        return text.strip()
    try:
        found = parse_time_utc(text) if kind is Kind.TIMESTAMPTZ else parse_time(text)
    except ValueError as error:
        raise SqlError(f'invalid input syntax for type {kind.name.lower()}: "{text}"') from error
    return found.isoformat(sep=" ") + ("+00" if kind is Kind.TIMESTAMPTZ else "")


def _comparison(operator: str) -> Callable[[Any, exp.Binary], str]:
    def comparison(generator: Any, node: exp.Binary) -> str:
        left, right = (_comparable(generator, one, other) for one, other in _both_ways(node))
        return f"{left} {operator} {right}"

    return comparison


def _both_ways(node: exp.Binary) -> list[tuple[exp.Expr, exp.Expr]]:
    return [(node.left, node.right), (node.right, node.left)]


def _comparable(generator: Any, node: exp.Expr, other: exp.Expr) -> str:
    """A side of a comparison: trailing blanks do not count, SUPER is compared as what the other side is."""
    text = generator.sql(node)
    kind, against = kind_of(node), kind_of(other)
    if kind is Kind.SUPER and against is not Kind.SUPER:
        if against in TEXTS:
            return f"rs_super_varchar({text})"
        if against in NUMBERS:
            return f"rs_super_number({text})"
        return f"rs_super_boolean({text})" if against is Kind.BOOLEAN else f"rs_text({text})"
    if kind is Kind.SUPER:
        return f"CAST({text} AS VARCHAR)"
    if isinstance(node, exp.Literal) and node.is_string:
        return _literal_against(node, against)
    return f"rtrim({text})" if kind in TEXTS and against in TEXTS and not _is_clean(node) else text


def _literal_against(node: exp.Literal, kind: Any) -> str:
    if kind in datatypes.DATES:
        stored = datatypes.stored(exp.DataType.build(kind))
        whole = "TIMESTAMP" if kind is Kind.DATE and ":" in node.name else stored
        return f"CAST('{_iso(node.name, kind)}' AS {whole})"
    value = node.name.rstrip(" ") if kind in TEXTS else node.name
    return "'" + value.replace("'", "''") + "'"


def _is_clean(node: exp.Expr) -> bool:
    """CHAR values are kept without their blanks."""
    return kind_of(node) in {Kind.CHAR, Kind.NCHAR, Kind.BPCHAR}


def _in(generator: Any, node: exp.In) -> str:
    if node.args.get("query") or node.args.get("unnest") or node.args.get("field"):
        return DuckDB.Generator.in_sql(generator, node)
    members = node.expressions
    left = _comparable(generator, node.this, members[0])
    return f"{left} IN ({', '.join(_comparable(generator, one, node.this) for one in members)})"


def _like(operator: str) -> Callable[[Any, exp.Binary], str]:
    """LIKE: the backslash escapes in Redshift unless another character is named."""

    def like(generator: Any, node: exp.Binary) -> str:
        text = f"{generator.sql(node, 'this')} {operator} {generator.sql(node, 'expression')}"
        return text if isinstance(node.parent, exp.Escape) else f"{text} ESCAPE '\\'"

    return like


def _similar(generator: Any, node: exp.SimilarTo) -> str:
    pattern = node.expression
    if not isinstance(pattern, exp.Literal):
        raise NotSupportedError("SIMILAR TO with a pattern that is no literal")
    translated = re.sub(
        r"\\.|%|_|\.", lambda found: {"%": ".*", "_": ".", ".": r"\."}.get(found[0], found[0]), pattern.name
    )
    return f"regexp_full_match({generator.sql(node.this)}, '{translated.replace(chr(39), chr(39) * 2)}', 's')"


def _within_group(generator: Any, node: exp.WithinGroup) -> str:
    """LISTAGG and percentiles with their order."""
    call, order = node.this, node.expression
    name = call.name.upper() if isinstance(call, exp.Anonymous) else call.key.upper()
    if name == "LISTAGG":
        values = list(call.expressions)
        distinct = "DISTINCT " if isinstance(values[0], exp.Distinct) else ""
        if distinct:
            values = [*values[0].expressions, *values[1:]]
        separator = generator.sql(values[1]) if len(values) > 1 else "''"
        value = f"CAST({generator.sql(values[0])} AS VARCHAR)"
        return f"string_agg({distinct}{value}, {separator} {generator.sql(order).strip()})"
    if name not in {"PERCENTILE_CONT", "PERCENTILE_DISC"}:
        raise NotSupportedError(f"{name} WITHIN GROUP")
    key = order.expressions[0]
    fraction = generator.sql(call.expressions[0])
    function = "quantile_cont" if name == "PERCENTILE_CONT" else "quantile_disc"
    value = generator.sql(key.this)
    value = f"CAST({value} AS DOUBLE)" if name == "PERCENTILE_CONT" and kind_of(key.this) in NUMBERS else value
    return f"{function}({value}, {f'1 - {fraction}' if key.args.get('desc') else fraction})"


def _call(generator: Any, node: exp.Anonymous) -> str:
    return render(node, generator.sql)


def _extract(generator: Any, node: exp.Extract) -> str:
    part, value = node.this.name.lower(), generator.sql(node.expression)
    if isinstance(node.expression, exp.Literal):
        value = f"CAST('{_iso(node.expression.name, Kind.TIMESTAMP)}' AS TIMESTAMP)"
    return f"CAST({part_of(part, value)} AS {'BIGINT' if part == 'epoch' else 'INTEGER'})"


def _not_in_redshift(what: str) -> Callable[[Any, exp.Expr], str]:
    def refuse(generator: Any, node: exp.Expr) -> str:
        del generator, node
        raise SqlError(f"syntax error: Redshift has no {what}")

    return refuse


def _concatenation(generator: Any, node: exp.DPipe) -> str:
    sides = [
        f"rs_text({generator.sql(one)})" if is_super(one) else generator.sql(one) for one in (node.left, node.right)
    ]
    return f"{sides[0]} || {sides[1]}"


def _substring(generator: Any, node: exp.Substring) -> str:
    start = generator.sql(node, "start") or "1"
    length = generator.sql(node, "length") or "2147483647"
    value = generator.sql(node.this)
    if kind_of(node.this) is Kind.VARBINARY:
        return f"unhex(substring(hex({value}), greatest({start}, 1) * 2 - 1, least({length}, 1000000) * 2))"
    return f"rs_substring(CAST({value} AS VARCHAR), {start}, {length})"


def _literal(generator: Any, node: exp.Literal) -> str:
    if node.is_string:
        return "'" + node.name.replace("'", "''") + "'"
    return node.name


def _is_null(generator: Any, node: exp.Is) -> str:
    value = generator.sql(node.this)
    if isinstance(node.expression, exp.Null) and is_super(node.this):
        return f"coalesce(json_type({value}), 'NULL') = 'NULL'"
    return f"{value} IS {generator.sql(node.expression)}"


def _identifier(generator: Any, node: exp.Identifier) -> str:
    return '"' + node.name.replace('"', '""') + '"'


class _Engine(DuckDB):
    class Generator(DuckDB.Generator):  # pyrefly: ignore[bad-override]
        """Renders what differs; the rest is sqlglot's DuckDB."""

        TRANSFORMS = {  # pyrefly: ignore[bad-override]
            **DuckDB.Generator.TRANSFORMS,
            exp.Add: _arithmetic("+"),
            exp.Anonymous: _call,
            exp.Avg: _average,
            exp.Cast: _cast,
            exp.DPipe: _concatenation,
            exp.Div: _quotient,
            exp.EQ: _comparison("="),
            exp.Extract: _extract,
            exp.Filter: _not_in_redshift("FILTER clause"),
            exp.GT: _comparison(">"),
            exp.GTE: _comparison(">="),
            exp.ILike: _like("ILIKE"),
            exp.Identifier: _identifier,
            exp.In: _in,
            exp.Is: _is_null,
            exp.LT: _comparison("<"),
            exp.LTE: _comparison("<="),
            exp.Like: _like("LIKE"),
            exp.Literal: _literal,
            exp.Mul: _arithmetic("*"),
            exp.NEQ: _comparison("<>"),
            exp.SimilarTo: _similar,
            exp.Sub: _arithmetic("-"),
            exp.Substring: _substring,
            exp.Sum: _sum,
            exp.Window: _window,
            exp.WithinGroup: _within_group,
        }
