"""A figure with the interval that holds it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval; NaN where it is not defined, for instance precision without positives."""

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the interval contains the value.

        >>> Interval(0.5, 0.4, 0.6).holds(0.45)
        True
        """
        return self.low <= value <= self.high
