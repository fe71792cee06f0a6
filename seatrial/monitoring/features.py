"""Ranks what is watched by how much it speaks against the baseline, and sets the distributions side by side."""

from collections.abc import Sequence
from functools import reduce

from seatrial.monitoring.record import FeatureRecord
from seatrial.monitoring.watch import Judged
from seatrial.monitoring.words import cell_names, changed
from seatrial.statistics.baseline import Baseline, FeatureBaseline
from seatrial.statistics.distribution_check import DriftReport
from seatrial.statistics.summary import FeatureSummary


def rank_features(baseline: Baseline, judged: Sequence[Judged]) -> tuple[FeatureRecord, ...]:
    """Each input, and the predictions, at the window where the evidence was highest; the strongest first."""
    items = [(index, feature) for index, feature in enumerate(baseline.features)]
    records = [_record(feature, index, judged) for index, feature in items]
    records.append(_record(baseline.predictions, None, judged))
    found = [record for record in records if record is not None]
    return tuple(sorted(found, key=lambda item: (not item.drifted, -item.evidence, -item.effect, item.name)))


def _record(feature: FeatureBaseline, index: int | None, judged: Sequence[Judged]) -> FeatureRecord | None:
    """None for what was never judged."""
    peak, report = _peak(feature.name, judged)
    if report is None:
        return None
    stretch = _stretch_shown(feature.name, judged, peak, report)
    summary = reduce(FeatureSummary.merge, (_summary(item, index) for item in stretch))
    if not summary.rows:
        return None
    moments, before = summary.moments, feature.summary.moments
    return FeatureRecord(
        name=feature.name,
        kind="prediction_drift" if index is None else "input_drift",
        drifted=any(_told(item, feature.name) for item in judged),
        evidence=max(report.log_evidence, 0.0) / judged[peak].evaluation.log_threshold,
        effect=report.effect,
        statistic="KS distance" if feature.type == "numeric" else "largest change of a share",
        population_stability_index=report.population_stability_index,
        jensen_shannon_distance=report.jensen_shannon_distance,
        rows=summary.rows,
        since=stretch[0].name,
        until=stretch[-1].name,
        cells=cell_names(feature.cells),
        baseline_shares=_shares(feature.summary),
        shares=_shares(summary),
        baseline_mean=before.mean if before and before.count else None,
        mean=moments.mean if moments and moments.count else None,
        sentence=changed(feature, summary),
    )


def _stretch_shown(name: str, judged: Sequence[Judged], peak: int, report: DriftReport) -> Sequence[Judged]:
    """From the time that the first alarm names as the beginning to the last window that tells; else the loudest."""
    alarms = [place for place, item in enumerate(judged) if _told(item, name)]
    if not alarms:
        return _stretch(judged[: peak + 1], report.windows)
    first = next(item for item in judged[alarms[0]].evaluation.reports if item.name == name)
    began = _stretch(judged[: alarms[0] + 1], first.windows)[0]
    counted = _counted(judged[: alarms[-1] + 1])
    return counted[counted.index(began) :]


def _peak(name: str, judged: Sequence[Judged]) -> tuple[int, DriftReport | None]:
    """The window in which the evidence against a distribution was highest, and what it said."""
    best: tuple[int, DriftReport | None] = (0, None)
    for place, item in enumerate(judged):
        for report in item.evaluation.reports:
            told = report.name == name and item.evaluation.judged_rows > 0
            if told and (best[1] is None or report.log_evidence > best[1].log_evidence):
                best = (place, report)
    return best


def _stretch(judged: Sequence[Judged], windows: int) -> Sequence[Judged]:
    """The last `windows` judged windows, with the small ones that were pooled into them, without faulty ones."""
    counted = _counted(judged)
    ends = [place for place, item in enumerate(counted) if item.evaluation.judged_rows]
    first = ends[-windows - 1] + 1 if len(ends) > windows else 0
    return counted[first:]


def _counted(judged: Sequence[Judged]) -> list[Judged]:
    return [item for item in judged if item.summary.rows and not item.evaluation.schema]


def _summary(item: Judged, index: int | None) -> FeatureSummary:
    return item.summary.predictions if index is None else item.summary.features[index]


def _shares(summary: FeatureSummary) -> tuple[float, ...]:
    return tuple(count / summary.rows for count in summary.cells) if summary.rows else ()


def _told(item: Judged, name: str) -> bool:
    return any(name in (finding.feature, finding.statistic) for finding in item.evaluation.drift)
