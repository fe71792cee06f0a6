"""Reference and window for the benchmarks of monitoring: Parquet files of 20 numeric and 10 categorical columns."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUMERIC, CATEGORICAL = 20, 10
PIECE = 250_000
SHIFT = 0.1
NAMES = [f"x{index}" for index in range(NUMERIC)] + [f"c{index}" for index in range(CATEGORICAL)]


def numeric_column(index: int, size: int, rng: np.random.Generator, shift: float) -> np.ndarray:
    """Normal, log-normal, exponential, count and far-from-zero columns in turn."""
    kinds = (
        lambda: rng.normal(shift, 1, size),
        lambda: rng.lognormal(shift, 1, size),
        lambda: rng.exponential(1 + shift, size),
        lambda: rng.poisson(20 * (1 + shift), size).astype(np.float64),
        lambda: rng.normal(1e6 + shift, 1, size),
    )
    return kinds[index % len(kinds)]()


def write(path: Path, rows: int, seed: int, shift: float) -> None:
    """A file in row groups of 250,000 rows."""
    rng = np.random.default_rng(seed)
    writer = None
    for start in range(0, rows, PIECE):
        size = min(PIECE, rows - start)
        columns = {f"x{index}": pa.array(numeric_column(index, size, rng, shift)) for index in range(NUMERIC)}
        for index in range(CATEGORICAL):
            texts = pa.array([f"value-{number}" for number in range(3 + index * 5)])
            columns[f"c{index}"] = pa.DictionaryArray.from_arrays(rng.integers(0, len(texts), size), texts)
        table = pa.table(columns)
        # As Spark and Athena write: texts are texts to whoever reads them.
        writer = writer or pq.ParquetWriter(path, table.schema, store_schema=False)
        writer.write_table(table)
    if writer:
        writer.close()


def write_pair(folder: Path, rows: int) -> list[str]:
    """Reference and window of the same size; each numeric column of the window has moved by a tenth."""
    paths = [folder / "reference.parquet", folder / "window.parquet"]
    for seed, (path, shift) in enumerate(zip(paths, (0.0, SHIFT), strict=True)):
        write(path, rows, seed, shift)
    return [str(path) for path in paths]


def exact_distances(paths: list[str]) -> dict[str, float]:
    """KS distance of each numeric column, by sorting all values."""
    found = {}
    for name in NAMES[:NUMERIC]:
        first, second = (np.sort(pq.read_table(path, columns=[name])[name].to_numpy()) for path in paths)
        # Right of each value of one side, the other side's share is looked up; both sides' values are all steps.
        gaps = [
            np.abs(np.searchsorted(a, v, side="right") / len(a) - np.searchsorted(b, v, side="right") / len(b)).max()
            for a, b, v in ((first, second, first), (first, second, second))
        ]
        found[name] = float(max(gaps))
    return found
