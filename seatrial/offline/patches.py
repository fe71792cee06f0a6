"""Replacing functions of moto, once a process; the originals stay reachable, so that contract tests can compare."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from moto.core import utils

from seatrial.offline.clock import Clock

_originals: dict[tuple[Any, str], Any] = {}
_clocks: list[Clock] = []


def replace(owner: Any, name: str, replacement: Any) -> None:
    """Put `replacement` in the place of `owner.name`, which moto may lack; doing so again changes nothing else."""
    _originals.setdefault((owner, name), vars(owner).get(name))
    setattr(owner, name, replacement)


def original(owner: Any, name: str) -> Callable[..., Any]:
    """What moto itself has as `owner.name`."""
    found = _originals.get((owner, name), vars(owner).get(name))
    if found is None:
        raise AttributeError(f"moto has no {name!r} in {owner!r}")
    return found


@contextlib.contextmanager
def without(owner: Any, name: str) -> Iterator[None]:
    """Moto as it comes, while the block runs: what a contract test looks at."""
    replacement = vars(owner)[name]
    plain = _originals[owner, name]
    if plain is None:
        delattr(owner, name)
    else:
        setattr(owner, name, plain)
    try:
        yield
    finally:
        setattr(owner, name, replacement)


@contextlib.contextmanager
def without_any() -> Iterator[None]:
    """Moto as it comes in everything, while the block runs: an earlier cloud of this process leaves nothing behind."""
    with contextlib.ExitStack() as stack:
        for owner, name in list(_originals):
            stack.enter_context(without(owner, name))
        yield


def replace_everywhere(owner: Any, name: str, replacement: Any, package: str = "moto.") -> None:
    """Replace a function of the module `owner` there and in every loaded module of `package` that imported it."""
    plain = _originals.get((owner, name), vars(owner)[name])
    for module in [module for key, module in list(sys.modules.items()) if key.startswith(package)]:
        if vars(module).get(name) is plain:
            replace(module, name, replacement)


def follow(clock: Clock) -> None:
    """Make moto's own timestamps (S3, SQS, DynamoDB, logs, ...) those of the cloud's clock."""
    _clocks[:] = [clock]
    replace_everywhere(utils, "utcnow", _cloud_utcnow)


def _cloud_utcnow() -> Any:
    return _clocks[-1].now().replace(tzinfo=None)
