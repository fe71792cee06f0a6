"""Parses a template (JSON, or YAML with CloudFormation's short tags) into frozen dataclasses; resolves nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from seatrial.offline.engine.errors import ValidationError

Policy = Literal["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"]
_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Rules",
    "Resources",
    "Outputs",
}
_ATTRIBUTES = {
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
}


@dataclass(frozen=True)
class Definition:
    """One resource as written in the template."""

    logical_id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: Policy = "Delete"
    update_replace_policy: Policy = "Delete"


@dataclass(frozen=True)
class Template:
    """A parsed template; `text` is what the caller sent."""

    text: str
    parameters: Mapping[str, Mapping[str, Any]]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    rules: Mapping[str, Any]
    resources: Mapping[str, Definition]
    outputs: Mapping[str, Mapping[str, Any]]
    description: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict)


def parse_template(text: str) -> Template:
    """Read a template; raises `ValidationError` in CloudFormation's words."""
    document = _load(text)
    if not isinstance(document, dict):
        raise ValidationError("Template format error: unsupported structure.")
    unknown = sorted(set(document) - _SECTIONS)
    if "Transform" in unknown:
        raise ValidationError("Transform is not emulated by the offline cloud: synthesize the expanded template")
    if unknown:
        raise ValidationError(f"Invalid template property or properties {unknown}")
    if not document.get("Resources"):
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    return Template(
        text=text,
        parameters=document.get("Parameters") or {},
        mappings=document.get("Mappings") or {},
        conditions=document.get("Conditions") or {},
        rules=document.get("Rules") or {},
        resources={name: _definition(name, body) for name, body in document["Resources"].items()},
        outputs=document.get("Outputs") or {},
        description=document.get("Description"),
        document=document,
    )


def _definition(name: str, body: Any) -> Definition:
    if not isinstance(body, dict) or "Type" not in body:
        raise ValidationError(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type.")
    unknown = sorted(set(body) - _ATTRIBUTES)
    if unknown:
        raise ValidationError(f"Invalid template resource property {unknown[0]!r} in {name}")
    depends_on = body.get("DependsOn") or ()
    return Definition(
        logical_id=name,
        type=body["Type"],
        properties=body.get("Properties") or {},
        depends_on=(depends_on,) if isinstance(depends_on, str) else tuple(depends_on),
        condition=body.get("Condition"),
        deletion_policy=body.get("DeletionPolicy", "Delete"),
        update_replace_policy=body.get("UpdateReplacePolicy", "Delete"),
    )


def _load(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValidationError(f"Template format error: JSON not well-formed. ({error})") from error
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with CloudFormation's tags
    except yaml.YAMLError as error:
        raise ValidationError(f"Template format error: YAML not well-formed. ({error})") from error


class _Loader(yaml.SafeLoader):
    """Dates stay text, as CloudFormation has it; short tags become long intrinsics."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)
