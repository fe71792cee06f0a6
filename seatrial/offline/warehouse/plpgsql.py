"""The text of a stored procedure as a tree: the part of PL/pgSQL that is run, and by name what is not.

Grammar: "Supported PL/pgSQL statements" of the Amazon Redshift developer guide.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.scripts import top_level, without_comments

_TOKEN = re.compile(r"\s*('(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|(\$\w*\$).*?\2|<<|>>|:=|::|\.\.|\w+|\S)", re.DOTALL)
_REFUSED = {
    "commit": "COMMIT in a procedure",
    "rollback": "ROLLBACK in a procedure",
    "open": "cursors",
    "fetch": "cursors",
    "close": "cursors",
    "move": "cursors",
    "perform": "PERFORM",
}


@dataclass(frozen=True)
class Variable:
    """One line of DECLARE; `default` is an expression or empty."""

    name: str
    type: str
    default: str = ""
    constant: bool = False


@dataclass(frozen=True)
class Block:
    """BEGIN ... END with its declarations."""

    variables: tuple[Variable, ...]
    body: tuple[Any, ...]
    label: str = ""


@dataclass(frozen=True)
class Assign:
    """`name := expression`."""

    target: str
    expression: str


@dataclass(frozen=True)
class Sql:
    """A statement of SQL; `into` are variables that take its first row, `dynamic` an expression that makes it."""

    text: str
    into: tuple[str, ...] = ()
    dynamic: bool = False


@dataclass(frozen=True)
class If:
    """Conditions with what they lead to; the last one may be `true` for ELSE."""

    branches: tuple[tuple[str, tuple[Any, ...]], ...]


@dataclass(frozen=True)
class Loop:
    """LOOP and WHILE (`condition`), FOR over numbers (`low`, `high`, `step`), FOR over rows (`query`)."""

    body: tuple[Any, ...]
    label: str = ""
    condition: str = "true"
    names: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    step: str = "1"
    reverse: bool = False
    query: Sql | None = None


@dataclass(frozen=True)
class Leave:
    """EXIT, CONTINUE (`again`) and RETURN (`all`), when `condition` holds."""

    condition: str = "true"
    label: str = ""
    again: bool = False
    all: bool = False


@dataclass(frozen=True)
class Raise:
    """RAISE with its level and the expressions for the `%` of its text."""

    level: str
    text: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowCount:
    """GET DIAGNOSTICS target := ROW_COUNT."""

    target: str


def parse(text: str) -> Block:
    """The tree of a procedure's body; raises `SqlError` for what is no PL/pgSQL."""
    reader = _Reader(without_comments(text))
    block = reader.block()
    if reader.word() == ";":
        reader.take()
    if reader.word():
        raise SqlError(f"syntax error at or near {reader.word()!r} after the end of the procedure")
    return block


