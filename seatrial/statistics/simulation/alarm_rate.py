"""Alarms counted over simulated time, as a rate with an exact interval."""

from dataclasses import dataclass

from seatrial.statistics.distances.p_values import chi_square_p_value

TAIL = 0.05


@dataclass(frozen=True)
class AlarmRate:
    """`alarms` openings of incidents in `years` of simulated watching; `factor` streams of that kind are watched."""

    alarms: int
    years: float
    factor: float = 1.0

    @property
    def per_year(self) -> float:
        """Expected alarms a year."""
        return self.alarms * self.factor / self.years

    @property
    def at_most_per_year(self) -> float:
        """Upper 95 % limit (Garwood, 1936): half of a chi-square quantile of 2 (alarms + 1) degrees over the time.

        >>> round(AlarmRate(0, 1.0).at_most_per_year, 3)
        2.996
        """
        degrees = 2 * (self.alarms + 1)
        low, high = 0.0, 10.0 * degrees + 100
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if chi_square_p_value(middle, degrees) > TAIL else (low, middle)
        return low / 2 * self.factor / self.years
