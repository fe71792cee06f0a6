"""Evidence that a share is above a limit."""

import math


def excess_evidence(count: int, rows: int, limit: float) -> float:
    """Natural logarithm of one over Chernoff's (1952) bound on seeing `count` of `rows` at a true share of `limit`.

    0 when the observed share is not above the limit; infinite when the limit is 0 and anything was seen.

    >>> excess_evidence(5, 100, 0.05), round(excess_evidence(50, 100, 0.05), 1), excess_evidence(1, 100, 0.0)
    (0.0, 83.0, inf)
    """
    if not rows or count / rows <= limit or limit >= 1:
        return 0.0
    if limit <= 0:
        return math.inf
    share = count / rows
    divergence = share * math.log(share / limit)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - limit))
    return rows * divergence
