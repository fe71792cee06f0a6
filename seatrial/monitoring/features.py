"""Ranks what is watched by how much it speaks against the baseline, and sets the distributions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from seatrial.contracts.events import Finding
from seatrial.monitoring.record import FeatureRecord
from seatrial.monitoring.watch import Judged
from seatrial.monitoring.window_data import hour_number
from seatrial.monitoring.words import cell_names, changed
from seatrial.statistics.baseline import Baseline, FeatureBaseline
from seatrial.statistics.distribution_check import DriftReport
from seatrial.statistics.jensen_shannon import jensen_shannon_distance
from seatrial.statistics.kolmogorov_smirnov import ks_distance, l_infinity_distance
from seatrial.statistics.population_stability import population_stability_index
from seatrial.statistics.summary import FeatureSummary


@dataclass(frozen=True)
class Seen:
    """A judged window with what it said of one distribution."""

    place: int
    judged: Judged
    report: DriftReport

    def told(self) -> bool:
        """Whether the window told of drift in this distribution."""
        return any(_is_about(finding, self.report.name) for finding in self.judged.evaluation.drift)


def rank_features(baseline: Baseline, judged: Sequence[Judged]) -> tuple[FeatureRecord, ...]:
    """Each input, and the predictions, where the evidence was highest; what drifted and the strongest first."""
    watched: list[tuple[FeatureBaseline, int | None]] = [(item, place) for place, item in enumerate(baseline.features)]
    records = [_record(feature, index, judged) for feature, index in [*watched, (baseline.predictions, None)]]
    found = [record for record in records if record is not None]
    return tuple(sorted(found, key=lambda item: (not item.drifted, -item.evidence, -item.effect, item.name)))


def _record(feature: FeatureBaseline, index: int | None, judged: Sequence[Judged]) -> FeatureRecord | None:
    """None for what was never judged."""
    seen = list(_seen(feature.name, judged))
    stretch = _stretch(seen, judged)
    summary = reduce(FeatureSummary.merge, (_summary(item, index) for item in stretch)) if stretch else None
    if not seen or summary is None or not summary.rows:
        return None
    moments, before = summary.moments, feature.summary.moments
    counts, known = summary.cells, feature.summary.cells
    return FeatureRecord(
        name=feature.name,
        kind="prediction_drift" if index is None else "input_drift",
        drifted=any(item.told() for item in seen),
        evidence=max(max(item.report.log_evidence, 0.0) / item.judged.evaluation.log_threshold for item in seen),
        effect=_distance(feature, summary),
        population_stability_index=population_stability_index(known, counts),
        jensen_shannon_distance=jensen_shannon_distance(known, counts),
        rows=summary.rows,
        since=stretch[0].name,
        until=stretch[-1].name,
        cells=cell_names(feature.cells),
        baseline_shares=tuple(count / feature.summary.rows for count in known),
        shares=tuple(count / summary.rows for count in counts),
        baseline_mean=before.mean if before and before.count else None,
        mean=moments.mean if moments and moments.count else None,
        sentence=changed(feature, summary),
    )


def _seen(name: str, judged: Sequence[Judged]) -> list[Seen]:
    return [
        Seen(place, item, report)
        for place, item in enumerate(judged)
        for report in item.evaluation.reports
        if report.name == name and item.evaluation.judged_rows
    ]


def _stretch(seen: Sequence[Seen], judged: Sequence[Judged]) -> Sequence[Judged]:
    """From the time at which the first alarm puts the change to the last window that tells of it; else everything."""
    told = [item for item in seen if item.told()]
    if not told:
        return _counted(judged)
    began, until = told[0].report.began, judged[: told[-1].place + 1]
    late = [item for item in until if (hour_number(item.data.start) or began) >= began]
    return _counted(late) or _counted(until)


def _counted(judged: Sequence[Judged]) -> list[Judged]:
    """Windows whose rows went into the statistics of drift: a faulty window's did not."""
    return [item for item in judged if item.summary.rows and not item.evaluation.schema]


def _distance(feature: FeatureBaseline, summary: FeatureSummary) -> float:
    """Between present values, or of the shares of absent ones where that is larger."""
    measure = ks_distance if feature.type == "numeric" else l_infinity_distance
    absent = abs(feature.summary.cells[-1] / feature.summary.rows - summary.cells[-1] / summary.rows)
    return max(measure(feature.summary.counts, summary.counts), absent)


def _summary(item: Judged, index: int | None) -> FeatureSummary:
    return item.summary.predictions if index is None else item.summary.features[index]


def _is_about(finding: Finding, name: str) -> bool:
    return name in (finding.feature, finding.statistic)
