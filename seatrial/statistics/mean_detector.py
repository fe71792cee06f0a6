"""Sequential test that a bounded quantity has a higher mean than allowed: a betting e-detector."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.statistics.log_sum import log_sum_exp

STAKES = (0.05, 0.1, 0.2, 0.4, 0.7)
"""Shares of the wealth put at risk on every value; the mixture of all needs no tuning to the size of the shift."""


@dataclass(frozen=True)
class MeanDetector:
    """Wealth of a gambler who bets, value by value, that values in [0, 1] exceed `limit` in the mean.

    For each stake s the wealth is multiplied by 1 + s (x / limit - 1), fair or worse while the mean is at most the
    limit (Waudby-Smith and Ramdas, 2024); each window starts a further gambler, and the sum over gamblers is the
    e-detector (Shin, Ramdas and Rinaldo, 2022). `log_wealth` holds one logarithm a stake.

    `design_effect` (1 or more, known before the window) damps a window's gain to the power 1 / design_effect: by
    Jensen's inequality that is fair or worse as well, so no promise is weakened; and where values of a window depend on
    each other, such that they count for fewer, it keeps the wealth from growing by what they share (Hoelder's
    inequality: a product of n gains that depend on each other in any way is fair to the power 1 / n).

    >>> calm, hot = MeanDetector(0.2).update([0.1, 0.2] * 50), MeanDetector(0.2).update([0.3, 0.6] * 50)
    >>> calm.log_evidence < 1 < 12 < hot.log_evidence
    True
    """

    limit: float
    log_wealth: tuple[float, ...] = (-math.inf,) * len(STAKES)

    def __post_init__(self) -> None:
        if not 0 < self.limit < 1:
            raise ValueError(f"limit must lie between 0 and 1, got {self.limit!r}")

    def update(self, values: Sequence[float], design_effect: float = 1.0) -> "MeanDetector":
        """The detector after one more window of values; a window without values changes nothing."""
        if not values:
            return self
        relative = [value / self.limit - 1 for value in values]
        gains = [math.fsum(math.log1p(stake * value) for value in relative) / design_effect for stake in STAKES]
        before = [log_sum_exp([wealth, 0.0]) for wealth in self.log_wealth]
        return MeanDetector(self.limit, tuple(map(float.__add__, before, gains)))

    @property
    def log_evidence(self) -> float:
        """Logarithm of the mean wealth over the stakes."""
        return log_sum_exp(self.log_wealth) - math.log(len(STAKES))
