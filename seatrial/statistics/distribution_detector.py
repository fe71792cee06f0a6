"""Sequential test for a shift of one distribution: an e-detector over all recent starting windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from seatrial.statistics.dirichlet_evidence import DirichletEvidence
from seatrial.statistics.log_sum import log_sum_exp

RECENT_WINDOWS = 24
BLOCK_WINDOWS = 24
MAXIMUM_BLOCKS = 7

Counts = tuple[int, ...]


@dataclass(frozen=True)
class History:
    """Counts by cell of the windows since the monitor started afresh, newest last.

    The last 24 windows are kept singly, older ones as blocks of 24; the oldest block takes up what leaves, so a
    slow shift is still compared over the whole time.
    """

    blocks: tuple[tuple[int, Counts], ...] = ()
    """Pairs of (windows in the block, their counts)."""

    def push(self, counts: Sequence[int]) -> "History":
        """The history with one more window."""
        return History(_compacted((*self.blocks, (1, tuple(counts)))))

    def suffixes(self) -> list[Counts]:
        """Counts from each starting point to now, the shortest first."""
        return list(accumulate((counts for _, counts in reversed(self.blocks)), _add))

    def last(self, windows: int) -> Counts | None:
        """Counts of about the last `windows` windows together, None without any."""
        suffixes = self.suffixes()
        return suffixes[min(windows, len(suffixes)) - 1] if suffixes else None


@dataclass(frozen=True)
class Detection:
    """What the history says: the detector's log evidence, and the stretch of windows that says it loudest."""

    log_evidence: float
    counts: Counts
    windows: int


def detect(evidence: DirichletEvidence, history: History) -> Detection:
    """Shiryaev-Roberts e-detector: the sum, over starting windows, of the e-value from there to now.

    Shin, Ramdas and Rinaldo, "E-detectors" (2022), definition 2.2: without a shift the mean time to pass c is at
    least c windows.

    >>> evidence = DirichletEvidence.of([500, 500], null_rows=1000)
    >>> quiet = History().push([50, 50]).push([52, 48])
    >>> detect(evidence, quiet).log_evidence < 1 < 12 < detect(evidence, quiet.push([85, 15])).log_evidence
    True
    """
    suffixes = history.suffixes()
    values = [evidence.log_value(counts) for counts in suffixes]
    loudest = max(range(len(values)), key=values.__getitem__)
    windows = sum(size for size, _ in history.blocks[-(loudest + 1) :])
    return Detection(log_sum_exp(values), suffixes[loudest], windows)


def _add(first: Counts, second: Counts) -> Counts:
    return tuple(a + b for a, b in zip(first, second, strict=True))


def _merge(blocks: Sequence[tuple[int, Counts]]) -> tuple[int, Counts]:
    size = sum(windows for windows, _ in blocks)
    *_, counts = accumulate((counts for _, counts in blocks), _add)
    return size, counts


def _compacted(blocks: tuple[tuple[int, Counts], ...]) -> tuple[tuple[int, Counts], ...]:
    singles = [block for block in blocks if block[0] == 1]
    older = [block for block in blocks if block[0] > 1]
    if len(singles) >= RECENT_WINDOWS + BLOCK_WINDOWS:
        older.append(_merge(singles[:BLOCK_WINDOWS]))
        singles = singles[BLOCK_WINDOWS:]
    if len(older) > MAXIMUM_BLOCKS:
        older = [_merge(older[:2]), *older[2:]]
    return (*older, *singles)
