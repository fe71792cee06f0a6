"""Rules of IoT Core: their SQL read into functions of a message, refused when AWS or the offline cloud lacks it.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from seatrial.offline.streaming import iot_functions, iot_values
from seatrial.offline.streaming.iot_functions import Message, NotEmulatedFunctionError, SqlError
from seatrial.offline.streaming.iot_values import UNDEFINED

Expression = Callable[[Message], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_$][\w$]*)|(?P<sign><>|<=|>=|!=|[-+*/%=<>().,\[\]{}:]))"
)
_PRECEDENCE = (("or",), ("and",), ("=", "<>", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))
_RESERVED = {"select", "from", "where", "as", "and", "or", "not", "case", "when", "then", "else", "end", "in", "value"}


@dataclass(frozen=True)
class Item:
    """One item of SELECT: a name and its value; the name "*" stands for all fields."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Statement:
    """A rule's SQL."""

    topic_filter: str
    items: tuple[Item, ...]
    condition: Expression | None = None
    is_value: bool = False

    def result(self, message: Message) -> Any:
        """What the rule's actions are given: a JSON value, raw bytes, or UNDEFINED when WHERE does not hold."""
        if self.condition is not None and iot_values.truth(self.condition(message)) is not True:
            return UNDEFINED
        if self.is_value:
            return self.items[0].value(message)
        if len(self.items) == 1 and self.items[0].name == "*":
            return message.raw if message.is_binary else message.document
        return self._object(message)

    def _object(self, message: Message) -> dict[str, Any]:
        selected: dict[str, Any] = {}
        for item in self.items:
            value = item.value(message)
            if item.name == "*":
                selected.update(value if isinstance(value, dict) else {})
            elif value is not UNDEFINED:
                selected[item.name] = value
        return selected


@functools.lru_cache(maxsize=256)
def parse(sql: str) -> Statement:
    """Read a rule's SQL; raises `SqlError` and `NotEmulatedFunctionError`."""
    return _Parser(sql).statement()


