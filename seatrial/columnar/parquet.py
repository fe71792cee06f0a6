"""Summaries of Parquet files: one column of one row group in memory at a time."""

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.columnar.arrow import ColumnError, is_numeric, numbers, summarise_column
from seatrial.statistics.columns.affine import AffineMap
from seatrial.statistics.columns.table import Column, TableSummary

SAMPLED_VALUES = 1 << 12
Maps = Mapping[str, AffineMap | None]


def freeze_maps(paths: Sequence[str | Path], columns: Sequence[str] | None = None) -> dict[str, AffineMap | None]:
    """Map of each numeric column, None for columns of texts.

    The first 4,096 values of the first and of the last row group are enough: the map decides how fine the histogram
    is, not whether it is right. Freeze it in the baseline and pass it to every later summary.
    """
    fields = _fields(paths, columns)
    numeric = [field.name for field in fields if is_numeric(field.type)]
    samples = _samples(numeric, _groups(paths))
    return {
        item.name: AffineMap.of(np.concatenate(samples[item.name])) if item.name in samples else None for item in fields
    }


def summarise_baseline(paths: Sequence[str | Path], columns: Sequence[str] | None = None) -> TableSummary:
    """Summary of a baseline with the maps of `freeze_maps`; a single file is read only once for both."""
    fields = _fields(paths, columns)
    if len(paths) > 1 or not _groups(paths):
        return summarise_parquet(paths, freeze_maps(paths, columns))
    texts = [field.name for field in fields if not is_numeric(field.type)]
    with pq.ParquetFile(paths[0], read_dictionary=texts) as file:
        return TableSummary(file.metadata.num_rows, {field.name: _summarise_once(field, file) for field in fields})


def summarise_parquet(paths: Sequence[str | Path], maps: Maps) -> TableSummary:
    """Summary of the columns that `maps` names, over all files; raises `ColumnError` for a column that is not there.

    Memory: one column of one row group, and the summary. Files may be summarised apart and merged: the result is the
    same to the last bit.
    """
    total = None
    for path in paths:
        summary = _summarise_file(path, maps)
        total = total.merge(summary) if total else summary
    return total or TableSummary()


def _summarise_file(path: str | Path, maps: Maps) -> TableSummary:
    with _opened(path, maps) as file:
        schema = file.schema_arrow
        columns = {name: _summarise_groups(schema.field(name), file, map) for name, map in maps.items()}  # noqa: A001
        return TableSummary(file.metadata.num_rows, columns)


def _summarise_groups(field: pa.Field, file: pq.ParquetFile, map: AffineMap | None) -> Column:  # noqa: A002
    total: Column | None = None
    for group in range(file.num_row_groups):
        values = file.read_row_group(group, columns=[field.name], use_threads=False).column(0)
        piece = summarise_column(field.name, values, map)
        total = total.merge(piece) if total else piece  # pyrefly: ignore[bad-argument-type]
    return total or summarise_column(field.name, pa.chunked_array([], field.type), map)


def _opened(path: str | Path, maps: Maps) -> pq.ParquetFile:
    texts = [name for name, map in maps.items() if map is None]  # noqa: A001
    file = pq.ParquetFile(path, read_dictionary=texts, memory_map=False)
    absent = [name for name in maps if name not in file.schema_arrow.names]
    if absent:
        file.close()
        raise ColumnError(f"{path}: has no column {', '.join(absent)}; there are {', '.join(file.schema_arrow.names)}")
    return file


def _fields(paths: Sequence[str | Path], columns: Sequence[str] | None) -> list[pa.Field]:
    if not paths:
        raise ColumnError("no Parquet files to take a baseline from")
    schema = pq.read_schema(paths[0])
    absent = [name for name in columns or () if name not in schema.names]
    if absent:
        raise ColumnError(f"{paths[0]}: has no column {', '.join(absent)}; there are {', '.join(schema.names)}")
    return [schema.field(name) for name in columns or schema.names]


def _groups(paths: Sequence[str | Path]) -> list[tuple[str | Path, int]]:
    """Every row group: its file and its number."""
    return [(path, group) for path in paths for group in range(pq.read_metadata(path).num_row_groups)]


def _summarise_once(field: pa.Field, file: pq.ParquetFile) -> Column:
    """Summary of a column by the map of its own ends; the last row group waits in memory for its turn."""

    def read(group: int) -> pa.ChunkedArray:
        return file.read_row_group(group, columns=[field.name], use_threads=False).column(0)

    last = file.num_row_groups - 1
    ends = {0: read(0), **({last: read(last)} if last else {})}
    frozen = None
    if is_numeric(field.type):
        heads = [numbers(field.name, chunk) for end in ends.values() for chunk in end.slice(0, SAMPLED_VALUES).chunks]
        frozen = AffineMap.of(np.concatenate([np.empty(0), *heads]))
    groups = (ends.get(group) or read(group) for group in range(file.num_row_groups))
    pieces = (summarise_column(field.name, values, frozen) for values in groups)
    return reduce(lambda total, piece: total.merge(piece), pieces)  # pyrefly: ignore[bad-argument-type]


def _samples(names: Sequence[str], groups: Sequence[tuple[str | Path, int]]) -> dict[str, list[np.ndarray]]:
    """Heads of the columns in the first and the last row group, one column at a time."""
    samples: dict[str, list[np.ndarray]] = {name: [np.empty(0)] for name in names}
    for path, group in dict.fromkeys([*groups[:1], *groups[-1:]]):
        with pq.ParquetFile(path) as file:
            for name in names:
                batches = file.iter_batches(SAMPLED_VALUES, row_groups=[group], columns=[name], use_threads=False)
                samples[name] += [numbers(name, batch.column(0)) for batch in islice(batches, 1)]
    return samples