@dataclass
class _Reader:
    text: str
    place: int = 0
    tokens: list[tuple[str, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = [(one[1], one.start(1), one.end(1)) for one in _TOKEN.finditer(self.text)]

    def word(self, ahead: int = 0) -> str:
        """The next token in lower case, empty at the end."""
        at = self.place + ahead
        return self.tokens[at][0].lower() if at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        """The next token, which must be one of the wanted ones if any are named."""
        found = self.word()
        if not found or (wanted and found not in wanted):
            want = f", want {' or '.join(one.upper() for one in wanted)}" if wanted else ""
            raise SqlError(f"syntax error at {'the end of the procedure' if not found else f'or near {found!r}'}{want}")
        self.place += 1
        return found

    def until(self, *ends: str) -> str:
        """The text up to one of the words, which is taken too; parentheses and CASE hide words."""
        first, depth, cases = self.place, 0, 0
        while self.word():
            word = self.word()
            if word in ends and not depth and not cases:
                text = self.text[self.tokens[first][1] : self.tokens[self.place][1]].strip()
                self.place += 1
                return text
            depth += {"(": 1, ")": -1}.get(word, 0)
            cases += 1 if word == "case" else -1 if word == "end" and cases else 0
            self.place += 1
        raise SqlError(f"syntax error at the end of the procedure, want {' or '.join(one.upper() for one in ends)}")

    def label(self) -> str:
        if self.word() != "<<":
            return ""
        self.take()
        name = self.take()
        self.take(">>")
        return name

    def block(self, label: str = "") -> Block:
        label = label or self.label()
        variables: list[Variable] = []
        if self.word() == "declare":
            self.take()
            while self.word() != "begin":
                variables.append(_declared(self.until(";")))
        self.take("begin")
        body = self.statements("end")
        self.take("end")
        if self.word() == label != "":
            self.take()
        return Block(tuple(variables), body, label)

    def statements(self, *ends: str) -> tuple[Any, ...]:
        found: list[Any] = []
        while self.word() not in ends:
            if not self.word():
                raise SqlError(f"syntax error at the end of the procedure, want {' or '.join(ends).upper()}")
            found.append(self.statement())
        return tuple(one for one in found if one is not None)

    def statement(self) -> Any:
        label, word = self.label(), self.word()
        if word == "exception":
            raise NotSupportedError("EXCEPTION in a procedure", "test for the condition before, or let the call fail")
        if word in _REFUSED:
            raise NotSupportedError(_REFUSED[word], "write the procedure without it")
        if word in ("declare", "begin"):
            return self._ended(self.block(label))
        if word in _LOOPS:
            return getattr(self, f"_{word}")(label)
        if word in _STATEMENTS:
            self.take()
            return getattr(self, f"_{word}")()
        if self.word(1) in (":=", "=") or (self.word(1) == "." and self.word(3) in (":=", "=")):
            target = re.sub(r"\s", "", self.until(":=", "=")).lower()
            return Assign(target, self.until(";"))
        return _sql(self.until(";"))

    def _ended(self, statement: Any) -> Any:
        self.take(";")
        return statement

    def _if(self) -> If:
        branches, ends = [], ("elsif", "elseif", "else", "end")
        condition = self.until("then")
        while True:
            branches.append((condition, self.statements(*ends)))
            word = self.take(*ends)
            if word == "end":
                break
            condition = "true" if word == "else" else self.until("then")
        self.take("if")
        return self._ended(If(tuple(branches)))

    def _body(self) -> tuple[Any, ...]:
        body = self.statements("end")
        self.take("end")
        self.take("loop")
        if self.word() != ";":
            self.take()
        self.take(";")
        return body

    def _loop(self, label: str) -> Loop:
        self.take()
        return Loop(self._body(), label)

    def _while(self, label: str) -> Loop:
        self.take()
        condition = self.until("loop")
        return Loop(self._body(), label, condition)

    def _for(self, label: str) -> Loop:
        self.take()
        names = tuple(one.lower() for one in top_level(self.until("in")))
        reverse = self.word() == "reverse"
        if reverse:
            self.take()
        source = self.until("loop")
        body = self._body()
        found = re.match(r"(?P<low>.+?)\.\.(?P<high>.+?)(\sby\s(?P<step>.+))?$", source, re.IGNORECASE | re.DOTALL)
        if found and not source.lower().startswith(("select", "with", "execute")):
            step = found["step"] or "1"
            return Loop(body, label, names=names, low=found["low"], high=found["high"], step=step, reverse=reverse)
        dynamic = source.lower().startswith("execute")
        return Loop(body, label, names=names, query=Sql(source[len("execute") :] if dynamic else source, (), dynamic))

    def _exit(self, *, again: bool = False) -> Leave:
        label = self.take() if self.word() not in ("when", ";") else ""
        self.take("when", ";")
        return Leave(self.until(";") if self.tokens[self.place - 1][0] != ";" else "true", label, again)

    def _continue(self) -> Leave:
        return self._exit(again=True)

    def _return(self) -> Leave:
        if self.word() != ";":
            raise SqlError("a procedure cannot return a value: use an OUT argument")
        return self._ended(Leave(all=True))

    def _raise(self) -> Raise:
        level = self.take("debug", "log", "info", "notice", "warning", "exception")
        text, *values = top_level(self.until(";"))
        if not text.startswith("'"):
            raise SqlError(f"syntax error at or near {text!r}: RAISE wants a text in quotes")
        return Raise(level, text[1:-1].replace("''", "'"), tuple(values))

    def _null(self) -> None:
        self.take(";")

    def _get(self) -> RowCount:
        self.take("diagnostics")
        target = self.take()
        self.take(":=", "=")
        self.take("row_count")
        return self._ended(RowCount(target))

    def _execute(self) -> Sql:
        text = self.until(";")
        found = re.match(r"(.*)\sinto\s+([\w.,\s]+)$", text, re.IGNORECASE | re.DOTALL)
        into = tuple(one.lower() for one in top_level(found[2])) if found else ()
        return Sql(found[1] if found else text, into, True)


_LOOPS = ("loop", "while", "for")
_STATEMENTS = ("if", "exit", "continue", "return", "raise", "null", "get", "execute")


def _declared(text: str) -> Variable:
    found = re.match(
        r"(?P<name>\w+)\s+(?P<constant>constant\s+)?(?P<type>[\w\s%.]+?(?:\([\d,\s]+\))?(?:\s*varying\([\d]+\))?)"
        r"(?:\s+not\s+null)?\s*(?:(?::=|=|default\b)\s*(?P<default>.+))?$",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    if found is None:
        raise SqlError(f"syntax error in DECLARE at {text!r}")
    kind = " ".join(found["type"].lower().split())
    if "%" in kind or kind in ("refcursor", "cursor") or kind.startswith(("cursor", "alias")):
        raise NotSupportedError(f"a variable of type {kind}", "declare it with a type of SQL, or as record")
    return Variable(found["name"].lower(), kind, (found["default"] or "").strip(), bool(found["constant"]))


def _sql(text: str) -> Sql:
    """A statement; the INTO of a SELECT is taken out of it."""
    reader = _Reader(text)
    if reader.word() not in ("select", "with"):
        return Sql(text)
    depth = 0
    while reader.word() and (reader.word() != "into" or depth):
        depth += {"(": 1, ")": -1}.get(reader.word(), 0)
        reader.place += 1
    if not reader.word():
        raise SqlError("query has no destination for result data: SELECT in a procedure needs INTO")
    start = reader.tokens[reader.place][1]
    found = re.match(r"into\s+(?:strict\s+)?([\w.]+(?:\s*,\s*[\w.]+)*)", text[start:], re.IGNORECASE)
    if found is None:
        raise SqlError(f"syntax error at {text[start : start + 30]!r}")
    # `SELECT INTO a, b x, y FROM`: the last name before an expression ends the list.
    return Sql(
        text[:start] + " " + text[start + found.end() :], tuple(one.strip().lower() for one in found[1].split(","))
    )
