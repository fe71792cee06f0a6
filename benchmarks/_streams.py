"""Real streams as the platform would see them: labelled rows in order of time, played as days of 24 hourly windows."""

import csv
import gzip
import io
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.parsing import is_missing, to_number

DAYS, HOURS = 50, 24
BLOCK_HOURS, BLOCK_TURNS = 6, (0, 0, 1, 0, 2)
LABELS = ("target", "label", "class", "y")
MOST_TEXTS = 50


@dataclass(frozen=True, eq=False)
class Stream:
    """Rows of text in order of time with their labels; `matrix` holds numbers, texts by their place among the first.

    `positive` is the label that counts as 1: the rarer one of two, or else the most frequent against all others.
    """

    name: str
    schema: FeatureSchema
    texts: list[tuple[str, ...]]
    matrix: np.ndarray
    labels: np.ndarray
    positive: str

    @property
    def day_rows(self) -> int:
        """Rows of one day: a fiftieth of the stream."""
        return len(self.labels) // DAYS

    def hours(self) -> np.ndarray:
        """Where each hour begins, and the end of the last; shape (days * 24 + 1,)."""
        return np.linspace(0, self.day_rows * DAYS, DAYS * HOURS + 1).astype(int)

    def folds(self) -> np.ndarray:
        """60 % of the rows train, 20 % validate, 20 % test: the pipeline's split, by a hash of the row's place."""
        hashes = np.array([zlib.crc32(f"{self.name}/{row}".encode()) for row in range(len(self.labels))])
        return np.searchsorted([0.6, 0.8], hashes / 2**32, side="right")

    def block_folds(self) -> np.ndarray:
        """The same shares by blocks of six hours, whose turns pass through the hours of the day in five days."""
        hours = np.searchsorted(self.hours(), np.arange(len(self.labels)), side="right") - 1
        return np.array(BLOCK_TURNS)[hours // BLOCK_HOURS % len(BLOCK_TURNS)]


def read_stream(path: Path) -> Stream:
    """Read a CSV (perhaps .gz) with a header; the label is the column named target, label, class or y, else the last.

    Raises `ValueError` for a stream that is too short or has one label alone.
    """
    body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    header, *rows = [row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"))) if row]
    place = next((header.index(name) for name in LABELS if name in header), len(header) - 1)
    names = [name for column, name in enumerate(header) if column != place]
    texts = [tuple(text for column, text in enumerate(row) if column != place) for row in rows]
    if len(rows) < DAYS * HOURS:
        raise ValueError(f"{path.name}: {len(rows)} rows are fewer than the {DAYS * HOURS} hours they are played as")
    labels, positive = _binary([row[place] for row in rows], path.name)
    kinds = [_numeric(column) for column in zip(*texts, strict=True)]
    features = tuple(
        Feature(name, "numeric" if numeric else "categorical") for name, numeric in zip(names, kinds, strict=True)
    )
    name = path.name.split(".")[0]
    return Stream(name, FeatureSchema(features), texts, _matrix(texts, kinds), labels, positive)


def _binary(values: list[str], name: str) -> tuple[np.ndarray, str]:
    ranked = Counter(values).most_common()
    if len(ranked) < 2:
        raise ValueError(f"{name}: all labels are {ranked[0][0]!r}")
    positive = ranked[1][0] if len(ranked) == 2 else ranked[0][0]
    return np.array([int(value == positive) for value in values]), positive


def _numeric(column: tuple[str, ...]) -> bool:
    return all(is_missing(text) or to_number(text.strip()) is not None for text in column)


def _matrix(texts: list[tuple[str, ...]], kinds: list[bool]) -> np.ndarray:
    columns: list[Any] = []
    for column, numeric in zip(zip(*texts, strict=True), kinds, strict=True):
        if numeric:
            columns.append([float("nan") if is_missing(text) else float(text) for text in column])
        else:
            known = {text: place for place, (text, _) in enumerate(Counter(column).most_common(MOST_TEXTS))}
            columns.append([float(known.get(text, MOST_TEXTS)) for text in column])
    return np.array(columns).T
