"""The monitor's drift test on many monitors at once: arithmetic in arrays says which windows need its own code.

An e-value of z squared is at most exp(z^2 / 2), so the evidence over b starting points is at most log b + max z^2 / 2.
Where this bound is below the threshold nothing can alarm; wherever it is not, or nearly, the monitor's own code judges.
From the first alarm on a monitor is left to its own code altogether.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import add, sub
from typing import Any

import numpy as np

from seatrial.statistics.distribution_check import Distribution, DriftLimits, check_distribution
from seatrial.statistics.distribution_history import (
    BLOCK_HOURS,
    DAY,
    MAXIMUM_DAYS,
    RECENT_HOURS,
    RECENT_WINDOWS,
    Block,
    History,
    period,
)
from seatrial.statistics.rhythm import Rhythm, weekday

MARGIN = 1.0
"""Blocks of several days hold no hours and weekdays in the monitor, here they do."""


@dataclass(frozen=True)
class Blocks:
    """The same windows of all streams: counts by cell, and sums of scores above what is expected."""

    windows: int
    hour: int
    counts: np.ndarray
    sums: np.ndarray

    @property
    def day(self) -> int:
        return self.hour // DAY


class Screen:
    """Streams with equally many cells and rows a window; the first axis of all arrays is the stream."""

    def __init__(self, watched: Sequence[Distribution], rhythms: Sequence[Rhythm], limits: DriftLimits) -> None:
        self.watched, self.rhythms, self.limits = watched, rhythms, limits
        scores = [item.scores for item in watched]
        self.shares = np.array([item.shares for item in scores])
        self.matrix = np.array([[*item.shapes, *np.diag(item.scales).tolist()] for item in scores])
        self.day_variance, self.window_variance = (
            np.array([getattr(rhythm, name) for rhythm in rhythms]) for name in ("day_variance", "window_variance")
        )
        self.covariance = np.array([rhythm.day_covariance or (0.0,) * DAY for rhythm in rhythms])
        cells = self.shares.shape[1]
        self.hours = np.array([rhythm.hours or np.zeros((DAY, cells)) for rhythm in rhythms])
        self.weekdays = np.array([rhythm.weekdays or np.zeros((7, cells)) for rhythm in rhythms])
        self.blocks: list[Blocks] = []

    def see(self, hour: int, counts: np.ndarray) -> np.ndarray:
        """One window more; the streams whose evidence may reach the threshold."""
        expected = self.shares + self.hours[:, hour % DAY] + self.weekdays[:, weekday(hour)]
        excess = counts - counts.sum(axis=1, keepdims=True) * expected
        self.blocks = _compacted([*self.blocks, Blocks(1, hour, counts, self._sums(excess))])
        bound = 2 * (self.limits.log_threshold - MARGIN - math.log(len(self.blocks)))
        return np.flatnonzero(self._largest() >= bound)

    def history(self, stream: int) -> History:
        """A stream's history as the monitor would have it."""
        return History(
            tuple(Block(item.windows, item.hour, tuple(item.counts[stream].tolist())) for item in self.blocks)
        )

    def judge(self, stream: int) -> bool:
        """Whether the monitor's own code tells a drift."""
        return check_distribution(self.watched[stream], self.history(stream), self.limits, self.rhythms[stream]).drifted

    def _sums(self, excess: np.ndarray) -> np.ndarray:
        return np.matmul(self.matrix, excess[:, :, None])[:, :, 0]

    def _largest(self) -> np.ndarray:
        """By stream, the largest squared z-score over starting points and scores."""
        largest = np.zeros(len(self.shares))
        weighted = precisions = closed_weighted = closed_precisions = np.zeros(self.matrix.shape[:2])
        day, sums, windows, rows = None, 0.0, 0, 0.0
        whole: dict[int, tuple[Any, ...]] = {}
        for block in self.blocks:
            added = block.sums[:, 0], block.windows, block.counts[0].sum()
            whole[block.day] = tuple(map(add, whole.get(block.day, (0.0, 0, 0.0)), added))
        for block in reversed(self.blocks):
            if block.day != day:
                closed_weighted, closed_precisions = weighted, precisions
                day, sums, windows, rows = block.day, 0.0, 0, 0.0
            sums, windows, rows = sums + block.sums, windows + block.windows, rows + block.counts[0].sum()
            variance = self.day_variance / max(1.0, windows / DAY) + self.window_variance / windows + 1 / rows
            means, (score, earlier, those) = sums / rows, map(sub, whole[block.day], (sums[:, 0], windows, rows))
            if earlier:
                covariance = self.covariance[:, (block.hour - block.windows + 1) % DAY]
                slope = covariance / (self.day_variance[:, 0] + self.window_variance[:, 0] / earlier + 1 / those)
                variance[:, 0] -= slope * covariance
                means[:, 0] -= slope * score / those
            precisions = closed_precisions + 1 / variance
            weighted = closed_weighted + means / variance
            np.maximum(largest, (weighted * weighted / precisions).max(axis=1), out=largest)
        return largest


def _compacted(blocks: list[Blocks]) -> list[Blocks]:
    newest, older, recent = blocks[-1].hour, blocks[:-RECENT_WINDOWS], blocks[-RECENT_WINDOWS:]
    merged = [_merged(list(group)) for _, group in groupby(older, lambda block: period(block.hour, newest))]
    if len(merged) > MAXIMUM_DAYS + RECENT_HOURS // BLOCK_HOURS:
        merged = [_merged(merged[:2]), *merged[2:]]
    return [*merged, *recent]


def _merged(blocks: Sequence[Blocks]) -> Blocks:
    if len(blocks) == 1:
        return blocks[0]
    return Blocks(
        sum(block.windows for block in blocks),
        max(block.hour for block in blocks),
        np.sum([block.counts for block in blocks], axis=0),
        np.sum([block.sums for block in blocks], axis=0),
    )
