"""A container's process, and all that it starts, ends when the cloud's process does, however that ends."""

import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

from seatrial.offline.sagemaker.container import Container, ContainerSpec, namespaces

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


def test_two_containers_have_a_tmp_of_their_own_and_the_machine_s_stays_as_it_was(tmp_path: Path) -> None:
    if not namespaces():
        pytest.skip("this machine refuses namespaces, so /tmp is its own")
    name = f"seatrial-{uuid.uuid4().hex}"
    code = f"import os; os.mkdir('/tmp/{name}'); print(sorted(os.listdir('/tmp/{name}')), os.getcwd())"
    containers = [
        Container(ContainerSpec(folder=tmp_path / str(number), command=(sys.executable, "-c", code), environment={}))
        for number in range(2)
    ]

    for container in containers:
        container.start()

    assert [container.wait(30).code for container in containers] == [0, 0]
    assert not Path("/tmp", name).exists()
    assert all((tmp_path / str(number) / "tmp" / name).is_dir() for number in range(2))


def _command(process: psutil.Process) -> str:
    """Its command line; empty when it ended meanwhile, as the helpers that make the namespaces do."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
