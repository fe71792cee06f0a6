"""Whether a model has become less fair than it was when it was validated."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from seatrial.contracts.bias import BiasSettings
from seatrial.contracts.clarify import FacetMetrics
from seatrial.statistics.bias.facet_report import FacetRows, LabelledRows, facet_rows
from seatrial.statistics.bias.facets import FacetError

DRAWS = 200
CONFIDENCE = 0.95
"""That no metric of any facet is told wrongly, shared among them equally (Bonferroni)."""
FAIR = {"DI": 1.0}
"""What a metric is without bias, 0 for all others."""


@dataclass(frozen=True, kw_only=True)
class BiasDrift:
    """One metric of one facet that is farther from fair than `limit` beyond the baseline, with confidence.

    `deviation` is the metric's standard deviation by the bootstrap.
    """

    facet: str
    value: str
    metric: str
    baseline: float
    window: float
    deviation: float
    limit: float

    @property
    def sentence(self) -> str:
        """What the operator reads."""
        return (
            f"{self.metric} of {self.facet}={self.value} is {self.window:.3f} (+-{self.deviation:.3f}) and was "
            f"{self.baseline:.3f} at validation; it may be {self.limit:g} farther from fair"
        )


def bias_drift(
    baseline: Sequence[FacetMetrics], settings: BiasSettings, rows: LabelledRows, seed: int = 0
) -> tuple[BiasDrift, ...]:
    """Compare the facets of labelled rows with the baseline's metrics.

    Clarify's monitor reports whatever is farther from fair than the baseline, by however little: half of all windows.
    Here a metric must be farther by more than its limit plus what its bootstrap deviation (Efron, 1979) leaves open.

    >>> from seatrial.contracts.bias import Facet
    >>> settings = BiasSettings(facets=(Facet(column="region", values=("north",)),))
    >>> regions, scores = ["north"] * 200 + ["south"] * 200, [0.1] * 200 + [0.1, 0.9] * 100
    >>> fair, rows = {"DPPL": 0.0, "RD": 0.0, "AD": 0.0}, LabelledRows({"region": regions}, [0, 1] * 200, scores)
    >>> [drift.metric for drift in bias_drift([FacetMetrics("region", "north", fair)], settings, rows)]
    ['AD', 'DPPL', 'RD']
    """
    known = {(item.facet, item.value): item.metrics for item in baseline}
    quantile = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / max(1, len(settings.facets) * len(settings.limits)))
    found: list[BiasDrift] = []
    for facet in settings.facets:
        metrics = known.get((facet.column, facet.value), {})
        sides, _ = facet_rows(settings, facet, rows)
        window = sides.metrics()
        deviations = _bootstrap(sides, [name for name in settings.limits if name in metrics and name in window], seed)
        for name, deviation in deviations.items():
            fair = FAIR.get(name, 0.0)
            farther = abs(window[name] - fair) - abs(metrics[name] - fair)
            if farther > settings.limits[name] + quantile * deviation:
                found.append(
                    BiasDrift(
                        facet=facet.column,
                        value=facet.value,
                        metric=name,
                        baseline=metrics[name],
                        window=window[name],
                        deviation=deviation,
                        limit=settings.limits[name],
                    )
                )
    return tuple(found)


def _bootstrap(rows: FacetRows, names: Sequence[str], seed: int) -> dict[str, float]:
    """Deviations of metrics; draws in which a side has no rows are left out."""
    rng = np.random.default_rng(seed)
    drawn: list[list[float]] = []
    for _ in range(DRAWS):
        try:
            told = rows.drawn(rng).metrics()
        except FacetError:
            continue
        drawn.append([told[name] for name in names])
    spread = np.std(np.array(drawn), axis=0, ddof=1) if len(drawn) > 1 else np.full(len(names), np.inf)
    return dict(zip(names, spread.tolist(), strict=True))
