"""Redshift's functions: what DuckDB expression each becomes, and its type. What is not listed here is refused by name."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from seatrial.offline.warehouse.datatypes import Kind
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.function_tables import BY_TYPE, TEMPLATES

Arguments = list[str]


@dataclass(frozen=True)
class Function:
    """`templates` by number of arguments (-1: any number, as `{rest}`); `type` names a type or an argument."""

    templates: dict[int, str]
    type: str


def _table() -> dict[str, Function]:
    found: dict[str, Function] = {}
    for line in TEMPLATES.strip().splitlines():
        signature, kind, template = (part.strip() for part in line.split("|", 2))
        name, _, count = signature.partition("/")
        function = found.setdefault(name, Function({}, kind))
        function.templates[int(count)] = template
    return found


FUNCTIONS = _table()


def result_type(node: exp.Expression) -> exp.DataType:
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


def render(node: exp.Anonymous, generate: Callable[[exp.Expression], str]) -> str:
    """DuckDB's text for a call; raises `NotSupportedError` for a function that is not in the table."""
    name = node.name.upper()
    if name in BY_TYPE:
        name = _by_type(name, node)
    function = FUNCTIONS.get(name)
    if function is None:
        if name.startswith("RS_"):
            return f"{name.lower()}({', '.join(generate(one) for one in node.expressions)})"
        raise NotSupportedError(f"the function {node.name.upper()}")
    arguments = [generate(one) for one in node.expressions]
    template = function.templates.get(len(arguments)) or function.templates.get(-1)
    if template is None:
        raise SqlError(f"function {node.name.lower()} does not take {len(arguments)} argument(s)")
    return template.format(*arguments, rest=", ".join(arguments))


def _by_type(name: str, node: exp.Anonymous) -> str:
    """The variant of a function for its argument's type, as TRUNC of a number or of a timestamp."""
    of, variants = BY_TYPE[name]
    if of >= len(node.expressions):
        return name
    kind = node.expressions[of].type
    this = kind.this if kind is not None else Kind.UNKNOWN
    return variants.get(this.name, name)
