"""What a telecom snapshot is asked to be: size, period, seed and the drift that is built into it."""

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, Protocol, get_args

import numpy as np

Scenario = Literal["none", "covariate", "prior", "concept", "broken_feed"]
CELLS_PER_REGION = 12
MONTH_DAYS = 30
HORIZON_DAYS = 180
"""A label of a snapshot says whether the subscriber leaves within this many days after the period.

Half a year of a churn of 1-3 % a month gives 6 to 17 % churners without choosing rows by their label. Choosing them
(case-control sampling) would give a snapshot of shorter horizon the same share, but then a change of the rule by which
people leave would also change who is in the sample: a pure concept shift would look like drift of the inputs.
"""


class Source(Protocol):
    """What the drawing of usage needs to know: a snapshot, or one month of one block of a larger operator."""

    @property
    def days(self) -> int:
        """Length of the period."""
        ...

    def generator(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose, independent of every other purpose."""
        ...

    def world_generator(self, purpose: str) -> np.random.Generator:
        """Random numbers shared by everything with one seed."""
        ...

    def start_time(self) -> datetime:
        """Midnight UTC of the first day."""
        ...


@dataclass(frozen=True, kw_only=True)
class TelecomSpec:
    """One snapshot: `subscribers` active customers observed for `days` days from `start`.

    Equal specs give equal tables. Snapshots of one `seed` share the operator (cells, network quality, the rule by
    which people churn); different `snapshot` names hold different people. `labels_as_of` blanks every label that
    was not yet known on that day; None gives them all. `churn_rate` is the expected share of subscribers that leaves
    in 30 days; labels look `HORIZON_DAYS` ahead, so their share of churners is `label_rate`.
    """

    subscribers: int = 4000
    days: int = 30
    seed: int = 0
    snapshot: str = "history"
    start: date = date(2026, 6, 1)
    scenario: Scenario = "none"
    labels_as_of: date | None = None
    churn_rate: float = 0.027

    def __post_init__(self) -> None:
        if self.subscribers < 2:
            raise ValueError(f"subscribers: must be at least 2, got {self.subscribers!r}")
        if self.days < 1:
            raise ValueError(f"days: must be at least 1, got {self.days!r}")
        if self.scenario not in get_args(Scenario):
            raise ValueError(f"scenario: must be one of {', '.join(get_args(Scenario))}, got {self.scenario!r}")
        check_churn_rate(self.churn_rate)

    @property
    def label_rate(self) -> float:
        """Expected share of churners among the labels: who leaves within the horizon at a constant monthly rate."""
        return 1 - (1 - self.churn_rate) ** (HORIZON_DAYS / MONTH_DAYS)

    def generator(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose of this snapshot, independent of every other purpose."""
        return np.random.default_rng([self.seed, zlib.crc32(self.snapshot.encode()), zlib.crc32(purpose.encode())])

    def world_generator(self, purpose: str) -> np.random.Generator:
        """Random numbers shared by all snapshots of one seed."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def start_time(self) -> datetime:
        """Midnight UTC of the first day."""
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)


def check_churn_rate(rate: float) -> None:
    """Refuse what no operator loses in a month; raises `ValueError`."""
    if not 0 < rate <= 0.2:
        raise ValueError(f"churn_rate: must be above 0 and at most 0.2 (share of a month), got {rate!r}")
