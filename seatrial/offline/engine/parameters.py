"""Works out a stack's parameter values: given, previous, default; looks up SSM parameters; checks constraints."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seatrial.offline.engine.errors import ValidationError
from seatrial.offline.engine.template import Template

_SSM = "AWS::SSM::Parameter::Value<"


def choose_values(
    template: Template, given: Sequence[Mapping[str, Any]], previous: Mapping[str, str]
) -> dict[str, str]:
    """The raw text value of each parameter (for SSM types the parameter's name).

    `given` is the API's list of {ParameterKey, ParameterValue | UsePreviousValue}.
    """
    chosen = {item["ParameterKey"]: item for item in given}
    unknown = sorted(set(chosen) - set(template.parameters))
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values: dict[str, str] = {}
    missing: list[str] = []
    for name, declaration in template.parameters.items():
        value = _choose(name, declaration, chosen.get(name), previous)
        if value is None:
            missing.append(name)
        else:
            _check(name, declaration, value)
            values[name] = value
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    return values


def effective_values(
    template: Template, values: Mapping[str, str], read_ssm: Callable[[str], str | None]
) -> dict[str, Any]:
    """What `Ref` gives: SSM parameters read, lists split."""
    effective: dict[str, Any] = {}
    for name, text in values.items():
        kind = template.parameters[name].get("Type", "String")
        value: str = text
        if kind.startswith(_SSM):
            found = read_ssm(text)
            if found is None:
                raise ValidationError(f"Unable to fetch parameters [{text}] from parameter store for this account.")
            value, kind = found, kind.removeprefix(_SSM).removesuffix(">")
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        effective[name] = [item.strip() for item in value.split(",")] if is_list else value
    return effective


def _choose(
    name: str, declaration: Mapping[str, Any], item: Mapping[str, Any] | None, previous: Mapping[str, str]
) -> str | None:
    if item is not None and "ParameterValue" in item and not item.get("UsePreviousValue"):
        return str(item["ParameterValue"])
    if item is not None and item.get("UsePreviousValue"):
        if name not in previous:
            raise ValidationError(f"Invalid input for parameter key {name}. There is no previous value to use")
        return previous[name]
    default = declaration.get("Default")
    if isinstance(default, bool):
        return "true" if default else "false"
    return None if default is None else str(default)


def _check(name: str, declaration: Mapping[str, Any], value: str) -> None:
    allowed = [str(item) for item in declaration.get("AllowedValues", ())]
    if allowed and value not in allowed:
        raise ValidationError(f"Parameter '{name}' must be one of AllowedValues: [{', '.join(allowed)}]")
    pattern = declaration.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        raise ValidationError(f"Parameter '{name}' must match pattern {pattern}")
    if len(value) < int(declaration.get("MinLength", 0)):
        raise ValidationError(f"Parameter '{name}' must contain at least {declaration['MinLength']} characters")
    if "MaxLength" in declaration and len(value) > int(declaration["MaxLength"]):
        raise ValidationError(f"Parameter '{name}' must contain at most {declaration['MaxLength']} characters")
    if declaration.get("Type") == "Number":
        _check_number(name, declaration, value)


def _check_number(name: str, declaration: Mapping[str, Any], value: str) -> None:
    try:
        number = float(value)
    except ValueError as error:
        raise ValidationError(f"Parameter '{name}' must be a number, got {value!r}") from error
    if "MinValue" in declaration and number < float(declaration["MinValue"]):
        raise ValidationError(f"Parameter '{name}' must be a number not less than {declaration['MinValue']}")
    if "MaxValue" in declaration and number > float(declaration["MaxValue"]):
        raise ValidationError(f"Parameter '{name}' must be a number not greater than {declaration['MaxValue']}")
