"""Record format conversion of Firehose: JSON records become Parquet with the schema of a Glue table."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from moto.core.exceptions import JsonRESTError
from moto.glue.models import glue_backends
from pyarrow import parquet

from seatrial.offline.streaming import hive_types
from seatrial.offline.streaming.hive_types import Convert, TypeTextError, ValueMismatchError

_DECODER = json.JSONDecoder()
_DEFAULT_PAGE_BYTES = 1024 * 1024
_JODA = {"SSS": "%f", "yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "'T'": "T", "'Z'": "Z"}


class ConversionError(Exception):
    """A record cannot be converted; `code` is one of Firehose's DataFormatConversion error codes."""

    def __init__(self, code: str, message: str) -> None:
        self.code = f"DataFormatConversion.{code}"
        super().__init__(message)


class Conversion:
    """The conversion that one destination asks for; the table is looked up at each delivery, as Firehose does."""

    def __init__(self, settings: dict[str, Any], account: str, region: str) -> None:
        self._schema = settings["SchemaConfiguration"]
        self._account, self._region = account, region
        self._serde = settings["InputFormatConfiguration"]["Deserializer"]
        self._parquet = settings["OutputFormatConfiguration"]["Serializer"]["ParquetSerDe"]
        self._timestamp = timestamp_reader(self._serde)

    @property
    def table(self) -> dict[str, Any]:
        """What an error record tells about the table."""
        return {
            "catalogId": self._schema.get("CatalogId") or self._account,
            "databaseName": self._schema["DatabaseName"],
            "tableName": self._schema["TableName"],
            "region": self._schema.get("Region") or self._region,
            "versionId": self._schema.get("VersionId") or "LATEST",
        }

    def reader(self) -> "Reader":
        """What reads records by the table's columns of now; raises `ConversionError` when there is no such table."""
        database, table = self._schema["DatabaseName"], self._schema["TableName"]
        try:
            found = glue_backends[self._account][self._region].get_table(database, table)
        except JsonRESTError as error:
            raise ConversionError("EntityNotFound", f"there is no Glue table {database}.{table}") from error
        version = self._schema.get("VersionId") or "LATEST"
        content = found.as_dict(None if version == "LATEST" else version)
        try:
            return Reader(content["StorageDescriptor"]["Columns"], self._serde, self._timestamp)
        except TypeTextError as error:
            raise ConversionError("InvalidSchema", f"Glue table {database}.{table}: {error}") from error

    def rows(self, data: bytes, reader: "Reader") -> list[list[Any]]:
        """The rows of one record; raises `ConversionError` also for values that fit no Parquet column."""
        rows = list(reader.rows(data))
        if reader.has_decimals:
            try:
                _table(rows, reader.schema)
            except pa.ArrowException as error:
                raise ConversionError("MalformedData", f"the data does not match the schema: {error}") from error
        return rows

    def write(self, rows: list[list[Any]], reader: "Reader") -> bytes:
        """The rows as one Parquet file; timestamps are INT96, as Hive's writer makes them."""
        sink = io.BytesIO()
        parquet.write_table(
            _table(rows, reader.schema),
            sink,
            compression={"UNCOMPRESSED": "none"}.get(
                self._parquet.get("Compression", "SNAPPY"), self._parquet.get("Compression", "SNAPPY").lower()
            ),
            use_dictionary=bool(self._parquet.get("EnableDictionaryCompression", False)),
            data_page_size=int(self._parquet.get("PageSizeBytes", _DEFAULT_PAGE_BYTES)),
            data_page_version="2.0" if self._parquet.get("WriterVersion") == "V2" else "1.0",
            use_deprecated_int96_timestamps=True,
        )
        return sink.getvalue()


def _table(rows: list[list[Any]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


class Reader:
    """Reads JSON records into rows, one value a column."""

    def __init__(self, columns: list[dict[str, str]], serde: dict[str, Any], timestamp: Convert) -> None:
        openx = serde.get("OpenXJsonSerDe")
        options = openx or {}
        types = {column["Name"].lower(): hive_types.parse(column["Type"], timestamp) for column in columns}
        self.schema = pa.schema([pa.field(name, kind.arrow) for name, kind in types.items()])
        # Only the precision of a decimal is Arrow's to check; every other mismatch is found value by value.
        self.has_decimals = any("decimal" in str(field.type) for field in self.schema)
        mappings = {name.lower(): key for name, key in (options.get("ColumnToJsonKeyMappings") or {}).items()}
        self._lower = bool(options.get("CaseInsensitive", True))
        self._dots = bool(options.get("ConvertDotsInJsonKeysToUnderscores", False))
        self._columns = [
            (name, self._key(mappings.get(name, name)), hive_types.nullable(kind.convert))
            for name, kind in types.items()
        ]

    def rows(self, data: bytes) -> Iterator[list[Any]]:
        """The rows of one record, which may hold several JSON objects one after the other."""
        for document in documents(data):
            if not isinstance(document, dict):
                raise ConversionError("MalformedData", "a record must be a JSON object, not an array or a value")
            yield self._row(document)

    def _row(self, document: dict[str, Any]) -> list[Any]:
        fields = {self._key(key): value for key, value in document.items()}
        row = []
        for name, key, convert in self._columns:
            try:
                row.append(convert(fields.get(key)))
            except (ValueMismatchError, ValueError, OverflowError) as error:
                raise ConversionError(
                    "MalformedData", f"the data does not match the schema: {name}: {error}"
                ) from error
        return row

    def _key(self, key: str) -> str:
        key = key.lower() if self._lower else key
        return key.replace(".", "_") if self._dots else key


def documents(data: bytes) -> Iterator[Any]:
    """JSON documents that stand one after the other, with or without blanks between them."""
    try:
        text = data.decode("utf-8")
        position, end = _skip(text, 0), len(text)
        if position == end:
            raise ValueError("an empty record")
        while position < end:
            document, position = _DECODER.raw_decode(text, position)
            yield document
            position = _skip(text, position)
    except ValueError as error:
        raise ConversionError("ParseError", f"encountered malformed JSON: {error}") from error


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def timestamp_reader(serde: dict[str, Any]) -> Convert:
    """How the deserializer reads timestamps; raises `TypeTextError` for formats that are not known."""
    if "HiveJsonSerDe" not in serde:
        return hive_types.openx_timestamp
    formats = (serde["HiveJsonSerDe"] or {}).get("TimestampFormats") or []
    readers: list[Callable[[Any], datetime]] = [java_reader(pattern) for pattern in formats]

    def read(value: Any) -> datetime:
        for reader in [hive_types.hive_timestamp, *readers]:
            try:
                return reader(value)
            except (ValueMismatchError, ValueError, TypeError):
                continue
        raise ValueMismatchError(f"{value!r} has none of the timestamp formats {formats!r}")

    return read


def java_reader(pattern: str) -> Callable[[Any], datetime]:
    """Reads times by a Joda pattern, or "millis" since the epoch; raises `TypeTextError` for letters not known."""
    if pattern == "millis":
        return lambda value: datetime.fromtimestamp(int(value) / 1000, UTC)
    form = pattern
    for letters, code in _JODA.items():
        form = form.replace(letters, code)
    if any(letter.isalpha() and form[index - 1] != "%" and letter not in "TZ" for index, letter in enumerate(form)):
        raise TypeTextError(
            f"TimestampFormats: {pattern!r} is not emulated by the offline cloud; use millis or {_JODA}"
        )
    return lambda value: datetime.strptime(str(value), form).replace(tzinfo=UTC)
