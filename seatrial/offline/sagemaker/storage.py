"""Moves objects between the cloud's S3 and the folders of jobs and endpoints."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError


class StorageError(Exception):
    """An input is not there, or an output cannot be written: the job fails with this sentence."""


def parse_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    >>> parse_uri("s3://bucket/a/b.csv")
    ('bucket', 'a/b.csv')
    """
    parts = urlparse(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise StorageError(f"ClientError: not an S3 URI: {uri!r}: use s3://bucket/key")
    return parts.netloc, parts.path.lstrip("/")


def join_uri(uri: str, *parts: str) -> str:
    """Append parts to an S3 URI with single slashes."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])


def keys_under(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Keys that start with `prefix`, in S3's order."""
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                yield item["Key"]
    except ClientError as error:
        raise StorageError(f"ClientError: cannot list s3://{bucket}/{prefix}: {error}") from error


def download(s3: Any, uri: str, folder: Path) -> list[Path]:
    """Fetch an object, or every object under a prefix, into `folder` as SageMaker lays them out.

    Raises `StorageError` in SageMaker's words when nothing is there.
    """
    bucket, prefix = parse_uri(uri)
    folder.mkdir(parents=True, exist_ok=True)
    written = [_fetch(s3, bucket, key, folder / local) for key, local in _targets(s3, bucket, prefix)]
    if not written:
        raise StorageError(
            f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that '
            "the bucket exists in the selected region, that objects exist under that S3 prefix, and that the role "
            "has s3:ListBucket permissions on the bucket"
        )
    return written


def download_manifest(s3: Any, uri: str, folder: Path) -> list[Path]:
    """Fetch the objects that a manifest names, each to its place below the manifest's prefix.

    Format: SageMaker API reference, ProcessingS3Input, S3DataType ManifestFile. Raises `StorageError` for another form.
    """
    try:
        first, *names = json.loads(read(s3, uri))
        bucket, prefix = parse_uri(first["prefix"])
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f'ClientError: {uri} is no manifest, a JSON list of an object with "prefix" and of names: {error}'
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    return [fetch_file(s3, f"s3://{bucket}/{prefix}{name}", folder / name) for name in names]


def read(s3: Any, uri: str) -> bytes:
    """The content of one object."""
    bucket, key = parse_uri(uri)
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise StorageError(f"ClientError: cannot read {uri}: {error}") from error


def fetch_file(s3: Any, uri: str, path: Path) -> Path:
    """Write one object to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(read(s3, uri))
    return path


def upload_folder(s3: Any, folder: Path, uri: str, kms_key: str | None = None) -> int:
    """Put every file below `folder` under the prefix; the number of files."""
    bucket, prefix = parse_uri(uri)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        key = "/".join(part for part in (prefix.rstrip("/"), path.relative_to(folder).as_posix()) if part)
        put(s3, bucket, key, path.read_bytes(), kms_key)
    return len(files)


def put(s3: Any, bucket: str, key: str, content: bytes, kms_key: str | None = None) -> None:
    """Write one object, encrypted with the key when one is given."""
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=content, **extra)
    except ClientError as error:
        raise StorageError(f"ClientError: cannot write s3://{bucket}/{key}: {error}") from error


def pack(folder: Path, archive: Path) -> Path:
    """A tar.gz of the folder's content, names relative to it, in stable order."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Extract a tar.gz; refuses members that would land outside the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise StorageError(f"ClientError: cannot unpack {archive.name}: {error}") from error


def _targets(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
    folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
    for key in keys_under(s3, bucket, prefix):
        if key.endswith("/"):
            continue
        if key == prefix:
            yield key, key.rpartition("/")[2]
        elif key.startswith(folder):
            yield key, key[len(folder) :]
        else:
            yield key, key[prefix.rfind("/") + 1 :]


def _fetch(s3: Any, bucket: str, key: str, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return path
