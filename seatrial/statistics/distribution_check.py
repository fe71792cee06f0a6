"""The drift check of one distribution: evidence from the e-detector and, as effect size, a distance."""

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from seatrial.contracts.events import Finding, FindingKind
from seatrial.statistics.chi_square import chi_square
from seatrial.statistics.distribution_detector import Detection, ShiftTest
from seatrial.statistics.distribution_history import Counts, History
from seatrial.statistics.jensen_shannon import jensen_shannon_distance
from seatrial.statistics.kolmogorov_smirnov import ks_distance, l_infinity_distance, robust_distance
from seatrial.statistics.population_stability import population_stability_index
from seatrial.statistics.rhythm import UNKNOWN_WINDOW_DEVIATION, Rhythm
from seatrial.statistics.shift_scores import ShiftScores

MINIMUM_EFFECT_UNCALIBRATED = 0.25
"""Standard deviations; while the rhythm of the traffic is unknown, smaller shifts cannot be told from it."""
HYSTERESIS = 0.5
"""Share of the threshold below which a drift that was told counts as gone."""


@dataclass(frozen=True)
class Distribution:
    """A distribution to watch: its name and the baseline's counts by cell, the last cell for absent values.

    `ordered` tells numeric cells, compared by their cumulative shares, from categories.
    """

    name: str
    kind: FindingKind
    counts: Counts
    ordered: bool

    @property
    def scores(self) -> ShiftScores:
        """The directions in which it is watched."""
        return _scores(self.counts, self.ordered)


@dataclass(frozen=True)
class DriftLimits:
    """An alarm needs both: log evidence of at least `log_threshold` and an effect of at least `minimum_effect`.

    `minimum_effect` is in standard deviations, as is `unknown_rhythm`: how far hours may wander around their day's mean
    while nothing is known of the traffic's rhythm. The baseline's level is taken to be no surer than `null_rows` rows
    would tell it.
    """

    log_threshold: float
    minimum_effect: float
    null_rows: float
    unknown_rhythm: float = UNKNOWN_WINDOW_DEVIATION

    def minimum_distance(self, rhythm: Rhythm) -> float:
        """The distance that a shift of the minimum effect has."""
        unsure = 0.0 if rhythm.calibrated else MINIMUM_EFFECT_UNCALIBRATED
        return distance_of_shift(max(self.minimum_effect, unsure))


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """How far a distribution is from its baseline, over the stretch of windows that shows it best."""

    name: str
    log_evidence: float
    effect: float
    """Kolmogorov-Smirnov or L-infinity distance, less what the hours and weekdays explain."""
    minimum_effect: float
    """The distance that an alarm needs."""
    shift: float
    """In standard deviations, of the score that shows it best."""
    windows: int
    began: int
    """Likeliest time of the change, in hours since 1970: the beginning of the stretch."""
    began_earliest: int
    began_latest: int
    rows: int
    drifted: bool
    quiet: bool
    """There is little evidence, or the latest windows no longer show the shift."""
    calibrated_days: int
    """Days from which the rhythm of the distribution is known; 0 for not yet."""
    population_stability_index: float
    jensen_shannon_distance: float
    chi_square_z_score: float
    robust_distance: float

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


_scores = lru_cache(maxsize=1024)(ShiftScores.of)


def distance_of_shift(deviations: float) -> float:
    """Kolmogorov-Smirnov distance of two normal distributions that lie so many standard deviations apart.

    >>> round(distance_of_shift(0.1), 3), round(distance_of_shift(1.0), 2)
    (0.04, 0.38)
    """
    return math.erf(deviations / math.sqrt(8))


def check_distribution(
    distribution: Distribution, history: History, limits: DriftLimits, rhythm: Rhythm | None = None
) -> DriftReport:
    """Judge the history of a distribution, which must hold at least one window."""
    scores = distribution.scores
    rhythm = rhythm or Rhythm.unknown(len(scores.weights), limits.unknown_rhythm)
    offset = 1 / min(sum(distribution.counts), limits.null_rows)
    test = ShiftTest(scores, rhythm, offset)
    detection = test.detect(history)
    counts = detection.counts
    effect, minimum = _effect(distribution, test, detection), limits.minimum_distance(rhythm)
    enough = detection.log_evidence >= limits.log_threshold and effect >= minimum
    quiet = detection.recovered or detection.log_evidence < limits.log_threshold * HYSTERESIS
    return DriftReport(
        name=distribution.name,
        log_evidence=detection.log_evidence,
        effect=effect,
        minimum_effect=minimum,
        shift=detection.shift,
        windows=detection.windows,
        began=detection.onset.began,
        began_earliest=detection.onset.earliest,
        began_latest=detection.onset.latest,
        rows=sum(counts),
        drifted=enough and not quiet,
        quiet=quiet,
        calibrated_days=rhythm.days,
        population_stability_index=population_stability_index(distribution.counts, counts),
        jensen_shannon_distance=jensen_shannon_distance(distribution.counts, counts),
        chi_square_z_score=chi_square(distribution.counts, counts).z_score,
        robust_distance=robust_distance(effect, sum(distribution.counts), sum(counts)),
    )


def drift_finding(distribution: Distribution, report: DriftReport, limits: DriftLimits) -> Finding:
    """The finding of a drifted distribution, in a sentence with its numbers."""
    statistic = "ks_distance" if distribution.ordered else "l_infinity_distance"
    windows = "1 window" if report.windows == 1 else f"{report.windows} windows"
    sentence = (
        f"{report.name}: distance {report.effect:.2f} from the baseline over {windows} "
        f"({report.rows} values), log evidence {report.log_evidence:.1f} of {limits.log_threshold:.1f} needed"
    )
    return Finding(
        kind=distribution.kind,
        feature=None if distribution.kind == "prediction_drift" else report.name,
        statistic=statistic if distribution.kind == "input_drift" else report.name,
        value=report.effect,
        threshold=report.minimum_effect,
        sentence=sentence,
    )


def _effect(distribution: Distribution, test: ShiftTest, detection: Detection) -> float:
    """Distance between present values, or of the shares of absent ones where that is larger."""
    excess = [sum(column) for column in zip(*map(test.excess, detection.blocks), strict=True)]
    rows, shares = sum(detection.counts), test.scores.shares
    found = [max(0.0, share + more / rows) for share, more in zip(shares, excess, strict=True)]
    measure = ks_distance if distribution.ordered else l_infinity_distance
    return max(measure(shares[:-1], found[:-1]), abs(shares[-1] - found[-1]))
