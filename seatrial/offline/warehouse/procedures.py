"""Stored procedures: CREATE, CALL, SHOW and DROP PROCEDURE, and the run of a body (its grammar is `plpgsql.py`'s)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlglot import exp

from seatrial.offline.warehouse import datatypes, plpgsql
from seatrial.offline.warehouse.catalog import Column, Entry
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.scripts import parenthesized, top_level
from seatrial.offline.warehouse.user_functions import named, plain_name, type_of

PROCEDURE = "procedure"
DEEPEST_CALL = 16
"""Of procedures that call procedures ("Stored procedures limitations" of the developer guide)."""
MOST_ROUNDS = 1_000_000
"""Of one loop: more is one that does not end."""
_CREATE = re.compile(r"create\s+(?P<replace>or\s+replace\s+)?procedure\s+(?P<name>[\w.\"]+)\s*(?=\()", re.IGNORECASE)
_REST = re.compile(
    r"\s*(?P<nonatomic>nonatomic\s+)?(?:language\s+plpgsql\s+)?as\s+(?P<quote>\$\w*\$)(?P<body>.*)(?P=quote)"
    r"\s*(?:language\s+plpgsql)?\s*(?:security\s+(?:invoker|definer))?\s*;?$",
    re.IGNORECASE | re.DOTALL,
)
_NAMED = re.compile(
    r"(?:drop|show)\s+procedure\s+(?P<name>[\w.\"]+)\s*(?P<arguments>\(.*\))?\s*;?$", re.IGNORECASE | re.DOTALL
)
_MODES = ("in", "out", "inout")
_DML = ("select", "with", "insert", "update", "delete", "merge")


def create(session: Session, text: str) -> Outcome:
    """CREATE PROCEDURE; its body is read at once, so that what cannot run is refused now."""
    found = _CREATE.match(text)
    if found is None:
        raise SqlError("syntax error in CREATE PROCEDURE: want a name and arguments in parentheses")
    given, end = parenthesized(text, found.end())
    rest = _REST.match(text[end:])
    if rest is None:
        raise SqlError("syntax error in CREATE PROCEDURE: want AS $$ ... $$ LANGUAGE plpgsql")
    if rest["nonatomic"]:
        raise NotSupportedError("NONATOMIC procedures", "write the procedure without COMMIT and ROLLBACK")
    arguments = [_argument(one, number) for number, one in enumerate(top_level(given), 1)]
    inputs = [one for one in arguments if one["mode"] != "out"]
    entry = named(session, found["name"], PROCEDURE, len(inputs))
    if session.catalog.find(entry.schema, entry.name, PROCEDURE) and not found["replace"]:
        raise SqlError(f'procedure "{plain_name(entry)}" already exists with same argument types')
    plpgsql.parse(rest["body"])
    entry.columns = [Column(one["name"], one["type"]) for one in arguments]
    entry.details = {"modes": [one["mode"] for one in arguments], "body": rest["body"], "definition": text}
    session.catalog.put(entry)
    return Outcome()


def _argument(text: str, number: int) -> dict[str, str]:
    """`[name] [mode] type`; PostgreSQL's order, mode before name, is taken too."""
    words = text.split()
    mode = next((one.lower() for one in words[:2] if one.lower() in _MODES), "in")
    if len(words) > 1 and mode in (words[0].lower(), words[1].lower()):
        del words[[one.lower() for one in words].index(mode)]
    try:
        name, made = "", type_of(" ".join(words))
    except SqlError:
        if len(words) < 2:
            raise
        name, made = words[0].lower(), type_of(" ".join(words[1:]))
    return {"name": name or f"${number}", "mode": mode, "type": made.sql("redshift")}


def drop(session: Session, text: str) -> Outcome:
    """DROP PROCEDURE; without arguments the only one of that name."""
    found = re.match(
        r"drop\s+procedure\s+(?P<name>[\w.\"]+)\s*(?P<arguments>\(.*\))?\s*;?$", text, re.IGNORECASE | re.DOTALL
    )
    if found is None:
        raise SqlError(f"syntax error in {text[:60]!r}")
    entry = _need(session, found["name"], found["arguments"])
    session.catalog.remove(entry.schema, entry.name, PROCEDURE)
    return Outcome()


