"""Reads a CDK cloud assembly (cdk.out): its stacks in dependency order and the assets to publish."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class AssemblyError(Exception):
    """The assembly is not there or holds what cannot be deployed offline."""


@dataclass(frozen=True)
class Asset:
    """One file or folder to publish."""

    name: str
    path: Path
    zipped: bool
    bucket: str
    key: str


@dataclass(frozen=True)
class StackArtifact:
    """One stack to deploy; `needs` are the ids of stacks that come first."""

    id: str
    name: str
    account: str
    template: Path
    template_url: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    needs: frozenset[str]
    declared_parameters: frozenset[str]


@dataclass(frozen=True)
class Assembly:
    """Everything that a deployment needs; stacks come after those that they need."""

    stacks: tuple[StackArtifact, ...]
    assets: tuple[Asset, ...]
    bootstrap_parameters: Mapping[str, int]
    """SSM parameters that hold the bootstrap version, with the version required."""


def read_assembly(folder: Path, *, account: str, region: str) -> Assembly:
    """Read `folder/manifest.json` and what it names; raises `AssemblyError`."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise AssemblyError(f"no cloud assembly in {folder}: manifest.json is missing; synthesize the app first")
    artifacts = json.loads(path.read_text(encoding="utf-8"))["artifacts"]
    places = {"AWS::AccountId": account, "AWS::Region": region, "AWS::Partition": "aws"}
    stacks = {
        name: _stack(folder, name, body, artifacts, places)
        for name, body in artifacts.items()
        if body["type"] == "aws:cloudformation:stack"
    }
    manifests = [body for body in artifacts.values() if body["type"] == "cdk:asset-manifest"]
    assets: dict[tuple[str, str], Asset] = {}
    for body in manifests:
        for asset in _assets(folder, body["properties"]["file"], places):
            assets[asset.bucket, asset.key] = asset
    return Assembly(tuple(_ordered(stacks)), tuple(assets.values()), _bootstrap(artifacts))


def _stack(
    folder: Path, name: str, body: Mapping[str, Any], artifacts: Mapping[str, Any], places: Mapping[str, str]
) -> StackArtifact:
    properties = body["properties"]
    template = folder / properties["templateFile"]
    uri = _fill(properties.get("stackTemplateAssetObjectUrl", ""), places)
    if not uri.startswith("s3://"):
        raise AssemblyError(f"stack {name} has no template asset: use CDK's DefaultStackSynthesizer")
    tags = properties.get("tags") or {}
    return StackArtifact(
        id=name,
        name=properties.get("stackName", name),
        account=body["environment"].removeprefix("aws://").partition("/")[0],
        template=template,
        template_url=f"https://s3.{places['AWS::Region']}.amazonaws.com/{uri.removeprefix('s3://')}",
        parameters={key: str(value) for key, value in (properties.get("parameters") or {}).items()},
        tags=tags,
        needs=frozenset(
            other
            for other in body.get("dependencies", ())
            if artifacts.get(other, {}).get("type") == "aws:cloudformation:stack"
        ),
        declared_parameters=frozenset(json.loads(template.read_text(encoding="utf-8")).get("Parameters", {})),
    )


def _assets(folder: Path, file: str, places: Mapping[str, str]) -> list[Asset]:
    manifest = json.loads((folder / file).read_text(encoding="utf-8"))
    if manifest.get("dockerImages"):
        raise AssemblyError(f"{file} has Docker image assets, which cannot be published without Docker")
    found: list[Asset] = []
    for identity, body in manifest.get("files", {}).items():
        if "executable" in body["source"]:
            raise AssemblyError(f"asset {identity} in {file} is made by a command, which is not supported offline")
        found.extend(_asset(folder, identity, body, place, places) for place in body["destinations"].values())
    return found


def _asset(
    folder: Path, identity: str, body: Mapping[str, Any], destination: Mapping[str, str], places: Mapping[str, str]
) -> Asset:
    source = body["source"]
    return Asset(
        name=body.get("displayName", identity[:12]),
        path=folder / source["path"],
        zipped=source.get("packaging", "file") == "zip",
        bucket=_fill(destination["bucketName"], places),
        key=_fill(destination["objectKey"], places),
    )


def _ordered(stacks: Mapping[str, StackArtifact]) -> list[StackArtifact]:
    result: dict[str, StackArtifact] = {}
    left = dict(stacks)
    while left:
        ready = [stack for stack in left.values() if stack.needs <= set(result)]
        if not ready:
            raise AssemblyError(f"stacks depend on each other in a circle: {', '.join(sorted(left))}")
        for stack in ready:
            result[stack.id] = left.pop(stack.id)
    return list(result.values())


def _bootstrap(artifacts: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for body in artifacts.values():
        properties = body.get("properties", {})
        name = properties.get("bootstrapStackVersionSsmParameter")
        if name:
            found[name] = max(found.get(name, 0), int(properties.get("requiresBootstrapStackVersion", 6)))
    return found


def _fill(text: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"${{{name}}}", value)
    return text
