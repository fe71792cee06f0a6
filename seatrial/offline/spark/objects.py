"""S3 as a Spark job's file system sees it: objects that appear when they are finished, folders that do not exist."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.s3.models import FakeKey, s3_backends

from seatrial.offline.context import CloudContext

COPY_BYTES = 1 << 18
STAGING_PREFIX = ".spark-staging-"


class NoSuchPathError(Exception):
    """There is no object and no folder of this name."""


class PathExistsError(Exception):
    """Something of this name is there already."""


@dataclass(frozen=True)
class Status:
    """One object or folder: `key` has no slash at its end, `modified` is in seconds since 1970."""

    key: str
    is_folder: bool
    size: int = 0
    modified: float = 0.0

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]


@dataclass
class View:
    """What one job sees of S3.

    What it writes below `_temporary` or `.spark-staging-*` are uploads that are not completed: nobody else sees
    them, a rename out of there completes them, and they are gone when the job ends. So a job leaves what it would
    leave with EMR's committer (docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-spark-committer-multipart.html):
    a task's files appear when the task commits, with dynamic partition overwrite when the job commits.
    """

    context: CloudContext
    folder: Path
    key_arn: str | None = None
    """KMS key that objects are written with, when it is not left to the bucket."""
    read_bytes: int = 0
    written_objects: int = 0
    written_bytes: int = 0
    closed: bool = False
    _pending: dict[tuple[str, str], Path] = field(default_factory=dict)
    _folders: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _count: int = 0

    def status(self, bucket: str, key: str) -> Status:
        """The object or folder; raises `NoSuchPathError`."""
        with self._lock:
            if (bucket, key) in self._pending:
                return _pending_status(key, self._pending[bucket, key])
            if (bucket, key) in self._folders:
                return Status(key, is_folder=True)
        found = self._object(bucket, key) if key else None
        if found is not None:
            return Status(key, False, found.size, found.last_modified.timestamp())
        if not key or self._has_below(bucket, f"{key}/"):
            return Status(key, is_folder=True)
        raise NoSuchPathError(f"s3://{bucket}/{key}")

    def listing(self, bucket: str, key: str) -> list[Status]:
        """What a folder holds, or the object itself, sorted by key."""
        own = self.status(bucket, key)
        if not own.is_folder:
            return [own]
        prefix = f"{key}/" if key else ""
        found: dict[str, Status] = {}
        for name, entry in self._entries(bucket, prefix):
            head, deeper, _ = name[len(prefix) :].partition("/")
            child = prefix + head
            if deeper:
                found.setdefault(child, Status(child, is_folder=True))
            elif head:
                found[child] = entry
        return [found[name] for name in sorted(found)]

    def below(self, bucket: str, key: str) -> list[Status]:
        """Every object below a folder, however deep, or the object itself."""
        own = self.status(bucket, key)
        if not own.is_folder:
            return [own]
        return [entry for _, entry in self._entries(bucket, f"{key}/" if key else "") if not entry.is_folder]

    def read(self, bucket: str, key: str, offset: int, length: int) -> Iterator[bytes]:
        """An object's bytes in pieces."""
        with self._lock:
            pending = self._pending.get((bucket, key))
        if pending is not None:
            with pending.open("rb") as file:
                yield from self._pieces(file, offset, length, contextlib.nullcontext())
            return
        found = self._object(bucket, key)
        if found is None:
            raise NoSuchPathError(f"s3://{bucket}/{key}")
        yield from self._pieces(found._value_buffer, offset, length, found.lock)

    def new_file(self) -> Path:
        """Where the bytes of an object that is being written are kept."""
        with self._lock:
            if self.closed:
                raise PermissionError("the job has ended")
            self._count += 1
            self.folder.mkdir(parents=True, exist_ok=True)
            return self.folder / f"{self._count}"

    def finish(self, bucket: str, key: str, file: Path) -> None:
        """The object is complete: it appears, unless it lies where uploads wait to be committed."""
        with self._lock:
            if self.closed:
                return
            self._folders |= {(bucket, parent) for parent in _parents(key)}
            if is_uncommitted(key):
                self._pending[bucket, key] = file
                return
        self._upload(bucket, key, file)

    def make_folder(self, bucket: str, key: str) -> None:
        """Remember a folder: S3 has none, so nobody else sees it."""
        self._require_bucket(bucket)
        with self._lock:
            self._folders |= {(bucket, each) for each in (*_parents(key), key)}

    def delete(self, bucket: str, key: str) -> bool:
        """Delete an object, or a folder with all that is below; False when there is none."""
        try:
            doomed = self.below(bucket, key)
        except NoSuchPathError:
            return False
        for entry in doomed:
            self._delete_one(bucket, entry.key)
        with self._lock:
            gone = {(b, k) for b, k in self._folders if b == bucket and (k == key or k.startswith(f"{key}/"))}
            self._folders -= gone
        return True

    def rename(self, bucket: str, source: str, target: str) -> bool:
        """Copy and delete, object by object, as on S3; what waits to be committed is uploaded instead."""
        origin = self.status(bucket, source)
        with contextlib.suppress(NoSuchPathError):
            if not self.status(bucket, target).is_folder:
                return False
            target = f"{target}/{origin.name}".lstrip("/")
        if origin.is_folder:
            self.make_folder(bucket, target)
        for entry in self.below(bucket, source):
            self._move(bucket, entry.key, target + entry.key[len(source) :])
        self.delete(bucket, source)
        return True

    def close(self) -> None:
        """The job has ended: uploads that it did not commit are dropped."""
        with self._lock:
            self.closed = True
            self._pending.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _move(self, bucket: str, source: str, target: str) -> None:
        with self._lock:
            pending = self._pending.pop((bucket, source), None)
        if pending is not None:
            self.finish(bucket, target, pending)
            return
        extra = _encryption(self.key_arn)
        self.context.client("s3").copy_object(
            Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": source}, **extra
        )
        self._delete_one(bucket, source)

    def _delete_one(self, bucket: str, key: str) -> None:
        with self._lock:
            pending = self._pending.pop((bucket, key), None)
        if pending is not None:
            pending.unlink(missing_ok=True)
        else:
            self.context.client("s3").delete_object(Bucket=bucket, Key=key)

    def _upload(self, bucket: str, key: str, file: Path) -> None:
        size = file.stat().st_size
        try:
            with file.open("rb") as content:
                self.context.client("s3").put_object(Bucket=bucket, Key=key, Body=content, **_encryption(self.key_arn))
        except ClientError as error:
            raise PermissionError(f"cannot write s3://{bucket}/{key}: {error}") from error
        finally:
            file.unlink()
        with self._lock:
            self.written_objects += 1
            self.written_bytes += size

    def _object(self, bucket: str, key: str) -> FakeKey | None:
        found = self._require_bucket(bucket).keys.get(key)
        return found if isinstance(found, FakeKey) else None

    def _has_below(self, bucket: str, prefix: str) -> bool:
        return next(self._entries(bucket, prefix), None) is not None

    def _entries(self, bucket: str, prefix: str) -> Iterator[tuple[str, Status]]:
        """Objects, uploads and folders whose keys start with the prefix; a folder's name ends with a slash."""
        for name, found in self._require_bucket(bucket).keys.items():
            if name.startswith(prefix) and isinstance(found, FakeKey):
                yield name, Status(name, name.endswith("/"), found.size, found.last_modified.timestamp())
        with self._lock:
            waiting = [(name, file) for (b, name), file in self._pending.items() if b == bucket]
            folders = [f"{name}/" for b, name in self._folders if b == bucket]
        yield from ((name, _pending_status(name, file)) for name, file in waiting if name.startswith(prefix))
        # A folder is itself below its own prefix: it must not count as something that it holds.
        yield from ((name, Status(name, is_folder=True)) for name in folders if name.startswith(prefix))

    def _require_bucket(self, bucket: str) -> Any:
        found = s3_backends[self.context.account]["aws"].buckets.get(bucket)
        if found is None:
            raise NoSuchPathError(f"s3://{bucket}: there is no such bucket")
        return found

    def _pieces(self, file: Any, offset: int, length: int, lock: Any) -> Iterator[bytes]:
        while length > 0:
            with lock:
                file.seek(offset)
                piece = file.read(min(COPY_BYTES, length))
            if not piece:
                return
            offset, length = offset + len(piece), length - len(piece)
            with self._lock:
                self.read_bytes += len(piece)
            yield piece


def is_uncommitted(key: str) -> bool:
    """Whether a key lies where Spark's and Hadoop's committers keep what is not committed.

    >>> is_uncommitted("out/_temporary/0/task_1/part-0.parquet"), is_uncommitted("out/part-0.parquet")
    (True, False)
    """
    return any(part == "_temporary" or part.startswith(STAGING_PREFIX) for part in key.split("/"))


def _encryption(key_arn: str | None) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn} if key_arn else {}


def _parents(key: str) -> list[str]:
    parts = key.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _pending_status(key: str, file: Path) -> Status:
    facts = file.stat()
    return Status(key, False, facts.st_size, facts.st_mtime)
