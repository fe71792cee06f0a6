"""The heavy-tailed distributions that mobile operators have published about their customers."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LONGEST_CALL_SECONDS = 7200.0
POWER_LAW_EXPONENT = 1.8
# Share of a day's traffic by hour, midnight first: a night trough and an evening peak.
_HOURLY = np.array([2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 8, 9, 8, 8, 8, 9, 10, 11, 12, 11, 9, 6, 4], dtype=float)
_HOURLY_CUMULATED = np.concatenate([[0.0], np.cumsum(_HOURLY) / _HOURLY.sum()])
# The inverse of the profile as a table of equal steps: four times faster than interpolating for each event.
_DAYTIME_STEPS = 2048
_INVERSE = np.interp(np.linspace(0, 1, _DAYTIME_STEPS + 1), _HOURLY_CUMULATED, np.arange(25) / 24)
_DAYTIME, _DAYTIME_WIDTH = _INVERSE[:-1], np.diff(_INVERSE)


def double_pareto_lognormal(
    rng: np.random.Generator,
    size: int,
    *,
    mu: float,
    sigma: float,
    alpha: float,
    beta: float,
    tails: tuple[Floats, Floats] | None = None,
) -> Floats:
    """Draw from the double-Pareto-lognormal distribution: lognormal body, Pareto tails alpha (upper), beta (lower).

    Calls and distinct partners per customer follow it where a power law or a lognormal does not (Seshadri,
    Machiraju, Sridharan, Bolot, Faloutsos, Leskovec: Mobile call graphs: beyond power-law and lognormal
    distributions, KDD 2008). Representation: exp(N(mu, sigma^2) + E1/alpha - E2/beta), E1, E2 standard exponential;
    two quantities with the same `tails` (E1, E2) are large and small together.
    """
    upper, lower = draw_tails(rng, size) if tails is None else tails
    return np.exp(rng.normal(mu, sigma, size) + upper / alpha - lower / beta)


def draw_tails(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Standard exponential numbers for both tails of `double_pareto_lognormal`."""
    return rng.standard_exponential(size), rng.standard_exponential(size)


def truncated_log_logistic(
    rng: np.random.Generator, location: Floats, scale: Floats, *, low: float = 1.0, high: float = LONGEST_CALL_SECONDS
) -> Floats:
    """Draw one value for each pair of parameters from the log-logistic distribution truncated to [low, high].

    Call durations of one customer follow it for more than 96 % of customers (Vaz de Melo, Akoglu, Faloutsos,
    Loureiro: Surprising patterns for the call duration distribution of mobile phone users, ECML PKDD 2010).
    `location` is the logarithm of the median in seconds before truncation; `scale` that of the logistic logarithm.
    """
    bottom = 1 / (1 + np.exp(-(np.log(low) - location) / scale))
    top = 1 / (1 + np.exp(-(np.log(high) - location) / scale))
    share = bottom + (top - bottom) * rng.uniform(1e-12, 1 - 1e-12, len(location))
    return np.clip(np.exp(location + scale * np.log(share / (1 - share))), low, high)


def bursty_positions(
    rng: np.random.Generator, counts: Integers, shape: Floats, heavy: NDArray[np.bool_] | None = None
) -> Floats:
    """Place `counts[i]` events of customer i on the circle [0, 1) with Weibull gaps of shape `shape[i]`.

    Inter-call times of ordinary customers are Weibull with shape below 1, that is bursty; those of a few (3.46 %:
    robot-based callers, telecom frauds, telephone sales) follow a power law: `heavy` names them (Jiang, Xie, Li,
    Podobnik, Zhou, Stanley: Calling patterns in human communication dynamics, PNAS 110, 2013; measured in 2012).
    The answer is flat, customer after customer; each goes round the circle from a random place, so that no moment is
    busier than another (a process that began at 0 would crowd there).
    """
    owner = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    # A Weibull number is a power of an exponential one.
    gaps = rng.standard_exponential(len(owner)) ** (1 / shape)[owner] + 1e-9
    closing = rng.standard_exponential(len(counts)) ** (1 / shape) + 1e-9
    if heavy is not None:
        gaps, closing = _with_power_law(rng, gaps, heavy[owner]), _with_power_law(rng, closing, heavy)
    totals = np.bincount(owner, weights=gaps, minlength=len(counts)) + closing
    running = np.cumsum(gaps)
    before = np.concatenate([[0.0], running])[np.concatenate([[0], np.cumsum(counts)])[:-1]]
    place = (running - before[owner]) / totals[owner] + rng.random(len(counts))[owner]
    return np.minimum(place - np.floor(place), 1 - 1e-9)


def _with_power_law(rng: np.random.Generator, gaps: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """The gaps with those of the chosen customers drawn anew: density t^-POWER_LAW_EXPONENT from 1, cut at 1000."""
    index = np.flatnonzero(chosen)
    tail = 1 - POWER_LAW_EXPONENT
    gaps[index] = (1 - rng.random(len(index)) * (1 - 1000.0**tail)) ** (1 / tail)
    return gaps


def bend_to_trend(position: Floats, trend: Floats) -> Floats:
    """Move positions in (0, 1) so that activity in the last third is exp(trend) times that of the first two."""
    early = 2 / (2 + np.exp(trend))
    first = position / early * (2 / 3)
    last = 2 / 3 + (position - early) / (1 - early) / 3
    return np.clip(np.where(position < early, first, last), 0.0, 1 - 1e-9)


def bend_to_daytime(day_position: Floats) -> Floats:
    """Map days (whole part kept) so that the time of day follows the hourly traffic profile."""
    day = np.floor(day_position)
    place = (day_position - day) * _DAYTIME_STEPS
    step = np.minimum(place.astype(np.int32), _DAYTIME_STEPS - 1)
    return day + _DAYTIME[step] + (place - step) * _DAYTIME_WIDTH[step]


def top_share(values: Floats, share: float = 0.1) -> float:
    """Part of the total that the largest `share` of the values holds.

    >>> top_share(np.array([91.0, 1, 1, 1, 1, 1, 1, 1, 1, 1]))
    0.91
    """
    ordered = np.sort(values)[::-1]
    return float(ordered[: max(1, round(len(values) * share))].sum() / ordered.sum())
