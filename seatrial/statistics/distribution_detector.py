"""Sequential test for a shift of one distribution: an e-detector over all recent starting windows."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import add, mul

from seatrial.statistics.distribution_history import DAY, Block, Counts, History
from seatrial.statistics.log_sum import log_sum_exp
from seatrial.statistics.onset import Onset, began
from seatrial.statistics.rhythm import Rhythm
from seatrial.statistics.shift_evidence import log_e_value
from seatrial.statistics.shift_scores import ShiftScores

NEGLIGIBLE = 4.0
"""Squared z-score below which a score other than the first is left out: e-values may be lowered freely."""
RECOVERED_AT = 9.0
"""Squared z-score of the told shift, if it lasted, in the windows by which its end is judged."""
RECOVERY_WINDOWS = 3

Values = Sequence[float]


@dataclass(frozen=True)
class Stretch:
    """All windows from one starting point to now: each score's mean times its precision, and the precision."""

    blocks: int
    windows: int
    since: int
    rows: int
    weighted: Values
    precisions: Values
    exposure: float
    """Share of an error of the baseline's level that is in the first score's mean: what comes after other hours of the
    same day is compared with them as well."""
    worth: float
    """Rows whose sampling error is that of the first score's mean."""

    def mean(self, score: int) -> float:
        """Mean of a score, in standard deviations."""
        return self.weighted[score] / self.precisions[score]


@dataclass(frozen=True)
class Detection:
    """What the history says: the detector's log evidence, and the stretch of windows that says it loudest."""

    log_evidence: float
    blocks: tuple[Block, ...]
    """Of the loudest stretch."""
    onset: Onset
    """When the change began; the likeliest time is the beginning of the stretch."""
    windows: int
    shift: float
    """Of the loudest score, in standard deviations."""
    recovered: bool
    """The latest windows that would show the shift, if it lasted, show less than half of it."""

    @property
    def counts(self) -> Counts:
        """Counts by cell of the loudest stretch."""
        return tuple(map(sum, zip(*(block.counts for block in self.blocks), strict=True)))


@dataclass(frozen=True)
class ShiftTest:
    """What a distribution is tested with: scores, rhythm, and the variance with which the baseline's level is known."""

    scores: ShiftScores
    rhythm: Rhythm
    offset_variance: float

    def detect(self, history: History) -> Detection:
        """Shiryaev-Roberts e-detector: the sum, over starting windows, of the e-value from there to now.

        Shin, Ramdas and Rinaldo, "E-detectors" (2022), definition 2.2: without a shift the mean time to pass c is at
        least c windows. The e-value is a mixture over the scores. The history must hold at least one window.

        >>> scores = ShiftScores.of([500, 500, 0], ordered=True)
        >>> test = ShiftTest(scores, Rhythm.unknown(len(scores.weights)), 1 / 1000)
        >>> quiet = History().push([50, 50, 0]).push([52, 48, 0])
        >>> test.detect(quiet).log_evidence < 1 < 12 < test.detect(quiet.push([100, 0, 0])).log_evidence
        True
        """
        stretches = list(self.stretches(history))
        found = [(self.log_value(stretch, score), stretch, score) for stretch, score in self._notable(stretches)]
        _, _, score = max(found, key=lambda item: item[0])
        squares = [item.weighted[score] ** 2 / item.precisions[score] for item in stretches]
        onset = began([item.since for item in stretches], squares)
        loudest = stretches[squares.index(max(squares))]
        compared = stretches if not self.rhythm.day_covariance or max(squares) < RECOVERED_AT else self._levels(history)
        return Detection(
            log_evidence=log_sum_exp([value for value, _, _ in found]),
            blocks=history.blocks[-loudest.blocks :],
            onset=onset,
            windows=loudest.windows,
            shift=loudest.mean(score),
            recovered=_recovered(compared[: loudest.blocks - 1], score, loudest.mean(score)),
        )

    def _levels(self, history: History) -> list[Stretch]:
        """Stretches by their levels alone: compared with the hours before, what lasts looks like no change."""
        return list(replace(self, rhythm=replace(self.rhythm, day_covariance=())).stretches(history))

    def stretches(self, history: History) -> Iterator[Stretch]:
        """From each starting point to now, the shortest first; the windows of a day share that day's own mean."""
        empty = _Day((0.0,) * len(self.scores.weights))
        day, latest, windows, rows = None, empty, 0, 0
        weighted, precisions = closed = empty.sums, empty.sums
        sums = [self.scores.sums(self.excess(block)) for block in history.blocks]
        whole = _whole_days(history.blocks, sums, empty) if self.rhythm.day_covariance else {}
        for number, (block, held) in enumerate(zip(reversed(history.blocks), reversed(sums), strict=True), start=1):
            if block.day != day:
                day, closed, latest = block.day, (weighted, precisions), empty
            latest = latest.plus(block, held)
            since = block.hour - block.windows + 1
            part = latest.part(self.rhythm, since % DAY, whole.get(block.day, latest))
            precisions = list(map(add, closed[1], part.precisions))
            weighted = list(map(add, closed[0], map(mul, part.precisions, part.means)))
            windows, rows = windows + block.windows, rows + block.rows
            exposure = 1 - part.slope * part.precisions[0] / precisions[0]
            worth = rows - latest.rows + part.worth
            yield Stretch(number, windows, since, rows, weighted, precisions, exposure, worth)

    def excess(self, block: Block) -> list[float]:
        """Counts by cell above those that baseline and rhythm expect."""
        rows, deviation, shares = block.rows, self.rhythm.deviation(block), self.scores.shares
        if not deviation:
            return [count - rows * share for count, share in zip(block.counts, shares, strict=True)]
        expected = zip(block.counts, shares, deviation, strict=True)
        return [count - rows * (share + more) for count, share, more in expected]

    def log_value(self, stretch: Stretch, score: int) -> float:
        """Logarithm of one score's part of the e-value of a stretch."""
        freedom = self.rhythm.freedom[score]
        if freedom < math.inf:
            wandering = 1 - stretch.precisions[score] / (stretch.rows if score else stretch.worth)
            freedom /= max(wandering * wandering, 1e-6)
        return math.log(self.scores.weights[score]) + log_e_value(
            stretch.mean(score),
            stretch.precisions[score],
            offset_variance=self.offset_variance * (1.0 if score else stretch.exposure**2),
            skewness=self.scores.skewness[score],
            freedom=freedom,
        )

    def _notable(self, stretches: Sequence[Stretch]) -> Iterator[tuple[Stretch, int]]:
        for stretch in stretches:
            yield stretch, 0
            for score, (weighted, precision) in enumerate(zip(stretch.weighted, stretch.precisions, strict=True)):
                if score and weighted * weighted > NEGLIGIBLE * precision:
                    yield stretch, score