def show(session: Session, text: str) -> Outcome:
    """SHOW PROCEDURE: its definition."""
    found = re.match(
        r"show\s+procedure\s+(?P<name>[\w.\"]+)\s*(?P<arguments>\(.*\))?\s*;?$", text, re.IGNORECASE | re.DOTALL
    )
    if found is None:
        raise SqlError(f"syntax error in {text[:60]!r}")
    entry = _need(session, found["name"], found["arguments"])
    return Outcome(["Stored Procedure Definition"], ["VARCHAR"], [(entry.details["definition"],)], 1, True)


def _need(session: Session, name: str, arguments: str | None) -> Entry:
    wanted = None
    if arguments is not None:
        kinds = [_argument(one, 1)["mode"] for one in top_level(arguments.strip()[1:-1])]
        wanted = sum(mode != "out" for mode in kinds)
    table = exp.to_table(name.lower(), dialect="redshift")
    schemas = [table.db] if table.db else session.search_path
    found = [
        one
        for one in session.catalog.all(PROCEDURE)
        if plain_name(one) == table.name and one.schema in schemas and wanted in (None, int(one.name.split("/")[1]))
    ]
    if not found:
        raise SqlError(f"procedure {table.name}{arguments or ''} does not exist")
    if len(found) > 1:
        raise SqlError(f"procedure name {table.name!r} is not unique: give the types of its arguments")
    return found[0]


def call(session: Session, text: str) -> Outcome:
    """CALL: OUT and INOUT arguments are the columns of the one row that it gives."""
    found = re.match(r"call\s+(?P<name>[\w.\"]+)\s*(?=\()", text, re.IGNORECASE)
    if found is None:
        raise SqlError(f"syntax error in {text[:60]!r}: want CALL name(arguments)")
    given = top_level(parenthesized(text, found.end())[0])
    entry = _need(session, found["name"], f"({', '.join('int' for _ in given)})")
    run = Run(session)
    values = iter([run.value(one) for one in given])
    depth = session.values.get("call_depth", 0) + 1
    if depth > DEEPEST_CALL:
        raise SqlError(f"stored procedure nested call depth exceeds {DEEPEST_CALL}")
    for number, (column, mode) in enumerate(zip(entry.columns, entry.details["modes"], strict=True), 1):
        run.declare(column.name, column.type, None if mode == "out" else next(values))
        run.variables[f"${number}"] = run.variables[column.name]
    session.values["call_depth"] = depth
    try:
        run.start(plpgsql.parse(entry.details["body"]))
    finally:
        session.values["call_depth"] = depth - 1
    pairs = zip(entry.columns, entry.details["modes"], strict=True)
    out = [column for column, mode in pairs if mode != "in"]
    row = tuple(run.variables[column.name].value for column in out)
    types = [datatypes.stored(column.data_type) for column in out]
    return Outcome([column.name for column in out], types, [row] if out else [], len(out) and 1, bool(out))


# -------------------------------------------------------------------------------------------------------- the run


@dataclass
class Value:
    """A variable: its Redshift type ("record" for rows, whose value is a dict of values)."""

    type: str
    value: Any = None
    constant: bool = False


class _LeaveError(Exception):
    """Control leaves a loop or the procedure; never seen by users."""

    def __init__(self, leave: plpgsql.Leave) -> None:
        super().__init__("left")
        self.leave = leave


