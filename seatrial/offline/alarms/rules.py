"""Alarm rules of composite alarms: ALARM("a") AND NOT (OK("b") OR INSUFFICIENT_DATA(arn)), TRUE, FALSE."""

import re
from collections.abc import Callable

_TOKEN = re.compile(r'\s*(?:(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*("[^"]*"|[^)\s]+)\s*\)|(AND|OR|NOT|TRUE|FALSE|\(|\)))')

Rule = Callable[[Callable[[str], str]], bool]
"""From a function that tells an alarm's state to whether the composite alarm is in ALARM."""


class RuleError(ValueError):
    """An alarm rule that CloudWatch would refuse."""


def parse(text: str) -> tuple[Rule, frozenset[str]]:
    """Read a rule; returns it with the names of the alarms it asks for.

    >>> rule, names = parse('ALARM("a") AND NOT OK("b")')
    >>> rule({"a": "ALARM", "b": "INSUFFICIENT_DATA"}.__getitem__), sorted(names)
    (True, ['a', 'b'])
    """
    parser = _Parser(text)
    rule = parser.alternative()
    if parser.tokens:
        raise RuleError(f"alarm rule {text!r}: nothing is expected at {parser.tokens[0]!r}")
    return rule, frozenset(parser.names)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self.tokens = _tokens(text)
        self.names: set[str] = set()

    def alternative(self) -> Rule:
        rules = [self._conjunction()]
        while self._accept("OR"):
            rules.append(self._conjunction())
        return lambda state: any(rule(state) for rule in rules)

    def _conjunction(self) -> Rule:
        rules = [self._negation()]
        while self._accept("AND"):
            rules.append(self._negation())
        return lambda state: all(rule(state) for rule in rules)

    def _negation(self) -> Rule:
        if self._accept("NOT"):
            inner = self._negation()
            return lambda state: not inner(state)
        return self._atom()

    def _atom(self) -> Rule:
        if not self.tokens:
            raise RuleError(f"alarm rule {self._text!r}: it ends too early")
        word = self.tokens.pop(0)
        if isinstance(word, tuple):
            wanted, name = word
            self.names.add(name)
            return lambda state: state(name) == wanted
        if word in {"TRUE", "FALSE"}:
            return lambda state: word == "TRUE"
        if word != "(":
            raise RuleError(f"alarm rule {self._text!r}: {word!r} is not expected here")
        inner = self.alternative()
        if not self._accept(")"):
            raise RuleError(f"alarm rule {self._text!r}: a parenthesis is not closed")
        return inner

    def _accept(self, word: str) -> bool:
        if self.tokens and self.tokens[0] == word:
            self.tokens.pop(0)
            return True
        return False


def _tokens(text: str) -> list[str | tuple[str, str]]:
    tokens: list[str | tuple[str, str]] = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise RuleError(f"alarm rule {text!r}: {text[position : position + 20]!r} is not understood")
        state, name, word = match.groups()
        tokens.append((state, name.strip('"').rpartition(":alarm:")[2]) if state else word)
        position = match.end()
    return tokens
