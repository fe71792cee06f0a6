"""Runs a process under SageMaker's container contract: its own /opt/ml, /tmp and host name, no network when isolated.

On Linux a user mount namespace does so without root or Docker. Where namespaces are refused the process gets
SAGEMAKER_BASE_DIR, and /opt/ml in its arguments and environment is rewritten to the folder; /tmp is the machine's then,
only TMPDIR is its own.
"""

import contextlib
import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import seatrial
from seatrial.offline.journal import Journal

OPT_ML = "/opt/ml"
HOST = "algo-1"
LAUNCHER = Path(__file__).parent / "programs" / "launch.py"
GRACE_SECONDS = 5.0
SWITCH = "SEATRIAL_NAMESPACES"
REWRITTEN = (".py", ".sh")
_IN_TMP = re.compile(r"/tmp/([^/\s:;,='\"]+)")  # noqa: S108 - the path itself is meant


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """One process to run: `folder` holds `ml` (seen as /opt/ml), `tmp` (seen as /tmp) and the log."""

    folder: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]
    isolated: bool = False
    """No network but its own loopback interface."""
    inherit: tuple[int, ...] = ()
    """File descriptors that the process keeps."""

    @property
    def ml(self) -> Path:
        """What the process sees as /opt/ml."""
        return self.folder / "ml"

    @property
    def log(self) -> Path:
        """Where its standard output and error go."""
        return self.folder / "output.log"


@dataclass(frozen=True)
class Exit:
    """How a process ended, after so many real seconds."""

    code: int
    seconds: float
    timed_out: bool = False
    stopped: bool = False


def namespaces(*, own_network: bool = False) -> bool:
    """Whether this machine lets us make the namespaces; SEATRIAL_NAMESPACES=off says no."""
    return os.environ.get(SWITCH) != "off" and _tried(own_network)


