"""Where the command's files lie: a file, a folder or an s3:// prefix, all read by the same few calls."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

SCHEME = "s3://"


class InputError(ValueError):
    """The user named something that cannot be used; the text is `place: what is wrong; what to do`."""


class Place(Protocol):
    """A folder or prefix, or a single file or object."""

    @property
    def name(self) -> str:
        """As the user named it."""
        ...

    def is_file(self) -> bool:
        """Whether it is one file or object."""
        ...

    def files(self, below: str = "") -> list[str]:
        """Names, relative to the place and in order, of all files whose names start with `below`; empty ones too."""
        ...

    def folders(self, below: str = "") -> list[str]:
        """Names of the folders directly below `below`, which is empty or ends with a slash."""
        ...

    def read(self, file: str = "") -> bytes:
        """The bytes of a file; without a name those of the place itself."""
        ...

    def sibling(self, name: str) -> "Place":
        """Another file in the same folder."""
        ...

    def child(self, name: str) -> "Place":
        """A folder or file within."""
        ...


@dataclass(frozen=True)
class Folder:
    """A path on this machine."""

    name: str

    @property
    def _path(self) -> Path:
        return Path(self.name)

    def is_file(self) -> bool:
        """Whether it is one file."""
        return self._path.is_file()

    def files(self, below: str = "") -> list[str]:
        """All files below, in the order in which S3 would list them."""
        start = self._path / below.rpartition("/")[0]
        found = (Path(folder) / name for folder, _, names in os.walk(start) for name in names)
        names = (path.relative_to(self._path).as_posix() for path in found)
        return sorted(name for name in names if name.startswith(below))

    def folders(self, below: str = "") -> list[str]:
        """Folders directly below."""
        start = self._path / below
        return sorted(path.name for path in start.iterdir() if path.is_dir()) if start.is_dir() else []

    def read(self, file: str = "") -> bytes:
        """The file's bytes."""
        try:
            return (self._path / file).read_bytes() if file else self._path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error.strerror}; check the path and its rights") from None

    def sibling(self, name: str) -> "Folder":
        """Another file in the same folder."""
        return Folder(str(self._path.with_name(name)))

    def child(self, name: str) -> "Folder":
        """A folder or file within."""
        return Folder(str(self._path / name))


@dataclass(frozen=True)
class Prefix:
    """An address in S3; `clients` makes the typed client and is asked only when something is read."""

    name: str
    clients: Callable[[], Any]

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.name.removeprefix(SCHEME).partition("/")[0]

    @property
    def key(self) -> str:
        """The key or prefix as it was given."""
        return self.name.removeprefix(SCHEME).partition("/")[2]

    @property
    def _base(self) -> str:
        return f"{self.key.rstrip('/')}/" if self.key else ""

    def is_file(self) -> bool:
        """Whether the key names an object that is there."""
        if not self.key or self.key.endswith("/"):
            return False
        found = self._asked(lambda: next(iter(self.clients().keys(self.bucket, self.key)), None))
        return found is not None and found[0] == self.key

    def files(self, below: str = "") -> list[str]:
        """Keys below the prefix, in S3's order."""
        base = self._base
        return self._asked(lambda: [key[len(base) :] for key, _ in self.clients().keys(self.bucket, base + below)])

    def folders(self, below: str = "") -> list[str]:
        """Common prefixes directly below; an empty name stands for a double slash in keys."""
        return self._asked(lambda: self.clients().folders(self.bucket, self._base + below))

    def read(self, file: str = "") -> bytes:
        """The object's bytes."""
        return self._asked(lambda: self.clients().body(self.bucket, self._base + file if file else self.key), file)

    def sibling(self, name: str) -> "Prefix":
        """Another object below the same prefix."""
        return Prefix(f"{self.name.rpartition('/')[0]}/{name}", self.clients)

    def child(self, name: str) -> "Prefix":
        """A prefix or object within."""
        return Prefix(f"{self.name.rstrip('/')}/{name}", self.clients)

    def _asked(self, call: Callable[[], Any], file: str = "") -> Any:
        from seatrial.monitoring.aws import FAILURES, reason

        try:
            return call()
        except FAILURES as error:
            place = f"{self.name.rstrip('/')}/{file}" if file else self.name
            raise InputError(f"{place}: S3 answers: {reason(error)}; check address, credentials and rights") from None


def place_of(name: str, clients: Callable[[], Any]) -> Place:
    """The place that a user names; raises `InputError` when it is a path and nothing is there."""
    if name.startswith(SCHEME):
        place = Prefix(name, clients)
        if not place.bucket:
            raise InputError(f"{name}: has no bucket; give s3://bucket/prefix")
        return place
    if "://" in name:
        raise InputError(f"{name}: is neither a path nor s3://bucket/prefix; give one of these")
    if not Path(name).exists():
        raise InputError(f"{name}: no such file or folder; check the path")
    return Folder(name)


def make_clients() -> Any:
    """The typed AWS client; boto3 takes a while to import, and local files do without."""
    from seatrial.monitoring.aws import Aws

    return Aws()


def read_text(place: Place) -> str:
    """The text of a file; raises `InputError` for bytes that are no UTF-8."""
    try:
        return place.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{place.name}: is no text in UTF-8; name another file") from None


def lines_of(body: bytes) -> Iterator[str]:
    """Lines of text; bytes that are no UTF-8 are replaced, so that one bad line stays one."""
    return iter(body.decode("utf-8", errors="replace").split("\n"))
