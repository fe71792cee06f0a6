"""Page-Hinkley test: has the mean risen by more than is tolerated."""

import math


class PageHinkley:
    """Cumulative sum of Page (1954) and Hinkley (1971), in the form of Mouss et al. (2004).

    The sum of `value - mean - tolerance` falls while nothing happens; an alarm is a rise of `threshold` above its
    lowest point. `mean_values_between_false_alarms` tells what threshold and tolerance cost.

    >>> detector = PageHinkley(threshold=20.0)
    >>> [step for step in range(400) if detector.update(float(step >= 200))]
    [222]
    """

    def __init__(self, threshold: float = 50.0, tolerance: float = 0.05, minimum_values: int = 30) -> None:
        if threshold <= 0 or tolerance < 0:
            raise ValueError(f"threshold must be above 0 and tolerance at least 0, got {threshold!r}, {tolerance!r}")
        self.threshold, self.tolerance, self.minimum_values = threshold, tolerance, minimum_values
        self._restart()

    def _restart(self) -> None:
        self._count, self._mean, self._sum, self._lowest = 0, 0.0, 0.0, 0.0

    @property
    def statistic(self) -> float:
        """How far the sum is above its lowest point."""
        return self._sum - self._lowest

    def update(self, value: float) -> bool:
        """Take one value; whether the mean has risen. After an alarm the test begins anew."""
        self._count += 1
        self._mean += (value - self._mean) / self._count
        self._sum += value - self._mean - self.tolerance
        self._lowest = min(self._lowest, self._sum)
        if self._count < self.minimum_values or self.statistic <= self.threshold:
            return False
        self._restart()
        return True


def mean_values_between_false_alarms(threshold: float, tolerance: float, variance: float) -> float:
    """Values of this variance that pass between alarms without a change, once their mean is known.

    For Brownian motion (Siegmund, "Sequential analysis", 1985, section X.2): (exp(r) - 1 - r) v / (2 d**2) with
    r = 2 h d / v.

    >>> round(mean_values_between_false_alarms(25.0, 0.05, 0.16))
    195433980
    """
    ratio = 2 * threshold * tolerance / variance
    return (math.exp(ratio) - 1 - ratio) * variance / (2 * tolerance**2)
