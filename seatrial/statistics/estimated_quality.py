"""Performance estimated without labels from what a baseline keeps: CBPE, and PAPE where features have shifted.

The same estimators as `performance.cbpe` and `performance.pape`, on counts instead of rows and without numpy, so that
they run in a Lambda and give equal answers wherever a window was counted.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.statistics.performance.estimate import PerformanceEstimate
from seatrial.statistics.performance.interval import Interval
from seatrial.statistics.pooling import pooled
from seatrial.statistics.raking import effective_rows, raked_weights, uncovered_share
from seatrial.statistics.reference import Reference
from seatrial.statistics.window import SCORE_CELLS, Tally

MINIMUM_CLASS_ROWS = 20
MAXIMUM_OUTSIDE = 0.02
MINIMUM_EFFECTIVE_ROWS = 100.0
SIGNIFICANT_Z = 4.0
CALIBRATORS = 20
DRAWS = 3
SEED = 0


@dataclass(frozen=True)
class Calibrator:
    """Isotonic regression of labels on scores (Zadrozny and Elkan, 2002), linear between its points."""

    scores: Sequence[float]
    values: Sequence[float]

    @classmethod
    def fit(cls, scores: Sequence[float], labels: Sequence[int], weights: Sequence[float]) -> "Calibrator":
        """Fit weighted rows in order of their scores; equal scores are one point, rows of weight 0 none.

        >>> Calibrator.fit([0.0, 0.5, 1.0], [0, 1, 0], [1.0, 1.0, 1.0])(0.25)
        0.25
        """
        points: list[float] = []
        sums: list[float] = []
        totals: list[float] = []
        for score, label, weight in zip(scores, labels, weights, strict=True):
            if weight <= 0:
                continue
            if not points or points[-1] != score:
                points.append(score)
                sums.append(0.0)
                totals.append(0.0)
            sums[-1] += weight * label
            totals[-1] += weight
        return cls(points, pooled(sums, totals))

    def __call__(self, score: float) -> float:
        """Chance that a row of this score is positive."""
        place = bisect_left(self.scores, score)
        if place == 0 or place == len(self.scores):
            return self.values[max(0, place - 1)]
        low, high = self.scores[place - 1], self.scores[place]
        share = (score - low) / (high - low)
        return self.values[place - 1] + share * (self.values[place] - self.values[place - 1])


@dataclass(frozen=True)
class Estimator:
    """A baseline's reference in order of scores, made ready once; `problems` are those of the reference itself."""

    reference: Reference
    order: Sequence[int]
    scores: Sequence[float]
    labels: Sequence[int]
    figures: Mapping[str, float]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, reference: Reference) -> "Estimator | None":
        """None when the reference has fewer than 20 rows of either class: then nothing can be estimated."""
        positives = sum(reference.labels)
        if min(positives, len(reference.labels) - positives) < MINIMUM_CLASS_ROWS:
            return None
        order = sorted(range(len(reference.scores)), key=reference.scores.__getitem__)
        scores, labels = [reference.scores[row] for row in order], [reference.labels[row] for row in order]
        figures = _figures([(score, 1, float(label)) for score, label in zip(scores, labels, strict=True)])
        return cls(reference, order, scores, labels, figures, _calibration_problems(reference))

    def estimate(self, scores: Tally, shifted: Mapping[int, Sequence[int]]) -> tuple[PerformanceEstimate, list[float]]:
        """The estimate of a window, and the expected Brier loss of each of its score cells.

        `scores` are the window's predictions by thousandth; `shifted` the window's counts by cell of the features that
        have drifted, by index: none for CBPE.
        """
        weights = raked_weights(self.reference, shifted) if shifted else [1.0] * len(self.scores)
        ordered = [weights[row] for row in self.order] if any(weights) else [1.0] * len(self.scores)
        calibrators = self._calibrators(ordered)
        cells = [(cell / SCORE_CELLS, count) for cell, count in scores]
        chances = [calibrators[0](score) for score, _ in cells]
        values = _figures([(*cell, chance) for cell, chance in zip(cells, chances, strict=True)])
        problems = (*self._outside(scores), *self._overlap(weights, shifted), *self.problems)
        estimate = PerformanceEstimate(
            method="PAPE" if shifted else "CBPE",
            rows=sum(count for _, count in scores),
            figures=_intervals(values, cells, calibrators),
            reference=dict(self.figures),
            problems=problems,
        )
        return estimate, [_brier(score, chance) for (score, _), chance in zip(cells, chances, strict=True)]

    def _calibrators(self, weights: Sequence[float]) -> list[Calibrator]:
        """The calibrator of all rows, and those of rows drawn again (the bootstrap)."""
        rng, rows = random.Random(SEED), range(len(weights))
        fitted = [Calibrator.fit(self.scores, self.labels, weights)]
        for _ in range(CALIBRATORS - 1):
            drawn = [0.0] * len(weights)
            for row in rng.choices(rows, k=len(weights)):
                drawn[row] += weights[row]
            if any(drawn):  # else all weight lies on a few rows, none of which was drawn
                fitted.append(Calibrator.fit(self.scores, self.labels, drawn))
        return fitted

    def _outside(self, scores: Tally) -> list[str]:
        low, high = self.scores[0] * SCORE_CELLS - 0.5, self.scores[-1] * SCORE_CELLS + 0.5
        total = sum(count for _, count in scores)
        outside = sum(count for cell, count in scores if not low <= cell <= high) / total
        if outside <= MAXIMUM_OUTSIDE:
            return []
        limits = f"{self.scores[0]:.2f} to {self.scores[-1]:.2f}"
        return [f"{outside:.0%} of the predictions lie outside the reference's {limits}"]

    def _overlap(self, weights: Sequence[float], shifted: Mapping[int, Sequence[int]]) -> list[str]:
        missing = max((uncovered_share(self.reference, *item) for item in shifted.items()), default=0.0)
        if missing > MAXIMUM_OUTSIDE:
            return [f"{missing:.0%} of the rows lie where the reference has none"]
        rows = effective_rows(weights)
        if rows >= min(MINIMUM_EFFECTIVE_ROWS, len(weights)):
            return []
        needed = f"{MINIMUM_EFFECTIVE_ROWS:.0f} needed"
        return [f"the reference has {rows:.0f} effective rows where the inputs are now, {needed}"]


