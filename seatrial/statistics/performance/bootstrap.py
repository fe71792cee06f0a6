"""Intervals of any figure by drawing rows again."""

from collections.abc import Callable, Mapping

import numpy as np

from seatrial.statistics.performance.interval import Interval

ROUNDS = 200
Figures = Callable[..., Mapping[str, float]]


def bootstrap(figures: Figures, *columns: np.ndarray, rounds: int = ROUNDS, seed: int = 0) -> dict[str, Interval]:
    """95 % percentile intervals (Efron, 1979) of figures of columns of the same rows; the same seed, the same answer.

    >>> bootstrap(lambda x: {"mean": x.mean()}, np.arange(100.0))["mean"].holds(49.5)
    True
    """
    rng = np.random.default_rng(seed)
    values = figures(*columns)
    rows = len(columns[0])
    drawn = [figures(*(column[chosen] for column in columns)) for chosen in _choices(rng, rows, rounds)]
    return {name: _interval(value, [figure[name] for figure in drawn]) for name, value in values.items()}


def _choices(rng: np.random.Generator, rows: int, rounds: int) -> list[np.ndarray]:
    return [rng.integers(0, rows, rows) for _ in range(rounds)]


def _interval(value: float, drawn: list[float]) -> Interval:
    defined = np.array(drawn)[~np.isnan(drawn)]
    if not defined.size:
        return Interval(float(value), float("nan"), float("nan"))
    low, high = np.quantile(defined, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))
