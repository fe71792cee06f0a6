"""Puts a window's root cause together: what the checks found, the sampled rows, and the losses of labelled ones."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from seatrial.contracts.events import RootCause
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.distribution_check import DriftReport
from seatrial.statistics.distribution_history import Counts, History
from seatrial.statistics.loss_series import LossSeries
from seatrial.statistics.losses import brier_losses
from seatrial.statistics.root_cause import (
    Shift,
    explain_loss,
    explain_shifts,
    lossy_segment,
    shifted_segment,
    strongest_part,
    with_loss,
    with_segment,
)
from seatrial.statistics.row_sample import RowSample
from seatrial.statistics.summary import cell_indices


def time_of(hour: int | None) -> str | None:
    """ISO 8601 UTC of an hour since 1970; None for hours that only number the windows of a table.

    >>> time_of(490_000), time_of(3)
    ('2025-11-24T16:00:00Z', None)
    """
    if hour is None or hour < 24 * 366:
        return None
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def explain_drift(
    baseline: Baseline, reports: Sequence[DriftReport], histories: Mapping[str, History], sample: RowSample
) -> RootCause | None:
    """Root cause of drifted distributions: features where any has drifted, else the predictions or labels."""
    drifted = [report for report in reports if report.drifted]
    features = {item.name: item for item in baseline.features}
    inputs = [report for report in drifted if report.name in features]
    shifts = [_shift(baseline, report, histories[report.name]) for report in inputs or drifted]
    cause = explain_shifts(shifts)
    if cause is None or not inputs:
        return cause
    leading = next(shift for shift in shifts if shift.name == cause.features[0].feature)
    return with_segment(cause, _segment(baseline, leading, sample))


def explain_labelled_loss(
    baseline: Baseline,
    rows: Sequence[Sequence[str]],
    predictions: Sequence[float],
    labels: Sequence[int],
    *,
    series: LossSeries,
    drift: RootCause | None,
) -> RootCause:
    """Root cause of a loss of quality: `drift` of predictions or labels, if any, and the rows that lose most."""
    segment = None
    if rows and len(rows) == len(labels) and all(len(row) == len(baseline.features) for row in rows):
        losses = brier_losses(predictions, labels)
        segment = lossy_segment(*_named_cells(baseline), _cells(baseline, rows), losses, baseline.quality.brier)
    return explain_loss(segment, time_of(series.began)) if drift is None else with_loss(drift, segment)


def _shift(baseline: Baseline, report: DriftReport, history: History) -> Shift:
    feature = next((item for item in baseline.features if item.name == report.name), None)
    seen = _counts_of_last(history, report.windows)
    if feature is not None:
        return Shift(report.name, feature.cells, feature.summary.cells, seen, time_of(report.began))
    if report.name == baseline.predictions.name:
        known = baseline.predictions
        return Shift(report.name, known.cells, known.summary.cells, seen, time_of(report.began))
    quality = baseline.quality
    known_labels = (quality.rows - quality.positives, quality.positives, 0)
    return Shift(report.name, None, known_labels, seen, time_of(report.began))


def _counts_of_last(history: History, windows: int) -> Counts:
    """Counts by cell of about the last `windows` windows together."""
    taken: list[Counts] = []
    for block in reversed(history.blocks):
        if windows <= 0:
            break
        taken.append(block.counts)
        windows -= block.windows
    return tuple(map(sum, zip(*taken, strict=True)))


def _segment(baseline: Baseline, shift: Shift, sample: RowSample) -> str | None:
    rows = sample.of_width(len(baseline.features))
    if not rows or not baseline.reference.scores:
        return None
    names, cells = _named_cells(baseline)
    return shifted_segment(strongest_part(shift), names, cells, baseline.reference.cells, _cells(baseline, rows))


def _cells(baseline: Baseline, rows: Sequence[Sequence[str]]) -> list[list[int]]:
    columns = zip(*rows, strict=True)
    return [cell_indices(item.cells, column) for item, column in zip(baseline.features, columns, strict=True)]


def _named_cells(baseline: Baseline) -> tuple[list[str], list]:
    return [item.name for item in baseline.features], [item.cells for item in baseline.features]
