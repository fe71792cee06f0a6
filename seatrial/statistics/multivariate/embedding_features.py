"""Embeddings of texts, images or sounds as a few numbers that the monitor watches like any other input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.contracts.schema import Feature
from seatrial.statistics.performance.checks import matrix
from seatrial.statistics.performance.errors import ShapeError

COMPONENTS = 4


@dataclass(frozen=True, eq=False)
class EmbeddingFeatures:
    """Where a baseline's embeddings lie: their center and the directions in which they vary most.

    An embedding becomes its distance from the center, what the directions leave of it, and its place along each
    (Jolliffe, "Principal component analysis", 2002, chapter 10): each is one numeric input with the monitor's own
    test and alarm budget. The whole distribution is compared by `embeddings.frechet_distance`.

    >>> rng = np.random.default_rng(0)
    >>> hook = EmbeddingFeatures.fit(rng.normal(size=(200, 16)), components=2)
    >>> [feature.name for feature in hook.features]
    ['embedding_distance', 'embedding_residual', 'embedding_1', 'embedding_2']
    """

    center: np.ndarray
    directions: np.ndarray

    @classmethod
    def fit(cls, embeddings: np.ndarray, components: int = COMPONENTS) -> "EmbeddingFeatures":
        """Fit to a finite matrix of shape (n, dimensions); raises `ShapeError` for more components than dimensions."""
        table = matrix("embeddings", embeddings)
        if not 1 <= components <= min(table.shape):
            raise ShapeError(f"components: must lie between 1 and {min(table.shape)}, got {components}")
        center = table.mean(axis=0)
        _, _, directions = np.linalg.svd(table - center, full_matrices=False)
        chosen = directions[:components]
        # The sign of a direction is arbitrary: equal data must give equal features.
        signs = np.sign(chosen[np.arange(components), np.abs(chosen).argmax(axis=1)])
        return cls(center, chosen * signs[:, None])

    @property
    def features(self) -> tuple[Feature, ...]:
        """The numbers' names and types, to be added to a schema."""
        places = [f"embedding_{place}" for place in range(1, len(self.directions) + 1)]
        return tuple(Feature(name, "numeric") for name in ("embedding_distance", "embedding_residual", *places))

    def rows(self, embeddings: np.ndarray) -> list[list[str]]:
        """One row of values an embedding, as text in the order of `features`; finite, shape (n, dimensions)."""
        table = np.asarray(embeddings, np.float64)
        if table.ndim != 2 or table.shape[1] != len(self.center):
            raise ShapeError(f"embeddings: must have shape (n, {len(self.center)}), got {table.shape}")
        moved = table - self.center
        places = moved @ self.directions.T
        left = np.linalg.norm(moved - places @ self.directions, axis=1)
        told = np.column_stack([np.linalg.norm(moved, axis=1), left, places])
        return [[f"{value:.6g}" for value in row] for row in told]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"version": 1, "center": self.center.tolist(), "directions": self.directions.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "EmbeddingFeatures":
        """Read what `to_json` wrote."""
        return cls(np.array(data["center"]), np.array(data["directions"]))


def projected(embeddings: np.ndarray, dimensions: int = 64, seed: int = 0) -> np.ndarray:
    """Fewer dimensions by a fixed random matrix, which keeps distances (Johnson and Lindenstrauss, 1984).

    Summaries of 64 dimensions take 33 kB, those of 768 take 4.7 MB. Use the same seed for baseline and windows.

    >>> projected(np.ones((3, 768))).shape
    (3, 64)
    """
    table = np.asarray(embeddings, np.float64)
    if table.shape[1] <= dimensions:
        return table
    chosen = np.random.default_rng(seed).normal(0, 1 / np.sqrt(dimensions), (table.shape[1], dimensions))
    return table @ chosen


def as_columns(rows: Sequence[Sequence[str]], more: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows of a model's inputs with the rows of a hook beside them."""
    return [[*row, *added] for row, added in zip(rows, more, strict=True)]
