"""Evidence that counts come from another distribution than the baseline's, as an e-value."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.statistics.log_sum import log_sum_exp

ALTERNATIVE_CONCENTRATIONS = (8.0, 64.0)
"""How far from the baseline the alternatives expect the truth: widely, and moderately."""


@dataclass(frozen=True)
class DirichletEvidence:
    """Bayes factor of "another distribution" against "the baseline's, as far as its rows tell".

    Both hypotheses are Dirichlet-multinomial (Good, 1967; as an e-value: Grunwald, de Heide and Koolen, 2024).
    The null hypothesis knows the baseline only as well as `null_rows` rows would, so that neither the baseline's
    own sampling error nor shifts smaller than that add up to an alarm, however long the stream.

    >>> evidence = DirichletEvidence.of([500, 500], null_rows=1000)
    >>> evidence.log_value([50, 50]) < 0 < evidence.log_value([90, 10])
    True
    """

    null: tuple[float, ...]
    alternatives: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, baseline: Sequence[int], null_rows: float) -> "DirichletEvidence":
        """Evidence against the baseline's counts, taken as worth at most `null_rows` rows."""
        smoothed = [count + 0.5 for count in baseline]
        total = sum(smoothed)
        null = _scaled(smoothed, min(total, null_rows) / total)
        return cls(null, tuple(_scaled(smoothed, size / total) for size in ALTERNATIVE_CONCENTRATIONS))

    def log_value(self, counts: Sequence[int]) -> float:
        """Logarithm of the e-value: its mean under the null hypothesis is 1."""
        against = log_sum_exp([_log_likelihood(item, counts) for item in self.alternatives])
        return against - math.log(len(self.alternatives)) - _log_likelihood(self.null, counts)


def _scaled(values: Sequence[float], factor: float) -> tuple[float, ...]:
    return tuple(value * factor for value in values)


def _log_likelihood(concentration: Sequence[float], counts: Sequence[int]) -> float:
    """Dirichlet-multinomial log likelihood without the multinomial coefficient, which cancels."""
    total = math.fsum(concentration)
    result = math.lgamma(total) - math.lgamma(total + sum(counts))
    for alpha, count in zip(concentration, counts, strict=True):
        if count:
            result += math.lgamma(alpha + count) - math.lgamma(alpha)
    return result
