"""Where generated files are put: a folder, or a prefix of an S3 bucket through pyarrow's file system."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

SUMMARY = "_generated.json"
"""Written last: without it the data is incomplete. The underscore hides it from Spark, Athena and Glue."""


class LandingError(ValueError):
    """The place for the data cannot be used; the message says what to do."""


class Landing:
    """A folder of a file system, by a path or an `s3://bucket/prefix` address.

    For S3 the credentials are found as by every AWS client; AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL are kept.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        if place.startswith("s3://"):
            self.files, self.base = _s3(), place.removeprefix("s3://").rstrip("/")
            if not self.base:
                raise LandingError(f"--out: needs a bucket, s3://bucket/prefix, got {place!r}")
        elif "://" in place:
            raise LandingError(f"--out: must be a folder or s3://bucket/prefix, got {place!r}")
        else:
            self.files, self.base = fs.LocalFileSystem(), str(Path(place).resolve())

    def require_empty(self) -> None:
        """Make the folder; raise `LandingError` when something lies there already, or when it cannot be used."""
        try:
            if isinstance(self.files, fs.S3FileSystem):
                self._require_bucket()
            else:
                Path(self.base).mkdir(parents=True, exist_ok=True)
            found = self.files.get_file_info(fs.FileSelector(self.base, allow_not_found=True))
        except OSError as error:
            raise LandingError(f"--out: {self.place} cannot be used: {error}") from None
        if found:
            first = found[0].base_name
            raise LandingError(f"--out: {self.place} is not empty (there is {first!r}): take another, or empty it")

    def _require_bucket(self) -> None:
        bucket = self.base.split("/", maxsplit=1)[0]
        if self.files.get_file_info(bucket).type is fs.FileType.NotFound:
            raise LandingError(f"--out: there is no bucket {bucket!r}: create it, or deploy the lake first")

    def parquet(self, path: str, schema: pa.Schema, encoded: tuple[str, ...]) -> "ParquetFile":
        """A Parquet file below this place, open for tables of one schema; `encoded` columns use dictionaries."""
        return ParquetFile(self._stream(path), schema, encoded)

    def write_json(self, path: str, document: dict[str, Any]) -> None:
        """Write a JSON document."""
        with self._stream(path) as stream:
            stream.write((json.dumps(document, indent=1) + "\n").encode())

    def read_json(self, path: str) -> dict[str, Any]:
        """Read a JSON document."""
        with self.files.open_input_stream(f"{self.base}/{path}") as stream:
            return json.loads(stream.read())

    def _stream(self, path: str) -> Any:
        full = f"{self.base}/{path}"
        if isinstance(self.files, fs.LocalFileSystem):
            Path(full).parent.mkdir(parents=True, exist_ok=True)
        return self.files.open_output_stream(full)


class ParquetFile:
    """A Parquet file (snappy) that grows by tables."""

    def __init__(self, stream: Any, schema: pa.Schema, encoded: tuple[str, ...]) -> None:
        self.stream = stream
        # Arrow's own schema would bring dictionaries back as such; every reader shall see plain columns.
        self.writer = pq.ParquetWriter(
            stream, schema, compression="snappy", use_dictionary=list(encoded), store_schema=False
        )

    def write(self, table: pa.Table) -> None:
        """Add the rows of a table as one row group."""
        self.writer.write_table(table)

    def close(self) -> None:
        """Finish the file; it does not exist before."""
        self.writer.close()
        self.stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _s3() -> fs.S3FileSystem:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    options: dict[str, Any] = {"region": region} if region else {}
    if endpoint:
        address = urlsplit(endpoint)
        options |= {"endpoint_override": address.netloc, "scheme": address.scheme}
    # Small files take one request instead of three.
    return fs.S3FileSystem(allow_delayed_open=True, **options)
