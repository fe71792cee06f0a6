"""When events reach the operator's systems, and what is spoilt on the way: late, twice, out of order, or broken.

What was done is counted, so that whoever reads the events can be held to account for every one of them.
"""

from collections import Counter
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from seatrial.contracts.cdr import REACH
from seatrial.telecom.distributions import Floats, Integers
from seatrial.telecom.plan import Faults

BAD_REASONS = (
    "subscriber_id_missing",
    "started_at_missing",
    "future",
    "kind_invalid",
    "duration_seconds_range",
    "data_mb_range",
    "cell_id_missing",
    "dropped_range",
)
"""The names that the data contract gives to these faults (`contracts.cdr`); what else is wrong with a row: nothing."""
GOOD = -1
FASTEST_SECONDS, MEAN_DELAY_SECONDS = 5.0, 40.0
_SECOND, _HOUR = 1_000_000, 3_600_000_000
# Hours of delay by fault: a margin of minutes keeps them clear of the limits, whatever the ordinary delay.
_DELAYS = {"late": (24.2, 71.5), "too_late": (REACH.total_seconds() / 3600 + 0.5, 144.0), "out_of_order": (0.5, 6.0)}
_RESENT_HOURS = 2.0


@dataclass(frozen=True)
class Arrivals:
    """Deliveries of events; an event that is delivered twice has two."""

    event: Integers
    """Index of the event."""
    received_at: Integers
    """Microseconds since 1970, UTC."""
    bad: NDArray[np.int8]
    """Index into `BAD_REASONS`, or `GOOD`."""
    counts: Counter[str]
    """Spoilt events by fault; bad ones as `bad.<reason>`."""
    wrong_for_good: NDArray[np.bool_]
    """Deliveries that are not the one usable delivery of an event: copies, too late, bad."""


def deliver(rng: np.random.Generator, started_at: Integers, faults: Faults) -> Arrivals:
    """Draw when each event (microseconds since 1970) arrives; ordinary ones within minutes."""
    size = len(started_at)
    delay = FASTEST_SECONDS + MEAN_DELAY_SECONDS * rng.standard_exponential(size, dtype=np.float32)
    received = started_at + (delay * _SECOND).astype(np.int64)
    bad, wrong = np.full(size, GOOD, dtype=np.int8), np.zeros(size, dtype=bool)
    chosen = _choose(rng, size, faults)
    counts = Counter({name: len(index) for name, index in chosen.items() if name != "bad"})
    for name, (least, most) in _DELAYS.items():
        received[chosen[name]] += (rng.uniform(least, most, len(chosen[name])) * _HOUR).astype(np.int64)
    wrong[chosen["too_late"]] = True
    _break(chosen["bad"], bad, wrong, counts)
    copies = chosen["duplicates"]
    again = received[copies] + (rng.uniform(1 / 3600, _RESENT_HOURS, len(copies)) * _HOUR).astype(np.int64)
    return Arrivals(
        event=np.concatenate([np.arange(size), copies]),
        received_at=np.concatenate([received, again]),
        bad=np.concatenate([bad, bad[copies]]),
        counts=counts,
        wrong_for_good=np.concatenate([wrong, np.ones(len(copies), dtype=bool)]),
    )


def _choose(rng: np.random.Generator, size: int, faults: Faults) -> dict[str, Integers]:
    """Indexes of the events that suffer from each fault; no event from two."""
    names = [one.name for one in fields(faults)]
    shares = np.array([getattr(faults, name) for name in names])
    if not shares.any():
        return {name: np.zeros(0, dtype=np.int64) for name in names}
    limits: Floats = np.cumsum(shares)
    place = np.searchsorted(limits, rng.random(size), side="right")
    return {name: np.flatnonzero(place == number) for number, name in enumerate(names)}


def _break(chosen: Integers, bad: NDArray[np.int8], wrong: NDArray[np.bool_], counts: Counter[str]) -> None:
    bad[chosen] = np.arange(len(chosen)) % len(BAD_REASONS)
    wrong[chosen] = True
    counts |= Counter({f"bad.{reason}": int((bad[chosen] == n).sum()) for n, reason in enumerate(BAD_REASONS)})
