"""Files of any Hadoop file system (S3, local) from a job's driver: list, read, write, move, delete."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

_PARALLEL = 16
"""Calls to S3 wait for the network, so more of them than processors run at once."""


@dataclass(frozen=True, order=True)
class File:
    """One file: `modified` in milliseconds since 1970."""

    uri: str
    size: int
    modified: int

    @property
    def name(self) -> str:
        """Last part of the URI."""
        return self.uri.rsplit("/", 1)[-1]


class Files:
    """The file systems that this session can reach.

    On S3 a move is a copy inside the store followed by a deletion: no byte passes the driver.
    """

    def __init__(self, spark: SparkSession) -> None:
        context: Any = spark.sparkContext
        self._jvm: Any = context._jvm
        self._configuration: Any = context._jsc.hadoopConfiguration()

    def find(self, folder: str) -> list[File]:
        """Data files below a folder, at any depth, by name; names with `_` or `.` in front are none."""
        path, system = self._open(folder)
        if not system.exists(path):
            return []
        found, entries = [], system.listFiles(path, True)
        while entries.hasNext():
            entry = entries.next()
            uri = str(entry.getPath().toString())
            if not any(part[:1] in "_." for part in uri[len(folder.rstrip("/")) :].split("/")[1:]):
                found.append(File(uri, int(entry.getLen()), int(entry.getModificationTime())))
        return sorted(found)

    def folders(self, folder: str) -> list[str]:
        """Names of the folders directly below, in order."""
        path, system = self._open(folder)
        if not system.exists(path):
            return []
        return sorted(str(one.getPath().getName()) for one in system.listStatus(path) if one.isDirectory())

    def exists(self, uri: str) -> bool:
        """True for a file or folder."""
        path, system = self._open(uri)
        return bool(system.exists(path))

    def read_json(self, uri: str) -> Any | None:
        """The document, None when there is no such file."""
        path, system = self._open(uri)
        if not system.exists(path):
            return None
        stream = system.open(path)
        try:
            return json.loads(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def write_json(self, uri: str, document: Any) -> None:
        """Write the whole document or nothing: a reader sees the old one or the new one."""
        scratch = f"{uri.rsplit('/', 1)[0]}/_{uri.rsplit('/', 1)[1]}"
        self.replace_json(scratch, document)
        self.move([(scratch, uri)])

    def replace_json(self, uri: str, document: Any) -> None:
        """Write over a document that others ask for at any time: on S3 the old one is there until the new one is.

        `write_json` deletes what it replaces a moment before, and is for documents that nobody reads meanwhile.
        """
        path, system = self._open(uri)
        stream = system.create(path, True)
        try:
            stream.write(bytearray((json.dumps(document, indent=1, sort_keys=True) + "\n").encode()))
        finally:
            stream.close()

    def upload(self, local: Path, uri: str) -> None:
        """Copy a file of the driver to where it is read, whole or not at all."""
        scratch = f"{uri.rsplit('/', 1)[0]}/_{uri.rsplit('/', 1)[1]}"
        path, system = self._open(scratch)
        system.copyFromLocalFile(False, True, self._jvm.org.apache.hadoop.fs.Path(f"file:{local.absolute()}"), path)
        self.move([(scratch, uri)])

    def download(self, uri: str, local: Path) -> None:
        """Copy a file to the driver."""
        path, system = self._open(uri)
        system.copyToLocalFile(False, path, self._jvm.org.apache.hadoop.fs.Path(f"file:{local.absolute()}"), True)

    def move(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Move files in parallel, over what lies there."""
        self._each(self._move, pairs)

    def delete(self, uris: Iterable[str]) -> None:
        """Remove files and whole folders; what is absent already is no error."""
        self._each(self._delete, list(uris))

    def footers(self, uris: Sequence[str]) -> list[Footer | UnreadableFile]:
        """Schema and row count of Parquet files from their last bytes, in the order asked for."""
        return self._each(self._footer, uris)

    def _each(self, action: Any, items: Sequence[Any]) -> list[Any]:
        if len(items) < 2:
            return [action(item) for item in items]
        with ThreadPoolExecutor(min(_PARALLEL, len(items))) as pool:
            return list(pool.map(action, items))

    def _move(self, pair: tuple[str, str]) -> None:
        source, system = self._open(pair[0])
        target, _ = self._open(pair[1])
        system.mkdirs(target.getParent())
        if system.exists(target):
            system.delete(target, False)
        if not system.rename(source, target):
            raise OSError(f"could not move {pair[0]} to {pair[1]}")

    def _delete(self, uri: str) -> None:
        path, system = self._open(uri)
        system.delete(path, True)

    def _footer(self, uri: str) -> Footer | UnreadableFile:
        hadoop = self._jvm.org.apache.parquet.hadoop
        path, _ = self._open(uri)
        try:
            reader = hadoop.ParquetFileReader.open(hadoop.util.HadoopInputFile.fromPath(path, self._configuration))
        except Exception as error:
            cause = getattr(error, "java_exception", None)
            if cause is None:
                raise
            return UnreadableFile(uri, str(cause.getMessage()).split("\n")[0])
        try:
            schema = str(reader.getFooter().getFileMetaData().getSchema().toString())
            return Footer(uri, int(reader.getRecordCount()), parquet_types(schema))
        finally:
            reader.close()

    def _open(self, uri: str) -> tuple[Any, Any]:
        path = self._jvm.org.apache.hadoop.fs.Path(location(uri))
        return path, path.getFileSystem(self._configuration)


@dataclass(frozen=True)
class Footer:
    """What the end of a Parquet file says of it: `types` is Parquet's type by column."""

    uri: str
    rows: int
    types: dict[str, str]


@dataclass(frozen=True)
class UnreadableFile:
    """A file that is no Parquet file or is cut off."""

    uri: str
    reason: str


def location(uri: str) -> str:
    """A URI with its scheme: a bare path would be looked for in the cluster's default file system.

    >>> location("s3://raw/a"), location("/data/a")
    ('s3://raw/a', 'file:/data/a')
    """
    whole = uri.rstrip("/") if ":/" in uri else f"file:{Path(uri).absolute()}"
    return whole.replace("file:///", "file:/")  # as Hadoop spells it


def parquet_types(schema: str) -> dict[str, str]:
    """Types of the top-level columns from the text form of a Parquet schema.

    >>> parquet_types("message m {\\n  optional binary a (STRING);\\n  optional int64 b (TIMESTAMP(MICROS,true));\\n}")
    {'a': 'binary STRING', 'b': 'int64 TIMESTAMP(MICROS,true)'}
    """
    types, depth = {}, 0
    for line in schema.splitlines()[1:]:
        text = line.strip()
        if depth == 0 and text != "}":
            words = text.rstrip(";{ ").split(" ")
            annotation = " ".join(words[3:]).strip()
            types[words[2]] = f"{words[1]} {annotation[1:-1]}".strip()
        depth += text.endswith("{")
        depth -= text == "}"
    return types