@functools.lru_cache(maxsize=1024)
def template(text: str) -> Callable[[Message], str]:
    """Read a text with substitution templates ${expression}; raises as `parse` does."""
    pieces: list[str | Expression] = []
    position = 0
    for match in re.finditer(r"\$\{([^}]*)\}", text):
        pieces += [text[position : match.start()], _Parser(match.group(1)).only_expression()]
        position = match.end()
    pieces.append(text[position:])
    return lambda message: "".join(
        piece if isinstance(piece, str) else iot_values.text(piece(message)) for piece in pieces
    )


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic passes a filter with + and #.

    >>> topic_matches("cells/+/kpi", "cells/7/kpi"), topic_matches("cells/#", "cells/7/kpi")
    (True, True)
    """
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in {"+", levels[index]}:
            return False
    return len(wanted) == len(levels)


@dataclass
class _Parser:
    source: str
    tokens: list[tuple[str, str]] = field(default_factory=list)
    position: int = 0

    def __post_init__(self) -> None:
        end, text = 0, self.source.rstrip()
        while end < len(text):
            match = _TOKEN.match(text, end)
            if match is None:
                raise SqlError(f"unexpected {text[end:].strip()[:20]!r} in {self.source!r}")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind)))
            end = match.end()

    def statement(self) -> Statement:
        self._keyword("select")
        is_value = self._accept("value")
        items = [self._item(plain=is_value)]
        while not is_value and self._accept(","):
            items.append(self._item(plain=False))
        self._keyword("from")
        topic_filter = self._topic_filter()
        condition = self.expression() if self._accept("where") else None
        self._end()
        return Statement(topic_filter, tuple(items), condition, is_value)

    def only_expression(self) -> Expression:
        expression = self.expression()
        self._end()
        return expression

    def expression(self, level: int = 0) -> Expression:
        if level == len(_PRECEDENCE):
            return self._unary()
        left = self.expression(level + 1)
        while (sign := self._peek()) in _PRECEDENCE[level]:
            self.position += 1
            left = _binary(iot_values.OPERATORS[sign], left, self.expression(level + 1))
        return left

    def _item(self, *, plain: bool) -> Item:
        start = self.position
        expression = self.expression()
        if self._accept("as"):
            return Item(self._name(), expression)
        return Item("" if plain else self._natural_name(start), expression)

    def _natural_name(self, start: int) -> str:
        """Without AS: the last name of a path, or the function's name."""
        used = self.tokens[start : self.position]
        if used == [("sign", "*")]:
            return "*"
        if used[0][0] == "name" and len(used) > 1 and used[1][1] == "(":
            return used[0][1]
        if used[-1][0] == "name" and all(kind == "name" or sign == "." for kind, sign in used):
            return used[-1][1]
        raise SqlError(f"an expression of SELECT needs a name: add AS name in {self.source!r}")

    def _topic_filter(self) -> str:
        kind, word = self._next()
        if kind != "text":
            raise SqlError(f"FROM must be followed by a topic filter in quotes, got {word!r}")
        levels = word[1:-1].split("/")
        wrong = [level for level in levels if len(level) > 1 and ("+" in level or "#" in level)]
        if wrong or "#" in levels[:-1] or not word[1:-1]:
            raise SqlError(f"topic filter {word}: + and # stand alone between slashes, # at the end")
        return word[1:-1]

    def _unary(self) -> Expression:
        if self._accept("not"):
            operand = self.expression(2)
            return lambda message: iot_values.negation(operand(message))
        if self._accept("-"):
            operand = self._unary()
            return _binary(iot_values.OPERATORS["-"], lambda message: 0, operand)
        return self._path(self._primary())

    def _path(self, value: Expression) -> Expression:
        while True:
            if self._accept("."):
                value = _member(value, self._name(any_word=True))
            elif self._accept("["):
                value = _element(value, self.expression())
                self._keyword("]")
            else:
                return value

    def _primary(self) -> Expression:
        kind, word = self._next()
        if kind == "number":
            return functools.partial(_constant, float(word) if re.search(r"[.eE]", word) else int(word))
        if kind == "text":
            return functools.partial(_constant, word[1:-1].replace("''", "'"))
        if word in {"(", "[", "{"}:
            return {"(": self._grouped, "[": self._array, "{": self._object}[word]()
        if word == "*":
            return lambda message: message.raw if message.is_binary else message.document
        if kind != "name":
            raise SqlError(f"unexpected {word!r} in {self.source!r}")
        return self._word(word)

    def _word(self, word: str) -> Expression:
        lowered = word.lower()
        if lowered in {"true", "false", "null"}:
            constant = {"true": True, "false": False, "null": None}[lowered]
            return lambda message: constant
        if lowered == "case":
            return self._case()
        if self._accept("("):
            return self._call(lowered)
        if lowered in _RESERVED:
            raise SqlError(f"unexpected {word!r} in {self.source!r}")
        return lambda message: message.field(word)

    def _grouped(self) -> Expression:
        if self._peek() == "select":
            raise NotEmulatedFunctionError(f"a nested SELECT in {self.source!r}")
        expression = self.expression()
        self._keyword(")")
        return expression

    def _call(self, name: str) -> Expression:
        arguments = []
        while not self._accept(")"):
            arguments.append(self.expression())
            if name == "cast" and self._accept("as"):
                kind = self._name(any_word=True)
                arguments.append(functools.partial(_constant, kind))
            if self._peek() != ")":
                self._keyword(",")
        return iot_functions.bind(name, arguments)

    def _array(self) -> Expression:
        items: list[Expression] = []
        while not self._accept("]"):
            items.append(self.expression())
            if self._peek() != "]":
                self._keyword(",")
        return lambda message: [item(message) for item in items]

    def _object(self) -> Expression:
        members: dict[str, Expression] = {}
        while not self._accept("}"):
            kind, word = self._next()
            self._keyword(":")
            members[word[1:-1] if kind == "text" else word] = self.expression()
            if self._peek() != "}":
                self._keyword(",")
        return lambda message: {name: member(message) for name, member in members.items()}

    def _case(self) -> Expression:
        subject = None if self._peek() == "when" else self.expression()
        branches = []
        while self._accept("when"):
            condition = self.expression()
            self._keyword("then")
            branches.append((condition, self.expression()))
        otherwise = self.expression() if self._accept("else") else functools.partial(_constant, UNDEFINED)
        self._keyword("end")
        return _choice(subject, branches, otherwise)

    def _name(self, *, any_word: bool = False) -> str:
        kind, word = self._next()
        if kind != "name" or (word.lower() in _RESERVED and not any_word):
            raise SqlError(f"expected a name, got {word!r} in {self.source!r}")
        return word

    def _peek(self) -> str:
        if self.position >= len(self.tokens):
            return ""
        kind, word = self.tokens[self.position]
        return word.lower() if kind in {"name", "sign"} else f"a {kind}"

    def _next(self) -> tuple[str, str]:
        if self.position >= len(self.tokens):
            raise SqlError(f"{self.source!r} ends too early")
        self.position += 1
        return self.tokens[self.position - 1]

    def _accept(self, word: str) -> bool:
        found = self._peek() == word
        self.position += found
        return found

    def _keyword(self, word: str) -> None:
        if not self._accept(word):
            raise SqlError(f"expected {word.upper()!r}, got {self._peek() or 'the end'!r} in {self.source!r}")

    def _end(self) -> None:
        if self.position < len(self.tokens):
            raise SqlError(f"unexpected {self.tokens[self.position][1]!r} in {self.source!r}")


def _constant(value: Any, message: Message) -> Any:
    del message
    return value


def _binary(operator: Callable[[Any, Any], Any], left: Expression, right: Expression) -> Expression:
    return lambda message: operator(left(message), right(message))


def _member(value: Expression, name: str) -> Expression:
    def member(message: Message) -> Any:
        found = value(message)
        return found.get(name, UNDEFINED) if isinstance(found, dict) else UNDEFINED

    return member


def _element(value: Expression, index: Expression) -> Expression:
    return lambda message: iot_functions.element(value(message), index(message))


def _choice(
    subject: Expression | None, branches: list[tuple[Expression, Expression]], otherwise: Expression
) -> Expression:
    def choice(message: Message) -> Any:
        for condition, value in branches:
            met = condition(message)
            if subject is not None:
                met = iot_values.equal(subject(message), met)
            if iot_values.truth(met) is True:
                return value(message)
        return otherwise(message)

    return choice
