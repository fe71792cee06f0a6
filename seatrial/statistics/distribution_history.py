"""What has been counted since the monitor started afresh: windows of late singly, older ones in blocks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

RECENT_WINDOWS = 12
RECENT_HOURS = 48
BLOCK_HOURS = 6
MAXIMUM_DAYS = 14
DAY = 24

Counts = tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """Windows of an hour counted together; `hour` is the beginning of the last one, in hours since 1970 (UTC)."""

    windows: int
    hour: int
    counts: Counts

    @property
    def day(self) -> int:
        """The day of the last window."""
        return self.hour // DAY

    @cached_property
    def rows(self) -> int:
        """Rows in all cells."""
        return sum(self.counts)


@dataclass(frozen=True)
class History:
    """Counts by cell of the windows since the monitor started afresh, newest last.

    The last 12 windows are kept singly, those of two days in blocks of six hours, older ones by day; the oldest block
    takes up what leaves after 14 days, so that a slow shift is still compared over the whole time. `parted` is the hour
    of a change: what came before it in its day and what came after are kept apart.
    """

    blocks: tuple[Block, ...] = ()
    parted: int | None = None

    def push(self, counts: Sequence[int], hour: int | None = None, hours: int = 1) -> "History":
        """The history with one more window, so many `hours` long; without its last hour it follows the one before.

        >>> history = History()
        >>> for hour in range(100):
        ...     history = history.push([1, 2], hour)
        >>> len(history.blocks), sum(block.windows for block in history.blocks)
        (21, 100)
        """
        if hour is None:
            hour = self.blocks[-1].hour + hours if self.blocks else hours - 1
        return History(_compacted((*self.blocks, Block(hours, hour, tuple(counts))), self.parted), self.parted)

    def parted_at(self, hour: int) -> "History":
        """The history that keeps apart what was before this hour; the first such hour counts."""
        return self if self.parted is not None else History(self.blocks, hour)

    def to_json(self) -> list[list[int]]:
        """JSON-ready form; a list of one number is the hour that parts the others."""
        blocks = [[block.windows, block.hour, *block.counts] for block in self.blocks]
        return blocks if self.parted is None else [[self.parted], *blocks]

    @classmethod
    def from_json(cls, data: Iterable[Sequence[int]]) -> "History":
        """Read what `to_json` wrote."""
        items = list(data)
        parted = next((item[0] for item in items if len(item) == 1), None)
        blocks = (Block(item[0], item[1], tuple(item[2:])) for item in items if len(item) > 1)
        return cls(tuple(blocks), parted)


def _compacted(blocks: tuple[Block, ...], parted: int | None) -> tuple[Block, ...]:
    newest, older, recent = blocks[-1].hour, blocks[:-RECENT_WINDOWS], blocks[-RECENT_WINDOWS:]

    def kept_together(block: Block) -> tuple[bool, tuple[int, int]]:
        return parted is not None and block.hour >= parted, period(block.hour, newest)

    merged = [_merged(list(group)) for _, group in groupby(older, kept_together)]
    if len(merged) > MAXIMUM_DAYS + RECENT_HOURS // BLOCK_HOURS:
        merged = [_merged(merged[:2]), *merged[2:]]
    return (*merged, *recent)


def period(hour: int, newest: int) -> tuple[int, int]:
    """Which block an hour belongs to once it is no longer kept singly."""
    if newest - hour < RECENT_HOURS:
        return BLOCK_HOURS, hour // BLOCK_HOURS
    return DAY, hour // DAY


def _merged(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    counts = tuple(sum(cells) for cells in zip(*(block.counts for block in blocks), strict=True))
    return Block(sum(block.windows for block in blocks), max(block.hour for block in blocks), counts)
