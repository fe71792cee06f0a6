"""One Arrow column, as the summaries of seatrial.statistics want it."""

import numpy as np
import pyarrow as pa

from seatrial.statistics.columns.affine import AffineMap
from seatrial.statistics.columns.category_column import CategoryColumn
from seatrial.statistics.columns.numeric_column import NumericColumn
from seatrial.statistics.columns.table import Column, TableSummary

Chunks = pa.ChunkedArray | pa.Array


class ColumnError(ValueError):
    """A column cannot be summarised; the text says what to do."""


def is_numeric(type: pa.DataType) -> bool:  # noqa: A002 - Arrow's own word
    """Whether a column of this type is summarised by its numbers; times count as such."""
    return pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type) or _is_time(type)


def summarise_column(name: str, values: Chunks, map: AffineMap | None) -> Column:  # noqa: A002
    """Summary of a column: numeric with `map`, of texts without; raises `ColumnError` for types that are neither.

    >>> summarise_column("age", pa.array([1, None, 3]), AffineMap()).missing
    1
    """
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    total: Column | None = None
    for chunk in chunks:
        piece = _numeric(name, chunk, map) if map else _categories(name, chunk)
        total = total.merge(piece) if total else piece  # pyrefly: ignore[bad-argument-type]
    return total or (NumericColumn(map) if map else CategoryColumn())


def summarise_batch(batch: pa.RecordBatch | pa.Table, maps: dict[str, AffineMap | None]) -> TableSummary:
    """Summary of the columns that `maps` names."""
    columns = {name: summarise_column(name, batch.column(name), map) for name, map in maps.items()}  # noqa: A001
    return TableSummary(batch.num_rows, columns)


def numbers(name: str, chunk: pa.Array) -> np.ndarray:
    """Present values of a numeric array; times as microseconds or days since 1970."""
    if pa.types.is_decimal(chunk.type):
        chunk = chunk.cast(pa.float64())
    elif _is_time(chunk.type):
        chunk = chunk.cast(pa.int32() if chunk.type.bit_width == 32 else pa.int64())
    if not is_numeric(chunk.type):
        raise ColumnError(f"{name}: expected numbers, got {chunk.type}; cast the column or treat it as texts")
    values = _values(chunk)
    return values[_valid(chunk)] if chunk.null_count else values


def _numeric(name: str, chunk: pa.Array, map: AffineMap) -> NumericColumn:  # noqa: A002
    if pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type):
        return NumericColumn.of_texts(["" if text is None else text for text in chunk.to_pylist()], map)
    if pa.types.is_null(chunk.type):
        return NumericColumn(map, missing=len(chunk))
    return NumericColumn.of(numbers(name, chunk), map, missing=chunk.null_count)


def _categories(name: str, chunk: pa.Array) -> CategoryColumn:
    counts = category_counts(name, chunk)
    missing = counts.pop("", 0)
    return CategoryColumn.of(counts, missing)


def category_counts(name: str, chunk: pa.Array) -> dict[str, int]:
    """How often each text comes, absent values as an empty one; raises `ColumnError` for nested types.

    >>> category_counts("plan", pa.array(["family", None, "family"]))
    {'family': 2, '': 1}
    """
    if pa.types.is_null(chunk.type):
        return {"": len(chunk)}
    if pa.types.is_nested(chunk.type):
        raise ColumnError(f"{name}: columns of {chunk.type} have no summary; select its parts as columns of their own")
    if not pa.types.is_dictionary(chunk.type):
        chunk = _as_text(chunk).dictionary_encode()
    counts = np.bincount(numbers(name, chunk.indices), minlength=len(chunk.dictionary)).tolist()
    held: dict[str, int] = {}
    for text, count in zip(_as_text(chunk.dictionary).to_pylist(), counts, strict=True):
        held[text or ""] = held.get(text or "", 0) + count
    if chunk.null_count:
        held[""] = held.get("", 0) + chunk.null_count
    return held


def _as_text(chunk: pa.Array) -> pa.Array:
    """The first cast of a process imports Arrow's functions, which takes 40 ms, so texts are left as they are."""
    return chunk if _is_text(chunk.type) else chunk.cast(pa.string())


def _is_text(type: pa.DataType) -> bool:  # noqa: A002
    return pa.types.is_string(type) or pa.types.is_large_string(type)


def _is_time(type: pa.DataType) -> bool:  # noqa: A002
    return pa.types.is_timestamp(type) or pa.types.is_date(type)


def _values(chunk: pa.Array) -> np.ndarray:
    """The values' buffer; what lies below absent ones is anything."""
    dtype = np.dtype(chunk.type.to_pandas_dtype())
    return np.frombuffer(chunk.buffers()[1], dtype, count=chunk.offset + len(chunk))[chunk.offset :]


def _valid(chunk: pa.Array) -> np.ndarray:
    """The validity bitmap as booleans: `drop_null` costs ten times as much."""
    bits = np.frombuffer(chunk.buffers()[0], np.uint8)
    return np.unpackbits(bits, count=chunk.offset + len(chunk), bitorder="little")[chunk.offset :].view(np.bool_)
