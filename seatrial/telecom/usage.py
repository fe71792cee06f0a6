"""Usage records and network measurements of a population: who called whom, when, how long, over which cell."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.contracts.cdr import CDR
from seatrial.telecom.distributions import (
    Floats,
    Integers,
    bend_to_daytime,
    bend_to_trend,
    bursty_positions,
    truncated_log_logistic,
)
from seatrial.telecom.population import REGIONS, Population, cell_quality
from seatrial.telecom.spec import CELLS_PER_REGION, Source

KINDS = ("voice", "sms", "data")
VOICE, SMS, DATA = range(3)
NO_PARTNER = np.iinfo(np.int64).min
OTHER_NUMBERS = 1_000_003
"""How many numbers of other operators are ever called."""
ANOMALOUS_SHARE = 0.0346
"""Customers whose inter-call times follow a power law (Jiang et al. 2013, table 1)."""
LONGEST_SECONDS, LARGEST_MB = (CDR[name].maximum or np.inf for name in ("duration_seconds", "data_mb"))
"""What the contract allows one record; among millions of subscribers a heavy tail reaches it."""
_MICROSECONDS_A_DAY = 86_400_000_000
_ONNET_PERCENT = 65

Small = NDArray[np.int8]


@dataclass(frozen=True)
class Habits:
    """How each subscriber uses his phone, the same in every month."""

    burstiness: Floats
    """Shape of the Weibull gaps between calls; below 1, the less the burstier."""
    anomalous: NDArray[np.bool_]
    """Gaps follow a power law instead."""
    texting: Floats
    """Messages for each call."""
    sessions: Floats
    """Data sessions in 30 days."""
    talk_location: Floats
    """Logarithm of the median call in seconds, before truncation."""
    talk_scale: Floats
    """Scale of the log-logistic distribution of his calls."""


@dataclass(frozen=True)
class Records:
    """Usage records as flat arrays."""

    owner: NDArray[np.int32]
    kind: Small
    started_at: Integers
    """Microseconds since 1970, UTC."""
    duration_seconds: Floats
    data_mb: Floats
    partner: Integers
    """Seat of the partner when on the operator's ring, -1 - number when at another operator, or `NO_PARTNER`."""
    cell: NDArray[np.int16]
    dropped: Small

    def take(self, index: Integers) -> "Records":
        """The records at these indexes."""
        return Records(**{name: values[index] for name, values in vars(self).items()})


def draw_habits(rng: np.random.Generator, people: Population) -> Habits:
    """Draw the lasting habits of every subscriber.

    Call durations: Vaz de Melo et al. 2010; gaps: Jiang et al. 2013 (see `distributions`).
    """
    size = len(people.calls)
    return Habits(
        burstiness=rng.uniform(0.45, 0.85, size),
        anomalous=rng.random(size) < ANOMALOUS_SHARE,
        texting=rng.gamma(1.2, 0.28, size),
        sessions=np.exp(rng.normal(3.0, 0.5, size)) * (1 + 0.15 * np.log1p(people.data_mb / 1000)),
        talk_location=rng.normal(4.2, 0.5, size),
        talk_scale=rng.uniform(0.45, 0.85, size),
    )


def draw_records(source: Source, people: Population, habits: Habits) -> Records:
    """Draw calls, messages and data sessions of every subscriber: by kind and subscriber, not in order of time.

    Data volume is concentrated: a tenth of the subscribers makes most of it (Jin et al., Characterizing data usage
    patterns in a large cellular network, CellNet 2012).
    """
    rng = source.generator("usage")
    counts = _counts(rng, people, habits, source.days)
    owners = [np.repeat(np.arange(len(count), dtype=np.int32), count) for count in counts]
    days = [_moments(rng, count, habits, people, source.days) for count in counts]
    kind = np.repeat(np.arange(3, dtype=np.int8), [len(owner) for owner in owners])
    owner, day = np.concatenate(owners), np.concatenate(days)
    cell = _cells(rng, people, owner)
    volume = _volumes(rng, people.data_mb * source.days / 30, counts[DATA], owners[DATA])
    start = int(source.start_time().timestamp()) * 1_000_000
    return Records(
        owner=owner,
        kind=kind,
        started_at=start + (day * _MICROSECONDS_A_DAY).astype(np.int64),
        duration_seconds=_durations(rng, habits, owners),
        data_mb=np.concatenate([np.zeros(len(owner) - len(volume)), volume]),
        partner=_partners(rng, people, owner, len(volume)),
        cell=cell,
        dropped=((rng.random(len(owner)) < drop_rate(source)[cell]) & (kind != SMS)).astype(np.int8),
    )


def order_of(moments: Integers) -> Integers:
    """Indexes that put moments (microseconds, within 50 days) in order; equal ones keep theirs.

    Moment and place are sorted as one number: numpy sorts plain integers ten times faster than it sorts indexes.
    """
    if not len(moments):
        return np.zeros(0, dtype=np.int64)
    offset, bits = moments - moments.min(), len(moments).bit_length()
    if int(offset.max()).bit_length() + bits > 63:
        return np.argsort(moments, kind="stable")
    return np.sort((offset << bits) | np.arange(len(moments))) & ((1 << bits) - 1)