@dataclass(frozen=True)
class _Day:
    """The part of a stretch that lies within one day: sums of scores, windows and rows."""

    sums: Values
    windows: int = 0
    rows: int = 0
    means: Values = field(default=())

    def plus(self, block: Block, sums: Values) -> "_Day":
        total, rows = list(map(add, self.sums, sums)), self.rows + block.rows
        return _Day(total, self.windows + block.windows, rows, [value / rows for value in total])

    def part(self, rhythm: Rhythm, since: int, whole: "_Day") -> "_Part":
        """What these windows, the day's last ones from the hour `since` on, add to a stretch.

        The windows before tell a part of what the day has for itself: the first score's mean is compared with its
        best linear prediction from them.
        """
        precisions = self.precisions(rhythm)
        if whole.windows == self.windows:
            return _Part(self.means, precisions, 0.0, self.rows)
        covariance, rows = rhythm.day_covariance[since], whole.rows - self.rows
        unrest = rhythm.day_variance[0] + rhythm.window_variance[0] / (whole.windows - self.windows)
        slope = covariance / (unrest + 1 / rows)
        mean = self.means[0] - slope * (whole.sums[0] - self.sums[0]) / rows
        precision = 1 / (1 / precisions[0] - slope * covariance)
        worth = 1 / (1 / self.rows + slope * slope / rows)
        return _Part([mean, *self.means[1:]], [precision, *precisions[1:]], slope, worth)

    def precisions(self, rhythm: Rhythm) -> list[float]:
        """One over the variance of each mean: of the day, of windows within the day, and of sampling."""
        days, windows, sampling = max(1.0, self.windows / DAY), self.windows, 1 / self.rows
        pairs = zip(rhythm.day_variance, rhythm.window_variance, strict=True)
        return [1 / (of_day / days + of_window / windows + sampling) for of_day, of_window in pairs]


@dataclass(frozen=True)
class _Part:
    """Scores' means and precisions; of the first, how it goes with the windows before, and what it is worth in rows."""

    means: Values
    precisions: Values
    slope: float
    worth: float


def _whole_days(blocks: Sequence[Block], sums: Sequence[Values], empty: _Day) -> dict[int, _Day]:
    days: dict[int, _Day] = {}
    for block, held in zip(blocks, sums, strict=True):
        days[block.day] = days.get(block.day, empty).plus(block, held)
    return days


def _recovered(within: Sequence[Stretch], score: int, shift: float) -> bool:
    """Whether the shift has gone, by the shortest stretch within the loudest one that can tell."""
    for item in within:
        if item.windows >= RECOVERY_WINDOWS and shift * shift * item.precisions[score] >= RECOVERED_AT:
            return item.mean(score) * math.copysign(1.0, shift) < abs(shift) / 2
    return False