@functools.cache
def _tried(own_network: bool) -> bool:
    command = ["unshare", "--user", "--map-root-user", "--mount", *(["--net"] if own_network else []), "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@dataclass
class Container:
    """A started process."""

    spec: ContainerSpec
    _process: subprocess.Popen[bytes] | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)
    _started: float = 0.0
    _lifeline: FileIO | None = None
    """Closed by us or by our death: either way the process and its children end."""

    def start(self) -> None:
        """Start the process in a session of its own, so that it ends with all its children."""
        (self.spec.folder / "tmp").mkdir(parents=True, exist_ok=True)
        self.spec.ml.mkdir(parents=True, exist_ok=True)
        if not namespaces():
            _rewrite_scripts(self.spec.ml)
        self._started = time.monotonic()
        lifeline, ours = os.pipe()
        self._lifeline = FileIO(ours, "w")
        try:
            self._process = self._spawn(lifeline)
        finally:
            os.close(lifeline)
        if self._stopped.is_set():
            self.stop()

    def _spawn(self, lifeline: int) -> subprocess.Popen[bytes]:
        with self.spec.log.open("ab") as log:
            return subprocess.Popen(
                _command(self.spec, lifeline),
                env=_environment(self.spec),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(*self.spec.inherit, lifeline),
                cwd=self.spec.folder / "tmp",
            )

    def wait(self, timeout_seconds: float | None = None) -> Exit:
        """Wait for the end; past the timeout the process is told to stop, then killed."""
        process = self._running()
        timed_out = False
        try:
            process.wait(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
            self._end()
        self._cut()
        seconds = round(time.monotonic() - self._started, 3)
        return Exit(process.returncode, seconds, timed_out, self._stopped.is_set())

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the process and its children: SIGTERM, then SIGKILL."""
        self._stopped.set()
        if self._process is not None:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the container has not been started")
        return self._process

    def _end(self) -> None:
        process = self._running()
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_SECONDS)
        _signal_group(process, signal.SIGKILL)
        process.wait()
        self._cut()

    def _cut(self) -> None:
        if self._lifeline is not None:
            self._lifeline.close()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _command(spec: ContainerSpec, lifeline: int) -> list[str]:
    separate = namespaces()
    own_network = spec.isolated and namespaces(own_network=True)
    plan = {
        "lifeline": lifeline,
        "staging": str(spec.folder / "opt") if separate else None,
        "binds": _binds(spec) if separate else [],
        "tmp": str(spec.folder / "tmp") if separate else None,
        "kept_in_tmp": _kept_in_tmp(spec),
        "own_network": own_network,
        "directory": str(spec.folder / "tmp"),
        "command": list(spec.command) if separate else [rewrite(part, spec.ml) for part in spec.command],
    }
    launch = [sys.executable, "-I", str(LAUNCHER), json.dumps(plan)]
    if not separate:
        return launch
    return ["unshare", "--user", "--map-root-user", "--mount", *(["--net"] if own_network else []), "--", *launch]


def _binds(spec: ContainerSpec) -> list[tuple[str, str]]:
    hosts = spec.folder / "hosts"
    # The machine's own name too: Spark looks it up as soon as there are AWS keys in its environment.
    hosts.write_text(f"127.0.0.1 localhost {HOST} {socket.gethostname()}\n::1 localhost\n", encoding="ascii")
    masked = spec.folder / "masked"
    masked.mkdir(exist_ok=True)
    # The checkout's own package is hidden: a step may import only what was staged for it, as on AWS.
    package = str(Path(seatrial.__file__).parent)
    return [(str(spec.ml), OPT_ML), (str(hosts), "/etc/hosts"), (str(masked), package)]


def _kept_in_tmp(spec: ContainerSpec) -> list[str]:
    """Folders of the machine's /tmp that the process needs: where it runs, and where its programs happen to be."""
    places = [spec.folder, spec.folder.resolve(), sys.prefix, sys.base_prefix, Path(seatrial.__file__), Path.home()]
    texts = [*spec.command, *_environment(spec).values()]
    paths = [*map(str, places), *(part for text in texts for part in text.split(os.pathsep))]
    names = {path.split("/")[2] for path in paths if path.startswith("/tmp/")}  # noqa: S108 - itself is meant
    names.update(_IN_TMP.findall("\n".join(texts)))
    return sorted(name for name in names if name and Path("/tmp", name).is_dir())  # noqa: S108 - itself is meant


def _environment(spec: ContainerSpec) -> dict[str, str]:
    temporary = str(spec.folder / "tmp")
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": temporary,
        "TMPDIR": temporary,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",
        **spec.environment,
    }
    if namespaces():
        return environment
    return {name: rewrite(value, spec.ml) for name, value in environment.items()} | {"SAGEMAKER_BASE_DIR": str(spec.ml)}


def rewrite(text: str, folder: Path) -> str:
    """Replace /opt/ml by the step's folder, for machines without namespaces.

    >>> rewrite("/opt/ml/model:/opt/mlx", Path("/run/ml"))
    '/run/ml/model:/opt/mlx'
    """
    marker = f"{OPT_ML}/"
    text = text.replace(marker, f"{folder}/")
    return str(folder) if text == OPT_ML else text


def _rewrite_scripts(folder: Path) -> None:
    settings = set(folder.glob("input/config/*.json"))
    for path in folder.rglob("*"):
        if (path.suffix in REWRITTEN or path in settings) and path.is_file():
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(f"{OPT_ML}/", f"{folder}/"), encoding="utf-8")


def note_isolation(journal: Journal, *, isolated: bool) -> None:
    """Put into the fidelity report how far the container contract held."""
    if not namespaces():
        detail = (
            "this machine refuses namespaces: /opt/ml was rewritten to a folder, /tmp is shared, the host is not algo-1"
        )
        journal.fidelity("container contract", "emulated", detail)
    else:
        journal.fidelity(
            "container contract", "real", "each process had its own /opt/ml, /tmp and host name (namespaces)"
        )
    if isolated and not namespaces(own_network=True):
        journal.fidelity("network isolation", "not-proven", "this machine refuses network namespaces")
    elif isolated:
        journal.fidelity("network isolation", "real", "isolated processes had no network but their own loopback")


def host_names() -> list[str]:
    """The cluster's host names as resourceconfig.json lists them; localhost where algo-1 cannot be made to resolve."""
    return [HOST] if namespaces() else ["localhost"]
