"""Population stability index (PSI)."""

import math
from collections.abc import Sequence


def population_stability_index(baseline: Sequence[int], observed: Sequence[int]) -> float:
    """Sum of (p - q) ln(p / q) over cells, each count raised by a half so that empty cells stay finite.

    Siddiqi, "Credit Risk Scorecards" (2006); by convention 0.1 is a moderate and 0.25 a large shift.
    Its expectation without any shift is (cells - 1)(1/n + 1/m), see Yurdakul (2018).

    >>> round(population_stability_index([50, 50], [50, 50]), 3), population_stability_index([99, 1], [1, 99]) > 1
    (0.0, True)
    """
    first, second = _smoothed(baseline), _smoothed(observed)
    return math.fsum((p - q) * math.log(p / q) for p, q in zip(first, second, strict=True))


def _smoothed(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + 0.5 * len(counts)
    return [(count + 0.5) / total for count in counts]
