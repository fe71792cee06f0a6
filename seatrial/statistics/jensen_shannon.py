"""Jensen-Shannon distance."""

import math
from collections.abc import Sequence


def jensen_shannon_distance(first: Sequence[int], second: Sequence[int]) -> float:
    """Square root of the Jensen-Shannon divergence in bits, in [0, 1] (Lin, 1991; Endres and Schindelin, 2003).

    0 when either histogram is empty.

    >>> jensen_shannon_distance([10, 0], [0, 10]), jensen_shannon_distance([1, 1], [7, 7])
    (1.0, 0.0)
    """
    total_first, total_second = sum(first), sum(second)
    if not total_first or not total_second:
        return 0.0
    pairs = [(a / total_first, b / total_second) for a, b in zip(first, second, strict=True)]
    divergence = math.fsum(_term(p, (p + q) / 2) + _term(q, (p + q) / 2) for p, q in pairs) / 2
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def _term(share: float, middle: float) -> float:
    return share * math.log2(share / middle) if share else 0.0
