"""Prefixes of delivered objects: the expressions !{namespace:value} of Firehose, checked at creation and evaluated.

Rules: https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
"""

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_EXPRESSION = re.compile(r"!\{([^:}]*):([^}]*)\}")
_DEFAULT_TIME = "!{timestamp:yyyy/MM/dd/HH/}"
_RANDOM_LENGTH = 11
_LONGEST_PREFIX = 1024
_FROM_KEYS = ("partitionKeyFromQuery", "partitionKeyFromLambda")
_JAVA = {
    "yyyy": "%Y",
    "YYYY": "%Y",
    "uuuu": "%Y",
    "yy": "%y",
    "MM": "%m",
    "MMM": "%b",
    "MMMM": "%B",
    "dd": "%d",
    "DDD": "%j",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "EEE": "%a",
}
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|.", re.DOTALL)


class PrefixError(Exception):
    """A prefix that Firehose would not take."""


@dataclass(frozen=True)
class Prefixes:
    """Where one destination's objects go, and where its failed records go."""

    delivered: str = ""
    failed: str = ""
    zone: str = "UTC"

    def check(self, partition_keys: frozenset[str], *, dynamic: bool) -> None:
        """Raise `PrefixError` for what Firehose refuses at creation."""
        for prefix in (self.delivered, self.failed):
            for namespace, value in _EXPRESSION.findall(prefix):
                _check_expression(namespace, value, partition_keys)
        used = {namespace for namespace, _ in _EXPRESSION.findall(self.delivered)}
        if "!{firehose:error-output-type}" in self.delivered:
            raise PrefixError("Prefix must not contain !{firehose:error-output-type}: that is for ErrorOutputPrefix")
        if used and "!{firehose:error-output-type}" not in self.failed:
            raise PrefixError(
                "ErrorOutputPrefix must contain !{firehose:error-output-type} when Prefix has expressions"
            )
        if any(namespace in _FROM_KEYS for namespace, _ in _EXPRESSION.findall(self.failed)):
            raise PrefixError("ErrorOutputPrefix must not contain partition keys: failed records have none")
        if dynamic and not used & set(_FROM_KEYS):
            raise PrefixError("Prefix must contain !{partitionKeyFromQuery:...} when dynamic partitioning is enabled")
        if used & set(_FROM_KEYS) and not dynamic:
            raise PrefixError("Prefix has partition keys, so DynamicPartitioningConfiguration must be enabled")

    def of_delivered(self, oldest: datetime, keys: Mapping[str, str]) -> str:
        """Prefix of an object whose oldest record arrived at `oldest`."""
        prefix = self.delivered if _EXPRESSION.search(self.delivered) else self.delivered + _DEFAULT_TIME
        return self._evaluate(prefix, oldest, keys, "")

    def of_failed(self, oldest: datetime, kind: str) -> str:
        """Prefix of an object of failed records; `kind` is "processing-failed" or "format-conversion-failed"."""
        plain = not _EXPRESSION.search(self.failed)
        base = self.failed or self.delivered
        prefix = f"{base}!{{firehose:error-output-type}}/{_DEFAULT_TIME}" if plain else self.failed
        return self._evaluate(prefix, oldest, {}, kind)

    def _evaluate(self, prefix: str, when: datetime, keys: Mapping[str, str], kind: str) -> str:
        local = when.astimezone(ZoneInfo(self.zone))

        def value(match: re.Match[str]) -> str:
            namespace, name = match.groups()
            if namespace == "timestamp":
                return java_time(name, local)
            if namespace == "firehose":
                return kind if name == "error-output-type" else _random()
            return keys[name]

        evaluated = _EXPRESSION.sub(value, prefix)
        if len(evaluated) > _LONGEST_PREFIX:
            raise PrefixError(f"the evaluated prefix has {len(evaluated)} characters: at most {_LONGEST_PREFIX}")
        return evaluated


def java_time(pattern: str, when: datetime) -> str:
    """Format a time by a pattern of Java's DateTimeFormatter; raises `PrefixError` for letters that are not known.

    >>> java_time("yyyy'T'MM/dd", datetime(2026, 11, 1, tzinfo=UTC))
    '2026T11/01'
    """
    parts = []
    for match in _TOKEN.finditer(pattern):
        text = match.group()
        if match.group(1) is not None:
            parts.append(match.group(1).replace("''", "'") or "'")
        elif text[0].isalpha():
            parts.append(_field(text, when))
        else:
            parts.append(text)
    return "".join(parts)


def _field(letters: str, when: datetime) -> str:
    if letters == "SSS":
        return f"{when.microsecond // 1000:03d}"
    short = {"M": when.month, "d": when.day, "H": when.hour, "m": when.minute, "s": when.second}
    if letters in short:
        return str(short[letters])
    if letters not in _JAVA:
        known = ", ".join([*_JAVA, *short, "SSS"])
        raise PrefixError(f"!{{timestamp:...}}: {letters!r} is not emulated by the offline cloud; there are {known}")
    return when.strftime(_JAVA[letters])


def _check_expression(namespace: str, value: str, partition_keys: frozenset[str]) -> None:
    if namespace == "timestamp":
        java_time(value, datetime(2026, 1, 1, tzinfo=UTC))
    elif namespace == "firehose":
        if value not in {"error-output-type", "random-string"}:
            raise PrefixError(f"!{{firehose:{value}}}: must be error-output-type or random-string")
    elif namespace == "partitionKeyFromQuery":
        if value not in partition_keys:
            raise PrefixError(f"!{{{namespace}:{value}}}: MetadataExtractionQuery has no key {value!r}")
    elif namespace != "partitionKeyFromLambda":
        raise PrefixError(f"!{{{namespace}:{value}}}: must be one of timestamp, firehose, {', '.join(_FROM_KEYS)}")


def _random() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_RANDOM_LENGTH))
