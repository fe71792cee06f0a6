"""Tail probabilities of the chi-square and the Kolmogorov distribution."""

import math

STEPS = 10_000


def chi_square_p_value(statistic: float, degrees: int) -> float:
    """Probability of a chi-square statistic at least this large: the upper regularised incomplete gamma function.

    By its series or Lentz's continued fraction (Press et al., "Numerical recipes", section 6.2). 1 without degrees.

    >>> round(chi_square_p_value(3.841459, 1), 6)
    0.05
    """
    if degrees < 1 or statistic <= 0:
        return 1.0
    shape, value = degrees / 2, statistic / 2
    scale = math.exp(shape * math.log(value) - value - math.lgamma(shape))
    if value < shape + 1:
        return max(0.0, 1 - scale * _series(shape, value))
    return scale * _fraction(shape, value)


def kolmogorov_p_value(distance: float, first_rows: int, second_rows: int) -> float:
    """Probability of a two-sample KS distance at least this large, by Kolmogorov's limit with Stephens's correction.

    Good from four rows in the smaller sample on (Stephens, 1970). 1 when either sample is empty.

    >>> round(kolmogorov_p_value(0.5, 20, 20), 3)
    0.008
    """
    if not first_rows or not second_rows or distance <= 0:
        return 1.0
    size = math.sqrt(first_rows * second_rows / (first_rows + second_rows))
    value = (size + 0.12 + 0.11 / size) * distance
    if value < 0.2:
        return 1.0
    terms = ((-1) ** (term - 1) * math.exp(-2 * (term * value) ** 2) for term in range(1, 101))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def _series(shape: float, value: float) -> float:
    term = total = 1 / shape
    for step in range(1, STEPS):
        term *= value / (shape + step)
        total += term
        if term < total * 1e-16:
            break
    return total


def _fraction(shape: float, value: float) -> float:
    below, tiny = value + 1 - shape, 1e-300
    upper, lower = 1 / tiny, 1 / below
    result = lower
    for step in range(1, STEPS):
        weight = -step * (step - shape)
        below += 2
        lower = 1 / (weight * lower + below or tiny)
        upper = below + weight / upper or tiny
        result *= lower * upper
        if abs(lower * upper - 1) < 1e-16:
            break
    return result
