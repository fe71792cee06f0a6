"""A container's process, and all that it starts, ends when the cloud's process does, however that ends."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

CLOUD = """
import sys, time
from pathlib import Path
from seatrial.offline.sagemaker.container import Container, ContainerSpec
code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).wait()"
container = Container(ContainerSpec(folder=Path(sys.argv[1]), command=(sys.executable, "-c", code), environment={}))
container.start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("namespaces", ["on", "off"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_and_its_children_die_with_the_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, namespaces: str, end: signal.Signals
) -> None:
    monkeypatch.setenv("SEATRIAL_NAMESPACES", namespaces)
    cloud = subprocess.Popen([sys.executable, "-c", CLOUD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert cloud.stdout is not None
    cloud.stdout.readline()
    process = psutil.Process(cloud.pid)
    while len(children := process.children(recursive=True)) < 2 or "sleep(600)" not in _command(children[-1]):
        assert cloud.poll() is None

    cloud.send_signal(end)
    cloud.wait(timeout=10)

    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def _command(process: psutil.Process) -> str:
    """Its command line; empty when it ended meanwhile, as the helpers that make the namespaces do."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
