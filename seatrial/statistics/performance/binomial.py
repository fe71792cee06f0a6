"""Exact interval of a share."""

import math

from seatrial.statistics.performance.interval import Interval

ALPHA = 0.05


def exact_interval(count: int, rows: int) -> Interval:
    """Clopper and Pearson's (1934) 95 % interval of a share, which holds it in at least 95 % of samples.

    >>> exact_interval(0, 10).high, exact_interval(8, 10)
    (0.308497..., Interval(value=0.8, low=0.443904..., high=0.974789...))
    """
    if not rows:
        return Interval(math.nan, math.nan, math.nan)
    low = 0.0 if not count else _solve(lambda share: 1 - _below(count - 1, rows, share), rising=True)
    high = 1.0 if count == rows else _solve(lambda share: _below(count, rows, share), rising=False)
    return Interval(count / rows, low, high)


def _solve(tail, rising: bool) -> float:  # noqa: ANN001 - share -> tail probability
    """Share at which the tail has half of alpha, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if (tail(middle) < ALPHA / 2) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _below(count: int, rows: int, share: float) -> float:
    """Probability of at most `count` successes: the regularised incomplete beta function I(1 - p; n - k, k + 1)."""
    if count >= rows:
        return 1.0
    return _beta(1 - share, rows - count, count + 1)


def _beta(value: float, first: float, second: float) -> float:
    if value <= 0 or value >= 1:
        return float(value >= 1)
    if value > (first + 1) / (first + second + 2):
        return 1 - _beta(1 - value, second, first)
    scale = math.lgamma(first + second) - math.lgamma(first) - math.lgamma(second)
    return (
        math.exp(scale + first * math.log(value) + second * math.log1p(-value)) * _lentz(value, first, second) / first
    )


def _lentz(value: float, first: float, second: float) -> float:
    """Continued fraction of the incomplete beta function (Press et al., "Numerical recipes", section 6.4)."""
    tiny = 1e-300
    upper, lower = 1.0, 1 / ((1 - (first + second) * value / (first + 1)) or tiny)
    result = lower
    for step in range(1, 2000):
        even = step * (second - step) * value / ((first + 2 * step - 1) * (first + 2 * step))
        odd = -(first + step) * (first + second + step) * value / ((first + 2 * step) * (first + 2 * step + 1))
        for weight in (even, odd):
            lower = 1 / ((1 + weight * lower) or tiny)
            upper = (1 + weight / upper) or tiny
            result *= lower * upper
        if abs(lower * upper - 1) < 1e-15:
            break
    return result
