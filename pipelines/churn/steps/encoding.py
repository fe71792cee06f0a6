"""Turns rows of text (feature values in schema order) into numbers; fitted by train.py, used by inference.py.

It travels inside model.tar.gz beside inference.py, so it needs numpy alone.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING_TEXTS = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
MISSING, OTHER = "(missing)", "(other)"
LARGEST_MAGNITUDE = 1e150

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class NumericColumn:
    """A number as it is; what it was like in training, for models that cannot leave a gap."""

    name: str
    median: float
    scale: float
    """Standard deviation around the mean after filling gaps; 1 for a constant column."""
    mean: float

    def labels(self) -> Iterator[str]:
        """Names of the matrix columns."""
        yield self.name


@dataclass(frozen=True)
class CategoricalColumn:
    """One matrix column for each category frequent enough in training, and one for all others."""

    name: str
    categories: tuple[str, ...]

    def labels(self) -> Iterator[str]:
        """Names of the matrix columns."""
        for category in (*self.categories, OTHER):
            yield f"{self.name}={category}"


Column = NumericColumn | CategoricalColumn


class Encoder:
    """Rows of text to a matrix; missing numbers become NaN."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.names = tuple(column.name for column in columns)
        self.labels = tuple(label for column in columns for label in column.labels())
        self._places = self._lay_out()

    @property
    def starts(self) -> list[int]:
        """First matrix column of each feature."""
        return [start for start, _ in self._places]

    def _lay_out(self) -> list[tuple[int, dict[str, int] | None]]:
        places: list[tuple[int, dict[str, int] | None]] = []
        start = 0
        for column in self.columns:
            index = {name: start + offset for offset, name in enumerate(getattr(column, "categories", ()))}
            places.append((start, index if isinstance(column, CategoricalColumn) else None))
            start += len(tuple(column.labels()))
        return places

    def encode(self, rows: Sequence[Sequence[str]]) -> Matrix:
        """Matrix of shape (rows, labels); raises `ValueError` naming the row and column that cannot be read."""
        matrix = np.zeros((len(rows), len(self.labels)))
        for number, row in enumerate(rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {number}: expected {len(self.columns)} values, got {len(row)}")
            for (start, index), text in zip(self._places, row, strict=True):
                if index is None:
                    matrix[number, start] = self._number(text, number, start)
                else:
                    matrix[number, index.get(category(text), start + len(index))] = 1.0
        return matrix

    def _number(self, text: str, row: int, place: int) -> float:
        try:
            return number(text)
        except ValueError:
            raise ValueError(f"row {row}, column {self.labels[place]!r}: not a number: {text[:80]!r}") from None

    def standardize(self, matrix: Matrix) -> Matrix:
        """The matrix with gaps filled by the training median and numbers scaled, for linear models."""
        filled = matrix.copy()
        for column, (start, index) in zip(self.columns, self._places, strict=True):
            if index is None and isinstance(column, NumericColumn):
                values = filled[:, start]
                values[np.isnan(values)] = column.median
                filled[:, start] = (values - column.mean) / column.scale
        return filled

    def to_json(self) -> str:
        """Content of preprocess.json."""
        return json.dumps({"version": 1, "columns": [_column_json(column) for column in self.columns]}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Encoder":
        """Read what `to_json` wrote."""
        return cls([_column_from(data) for data in json.loads(text)["columns"]])

    @classmethod
    def fit(cls, features: Sequence[Mapping[str, str]], rows: Sequence[Sequence[str]], least: int) -> "Encoder":
        """Fit on training rows; categories seen fewer than `least` times count as other.

        `features` are the entries of schema.json: `{"name", "type"}`.
        """
        return cls(
            [
                _fit_numeric(feature["name"], [number(row[place]) for row in rows])
                if feature["type"] == "numeric"
                else _fit_categorical(feature["name"], [row[place] for row in rows], least)
                for place, feature in enumerate(features)
            ]
        )


def number(text: str) -> float:
    """The number in a text, NaN when it is missing; raises `ValueError` when it is neither."""
    if text.strip().lower() in MISSING_TEXTS:
        return math.nan
    value = float(text)
    if not abs(value) <= LARGEST_MAGNITUDE:
        raise ValueError(f"not a finite number: {text!r}")
    return value


def category(text: str) -> str:
    """The category in a text; all ways of saying nothing are one category."""
    stripped = text.strip()
    return MISSING if stripped.lower() in MISSING_TEXTS else stripped


def _fit_numeric(name: str, values: list[float]) -> NumericColumn:
    known = [value for value in values if not math.isnan(value)]
    median = float(np.median(known)) if known else 0.0
    filled = np.array([median if math.isnan(value) else value for value in values])
    spread = float(filled.std()) if len(filled) else 0.0
    return NumericColumn(name, median, spread if spread > 0 else 1.0, float(filled.mean()) if len(filled) else 0.0)


def _fit_categorical(name: str, values: list[str], least: int) -> CategoricalColumn:
    counts = Counter(map(category, values))
    return CategoricalColumn(name, tuple(sorted(value for value, count in counts.items() if count >= least)))


def _column_json(column: Column) -> dict[str, Any]:
    if isinstance(column, NumericColumn):
        return {
            "name": column.name,
            "type": "numeric",
            "median": column.median,
            "scale": column.scale,
            "mean": column.mean,
        }
    return {"name": column.name, "type": "categorical", "categories": list(column.categories)}


def _column_from(data: Mapping[str, Any]) -> Column:
    if data["type"] == "numeric":
        return NumericColumn(data["name"], data["median"], data["scale"], data["mean"])
    return CategoricalColumn(data["name"], tuple(data["categories"]))
