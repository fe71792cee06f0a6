"""Functions of IoT SQL, and the message that they work on.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-functions.html
"""

import base64
import hashlib
import json
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from seatrial.offline.streaming import iot_values
from seatrial.offline.streaming.conversion import java_reader
from seatrial.offline.streaming.iot_values import UNDEFINED
from seatrial.offline.streaming.prefixes import java_time

_NO_CLIENT = "n/a"
_DEFAULT_ZONE = "UTC"


class SqlError(Exception):
    """A rule's SQL, or a substitution template, that AWS refuses with SqlParseException."""


class NotEmulatedFunctionError(Exception):
    """A function or clause that AWS has and the offline cloud lacks."""


@dataclass
class Message:
    """One published message as the rules see it."""

    topic: str
    raw: bytes
    account: str
    time: datetime
    client: str = _NO_CLIENT
    trace: str = field(default_factory=lambda: str(uuid.uuid4()))
    document: Any = UNDEFINED

    def __post_init__(self) -> None:
        try:
            self.document = json.loads(self.raw)
        except ValueError:
            self.document = UNDEFINED

    @property
    def is_binary(self) -> bool:
        """Whether the payload is not JSON."""
        return self.document is UNDEFINED

    def field(self, name: str) -> Any:
        """A field of the payload."""
        return self.document.get(name, UNDEFINED) if isinstance(self.document, dict) else UNDEFINED


Expression = Callable[[Message], Any]


def bind(name: str, arguments: list[Expression]) -> Expression:
    """A call of a function; raises `SqlError` for a wrong name or count, `NotEmulatedFunctionError` for a lack."""
    if name in _OF_MESSAGE:
        least, most, of_message = _OF_MESSAGE[name]
        _check_count(name, len(arguments), least, most)
        return lambda message: of_message(message, *(argument(message) for argument in arguments))
    if name in _ELSEWHERE:
        raise NotEmulatedFunctionError(f"the function {name}() of IoT SQL")
    if name not in _FUNCTIONS:
        raise SqlError(f"there is no function {name}(): there are {', '.join(sorted({*_FUNCTIONS, *_OF_MESSAGE}))}")
    least, most, function = _FUNCTIONS[name]
    _check_count(name, len(arguments), least, most)
    return lambda message: _applied(function, [argument(message) for argument in arguments])


def element(value: Any, key: Any) -> Any:
    """A member of an array, string or object; Undefined when it is not there."""
    if isinstance(value, dict):
        return value.get(key, UNDEFINED) if isinstance(key, str) else UNDEFINED
    if isinstance(value, list | str) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    return UNDEFINED


def _check_count(name: str, count: int, least: int, most: int) -> None:
    if not least <= count <= most:
        raise SqlError(f"{name}() takes {least} to {most} arguments, got {count}")


def _applied(function: Callable[..., Any], values: list[Any]) -> Any:
    """Wrong types make Undefined, as AWS documents for every function."""
    try:
        return function(*values)
    except (TypeError, ValueError, ArithmeticError, AttributeError, IndexError, LookupError):
        return UNDEFINED


def _topic(message: Message, level: Any = None) -> Any:
    levels = message.topic.split("/")
    if level is None:
        return message.topic
    return levels[level - 1] if isinstance(level, int) and 1 <= level <= len(levels) else UNDEFINED


def _parse_time(message: Message, pattern: Any, milliseconds: Any, zone: Any = _DEFAULT_ZONE) -> Any:
    del message
    when = iot_values.number(milliseconds)
    if when is None or not isinstance(pattern, str):
        return UNDEFINED
    return java_time(pattern, datetime.fromtimestamp(when / 1000, UTC).astimezone(ZoneInfo(zone)))


def _number(value: Any) -> int | float:
    found = iot_values.number(value)
    if found is None:
        raise ValueError(f"{value!r} is no number")
    return found


def _text(value: Any) -> str:
    if value is UNDEFINED:
        raise ValueError("Undefined is no string")
    return iot_values.text(value)


def _mathematical(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: function(*(_number(value) for value in values))


def _textual(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: function(*(_text(value) for value in values))


def _digest(name: str) -> Callable[[Any], str]:
    return lambda value: hashlib.new(name, _text(value).encode(), usedforsecurity=False).hexdigest()


def _substring(value: Any, start: Any, end: Any = None) -> str:
    whole = _text(value)
    return whole[max(0, int(start)) : len(whole) if end is None else int(end)]


def _encode(value: Any, scheme: Any) -> str:
    if scheme != "base64":
        raise ValueError("base64 is the only scheme")
    content = value if isinstance(value, bytes) else _text(value).encode()
    return base64.b64encode(content).decode()


def _decode(value: Any, scheme: Any) -> str:
    if scheme != "base64":
        raise ValueError("base64 is the only scheme")
    return base64.b64decode(_text(value), validate=True).decode()


def _cast(value: Any, kind: Any) -> Any:
    kind = str(kind).lower()
    if kind in {"string", "nvarchar", "text", "ntext", "varchar"}:
        return _text(value)
    if kind in {"int", "integer"}:
        return math.floor(int(value) if isinstance(value, bool) else _number(value))
    if kind in {"decimal", "double"}:
        return float(int(value) if isinstance(value, bool) else _number(value))
    if kind in {"bool", "boolean"}:
        known = iot_values.truth(value)
        return bool(_number(value)) if known is None else known
    raise ValueError(f"{kind!r} is no type")


def _padded(value: Any, length: Any, *, left: bool) -> str:
    whole, wanted = _text(value), int(_number(length))
    return whole[:wanted] if len(whole) >= wanted else whole.rjust(wanted) if left else whole.ljust(wanted)


def _first_match(value: str, pattern: str) -> Any:
    match = re.search(pattern, value)
    return match.group() if match else None


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not UNDEFINED and value is not None), UNDEFINED)


