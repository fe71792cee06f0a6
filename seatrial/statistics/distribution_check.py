"""The drift check of one distribution: evidence from the e-detector and, as effect size, a distance."""

from dataclasses import asdict, dataclass
from typing import Any

from seatrial.contracts.events import Finding, FindingKind
from seatrial.statistics.chi_square import chi_square
from seatrial.statistics.dirichlet_evidence import DirichletEvidence
from seatrial.statistics.distribution_detector import Counts, History, detect
from seatrial.statistics.jensen_shannon import jensen_shannon_distance
from seatrial.statistics.kolmogorov_smirnov import ks_distance, l_infinity_distance, robust_distance
from seatrial.statistics.population_stability import population_stability_index

RECOVERY_WINDOWS = 3


@dataclass(frozen=True)
class Distribution:
    """A distribution to watch: its name and the baseline's counts by cell, the last cell for absent values.

    `ordered` tells numeric cells, compared by their cumulative shares, from categories.
    """

    name: str
    kind: FindingKind
    counts: Counts
    ordered: bool


@dataclass(frozen=True)
class DriftLimits:
    """An alarm needs both: log evidence of at least `log_threshold` and a distance of at least `minimum_effect`."""

    log_threshold: float
    minimum_effect: float
    null_rows: float


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """How far a distribution is from its baseline, over the stretch of windows that shows it best."""

    name: str
    log_evidence: float
    effect: float
    windows: int
    rows: int
    drifted: bool
    quiet: bool
    """The last few windows alone no longer speak against the baseline."""
    population_stability_index: float
    jensen_shannon_distance: float
    chi_square_z_score: float
    robust_distance: float

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def check_distribution(distribution: Distribution, history: History, limits: DriftLimits) -> DriftReport:
    """Judge the history of a distribution, which must hold at least one window."""
    evidence = DirichletEvidence.of(distribution.counts, limits.null_rows)
    detection = detect(evidence, history)
    effect = _effect(distribution, detection.counts)
    recent = history.last(RECOVERY_WINDOWS) or detection.counts
    rows = sum(detection.counts)
    quiet = evidence.log_value(recent) < 0 or _effect(distribution, recent) < limits.minimum_effect
    enough = detection.log_evidence >= limits.log_threshold and effect >= limits.minimum_effect
    return DriftReport(
        name=distribution.name,
        log_evidence=detection.log_evidence,
        effect=effect,
        windows=detection.windows,
        rows=rows,
        drifted=enough and not quiet,
        quiet=quiet,
        population_stability_index=population_stability_index(distribution.counts, detection.counts),
        jensen_shannon_distance=jensen_shannon_distance(distribution.counts, detection.counts),
        chi_square_z_score=chi_square(distribution.counts, detection.counts).z_score,
        robust_distance=robust_distance(effect, sum(distribution.counts), rows),
    )


def drift_finding(distribution: Distribution, report: DriftReport, limits: DriftLimits) -> Finding:
    """The finding of a drifted distribution, in a sentence with its numbers."""
    statistic = "ks_distance" if distribution.ordered else "l_infinity_distance"
    sentence = (
        f"{report.name}: distance {report.effect:.2f} from the baseline over {report.windows} windows "
        f"({report.rows} values), log evidence {report.log_evidence:.1f} of {limits.log_threshold:.1f} needed"
    )
    return Finding(
        kind=distribution.kind,
        feature=None if distribution.kind == "prediction_drift" else report.name,
        statistic=statistic if distribution.kind == "input_drift" else report.name,
        value=report.effect,
        threshold=limits.minimum_effect,
        sentence=sentence,
    )


def _effect(distribution: Distribution, counts: Counts) -> float:
    """Distance between present values, or of the shares of absent ones where that is larger."""
    measure = ks_distance if distribution.ordered else l_infinity_distance
    absent = abs(distribution.counts[-1] / sum(distribution.counts) - counts[-1] / sum(counts))
    return max(measure(distribution.counts[:-1], counts[:-1]), absent)
