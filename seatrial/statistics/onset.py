"""When a drift began: the likeliest starting point, and those that are nearly as likely."""

from collections.abc import Sequence
from dataclasses import dataclass

NEARLY = 3.84
"""Twice the log likelihood by which a starting point may fall short: the 95 % quantile of chi-square with 1 degree."""


@dataclass(frozen=True)
class Onset:
    """Hours since 1970: the likeliest beginning, and the earliest and the latest that agree with what was seen."""

    began: int
    earliest: int
    latest: int


def began(hours: Sequence[int], squares: Sequence[float]) -> Onset:
    """The beginning of a shift away from a known level, from the squared z-scores of all stretches up to now.

    `hours` are the beginnings of the stretches, `squares` their squared z-scores: twice the log likelihood that a mean
    has been another one since, against the baseline's level throughout. The largest is Hinkley's (1970) estimate; the
    interval is by likelihood ratio, and too short where a drift comes slowly. Raises `ValueError` for none.

    >>> began([12, 11, 10, 9], [8.1, 15.0, 17.2, 13.0])
    Onset(began=10, earliest=10, latest=11)
    """
    if not hours:
        raise ValueError("began: needs at least one starting point, got none")
    most = max(squares)
    near = [hour for hour, square in zip(hours, squares, strict=True) if square >= most - NEARLY]
    return Onset(hours[squares.index(most)], min(near), max(near))
