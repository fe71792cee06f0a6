"""The directions in which a distribution over cells is watched: its location, its spread, and each cell's share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

LOCATION_WEIGHT, SPREAD_WEIGHT = 0.7, 0.06


@dataclass(frozen=True)
class ShiftScores:
    """Functions of the cells with mean 0 and deviation 1 under the baseline.

    The mean score of other rows tells how far they are moved in this direction, in standard deviations. Of ordered
    cells the first score is location and the second spread (`shapes`); then comes the share of each cell (`scales`
    holds one over its deviation). `weights` is the prior share of each score, `skewness` its third moment.
    """

    shares: tuple[float, ...]
    shapes: tuple[tuple[float, ...], ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    skewness: tuple[float, ...]

    @classmethod
    def of(cls, counts: Sequence[int], ordered: bool) -> "ShiftScores":
        """Scores against the baseline's counts by cell, the last cell holding absent values.

        Location is the logit of the middle of a cell's ranks, which moves with the mean as normal scores do (van der
        Waerden, 1952; correlation above 0.99); spread is its square without what location explains.

        >>> [round(value, 2) for value in ShiftScores.of([250, 250, 250, 250, 0], ordered=True).shapes[0]]
        [-1.37, -0.36, 0.36, 1.37, 0.0]
        """
        total = sum(counts) + 0.5 * len(counts)
        shares = tuple((count + 0.5) / total for count in counts)
        shapes = _shapes(shares) if ordered and len(shares) > 2 else ()
        weights = (LOCATION_WEIGHT, SPREAD_WEIGHT)[: len(shapes)]
        rest = ((1 - sum(weights)) / len(shares),) * len(shares)
        skewness = [sum(p * v**3 for p, v in zip(shares, shape, strict=True)) for shape in shapes]
        skewness += [(1 - 2 * share) / math.sqrt(share * (1 - share)) for share in shares]
        scales = tuple(1 / math.sqrt(share * (1 - share)) for share in shares)
        return cls(shares, shapes, scales, (*weights, *rest), tuple(skewness))

    def sums(self, excess: Sequence[float]) -> list[float]:
        """Sum of each score over rows, from their counts by cell less the expected ones (which add to 0)."""
        return [*(sum(map(mul, shape, excess)) for shape in self.shapes), *map(mul, self.scales, excess)]


def _shapes(shares: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """Location and, with three cells or more, spread; both leave the cell of absent values at 0."""
    present = shares[:-1]
    total = sum(present)
    middles = [(reached - share / 2) / total for reached, share in zip(accumulate(present), present, strict=True)]
    location = _standard([math.log(middle / (1 - middle)) for middle in middles], present)
    if len(present) < 3:
        return ((*location, 0.0),)
    square = [value * value for value in location]
    slope = sum(p * s * v for p, s, v in zip(present, square, location, strict=True))
    spread = _standard([s - slope * v for s, v in zip(square, location, strict=True)], present)
    return (*location, 0.0), (*spread, 0.0)


def _standard(values: Sequence[float], shares: Sequence[float]) -> list[float]:
    """The values with mean 0 over the shares, and sum of squares 1."""
    mean = sum(map(mul, shares, values)) / sum(shares)
    deviation = math.sqrt(sum(p * (v - mean) ** 2 for p, v in zip(shares, values, strict=True)))
    return [(value - mean) / deviation if deviation else 0.0 for value in values]
