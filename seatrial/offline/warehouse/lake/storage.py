"""A local mirror of objects in the cloud's S3: DuckDB reads files, and its S3 extension cannot be downloaded."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from seatrial.offline.warehouse.errors import SqlError

_PARALLEL = 4


@dataclass(frozen=True)
class Stored:
    """An object in S3."""

    bucket: str
    key: str
    size: int
    etag: str

    @property
    def uri(self) -> str:
        """Where it lies."""
        return f"s3://{self.bucket}/{self.key}"


def parse_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI; raises `SqlError`.

    >>> parse_uri("s3://bucket/a/b")
    ('bucket', 'a/b')
    """
    parts = urlparse(uri)
    if parts.scheme not in {"s3", "s3a", "s3n"} or not parts.netloc:
        raise SqlError(f"{uri!r} is not an S3 path: use s3://bucket/prefix")
    return parts.netloc, uri.split("://", 1)[1].partition("/")[2]


class Storage:
    """Reads and writes S3 for the warehouse, with copies of what was read kept by their ETag."""

    def __init__(self, s3: Any, folder: Path) -> None:
        self._s3 = s3
        self._folder = folder

    def listed(self, uri: str) -> list[Stored]:
        """Objects whose key starts with the URI's, without folders and hidden files, in S3's order."""
        bucket, prefix = parse_uri(uri)
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            found = [
                Stored(bucket, item["Key"], item["Size"], item["ETag"].strip('"'))
                for page in pages
                for item in page.get("Contents", ())
            ]
        except ClientError as error:
            raise SqlError(f"S3ServiceException: cannot list {uri}: {error}") from error
        return [one for one in found if not one.key.endswith("/") and not _is_hidden(one.key[len(prefix) :])]

    def content(self, uri: str) -> bytes:
        """The content of one object; raises `SqlError`."""
        bucket, key = parse_uri(uri)
        try:
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise SqlError(f"S3ServiceException: cannot read {uri}: {error}") from error

    def local(self, objects: Iterable[Stored]) -> list[Path]:
        """Paths of copies of the objects, in their order."""
        objects = list(objects)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(self._copy, objects))

    def put(self, uri: str, content: bytes, kms_key: str | None = None) -> None:
        """Write an object."""
        bucket, key = parse_uri(uri)
        extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, **extra)
        except ClientError as error:
            raise SqlError(f"S3ServiceException: cannot write {uri}: {error}") from error

    def delete(self, objects: Iterable[Stored]) -> None:
        """Remove objects."""
        for one in objects:
            self._s3.delete_object(Bucket=one.bucket, Key=one.key)

    def _copy(self, one: Stored) -> Path:
        name = hashlib.sha256(f"{one.uri} {one.etag}".encode()).hexdigest()[:32]
        path = self._folder / f"{name}{''.join(Path(one.key).suffixes[-2:])}"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{id(one)}.part")
            partial.write_bytes(self.content(one.uri))
            partial.rename(path)
        return path


def _is_hidden(rest: str) -> bool:
    return any(part.startswith(("_", ".")) for part in rest.split("/"))
