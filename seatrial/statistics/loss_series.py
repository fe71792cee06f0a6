"""Mean losses of the last labelled windows, for the time at which a loss began."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.statistics.concept.change_point import change_point

LOSS_WINDOWS = 72


@dataclass(frozen=True)
class LossSeries:
    """Mean losses of the last labelled windows: (hour since 1970, rows, sum of losses), for the time of a change."""

    windows: tuple[tuple[int, int, float], ...] = ()

    def plus(self, hour: int | None, losses: Sequence[float]) -> "LossSeries":
        """The series with one more window; without an hour it follows the last."""
        if not losses:
            return self
        start = hour if hour is not None else (self.windows[-1][0] + 1 if self.windows else 0)
        return LossSeries((*self.windows, (start, len(losses), math.fsum(losses)))[-LOSS_WINDOWS:])

    @property
    def began(self) -> int | None:
        """The hour from which on the loss is higher; None when it is not."""
        found = change_point([total for _, _, total in self.windows], [rows for _, rows, _ in self.windows])
        return self.windows[found.window][0] if found and found.after > found.before else None
