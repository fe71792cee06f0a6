"""Plain words for the report: names of cells, what changed in a feature, and what a result means."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from seatrial.monitoring.record import Coverage, EstimateRecord, FeatureRecord, IncidentRecord, QualityRecord
from seatrial.pages.wording import figure, percent
from seatrial.statistics.baseline import FeatureBaseline
from seatrial.statistics.bins import Cells, NumericBins
from seatrial.statistics.summary import FeatureSummary

MISSING = "missing"
OTHERS = "other values"
LABELS_ALONE = "drift of the share of positive labels"


def cell_names(cells: Cells) -> tuple[str, ...]:
    """A name for every cell, the last for missing and invalid values.

    >>> cell_names(NumericBins((1.0, 2.5)))
    ('≤ 1', '1 to 2.5', '> 2.5', 'missing')
    """
    if not isinstance(cells, NumericBins):
        return (*cells.values, OTHERS, MISSING)
    if not cells.edges:
        return ("any number", MISSING)
    marks = [figure(edge) for edge in cells.edges]
    middle = [f"{low} to {high}" if low != high else low for low, high in pairwise(marks)]
    return (f"≤ {marks[0]}", *middle, f"> {marks[-1]}", MISSING)


def changed(feature: FeatureBaseline, summary: FeatureSummary) -> str:
    """What changed most in a feature, in a sentence."""
    names = cell_names(feature.cells)
    before = [count / feature.summary.rows for count in feature.summary.cells]
    after = [count / summary.rows for count in summary.cells]
    place = max(range(len(names)), key=lambda index: abs(after[index] - before[index]))
    told = f"{percent(after[place])} of the values are {_cell(names[place])}, {percent(before[place])} in the baseline"
    old, new = feature.summary.moments, summary.moments
    if old and new and old.count and new.count:
        return f"mean {figure(new.mean)}, {figure(old.mean)} in the baseline; {told}"
    return told


def _cell(name: str) -> str:
    return name if name in (MISSING, OTHERS) or name.startswith(("≤", ">")) or " to " in name else f"“{name}”"


def headline(incidents: Sequence[IncidentRecord], features: Sequence[FeatureRecord], coverage: Coverage) -> str:
    """The one sentence with which the report opens: the gravest incidents first."""
    if not incidents:
        if not coverage.judged_windows:
            return "insufficient data: too few rows to judge, which says nothing about drift"
        return f"ok: {coverage.rows:,} rows agree with the baseline"
    ranked = sorted(incidents, key=lambda item: item.severity != "page")
    drifted = [item for item in features if item.drifted]
    told = [
        (_named(drifted) if drifted else LABELS_ALONE) if kind == "drift" else kind.replace("_", " ")
        for kind in dict.fromkeys(item.condition for item in ranked)
    ]
    return f"{', '.join(told)}: {_ended(incidents)}"


def _named(drifted: Sequence[FeatureRecord]) -> str:
    names = [item.name for item in drifted]
    rest = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"drift in {(', ' if rest else ' and ').join(names[:2])}{rest}{_moment(since(drifted))}"


def since(drifted: Sequence[FeatureRecord]) -> str | None:
    """The earliest time at which a change began, None for a table without times."""
    first = min(item.since for item in drifted)
    return first if first[:1].isdigit() else None


def _moment(time: str | None) -> str:
    return f" since {datetime.fromisoformat(time):%d %b %H:%M}" if time else ""


def _ended(incidents: Sequence[IncidentRecord]) -> str:
    still = sum(item.cleared_at is None for item in incidents)
    if len(incidents) == 1:
        return "one incident, open at the end" if still else "one incident, cleared by the end"
    return f"{len(incidents)} incidents, {still or 'none'} of them open at the end"


Performance = tuple[QualityRecord | None, EstimateRecord | None]
"""What labels say, and what is estimated without them."""
UNKNOWABLE = (
    "Whether predictions are worse cannot be told by a baseline of Model Monitor's data quality: make a baseline of "
    "Seatrial's from validation rows, predictions and labels for that."
)


def meaning(
    incidents: Sequence[IncidentRecord],
    features: Sequence[FeatureRecord],
    coverage: Coverage,
    performance: Performance | None,
    budget: float,
) -> tuple[str, ...]:
    """What the result means and what to do, in plain sentences."""
    told: list[str] = []
    conditions = {item.condition for item in incidents}
    if "schema_violation" in conditions:
        told.append(_fault_sentence([item for item in incidents if item.condition == "schema_violation"]))
    if "quality_loss" in conditions:
        told.append(_loss_sentence(performance))
    drifted = [item for item in features if item.drifted]
    if drifted:
        told.append(_drift_sentence(drifted))
        if "quality_loss" not in conditions:
            told.append(_harm_sentence(performance))
    if not incidents and coverage.judged_windows:
        told.append(
            f"Nothing that a person need look at. With the alarm budget of {budget:g} false alarm"
            f"{'' if budget == 1 else 's'} a year, small differences from hour to hour are expected and not told."
        )
        told.append(_harm_sentence(performance))
    if not coverage.judged_windows and "schema_violation" not in conditions:
        told.append(
            "No window had enough rows to be judged. That is no result: widen the period, lower --minimum-rows, or "
            "look why so little was captured."
        )
    causes = [item.root_cause.sentence for item in incidents if item.root_cause]
    told[:0] = [f"Root cause: {sentence}." for sentence in dict.fromkeys(causes)]
    told += _coverage_sentences(coverage)
    return tuple(told)


def _fault_sentence(faults: Sequence[IncidentRecord]) -> str:
    ends = [item.cleared_at for item in faults]
    last = max((end for end in ends if end), default="")
    if None in ends:
        return (
            "Rows are not what the model was made for. This is a fault of the feed, not drift: repair it where the "
            "columns come from; training again on such rows would do harm. Faulty windows are left out of statistics."
        )
    return (
        f"Rows were not what the model was made for: a fault of the feed, not drift, which has cleared by {last}. Find "
        "out what happened there, and leave its rows out of any training; they are left out of the statistics here."
    )


def _drift_sentence(drifted: Sequence[FeatureRecord]) -> str:
    names = ", ".join(item.name for item in drifted[:3]) + (f" and {len(drifted) - 3} more" if len(drifted) > 3 else "")
    began = since(drifted)
    told = f" The change began about {began}." if began else ""
    many = len(drifted) > 1
    return (
        f"{names} {'are' if many else 'is'} no longer distributed as when the model was validated.{told} Ask first "
        f"whether {'their' if many else 'its'} source changed (a new feed, unit, tariff or campaign); if the customers "
        "themselves changed, the model has not seen such rows."
    )


def _loss_sentence(performance: Performance | None) -> str:
    quality, estimate = performance or (None, None)
    if quality is None and estimate:
        return (
            f"Without labels, predictions are estimated to be worse than at validation: {estimate.sentence}. Fetch "
            "labels of these predictions first; train again when they agree."
        )
    return (
        "The labels say that predictions are worse than when the model was validated. This is the loss that counts: "
        "train again on fresh labelled rows, and until then treat scores with care."
    )


def _harm_sentence(performance: Performance | None) -> str:
    if performance is None:
        return UNKNOWABLE
    quality, estimate = performance
    if quality:
        return _quality_sentence(quality)
    known = f" {estimate.sentence[:1].upper()}{estimate.sentence[1:]}." if estimate else ""
    return (
        "No labels were given, so whether predictions are worse is not known: drift of inputs alone says little "
        f"about harm.{known} Give --labels (or --label-column) as soon as labels are there."
    )


def _quality_sentence(quality: QualityRecord) -> str:
    return (
        f"The {quality.rows:,} labelled predictions show no loss beyond the tolerance: mean Brier loss "
        f"{quality.brier:.3f}, {quality.baseline_brier:.3f} at validation."
    )


def _coverage_sentences(coverage: Coverage) -> list[str]:
    told = []
    if coverage.unreadable:
        told.append(
            f"{coverage.unreadable:,} captured lines could not be read and were left out; the reasons are under data "
            "coverage, the places in quarantined.jsonl."
        )
    if coverage.empty_windows:
        told.append(
            f"{coverage.empty_windows} of {coverage.windows} hours have no capture files. Whether requests came then "
            "is not known here: the endpoint's Invocations metric tells."
        )
    if coverage.repeated:
        told.append(f"{coverage.repeated:,} requests came again under an id used before and were counted once.")
    if coverage.unmatched_labels:
        told.append(f"{coverage.unmatched_labels:,} labels belong to no captured prediction and were not used.")
    return told
