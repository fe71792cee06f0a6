"""Distances between sets of embeddings, of texts or images: Frechet and maximum mean discrepancy."""

from dataclasses import dataclass

import numpy as np

from seatrial.statistics.performance.checks import matrix

PERMUTATIONS = 200
MAXIMUM_ROWS = 500


@dataclass(frozen=True, eq=False)
class EmbeddingSummary:
    """Number of rows, sum and sum of outer products of embeddings: what a normal distribution needs, and it merges.

    Merging adds float64 sums: the same to about 1e-12 in any order, not to the last bit.

    >>> rows = np.random.default_rng(0).normal(size=(100, 4))
    >>> whole, merged = EmbeddingSummary.of(rows), EmbeddingSummary.of(rows[:30]).merge(EmbeddingSummary.of(rows[30:]))
    >>> bool(np.allclose(whole.covariance, merged.covariance))
    True
    """

    rows: int
    total: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, embeddings: np.ndarray) -> "EmbeddingSummary":
        """Summary of a finite matrix of shape (n, dimensions)."""
        table = matrix("embeddings", embeddings)
        return cls(len(table), table.sum(axis=0), table.T @ table)

    def merge(self, other: "EmbeddingSummary") -> "EmbeddingSummary":
        """Summary of both sets."""
        return EmbeddingSummary(self.rows + other.rows, self.total + other.total, self.products + other.products)

    def to_bytes(self) -> bytes:
        """Compact form: the numbers of rows and dimensions, the sum, and one triangle of the products, as float64."""
        upper = self.products[np.triu_indices(len(self.total))]
        return np.array([self.rows, len(self.total)], "<i8").tobytes() + np.concatenate([self.total, upper]).tobytes()

    @classmethod
    def from_bytes(cls, body: bytes) -> "EmbeddingSummary":
        """Read what `to_bytes` wrote.

        >>> summary = EmbeddingSummary.of(np.arange(12.0).reshape(4, 3))
        >>> read = EmbeddingSummary.from_bytes(summary.to_bytes())
        >>> read.rows, bool((read.products == summary.products).all()), len(summary.to_bytes())
        (4, True, 88)
        """
        rows, dimensions = np.frombuffer(body[:16], "<i8").tolist()
        numbers = np.frombuffer(body[16:], "<f8")
        products = np.zeros((dimensions, dimensions))
        products[np.triu_indices(dimensions)] = numbers[dimensions:]
        return cls(rows, numbers[:dimensions].copy(), products + np.triu(products, 1).T)

    @property
    def mean(self) -> np.ndarray:
        """Mean embedding."""
        return self.total / self.rows

    @property
    def covariance(self) -> np.ndarray:
        """Population covariance, shape (dimensions, dimensions)."""
        return self.products / self.rows - np.outer(self.mean, self.mean)


def frechet_distance(first: EmbeddingSummary, second: EmbeddingSummary) -> float:
    """Squared Frechet distance of two normal distributions (Dowson and Landau, 1982; for images Heusel et al., 2017).

    |m1 - m2|**2 + tr(C1 + C2 - 2 sqrt(C1 C2)). It grows with dimensions / rows also without a shift: compare with
    the distance between two halves of the baseline.

    >>> rows = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(frechet_distance(EmbeddingSummary.of(rows), EmbeddingSummary.of(rows + [1.0, 0, 0])), 6)
    1.0
    """
    gap = first.mean - second.mean
    root = _root(first.covariance)
    cross = np.linalg.eigvalsh(root @ second.covariance @ root)
    trace = np.trace(first.covariance) + np.trace(second.covariance)
    return max(0.0, float(gap @ gap + trace - 2 * np.sqrt(np.clip(cross, 0, None)).sum()))


@dataclass(frozen=True)
class DiscrepancyTest:
    """Squared maximum mean discrepancy, unbiased, and the share of permutations that reach it."""

    discrepancy: float
    p_value: float


def discrepancy_test(first: np.ndarray, second: np.ndarray, seed: int = 0) -> DiscrepancyTest:
    """Kernel two-sample test of Gretton et al. (2012): Gaussian kernel of median width, 200 permutations.

    Looks at no more than 500 rows of either, drawn at random.

    >>> rng = np.random.default_rng(0)
    >>> discrepancy_test(rng.normal(size=(80, 5)), rng.normal(0.8, 1, (80, 5))).p_value < 0.01
    True
    """
    rng = np.random.default_rng(seed)
    left, right = (_sample(matrix("embeddings", side), rng) for side in (first, second))
    kernel = _kernel(np.vstack([left, right]))
    sides = np.repeat([1.0, 0.0], [len(left), len(right)])
    orders = np.column_stack([sides, *(rng.permutation(sides) for _ in range(PERMUTATIONS))])
    value, *others = _discrepancies(kernel, orders)
    return DiscrepancyTest(value, (sum(other >= value for other in others) + 1) / (PERMUTATIONS + 1))


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def _sample(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= MAXIMUM_ROWS else rows[rng.choice(len(rows), MAXIMUM_ROWS, replace=False)]


def _kernel(rows: np.ndarray) -> np.ndarray:
    """Gaussian kernel without its diagonal; width by the median of the squared distances."""
    squares = (rows**2).sum(axis=1)
    distances = np.clip(squares[:, None] + squares - 2 * rows @ rows.T, 0, None)
    kernel = np.exp(
        -distances / max(float(np.median(distances[distances > 0], axis=None)) if distances.any() else 1.0, 1e-300)
    )
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _discrepancies(kernel: np.ndarray, sides: np.ndarray) -> list[float]:
    """One value for each column of `sides`, which is 1 for rows of the first set; all in one product of matrices."""
    n = sides[:, 0].sum()
    m = len(kernel) - n
    whole, reached = kernel.sum(), kernel.sum(axis=0) @ sides
    left = (sides * (kernel @ sides)).sum(axis=0)
    across = reached - left
    right = whole - 2 * reached + left
    return (left / (n * (n - 1)) + right / (m * (m - 1)) - 2 * across / (n * m)).tolist()