def _round(value: Any) -> int:
    return math.floor(_number(value) + 0.5)


def _truncated(value: Any, digits: Any) -> float:
    scale = 10 ** int(digits)
    return math.trunc(_number(value) * scale) / scale


def _epoch(value: Any, pattern: Any) -> int:
    return int(java_reader(pattern)(value).timestamp() * 1000)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else len(_text(value))


_OF_MESSAGE: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "topic": (0, 1, _topic),
    "timestamp": (0, 0, lambda message: int(message.time.timestamp() * 1000)),
    "clientid": (0, 0, lambda message: message.client),
    "traceid": (0, 0, lambda message: message.trace),
    "accountid": (0, 0, lambda message: message.account),
    "newuuid": (0, 0, lambda message: str(uuid.uuid4())),
    "parse_time": (2, 3, _parse_time),
}
_ELSEWHERE = {
    "aws_lambda",
    "get_dynamodb",
    "get_thing_shadow",
    "get_registry_data",
    "get_secret",
    "get_user_properties",
    "get_mqtt_property",
    "machinelearning_predict",
    "principal",
    "transform",
    "conv",
    "bitand",
    "bitor",
    "bitxor",
    "bitnot",
    "warp",
}
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "abs": (1, 1, _mathematical(abs)),
    "ceil": (1, 1, _mathematical(math.ceil)),
    "floor": (1, 1, _mathematical(math.floor)),
    "round": (1, 1, _round),
    "trunc": (2, 2, _truncated),
    "sqrt": (1, 1, _mathematical(math.sqrt)),
    "exp": (1, 1, _mathematical(math.exp)),
    "ln": (1, 1, _mathematical(math.log)),
    "log": (1, 1, _mathematical(math.log10)),
    "power": (2, 2, _mathematical(lambda base, exponent: base**exponent)),
    "mod": (2, 2, iot_values.remainder),
    "sign": (1, 1, _mathematical(lambda value: (value > 0) - (value < 0))),
    "sin": (1, 1, _mathematical(math.sin)),
    "cos": (1, 1, _mathematical(math.cos)),
    "tan": (1, 1, _mathematical(math.tan)),
    "atan2": (2, 2, _mathematical(math.atan2)),
    "lower": (1, 1, _textual(str.lower)),
    "upper": (1, 1, _textual(str.upper)),
    "trim": (1, 1, _textual(str.strip)),
    "ltrim": (1, 1, _textual(str.lstrip)),
    "rtrim": (1, 1, _textual(str.rstrip)),
    "concat": (1, 99, lambda *values: "".join(iot_values.text(value) for value in values)),
    "length": (1, 1, _length),
    "numbytes": (1, 1, _textual(lambda value: len(value.encode()))),
    "chr": (1, 1, lambda value: chr(int(value))),
    "substring": (2, 3, _substring),
    "startswith": (2, 2, _textual(str.startswith)),
    "endswith": (2, 2, _textual(str.endswith)),
    "indexof": (2, 2, _textual(str.find)),
    "replace": (3, 3, _textual(str.replace)),
    "lpad": (2, 2, lambda value, length: _padded(value, length, left=True)),
    "rpad": (2, 2, lambda value, length: _padded(value, length, left=False)),
    "regexp_matches": (2, 2, _textual(lambda value, pattern: re.search(pattern, value) is not None)),
    "regexp_replace": (3, 3, _textual(lambda value, pattern, new: re.sub(pattern, new, value))),
    "regexp_substr": (2, 2, _textual(_first_match)),
    "md5": (1, 1, _digest("md5")),
    "sha1": (1, 1, _digest("sha1")),
    "sha224": (1, 1, _digest("sha224")),
    "sha256": (1, 1, _digest("sha256")),
    "sha384": (1, 1, _digest("sha384")),
    "sha512": (1, 1, _digest("sha512")),
    "encode": (2, 2, _encode),
    "decode": (2, 2, _decode),
    "cast": (2, 2, _cast),
    "coalesce": (1, 99, _coalesce),
    "get": (2, 2, element),
    "isnull": (1, 1, lambda value: value is None),
    "isundefined": (1, 1, lambda value: value is UNDEFINED),
    "nanvl": (2, 2, lambda value, other: other if _number(value) != _number(value) else value),
    "time_to_epoch": (2, 2, _epoch),
}
