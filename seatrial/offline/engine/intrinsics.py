"""Resolves intrinsic functions against what is known of a stack; knows nothing of how resources are made."""

import base64
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from seatrial.offline.engine.errors import ValidationError

PSEUDO = ("AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix")
_SUB = re.compile(r"\$\{(!?)([^}]*)\}")
_DYNAMIC = re.compile(r"\{\{resolve:([^:}]+):([^}]+)\}\}")


class _NoValue:
    """Marks what AWS::NoValue removes."""


NO_VALUE = _NoValue()


class Scope(Protocol):
    """What expressions may refer to."""

    @property
    def mappings(self) -> Mapping[str, Any]:
        """The template's mappings."""
        ...

    def ref(self, name: str) -> Any:
        """Value of `Ref`: a parameter, a pseudo parameter without `AWS::`, or a resource's physical id."""
        ...

    def attribute(self, logical_id: str, name: str) -> Any:
        """Value of `Fn::GetAtt`."""
        ...

    def condition(self, name: str) -> bool:
        """Value of a condition."""
        ...

    def export(self, name: str) -> Any:
        """Value of `Fn::ImportValue`."""
        ...

    def stack_output(self, stack: str, output: str) -> Any:
        """Value of `Fn::GetStackOutput`."""
        ...

    def zones(self, region: str) -> list[str]:
        """Value of `Fn::GetAZs`."""
        ...

    def dynamic(self, service: str, reference: str) -> str:
        """Value of a dynamic reference such as `{{resolve:ssm:/name}}`."""
        ...


def resolve(value: Any, scope: Scope) -> Any:
    """The value with every intrinsic replaced; `NO_VALUE` entries are left out of lists and maps."""
    if isinstance(value, Mapping):
        function = _function(value)
        if function is not None:
            return _call(function, value[function], scope)
        items = ((key, resolve(item, scope)) for key, item in value.items())
        return {key: item for key, item in items if item is not NO_VALUE}
    if isinstance(value, list):
        return [item for item in (resolve(entry, scope) for entry in value) if item is not NO_VALUE]
    if isinstance(value, str) and "{{resolve:" in value:
        return _DYNAMIC.sub(lambda match: str(scope.dynamic(match[1], match[2])), value)
    return value


def references(value: Any) -> Iterator[str]:
    """Names that a value refers to by Ref, GetAtt or Sub (resources and parameters alike)."""
    if isinstance(value, Mapping):
        function = _function(value)
        if function is not None:
            yield from _references_of(function, value[function])
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def _references_of(function: str, argument: Any) -> Iterator[str]:
    if function == "Ref":
        yield argument
    elif function == "Fn::GetAtt":
        yield _attribute_pair(argument)[0]
    elif function == "Fn::Sub":
        text, variables = (argument, {}) if isinstance(argument, str) else argument
        yield from references(variables)
        for match in _SUB.finditer(text):
            if not match[1] and match[2].strip() not in variables:
                yield match[2].strip().split(".")[0]
    else:
        yield from references([argument])


def _function(value: Mapping[str, Any]) -> str | None:
    if len(value) != 1:
        return None
    (key,) = value
    if key in {"Ref", "Condition"}:
        return key if isinstance(value[key], str) else None
    return key if isinstance(key, str) and key.startswith("Fn::") else None


def _call(function: str, argument: Any, scope: Scope) -> Any:
    handler = _FUNCTIONS.get(function)
    if handler is None:
        raise ValidationError(f"Template error: {function} is not emulated by the offline cloud")
    return handler(argument, scope)


def _ref(name: str, scope: Scope) -> Any:
    return NO_VALUE if name == "AWS::NoValue" else scope.ref(name)


def _attribute_pair(argument: Any) -> tuple[str, str]:
    pair = argument.split(".", 1) if isinstance(argument, str) else argument
    return pair[0], pair[1]


def _get_att(argument: Any, scope: Scope) -> Any:
    logical_id, name = _attribute_pair(argument)
    return scope.attribute(logical_id, resolve(name, scope))


def _sub(argument: Any, scope: Scope) -> str:
    text, variables = (argument, {}) if isinstance(argument, str) else argument
    known = {name: resolve(value, scope) for name, value in variables.items()}

    def replace(match: re.Match[str]) -> str:
        name = match[2].strip()
        if match[1]:
            return "${" + match[2] + "}"
        if name in known:
            return _text(known[name])
        if name.startswith("AWS::") or "." not in name:
            return _text(scope.ref(name))
        return _text(scope.attribute(*_attribute_pair(name)))

    return _SUB.sub(replace, resolve(text, scope))


def _join(argument: Any, scope: Scope) -> str:
    separator, items = argument
    values = resolve(items, scope)
    if not isinstance(values, list):
        raise ValidationError("Template error: every Fn::Join object requires two parameters: a delimiter and a list")
    return separator.join(_text(value) for value in values)


def _select(argument: Any, scope: Scope) -> Any:
    index, items = argument
    values = resolve(items, scope)
    position = int(resolve(index, scope))
    if not isinstance(values, list) or not 0 <= position < len(values):
        raise ValidationError(f"Template error: Fn::Select cannot select nonexistent value at index {position}")
    return values[position]


def _split(argument: Any, scope: Scope) -> list[str]:
    separator, text = argument
    return _text(resolve(text, scope)).split(separator)


def _if(argument: Any, scope: Scope) -> Any:
    name, then, otherwise = argument
    return resolve(then if scope.condition(name) else otherwise, scope)


def _equals(argument: Any, scope: Scope) -> bool:
    left, right = (resolve(item, scope) for item in argument)
    return _text(left) == _text(right)


def _find_in_map(argument: Any, scope: Scope) -> Any:
    name, first, second = (resolve(item, scope) for item in argument[:3])
    try:
        return scope.mappings[name][_text(first)][_text(second)]
    except KeyError as error:
        if len(argument) > 3:
            return resolve(argument[3]["DefaultValue"], scope)
        raise ValidationError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from error


def _cidr(argument: Any, scope: Scope) -> list[str]:
    block, count, *bits = (resolve(item, scope) for item in argument)
    network = ipaddress.ip_network(block)
    prefix = network.max_prefixlen - int(bits[0]) if bits else network.max_prefixlen - 8
    subnets = network.subnets(new_prefix=prefix)
    return [str(next(subnets)) for _ in range(int(count))]


def _get_stack_output(argument: Any, scope: Scope) -> Any:
    fields = resolve(argument, scope)
    return scope.stack_output(fields["StackName"], fields["OutputName"])


def _to_json(argument: Any, scope: Scope) -> str:
    import json

    return json.dumps(resolve(argument, scope), separators=(",", ":"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _truth(value: Any, scope: Scope) -> bool:
    return bool(resolve(value, scope))


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Condition": lambda name, scope: scope.condition(name),
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::And": lambda items, scope: all(_truth(item, scope) for item in items),
    "Fn::Or": lambda items, scope: any(_truth(item, scope) for item in items),
    "Fn::Not": lambda items, scope: not _truth(items[0], scope),
    "Fn::Contains": lambda items, scope: resolve(items[1], scope) in resolve(items[0], scope),
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": lambda name, scope: scope.export(_text(resolve(name, scope))),
    "Fn::GetStackOutput": _get_stack_output,
    "Fn::GetAZs": lambda region, scope: scope.zones(_text(resolve(region, scope))),
    "Fn::Base64": lambda text, scope: base64.b64encode(_text(resolve(text, scope)).encode()).decode(),
    "Fn::Cidr": _cidr,
    "Fn::ToJsonString": _to_json,
}
