"""What a telecom snapshot is asked to be: size, period, seed and the drift that is built into it."""

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, get_args

import numpy as np

Scenario = Literal["none", "covariate", "prior", "concept", "broken_feed"]
CELLS_PER_REGION = 12


@dataclass(frozen=True, kw_only=True)
class TelecomSpec:
    """One snapshot: `subscribers` active customers observed for `days` days from `start`.

    Equal specs give equal tables. Snapshots of one `seed` share the operator (cells, network quality, the rule by
    which people churn); different `snapshot` names hold different people. `labels_as_of` blanks every label that
    was not yet known on that day; None gives them all.
    """

    subscribers: int = 4000
    days: int = 30
    seed: int = 0
    snapshot: str = "history"
    start: date = date(2026, 6, 1)
    scenario: Scenario = "none"
    labels_as_of: date | None = None

    def __post_init__(self) -> None:
        if self.subscribers < 2:
            raise ValueError(f"subscribers: must be at least 2, got {self.subscribers!r}")
        if self.days < 1:
            raise ValueError(f"days: must be at least 1, got {self.days!r}")
        if self.scenario not in get_args(Scenario):
            raise ValueError(f"scenario: must be one of {', '.join(get_args(Scenario))}, got {self.scenario!r}")

    def generator(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose of this snapshot, independent of every other purpose."""
        return np.random.default_rng([self.seed, zlib.crc32(self.snapshot.encode()), zlib.crc32(purpose.encode())])

    def world_generator(self, purpose: str) -> np.random.Generator:
        """Random numbers shared by all snapshots of one seed."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def start_time(self) -> datetime:
        """Midnight UTC of the first day."""
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)
