"""Functions that users make, SQL functions and the prediction functions of models, put in place of their calls."""

import re
from typing import Any

from sqlglot import exp

from seatrial.offline.warehouse.catalog import Column, Entry
from seatrial.offline.warehouse.datatypes import TEXTS, Kind, declared
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.functions import FUNCTIONS
from seatrial.offline.warehouse.scripts import top_level

SQL, PREDICTION = "function", "prediction function"
DEEPEST = 16
"""Functions that call functions; deeper than that they call themselves."""
_CREATE = re.compile(
    r"create\s+(?P<replace>or\s+replace\s+)?function\s+(?P<name>[\w.\"]+)\s*\((?P<arguments>.*?)\)\s*"
    r"returns\s+(?P<returns>\w[\w\s]*?(?:\([\d,\s]+\))?)\s+(?P<volatility>volatile|stable|immutable)\s+"
    r"as\s+(?P<quote>\$\w*\$)(?P<body>.*?)(?P=quote)\s*language\s+(?P<language>\w+)\s*;?$",
    re.IGNORECASE | re.DOTALL,
)
_DROP = re.compile(
    r"drop\s+function\s+(?P<name>[\w.\"]+)\s*\((?P<arguments>.*)\)\s*(cascade|restrict)?\s*;?$",
    re.IGNORECASE | re.DOTALL,
)
_NOT_IN_A_BODY = ("from_", "into", "where", "group", "order", "limit", "having", "with_", "joins", "distinct")


def create(session: Session, text: str) -> Outcome:
    """CREATE FUNCTION ... LANGUAGE sql: its body is one SELECT of one expression, which may name `$1` and so on."""
    found = _CREATE.match(text)
    if found is None:
        raise SqlError(
            "syntax error in CREATE FUNCTION: want (types) RETURNS type STABLE AS $$ SELECT ... $$ LANGUAGE sql"
        )
    if found["language"].lower() == "plpythonu":
        advice = "Redshift ended them (no new ones, and existing ones ran until June 30, 2026): use SQL or a Lambda UDF"
        raise NotSupportedError("Python user-defined functions", advice)
    if found["language"].lower() != "sql":
        raise SqlError(f'language "{found["language"]}" does not exist')
    kinds = [type_of(one) for one in top_level(found["arguments"])]
    entry = named(session, found["name"], SQL, len(kinds))
    if session.catalog.find(entry.schema, entry.name, SQL, PREDICTION) and not found["replace"]:
        raise SqlError(f'function "{plain_name(entry)}" already exists with same argument types')
    entry.columns = [Column(f"${number}", kind.sql("redshift")) for number, kind in enumerate(kinds, 1)]
    entry.details = {"returns": type_of(found["returns"]).sql("redshift"), "body": _spaced(found["body"])}
    entry.details |= {"volatility": found["volatility"].lower(), "definition": text}
    _check(session, entry)
    return Outcome()


def _spaced(body: str) -> str:
    """The body with a space after each `$1`: sqlglot takes `$1,$` for the beginning of a quote."""
    pieces = re.sub(r"'(?:[^']|'')*'|\$\d+", lambda found: found[0] + " " * found[0].startswith("$"), body)
    return pieces.strip().rstrip("; \n")


def drop(session: Session, text: str) -> Outcome:
    """DROP FUNCTION; that of a model goes with its model."""
    found = _DROP.match(text)
    if found is None:
        raise SqlError(f"syntax error in {text[:60]!r}: want DROP FUNCTION name(types)")
    entry = named(session, found["name"], SQL, len(top_level(found["arguments"])))
    if session.catalog.find(entry.schema, entry.name, PREDICTION):
        raise SqlError(f'cannot drop function "{plain_name(entry)}" of a model: use DROP MODEL')
    if session.catalog.find(entry.schema, entry.name, SQL) is None:
        raise SqlError(f"function {plain_name(entry)}({found['arguments']}) does not exist")
    session.catalog.remove(entry.schema, entry.name, SQL)
    return Outcome()


def named(session: Session, name: str, kind: str, arguments: int, schema: str = "") -> Entry:
    """An entry for a function; its number of arguments is part of its name, so that it can be overloaded by that."""
    table = exp.to_table(name.lower(), dialect="redshift")
    schema = table.db or schema or session.search_path[0]
    if schema != "public" and session.catalog.find(schema, schema, "schema") is None:
        raise SqlError(f'schema "{schema}" does not exist')
    if table.name.upper() in FUNCTIONS:
        raise NotSupportedError(
            f"a function that is named as the built-in {table.name}", "give it another name, as f_..."
        )
    return Entry(schema, f"{table.name}/{arguments}", kind)


