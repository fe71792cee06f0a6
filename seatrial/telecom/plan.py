"""What an operator at scale is asked to be, and how it is cut into blocks and months that are drawn independently.

A block is a group of subscribers with random numbers of its own. So any block can be drawn anywhere, alone, and the
whole is the same whatever the number of processes or machines. Acquaintances are of the same block.
"""

import zlib
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta

import numpy as np

from seatrial.telecom.spec import MONTH_DAYS, check_churn_rate

BLOCK_SUBSCRIBERS = 8192
MOST_BLOCKS = 1_000_000
_WHOLE_OPERATOR = 2**31


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Shares of the events (0 to 1) that are spoilt on purpose; an event suffers from one fault at most."""

    duplicates: float = 0.0
    """Delivered twice, up to two hours apart, with the same id."""
    late: float = 0.0
    """Delivered 24 to 72 hours after they began: used, and counted apart."""
    too_late: float = 0.0
    """Delivered 3 to 6 days after they began: too late to be used."""
    out_of_order: float = 0.0
    """Delivered up to six hours after events that began later."""
    bad: float = 0.0
    """Break the contract, in equal parts by each of `arrivals.BAD_REASONS`."""

    def __post_init__(self) -> None:
        for one in fields(self):
            share = getattr(self, one.name)
            if not 0 <= share <= 1:
                raise ValueError(f"{one.name}: must be a share from 0 to 1, got {share!r}")
        total = sum(getattr(self, one.name) for one in fields(self))
        if total > 1:
            names = ", ".join(one.name for one in fields(self))
            raise ValueError(f"{names}: must not exceed 1 in all, got {total:g}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An operator with `subscribers` customers on the day `start`, observed for `days` days.

    `churn_rate` is the expected share that leaves in 30 days; nobody joins. The CRM delivers every subscriber every
    `crm_every` days. Equal plans give equal rows.
    """

    subscribers: int
    days: int
    seed: int = 0
    start: date = date(2026, 6, 1)
    churn_rate: float = 0.02
    crm_every: int = 1
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        most = MOST_BLOCKS * BLOCK_SUBSCRIBERS
        if not 1 <= self.subscribers <= most:
            raise ValueError(f"subscribers: must be from 1 to {most}, got {self.subscribers!r}")
        if not 1 <= self.days <= 3660:
            raise ValueError(f"days: must be from 1 to 3660, got {self.days!r}")
        if self.seed < 0:
            raise ValueError(f"seed: must be 0 or more, got {self.seed!r}")
        if self.crm_every < 1:
            raise ValueError(f"crm_every: must be at least 1 (days), got {self.crm_every!r}")
        check_churn_rate(self.churn_rate)

    @property
    def blocks(self) -> int:
        """How many blocks the subscribers fill."""
        return -(-self.subscribers // BLOCK_SUBSCRIBERS)

    @property
    def months(self) -> int:
        """How many periods of 30 days are begun."""
        return -(-self.days // MONTH_DAYS)

    def block_size(self, block: int) -> int:
        """Subscribers of a block; only the last one may be smaller than the others."""
        return min(BLOCK_SUBSCRIBERS, self.subscribers - block * BLOCK_SUBSCRIBERS)

    def day(self, number: int) -> date:
        """The date of a day counted from `start`."""
        return self.start + timedelta(days=number)

    def operator_month(self, month: int) -> "BlockMonth":
        """Random numbers of one month that concern no block."""
        return BlockMonth(self, _WHOLE_OPERATOR, month)


@dataclass(frozen=True)
class BlockMonth:
    """A period of 30 days (the last may be shorter) of one block: a `spec.Source` of random numbers."""

    plan: Plan
    block: int
    month: int

    @property
    def first_day(self) -> int:
        """Days from the plan's start to the first day of this month."""
        return self.month * MONTH_DAYS

    @property
    def days(self) -> int:
        """Length of the month in days."""
        return min(MONTH_DAYS, self.plan.days - self.first_day)

    def generator(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose of this month of this block."""
        return np.random.default_rng([self.plan.seed, self.block, self.month, zlib.crc32(purpose.encode())])

    def world_generator(self, purpose: str) -> np.random.Generator:
        """Random numbers shared by all blocks and months, and by the snapshots of the same seed."""
        return np.random.default_rng([self.plan.seed, zlib.crc32(purpose.encode())])

    def start_time(self) -> datetime:
        """Midnight UTC of the first day."""
        first = self.plan.day(self.first_day)
        return datetime(first.year, first.month, first.day, tzinfo=UTC)

    def start_microseconds(self) -> int:
        """Microseconds from 1970 to the first day's midnight UTC."""
        return int(self.start_time().timestamp()) * 1_000_000
