"""Redshift's functions: the DuckDB expression and the type of each; what is not listed is refused by name."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from seatrial.offline.warehouse.datatypes import DATES, NUMBERS, Kind
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.function_tables import BY_TYPE, PARTS, TABLES

_FROM_SUPER = {"text": "rs_text", "time": "rs_text", "number": "rs_super_number"}


@dataclass(frozen=True)
class Function:
    """`templates` by number of arguments (-1: any number, as `{rest}`); `type` names a type or an argument."""

    templates: dict[int, str]
    type: str
    group: str = "super"


def _table() -> dict[str, Function]:
    found: dict[str, Function] = {}
    for group, text in TABLES.items():
        for line in text.strip().splitlines():
            signature, kind, template = (part.strip() for part in line.split("|", 2))
            name, _, count = signature.partition("/")
            function = found.setdefault(name, Function({}, kind, group))
            function.templates[int(count)] = template
    return found


FUNCTIONS = _table()


def result_type(node: exp.Expr) -> exp.DataType:
    """The type of a call; `#0` in the table means that of the first argument."""
    function = FUNCTIONS.get(node.name.upper())
    if function is None:
        return exp.DataType.build("unknown")
    if function.type.startswith("#"):
        arguments = node.expressions
        index = int(function.type[1:])
        argument = arguments[index] if index < len(arguments) else None
        if isinstance(argument, exp.Distinct):
            argument = argument.expressions[0]
        kind = argument.type if argument is not None else None
        return kind or exp.DataType.build("unknown")
    return exp.DataType.build(function.type, dialect="redshift")


def render(node: exp.Anonymous, generate: Callable[[exp.Expr], str]) -> str:
    """DuckDB's text for a call; raises `NotSupportedError` for a function that is not in the table."""
    name = node.name.upper()
    if name in BY_TYPE:
        name = _by_type(name, node)
    function = FUNCTIONS.get(name)
    if function is None:
        if name.startswith("RS_"):
            return f"{name.lower()}({', '.join(generate(one) for one in node.expressions)})"
        raise NotSupportedError(f"the function {node.name.upper()}")
    if name == "DATE_PART":
        return f"CAST({part_of(node.expressions[0].name, generate(node.expressions[1]))} AS DOUBLE)"
    arguments = [_argument(one, generate(one), function.group) for one in node.expressions]
    template = function.templates.get(len(arguments)) or function.templates.get(-1)
    if template is None:
        raise SqlError(f"function {node.name.lower()} does not take {len(arguments)} argument(s)")
    return template.format(*arguments, rest=", ".join(arguments))


def part_of(part: str, value: str) -> str:
    """A part of a time, as a number."""
    return PARTS.get(part, f"date_part('{part}', {{0}})").format(value)


def _argument(node: exp.Expr, text: str, group: str) -> str:
    """An argument as the function takes it: SUPER gives its value, and text functions take numbers and times too."""
    kind = node.type.this if node.type is not None else Kind.UNKNOWN
    if kind is Kind.SUPER and group in _FROM_SUPER:
        return f"{_FROM_SUPER[group]}({text})"
    is_other = kind in NUMBERS | DATES
    return f"CAST({text} AS VARCHAR)" if group == "text" and is_other and not isinstance(node, exp.Literal) else text


def _by_type(name: str, node: exp.Anonymous) -> str:
    """The variant of a function for its argument's type, as TRUNC of a number or of a timestamp."""
    of, variants = BY_TYPE[name]
    if of >= len(node.expressions):
        return name
    kind = node.expressions[of].type
    this = kind.this if kind is not None else Kind.UNKNOWN
    return variants.get(this.name, name)
