"""Usage records and network measurements of a population: who called whom, when, how long, over which cell."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from seatrial.telecom.distributions import (
    Floats,
    Integers,
    bend_to_daytime,
    bend_to_trend,
    bursty_positions,
    truncated_log_logistic,
)
from seatrial.telecom.population import REGIONS, Population, cell_quality
from seatrial.telecom.spec import CELLS_PER_REGION, TelecomSpec

KINDS = ("voice", "sms", "data")
VOICE, SMS, DATA = range(3)
_MICROSECONDS_A_DAY = 86_400_000_000
_ONNET_PERCENT = 65


@dataclass(frozen=True)
class Records:
    """Usage records as flat arrays, in order of time."""

    owner: Integers
    kind: Integers
    started_at: Integers
    """Microseconds since 1970, UTC."""
    duration_seconds: Floats
    data_mb: Floats
    partner: Integers
    """Seat of the partner when on the operator's ring, -1 - number when at another operator."""
    cell: Integers
    dropped: Integers


def draw_records(spec: TelecomSpec, people: Population) -> Records:
    """Draw calls, messages and data sessions of every subscriber.

    Data volume is concentrated: a tenth of the subscribers makes most of it (Jin et al., Characterizing data usage
    patterns in a large cellular network, CellNet 2012).
    """
    rng = spec.generator("usage")
    counts = _counts(rng, people, spec.days)
    shape = rng.uniform(0.45, 0.85, len(people.position))
    owners = [np.repeat(np.arange(len(count)), count) for count in counts]
    days = [_moments(rng, count, shape, people, spec.days) for count in counts]
    kind = np.repeat(np.arange(3), [len(owner) for owner in owners])
    owner, day = np.concatenate(owners), np.concatenate(days)
    cell = _cells(rng, people, owner)
    volume = _volumes(rng, people.data_mb * spec.days / 30, counts[DATA], owners[DATA])
    start = int(spec.start_time().timestamp()) * 1_000_000
    records = Records(
        owner=owner,
        kind=kind,
        started_at=start + (day * _MICROSECONDS_A_DAY).astype(np.int64),
        duration_seconds=_durations(rng, people, owner, kind),
        data_mb=np.concatenate([np.zeros(len(owner) - len(volume)), volume]),
        partner=_partners(rng, people, owner, kind),
        cell=cell,
        dropped=((rng.random(len(owner)) < drop_rate(spec)[cell]) & (kind != SMS)).astype(np.int64),
    )
    return _in_order(records)


def drop_rate(spec: TelecomSpec) -> Floats:
    """Long-run share of dropped connections of each cell."""
    return np.minimum(0.012 * np.exp(0.8 * cell_quality(spec)), 0.25)


def cell_names() -> list[str]:
    """Names of the cells, in the order of their indexes."""
    return [f"{region}-{cell:03d}" for region in REGIONS for cell in range(CELLS_PER_REGION)]


def network_kpi(spec: TelecomSpec) -> pa.Table:
    """Daily measurements of every cell: drop rate, throughput and latency."""
    rng = spec.generator("network")
    cells, days = len(REGIONS) * CELLS_PER_REGION, spec.days
    quality = np.repeat(cell_quality(spec), days)
    rate = np.repeat(drop_rate(spec), days) * rng.gamma(12.0, 1 / 12.0, cells * days)
    first = np.datetime64(spec.start, "D")
    return pa.table(
        {
            "cell_id": pa.array(cell_names()).take(np.repeat(np.arange(cells), days)),
            "day": pa.array(np.tile(first + np.arange(days), cells), pa.date32()),
            "drop_rate": np.minimum(rate, 1.0),
            "throughput_mbps": 45.0 * np.exp(-0.35 * quality + rng.normal(0, 0.15, cells * days)),
            "latency_ms": 38.0 * np.exp(0.25 * quality + rng.normal(0, 0.1, cells * days)),
        }
    )


def _counts(rng: np.random.Generator, people: Population, days: int) -> list[Integers]:
    """Records of each kind for each subscriber; usage that falls at the end lowers the total."""
    scale = days / 30 * (2 + np.exp(people.trend)) / 3
    texting = rng.gamma(1.2, 0.28, len(people.calls))
    sessions = np.exp(rng.normal(3.0, 0.5, len(people.calls))) * (1 + 0.15 * np.log1p(people.data_mb / 1000))
    return [rng.poisson(rate * scale) for rate in (people.calls, people.calls * texting, sessions)]


def _moments(rng: np.random.Generator, counts: Integers, shape: Floats, people: Population, days: int) -> Floats:
    """Days since the start of each record: bursty, with the subscriber's trend and the hours of the day."""
    position = bursty_positions(rng, counts, shape)
    return bend_to_daytime(bend_to_trend(position, np.repeat(people.trend, counts)) * days)


def _durations(rng: np.random.Generator, people: Population, owner: Integers, kind: Integers) -> Floats:
    """Seconds: truncated log-logistic with parameters of each subscriber for calls, lognormal for sessions."""
    location, scale = rng.normal(4.2, 0.5, len(people.calls)), rng.uniform(0.45, 0.85, len(people.calls))
    talk = truncated_log_logistic(rng, location[owner], scale[owner])
    session = np.exp(rng.normal(5.3, 1.1, len(owner)))
    return np.round(np.select([kind == VOICE, kind == DATA], [talk, session], 0.0), 1)


def _volumes(rng: np.random.Generator, total: Floats, counts: Integers, owner: Integers) -> Floats:
    """Megabytes of each session: the subscriber's volume split unevenly over the sessions."""
    weight = rng.lognormal(0.0, 1.0, len(owner))
    sums = np.bincount(owner, weights=weight, minlength=len(counts))
    return np.round(weight / sums[owner] * total[owner], 3)


def _partners(rng: np.random.Generator, people: Population, owner: Integers, kind: Integers) -> Integers:
    """Partner of each call or message: few are called often, and close ones are seated next to the subscriber."""
    rank = (people.partners[owner] * rng.random(len(owner)) ** 2.2).astype(np.int64)
    seat = people.position[owner]
    tie = (seat * 2_654_435_761 + rank * 40_503) % 1_000_003
    seats = int(people.position.max()) + 1
    neighbour = (seat + np.where(rank % 2 == 0, 1, -1) * (rank // 2 + 1)) % seats
    other = np.where(tie % 100 < _ONNET_PERCENT, neighbour, -1 - tie)
    return np.where(kind == DATA, np.iinfo(np.int64).min, other)


def _cells(rng: np.random.Generator, people: Population, owner: Integers) -> Integers:
    place = rng.random(len(owner))
    roaming = people.region[owner] * CELLS_PER_REGION + rng.integers(0, CELLS_PER_REGION, len(owner))
    return np.where(place < 0.6, people.home_cell[owner], np.where(place < 0.85, people.work_cell[owner], roaming))


def _in_order(records: Records) -> Records:
    order = np.argsort(records.started_at, kind="stable")
    return Records(**{name: values[order] for name, values in vars(records).items()})