@dataclass
class Run:
    """One call's variables and what its last statement did."""

    session: Session
    variables: dict[str, Value] = field(default_factory=dict)
    row_count: int = 0

    def start(self, block: plpgsql.Block) -> None:
        """Run to the end."""
        self.variables["found"] = Value("boolean", False)
        try:
            self.block(block)
        except _LeaveError as left:
            if not left.leave.all:
                raise SqlError("EXIT and CONTINUE cannot be used outside of a loop") from None

    def declare(self, name: str, kind: str, value: Any, *, constant: bool = False) -> None:
        """Add a variable, its value converted to its type."""
        self.variables[name] = Value(kind, constant=constant)
        self.variables[name].value = self._converted(value, kind)

    def block(self, block: plpgsql.Block) -> None:
        """A block hides variables of the same name outside of it until its end."""
        with self._hiding([one.name for one in block.variables]):
            for one in block.variables:
                value = self.value(one.default) if one.default else None
                self.declare(one.name, one.type, {} if one.type == "record" else value, constant=one.constant)
            self.statements(block.body)

    @contextmanager
    def _hiding(self, names: list[str]) -> Iterator[None]:
        hidden = {name: self.variables.get(name) for name in names}
        try:
            yield
        finally:
            for name, old in hidden.items():
                self.variables.pop(name, None)
                if old is not None:
                    self.variables[name] = old

    def statements(self, body: tuple[Any, ...]) -> None:
        """Run one after another."""
        for one in body:
            _RUNNERS[type(one)](self, one)

    def _assign(self, one: plpgsql.Assign) -> None:
        self.set(one.target, self.value(one.expression))

    def _if(self, one: plpgsql.If) -> None:
        for condition, body in one.branches:
            if self.value(condition):
                return self.statements(body)
        return None

    def _loop(self, one: plpgsql.Loop) -> None:
        with self._hiding([] if one.query else list(one.names)):
            for rounds, _ in enumerate(self._rounds(one)):
                if rounds == MOST_ROUNDS:
                    raise SqlError(f"a loop went {MOST_ROUNDS} rounds and was cancelled")
                try:
                    self.statements(one.body)
                except _LeaveError as left:
                    if left.leave.all or (left.leave.label and left.leave.label != one.label):
                        raise
                    if not left.leave.again:
                        return

    def _rounds(self, one: plpgsql.Loop) -> Iterator[None]:
        if one.query is not None:
            for row in self._query(one.query):
                self._fill(one.names, row)
                yield
        elif one.low:
            low, high, step = (int(self.value(text)) for text in (one.low, one.high, one.step))
            if step < 1:
                raise SqlError("BY value of FOR loop must be greater than zero")
            for number in range(low, high - 1, -step) if one.reverse else range(low, high + 1, step):
                self.variables[one.names[0]] = Value("int", number)
                yield
        else:
            while self.value(one.condition):
                yield

    def _leave(self, one: plpgsql.Leave) -> None:
        if self.value(one.condition):
            raise _LeaveError(one)

    def _raise(self, one: plpgsql.Raise) -> None:
        texts = [self.value(value) for value in one.values]
        pieces = one.text.split("%")
        if len(texts) != len(pieces) - 1:
            raise SqlError("too few or too many parameters specified for RAISE")
        shown = ["<NULL>" if text is None else str(text) for text in texts]
        message = pieces[0] + "".join(text + piece for text, piece in zip(shown, pieces[1:], strict=True))
        if one.level == "exception":
            raise SqlError(message)
        self.session.values.setdefault("notices", []).append(f"{one.level.upper()}:  {message}")

    def _count(self, one: plpgsql.RowCount) -> None:
        self.set(one.target, self.row_count)

    def _sql(self, one: plpgsql.Sql) -> None:
        if one.into:
            rows = self._query(one)
            self._fill(one.into, rows[0] if rows else None)
            return
        from seatrial.offline.warehouse.statements import run, run_tree

        tree = self._tree(one)
        outcome = run_tree(self.session, tree) if tree is not None else run(self.session, self._text(one), {})
        self.row_count = max(0, outcome.changed)
        self.variables["found"].value = self.row_count > 0

    def _text(self, one: plpgsql.Sql) -> str:
        """A statement that is run as text: one that was made, or one without variables in it."""
        if one.dynamic:
            return str(self.value(one.text))
        used = sorted(set(re.findall(r"\w+", one.text.lower())) & set(self.variables) - {"found"})
        if used:
            what = f"the variable {used[0]} in {' '.join(one.text.split()[:2]).upper()}"
            raise NotSupportedError(what, "make the statement as text and EXECUTE it, or rename the variable")
        return one.text

    def _tree(self, one: plpgsql.Sql) -> exp.Expr | None:
        from seatrial.offline.warehouse.statements import parse

        if one.dynamic or one.text.split()[0].lower() not in _DML:
            return None
        return self._filled(parse(one.text))

    def _query(self, one: plpgsql.Sql) -> list[dict[str, Value]]:
        from seatrial.offline.warehouse.statements import parse, run_tree

        tree = parse(str(self.value(one.text))) if one.dynamic else self._tree(one)
        if not isinstance(tree, exp.Query):
            raise SqlError(f"not a query: {one.text.strip()[:40]!r}")
        outcome = run_tree(self.session, tree)
        self.row_count, self.variables["found"].value = len(outcome.rows), bool(outcome.rows)
        kinds = [datatypes.of_duckdb(kind).sql("redshift") for kind in outcome.types]
        named_kinds = list(zip(outcome.columns, kinds, strict=True))
        return [
            {name.lower(): Value(kind, cell) for (name, kind), cell in zip(named_kinds, row, strict=True)}
            for row in outcome.rows
        ]

    def _fill(self, targets: tuple[str, ...], row: dict[str, Value] | None) -> None:
        """Give a row to variables or to a record; without a row they are null."""
        first = self.variables.get(targets[0])
        if len(targets) == 1 and first is not None and first.type == "record":
            first.value = row or {}
            return
        if row is not None and len(row) != len(targets):
            raise SqlError(f"the query gives {len(row)} columns for {len(targets)} variables")
        cells = [one.value for one in row.values()] if row else [None] * len(targets)
        for target, cell in zip(targets, cells, strict=True):
            self.set(target, cell)

    def set(self, target: str, value: Any) -> None:
        """Assign to a variable or a record's field."""
        name, _, part = target.partition(".")
        variable = self.variables.get(name)
        if variable is None or (part and variable.type != "record"):
            raise SqlError(f'"{target}" is not a known variable')
        if variable.constant:
            raise SqlError(f'"{target}" is declared CONSTANT')
        if part:
            variable.value[part] = Value(_type_of_value(value), value)
        else:
            variable.value = self._converted(value, variable.type)

    def _converted(self, value: Any, kind: str) -> Any:
        if value is None or kind == "record":
            return value
        return self._ask(
            exp.cast(_literal(Value(_type_of_value(value), value)), exp.DataType.build(kind, dialect="redshift"))
        )

    def value(self, text: str) -> Any:
        """What an expression is now."""
        from seatrial.offline.warehouse.statements import parse

        if text == "true":
            return True
        tree = parse(f"select {text}")
        if not isinstance(tree, exp.Select) or len(tree.expressions) != 1:
            raise SqlError(f"syntax error at or near {text[:40]!r}: an expression was expected")
        return self._rows(self._filled(tree))

    def _ask(self, expression: exp.Expr) -> Any:
        return self._rows(exp.select(expression))

    def _rows(self, tree: exp.Expr) -> Any:
        from seatrial.offline.warehouse.statements import run_tree

        rows = run_tree(self.session, tree).rows
        return rows[0][0] if rows else None

    def _filled(self, tree: exp.Expr) -> exp.Expr:
        """The tree with literals in place of variables; what an UPDATE sets stays a column."""
        left = {id(one.this) for update in tree.find_all(exp.Update) for one in update.expressions}

        def fill(node: Any) -> Any:
            if isinstance(node, exp.Parameter):
                return _literal(self.variables[f"${node.name}"]) if f"${node.name}" in self.variables else node
            if not isinstance(node, exp.Column) or id(node) in left:
                return node
            owner, name = node.table.lower(), node.name.lower()
            variable = self.variables.get(owner or name)
            if variable is None or (owner and (variable.type != "record" or name not in variable.value)):
                return node
            return _literal(variable.value[name] if owner else variable)

        return tree.transform(fill, copy=False)


def _type_of_value(value: Any) -> str:
    kinds: dict[type, str] = {bool: "boolean", int: "bigint", float: "float8", str: "varchar(65535)", date: "date"}
    if isinstance(value, Decimal):
        digits = -int(value.as_tuple().exponent) if isinstance(value.as_tuple().exponent, int) else 0
        return f"decimal(38,{max(0, digits)})"
    return kinds.get(type(value), "timestamp")


def _literal(variable: Value) -> exp.Expr:
    if variable.type == "record":
        raise SqlError("a record has no value of its own: name one of its fields")
    value = variable.value
    plain = exp.Null() if value is None else exp.Literal.string(str(value))
    if isinstance(value, bool):
        plain = exp.Boolean(this=value)
    return exp.cast(plain, exp.DataType.build(variable.type, dialect="redshift"))


_RUNNERS: dict[type, Any] = {
    plpgsql.Block: Run.block,
    plpgsql.Assign: Run._assign,
    plpgsql.If: Run._if,
    plpgsql.Loop: Run._loop,
    plpgsql.Leave: Run._leave,
    plpgsql.Raise: Run._raise,
    plpgsql.RowCount: Run._count,
    plpgsql.Sql: Run._sql,
}