def _figures(cells: Sequence[tuple[float, int, float]]) -> dict[str, float]:
    """Expected AUC and Brier loss of (score, rows, chance of being positive), in order of scores."""
    rows = sum(count for _, count, _ in cells)
    positives = math.fsum(count * chance for _, count, chance in cells)
    below = pairs = 0.0
    losses = []
    start = 0
    while start < len(cells):
        end = start
        while end < len(cells) and cells[end][0] == cells[start][0]:
            end += 1
        block = cells[start:end]
        positive = sum(count * chance for _, count, chance in block)
        negative = sum(count for _, count, _ in block) - positive
        pairs += positive * (below + negative / 2)
        below += negative
        losses += [count * _brier(score, chance) for score, count, chance in block]
        start = end
    product = positives * (rows - positives)
    return {"auc": pairs / product if product > 0 else math.nan, "brier": math.fsum(losses) / rows}


def _brier(score: float, chance: float) -> float:
    return chance * (1 - score) ** 2 + (1 - chance) * score**2


def _intervals(
    values: Mapping[str, float], cells: Sequence[tuple[float, int]], calibrators: Sequence[Calibrator]
) -> dict[str, Interval]:
    """95 % intervals over the calibrators and over labels drawn from their chances (binomials as normal numbers)."""
    rng = random.Random(SEED + 1)
    drawn = []
    for calibrator in calibrators:
        chances = [calibrator(score) for score, _ in cells]
        for _ in range(DRAWS):
            noisy = [
                (score, count, min(1.0, max(0.0, chance + rng.gauss(0, math.sqrt(chance * (1 - chance) / count)))))
                for (score, count), chance in zip(cells, chances, strict=True)
            ]
            drawn.append(_figures(noisy))
    return {name: _interval(value, [one[name] for one in drawn]) for name, value in values.items()}


def _interval(value: float, drawn: Sequence[float]) -> Interval:
    defined = sorted(number for number in drawn if not math.isnan(number))
    if not defined:
        return Interval(value, math.nan, math.nan)
    cut = round(0.025 * len(defined))
    return Interval(value, min(value, defined[cut]), max(value, defined[-1 - cut]))


def _calibration_problems(reference: Reference) -> tuple[str, ...]:
    """The calibrator of the reference's earlier half must hold for its later half."""
    middle = len(reference.scores) // 2
    pairs = sorted(zip(reference.scores[:middle], reference.labels[:middle], strict=True))
    earlier = Calibrator.fit([score for score, _ in pairs], [label for _, label in pairs], [1.0] * middle)
    chances = [earlier(score) for score in reference.scores[middle:]]
    later = len(chances)
    gap = sum(reference.labels[middle:]) / later - math.fsum(chances) / later
    rate = sum(reference.labels[:middle]) / middle
    variance = math.fsum(chance * (1 - chance) for chance in chances) / later + rate * (1 - rate)
    if abs(gap) <= SIGNIFICANT_Z * math.sqrt(max(variance, 1e-12) / later):
        return ()
    return (f"labels of the reference's later half differ by {gap:+.2f} from what its earlier half tells",)
