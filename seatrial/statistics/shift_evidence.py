"""Evidence that the mean of a standardised score has moved, as an e-value."""

import math

ALTERNATIVE_DEVIATION = 0.3
"""Shifts that the alternative expects, in standard deviations; it loses little on much smaller and larger ones."""


def log_e_value(
    mean: float, precision: float, *, offset_variance: float = 0.0, skewness: float = 0.0, freedom: float = math.inf
) -> float:
    """Logarithm of the Bayes factor of "moved" against "not moved", given an estimated mean and its precision.

    Both hypotheses are normal: without a shift the mean is 0 up to a lasting offset of variance `offset_variance`
    (how well the baseline's own rows tell it); with one it is as far away again as `ALTERNATIVE_DEVIATION` says
    (Jeffreys, 1961; as an e-value: Grunwald, de Heide and Koolen, 2024). `skewness` is that of a single value:
    Bernstein's bound takes the place of the normal tail on its long side. `freedom` is that of an estimated
    variance, whose tail is Student's.

    >>> round(log_e_value(0.3, 1000.0), 1), log_e_value(0.02, 1000.0) < 0
    (42.3, True)
    """
    square = mean * mean * precision / (1 + max(0.0, skewness * mean) / 3)
    if freedom < math.inf:
        square = (freedom + 1) * math.log1p(square / freedom)
    quiet = offset_variance * precision
    moved = quiet + ALTERNATIVE_DEVIATION**2 * precision
    gain = moved / (1 + moved) - quiet / (1 + quiet)
    return 0.5 * (square * gain - math.log((1 + moved) / (1 + quiet)))
