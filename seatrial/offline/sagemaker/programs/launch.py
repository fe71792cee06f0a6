"""Ties a process to the cloud's life, gives it a SageMaker container's file system, then becomes it."""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

MS_BIND_RECURSIVE = 4096 | 16384
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
OPT_ML = "/opt/ml"
TMP = "/tmp"  # noqa: S108 - the path itself is meant
HIGHEST_DESCRIPTOR = 65_536


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """Call mount(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, None)
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount {source} on {target}: {os.strerror(number)}")


def make_mount_point(staging: str) -> None:
    """Let /opt/ml exist although /opt may not be writable: a new /opt that holds the old one's entries."""
    if Path(OPT_ML).is_dir():
        return
    stage = Path(staging)
    stage.mkdir(parents=True, exist_ok=True)
    mount("tmpfs", staging, "tmpfs", 0)
    for entry in Path("/opt").iterdir():
        if entry.is_dir() and not entry.is_symlink():
            (stage / entry.name).mkdir()
            mount(str(entry), str(stage / entry.name), None, MS_BIND_RECURSIVE)
        else:
            (stage / entry.name).symlink_to(entry.readlink() if entry.is_symlink() else entry)
    (stage / "ml").mkdir()
    mount(staging, "/opt", None, MS_BIND_RECURSIVE)


def make_own_tmp(folder: str, kept: list[str]) -> None:
    """Let /tmp be the folder, as each container has its own; the machine's entries that are `kept` stay visible."""
    for name in kept:
        inner = Path(folder) / name
        inner.mkdir(exist_ok=True)
        mount(f"{TMP}/{name}", str(inner), None, MS_BIND_RECURSIVE)
    mount(folder, TMP, None, MS_BIND_RECURSIVE)


def raise_loopback() -> None:
    """Switch on `lo`, which a fresh network namespace has switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def die_with_parent(lifeline: int) -> None:
    """Leave a guard in this process group: it kills the group once the other end of the pipe is closed.

    PR_SET_PDEATHSIG would not do: it fires when the thread ends that started the process. The guard is no child
    of the command, which may wait for its children, and keeps none of its files open.
    """
    if os.fork():
        os.wait()
        os.close(lifeline)
        return
    if os.fork():
        os._exit(0)
    os.closerange(0, lifeline)
    os.closerange(lifeline + 1, HIGHEST_DESCRIPTOR)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.read(lifeline, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(specification: str) -> None:
    """Mount what the specification says and execute its command."""
    plan = json.loads(specification)
    die_with_parent(plan["lifeline"])
    if plan["staging"]:
        make_mount_point(plan["staging"])
    for source, target in plan["binds"]:
        mount(source, target, None, MS_BIND_RECURSIVE)
    if plan["tmp"]:
        make_own_tmp(plan["tmp"], plan["kept_in_tmp"])
    if plan["own_network"]:
        raise_loopback()
    os.chdir(plan["directory"])
    os.execvpe(plan["command"][0], plan["command"], os.environ)  # noqa: S606 - the very purpose of this program


if __name__ == "__main__":
    main(sys.argv[1])