def drop_rate(source: Source) -> Floats:
    """Long-run share of dropped connections of each cell."""
    return np.minimum(0.012 * np.exp(0.8 * cell_quality(source)), 0.25)


def cell_names() -> list[str]:
    """Names of the cells, in the order of their indexes."""
    return [f"{region}-{cell:03d}" for region in REGIONS for cell in range(CELLS_PER_REGION)]


def network_kpi(source: Source) -> pa.Table:
    """Daily measurements of every cell: drop rate, throughput and latency."""
    rng = source.generator("network")
    cells, days = len(REGIONS) * CELLS_PER_REGION, source.days
    quality = np.repeat(cell_quality(source), days)
    rate = np.repeat(drop_rate(source), days) * rng.gamma(12.0, 1 / 12.0, cells * days)
    first = np.datetime64(source.start_time().date(), "D")
    return pa.table(
        {
            "cell_id": pa.array(cell_names()).take(pa.array(np.repeat(np.arange(cells), days))),
            "day": pa.array(np.tile(first + np.arange(days), cells), pa.date32()),
            "drop_rate": np.minimum(rate, 1.0),
            "throughput_mbps": 45.0 * np.exp(-0.35 * quality + rng.normal(0, 0.15, cells * days)),
            "latency_ms": 38.0 * np.exp(0.25 * quality + rng.normal(0, 0.1, cells * days)),
        }
    )


def _counts(rng: np.random.Generator, people: Population, habits: Habits, days: int) -> list[Integers]:
    """Records of each kind for each subscriber; usage that falls at the end lowers the total."""
    scale = days / 30 * (2 + np.exp(people.trend)) / 3
    rates = (people.calls, people.calls * habits.texting, habits.sessions)
    return [rng.poisson(rate * scale) for rate in rates]


def _moments(rng: np.random.Generator, counts: Integers, habits: Habits, people: Population, days: int) -> Floats:
    """Days since the start of each record: bursty, with the subscriber's trend and the hours of the day."""
    position = bursty_positions(rng, counts, habits.burstiness, habits.anomalous)
    return bend_to_daytime(bend_to_trend(position, np.repeat(people.trend, counts)) * days)


def _durations(rng: np.random.Generator, habits: Habits, owners: list[NDArray[np.int32]]) -> Floats:
    """Seconds: truncated log-logistic with parameters of each subscriber for calls, lognormal for sessions."""
    voice = owners[VOICE]
    talk = truncated_log_logistic(rng, habits.talk_location[voice], habits.talk_scale[voice])
    session = np.exp(5.3 + 1.1 * rng.standard_normal(len(owners[DATA])))
    seconds = np.concatenate([talk, np.zeros(len(owners[SMS])), session])
    return np.minimum(np.round(seconds, 1), LONGEST_SECONDS)


def _volumes(rng: np.random.Generator, total: Floats, counts: Integers, owner: NDArray[np.int32]) -> Floats:
    """Megabytes of each session: the subscriber's volume split unevenly, no session larger than the contract allows."""
    weight = np.exp(rng.standard_normal(len(owner)))
    sums = np.bincount(owner, weights=weight, minlength=len(counts))
    return np.minimum(np.round(weight * (total / np.maximum(sums, 1e-300))[owner], 3), LARGEST_MB)


def _partners(rng: np.random.Generator, people: Population, owner: NDArray[np.int32], sessions: int) -> Integers:
    """Partner of each call or message: few are called often, and close ones are seated next to the subscriber."""
    owner = owner[: len(owner) - sessions]  # sessions come last and have no partner
    rank = (people.partners[owner] * rng.random(len(owner)) ** 2.2).astype(np.int64)
    seat = people.position[owner]
    tie = (seat * 2_654_435_761 + rank * 40_503) % OTHER_NUMBERS
    seats = int(people.position.max()) + 1
    neighbour = (seat + np.where(rank % 2 == 0, 1, -1) * (rank // 2 + 1)) % seats
    other = np.where(tie % 100 < _ONNET_PERCENT, neighbour, -1 - tie)
    return np.concatenate([other, np.full(sessions, NO_PARTNER)])


def _cells(rng: np.random.Generator, people: Population, owner: NDArray[np.int32]) -> NDArray[np.int16]:
    """Cell of each record: 60 % at home, 25 % at work, the others anywhere in the region."""
    place = rng.random(len(owner), dtype=np.float32)
    anywhere = rng.integers(0, CELLS_PER_REGION, len(owner), dtype=np.int8)
    roaming = (people.region * CELLS_PER_REGION).astype(np.int16)[owner] + anywhere
    home, work = people.home_cell.astype(np.int16)[owner], people.work_cell.astype(np.int16)[owner]
    return np.where(place < 0.6, home, np.where(place < 0.85, work, roaming))
