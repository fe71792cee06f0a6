"""Writes small Parquet files without a library: a function's zip has no room for one.

One row group, one plain uncompressed page a column, every column optional; format: github.com/apache/parquet-format,
README.md and parquet.thrift, in Thrift's compact protocol. Equal rows give equal bytes.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal

Kind = Literal["string", "bigint", "double", "timestamp", "boolean"]
"""Types of Hive, which Glue and Athena share; timestamps are UTC, from ISO 8601 texts."""

MAGIC = b"PAR1"
CREATED_BY = "seatrial"
PHYSICAL: Mapping[Kind, int] = {"boolean": 0, "bigint": 2, "timestamp": 2, "double": 5, "string": 6}
CONVERTED: Mapping[Kind, int] = {"string": 0, "timestamp": 10}
"""UTF8 and TIMESTAMP_MICROS."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
PLAIN, RLE = 0, 3


def parquet_bytes(columns: Sequence[tuple[str, Kind]], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A file of these columns; what a row lacks or has as None is null. Raises `ValueError` for values of other types.

    >>> parquet_bytes([("rows", "bigint")], [{"rows": 3}, {}])[:4]
    b'PAR1'
    """
    body, chunks = bytearray(MAGIC), []
    for name, kind in columns:
        page = _page(name, kind, [row.get(name) for row in rows])
        header = _page_header(len(rows), len(page))
        chunks.append(_chunk(name, kind, len(rows), len(body), len(header) + len(page)))
        body += header + page
    footer = _footer(columns, len(rows), len(body) - len(MAGIC), chunks)
    return bytes(body + footer + struct.pack("<I", len(footer)) + MAGIC)


def _page(name: str, kind: Kind, values: Sequence[Any]) -> bytes:
    """Definition levels (present or not) as runs, then the present values."""
    runs = [(present, len(list(group))) for present, group in groupby(value is not None for value in values)]
    levels = b"".join(_varint(length << 1) + bytes([present]) for present, length in runs)
    try:
        plain = ENCODERS[kind]([value for value in values if value is not None])
    except (struct.error, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"column {name}: values must be {kind}: {error}") from error
    return struct.pack("<I", len(levels)) + levels + plain


def _booleans(values: Sequence[bool]) -> bytes:
    bits = [sum(bit << place for place, bit in enumerate(values[at : at + 8])) for at in range(0, len(values), 8)]
    return bytes(bits)


def _texts(values: Sequence[str]) -> bytes:
    encoded = [value.encode() for value in values]
    return b"".join(struct.pack("<I", len(item)) + item for item in encoded)


def _times(values: Sequence[str]) -> bytes:
    moments = [datetime.fromisoformat(value) for value in values]
    aware = [moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in moments]
    return _wholes([round((moment - EPOCH).total_seconds() * 1_000_000) for moment in aware])


def _wholes(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}q", *values)


def _doubles(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


ENCODERS: Mapping[Kind, Callable[[Sequence[Any]], bytes]] = {
    "boolean": _booleans,
    "string": _texts,
    "timestamp": _times,
    "bigint": _wholes,
    "double": _doubles,
}


# ------------------------------------------------------------------------------------------------------ the metadata


def _page_header(rows: int, size: int) -> bytes:
    data = _struct({1: (I32, rows), 2: (I32, PLAIN), 3: (I32, RLE), 4: (I32, RLE)})
    return _struct({1: (I32, 0), 2: (I32, size), 3: (I32, size), 5: (STRUCT, data)})


def _chunk(name: str, kind: Kind, rows: int, offset: int, size: int) -> bytes:
    metadata = {
        1: (I32, PHYSICAL[kind]),
        2: (LIST, _list(I32, [_varint(_zigzag(item)) for item in (PLAIN, RLE)])),
        3: (LIST, _list(BINARY, [_binary(name)])),
        4: (I32, 0),
        5: (I64, rows),
        6: (I64, size),
        7: (I64, size),
        9: (I64, offset),
    }
    return _struct({2: (I64, offset), 3: (STRUCT, _struct(metadata))})


def _footer(columns: Sequence[tuple[str, Kind]], rows: int, size: int, chunks: Sequence[bytes]) -> bytes:
    root = _struct({4: (BINARY, _binary("schema")), 5: (I32, len(columns))})
    schema = _list(STRUCT, [root, *(_schema_element(name, kind) for name, kind in columns)])
    group = _struct({1: (LIST, _list(STRUCT, chunks)), 2: (I64, size), 3: (I64, rows)})
    document = {1: (I32, 1), 2: (LIST, schema), 3: (I64, rows), 4: (LIST, _list(STRUCT, [group]))}
    return _struct({**document, 6: (BINARY, _binary(CREATED_BY))})


def _schema_element(name: str, kind: Kind) -> bytes:
    fields = {1: (I32, PHYSICAL[kind]), 3: (I32, 1), 4: (BINARY, _binary(name))}
    return _struct({**fields, 6: (I32, CONVERTED[kind])} if kind in CONVERTED else fields)


def _struct(fields: Mapping[int, tuple[int, Any]]) -> bytes:
    """Fields by id, in order; numbers are given as such, everything else is encoded already."""
    body, last = bytearray(), 0
    for number, (kind, value) in fields.items():
        body.append((number - last) << 4 | kind)
        body += _varint(_zigzag(value)) if kind in (I32, I64) else value
        last = number
    return bytes(body) + b"\0"


def _list(kind: int, items: Iterable[bytes]) -> bytes:
    held = list(items)
    head = bytes([len(held) << 4 | kind]) if len(held) < 15 else bytes([0xF0 | kind]) + _varint(len(held))
    return head + b"".join(held)


def _binary(text: str) -> bytes:
    encoded = text.encode()
    return _varint(len(encoded)) + encoded


def _zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1


def _varint(number: int) -> bytes:
    body = bytearray()
    while number > 0x7F:
        body.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*body, number])
