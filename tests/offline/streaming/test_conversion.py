import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyarrow import parquet

from seatrial.offline.streaming import hive_types
from seatrial.offline.streaming.conversion import (
    Conversion,
    ConversionError,
    Reader,
    java_reader,
    timestamp_reader,
)
from seatrial.offline.streaming.hive_types import TypeTextError, openx_timestamp

OPENX: dict[str, Any] = {"OpenXJsonSerDe": {}}
NOON = datetime(2026, 2, 7, 15, 13, 1, 392560, tzinfo=UTC)


def reader(columns: dict[str, str], serde: dict[str, Any] = OPENX) -> Reader:
    listed = [{"Name": name, "Type": kind} for name, kind in columns.items()]
    return Reader(listed, serde, timestamp_reader(serde))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", b'"a"', "a"),
        ("string", b'{"x":1}', '{"x":1}'),
        ("bigint", b"7", 7),
        ("int", b'"7"', 7),
        ("double", b'"1.5"', 1.5),
        ("boolean", b'"TRUE"', True),
        ("date", b'"2026-11-01"', date(2026, 11, 1)),
        ("decimal(10,2)", b"1.239", Decimal("1.24")),
        ("array<int>", b"[1,null]", [1, None]),
        ("map<string,double>", b'{"a":1}', [("a", 1.0)]),
        ("struct<a:int,b:array<string>>", b'{"A":1,"b":["x"]}', {"a": 1, "b": ["x"]}),
        ("timestamp", b'"2026-02-07T15:13:01.39256Z"', NOON.replace(tzinfo=None)),
        ("timestamp", b"null", None),
    ],
)
def test_a_value_becomes_one_of_its_columns_type(kind: str, text: bytes, value: Any) -> None:
    ((found,),) = reader({"v": kind}).rows(b'{"v":' + text + b"}")

    assert found == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [("int", b'"x"'), ("int", b"1.5"), ("tinyint", b"300"), ("double", b"[]"), ("timestamp", b'"yesterday"')],
)
def test_a_value_that_does_not_fit_is_malformed_data(kind: str, text: bytes) -> None:
    with pytest.raises(ConversionError) as failure:
        list(reader({"v": kind}).rows(b'{"v":' + text + b"}"))

    assert failure.value.code == "DataFormatConversion.MalformedData"


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"nope", "ParseError"), (b"", "ParseError"), (b'[{"v":1}]', "MalformedData"), (b"\xff", "ParseError")],
)
def test_what_is_no_json_object_fails_by_its_code(data: bytes, code: str) -> None:
    with pytest.raises(ConversionError) as failure:
        list(reader({"v": "int"}).rows(data))

    assert failure.value.code == f"DataFormatConversion.{code}"


def test_a_record_may_hold_several_objects() -> None:
    assert list(reader({"v": "int"}).rows(b'{"v":1}{"V":2}\n{"v":3}')) == [[1], [2], [3]]


def test_options_of_the_openx_serde_rename_keys() -> None:
    options = {"ConvertDotsInJsonKeysToUnderscores": True, "ColumnToJsonKeyMappings": {"stamp": "timestamp"}}

    rows = reader({"a_b": "int", "stamp": "int"}, {"OpenXJsonSerDe": options}).rows(b'{"a.b":1,"timestamp":2}')

    assert list(rows) == [[1, 2]]


@pytest.mark.parametrize(
    "value", ["2026-02-07T15:13:01Z", "2026-02-07 15:13:01", 1770477181, 1770477181000, 1770477181.0]
)
def test_openx_reads_the_documented_timestamps(value: Any) -> None:
    assert openx_timestamp(value) == NOON.replace(microsecond=0)


def test_the_hive_serde_reads_only_the_formats_it_is_told() -> None:
    plain, told = (
        timestamp_reader({"HiveJsonSerDe": {}}),
        timestamp_reader({"HiveJsonSerDe": {"TimestampFormats": ["millis"]}}),
    )

    with pytest.raises(hive_types.ValueMismatchError, match="none of the timestamp formats"):
        plain("2026-02-07T15:13:01Z")
    assert plain("2026-02-07 15:13:01") == told(1770477181000) == NOON.replace(microsecond=0)


@pytest.mark.parametrize("text", ["uniontype<int>", "struct<a>", "binary"])
def test_a_column_type_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(TypeTextError):
        hive_types.parse(text, openx_timestamp)


def test_a_time_pattern_that_is_not_known_is_refused() -> None:
    with pytest.raises(TypeTextError, match="not emulated"):
        java_reader("EEE dd MMM")


def test_parquet_has_the_tables_columns_and_int96_timestamps() -> None:
    settings = {
        "SchemaConfiguration": {"DatabaseName": "d", "TableName": "t"},
        "InputFormatConfiguration": {"Deserializer": OPENX},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "GZIP"}}},
    }
    columns = reader({"id": "string", "at": "timestamp"})

    written = Conversion(settings, "1", "r").write([["a", NOON.replace(tzinfo=None)]], columns)

    file = parquet.ParquetFile(io.BytesIO(written))
    assert [file.schema.column(n).physical_type for n in range(2)] == ["BYTE_ARRAY", "INT96"]
    assert file.metadata.row_group(0).column(0).compression == "GZIP"
    assert file.read().to_pylist()[0]["at"].to_pydatetime() == NOON.replace(tzinfo=None)