def plain_name(entry: Entry) -> str:
    """A function's name as users write it."""
    return entry.name.partition("/")[0]


def type_of(text: str) -> exp.DataType:
    """The type of an argument or result; lengths of texts are left out of account, as Redshift does."""
    words = text.split()
    try:
        kind = exp.DataType.build(" ".join(words), dialect="redshift")
    except Exception as error:
        raise SqlError(f"syntax error at {text!r}: a SQL function has types as arguments, no names") from error
    if kind.this is Kind.USERDEFINED:
        raise SqlError(f'type "{text.strip()}" does not exist')
    return exp.DataType.build("varchar(65535)", dialect="redshift") if kind.this in TEXTS else declared(kind)


def _check(session: Session, entry: Entry) -> None:
    """Put it into the catalog and compile a call of it, so that a body that cannot run is refused at once."""
    from seatrial.offline.warehouse.statements import parse

    body = parse(entry.details["body"])
    if not isinstance(body, exp.Select) or len(body.expressions) != 1:
        raise SqlError("the body of a SQL function must be a SELECT of one expression")
    used = [
        name.rstrip("_").upper() for name in _NOT_IN_A_BODY if body.args.get(name) or body.args.get(name.rstrip("_"))
    ]
    if used:
        raise SqlError(f"the body of a SQL function must not have {', '.join(sorted(set(used)))}")
    numbers = [int(one.name) for one in body.find_all(exp.Parameter)]
    if numbers and not 1 <= min(numbers) <= max(numbers) <= len(entry.columns):
        raise SqlError(f"there is no parameter ${max(numbers)}")
    session.catalog.put(entry)
    nothing = [exp.cast(exp.Null(), column.data_type) for column in entry.columns]
    call = exp.Anonymous(this=plain_name(entry), expressions=nothing)
    session.query(
        f"EXPLAIN {_compiled(session, exp.select(exp.Dot(this=exp.to_identifier(entry.schema), expression=call)))}"
    )


def _compiled(session: Session, tree: exp.Expr) -> str:
    from seatrial.offline.warehouse.queries import compile_query
    from seatrial.offline.warehouse.relations import resolver

    return compile_query(tree, resolver(session), session.facts()).sql


def expand(session: Session, tree: exp.Expr) -> None:
    """Put the bodies of users' functions in place of their calls."""
    known = {(one.schema, one.name): one for one in session.catalog.all(SQL, PREDICTION)}
    if not known:
        return
    for _ in range(DEEPEST):
        meant = [(call, entry) for call in tree.find_all(exp.Anonymous) if (entry := _meant(session, call, known))]
        if not meant:
            return
        for call, entry in meant:
            whole = call.parent if isinstance(call.parent, exp.Dot) else call
            whole.replace(_inlined(entry, call))
    raise SqlError("stack depth limit exceeded: a function calls itself")


def _meant(session: Session, call: exp.Anonymous, known: dict[tuple[str, str], Entry]) -> Entry | None:
    name = f"{call.name.lower()}/{len(call.expressions)}"
    if isinstance(call.parent, exp.Dot):
        return known.get((call.parent.this.name.lower(), name))
    return next((known[schema, name] for schema in session.search_path if (schema, name) in known), None)


def _inlined(entry: Entry, call: exp.Anonymous) -> exp.Expr:
    given = zip(call.expressions, entry.columns, strict=True)
    arguments: list[exp.Expr] = [exp.cast(one.copy(), column.data_type) for one, column in given]
    made = _prediction(entry, arguments) if entry.kind == PREDICTION else _body(entry, arguments)
    return exp.cast(made, exp.DataType.build(entry.details["returns"], dialect="redshift"))


def _prediction(entry: Entry, arguments: list[exp.Expr]) -> exp.Expr:
    row = exp.Anonymous(this="RS_NAMES", expressions=arguments)
    return exp.Anonymous(this="RS_PREDICT", expressions=[exp.Literal.string(entry.details["model_key"]), row])


def _body(entry: Entry, arguments: list[exp.Expr]) -> exp.Expr:
    from seatrial.offline.warehouse.statements import parse

    def value(node: Any) -> Any:
        return arguments[int(node.name) - 1].copy() if isinstance(node, exp.Parameter) else node

    return exp.paren(parse(entry.details["body"]).expressions[0].unalias().transform(value))
