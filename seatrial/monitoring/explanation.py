"""Whether a model still explains its answers as it did when it was validated, and is as fair: windows with their model.

Both need the model or labelled rows with their features, and neither needs an answer within the hour: so this runs
beside the hourly monitor, on a day or a week of capture, on any machine and in a processing job.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.contracts.clarify import (
    ATTRIBUTION_LIMIT,
    METHOD,
    Analysis,
    Explanation,
    attribution_violation,
    bias_violation,
    violations_document,
)
from seatrial.monitoring.artifact import Artifact
from seatrial.monitoring.places import InputError
from seatrial.monitoring.window_data import WindowData
from seatrial.statistics.bias.attribution_drift import attribution_ndcg
from seatrial.statistics.bias.bias_drift import BiasDrift, bias_drift
from seatrial.statistics.bias.facet_report import LabelledRows, facet_report
from seatrial.statistics.bias.facets import FacetError

FEWEST_ROWS = 50
MOST_LABELLED_ROWS = 100_000
"""Labelled rows that are kept: a bound of memory, far beyond what bias needs to be told."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What windows together say; `score` is None for fewer than 50 rows, `notes` say what could not be told and why.

    `rows` are those that were explained: each window brings a sample of at most 200, the same in any order of reading.
    """

    rows: int
    labelled: int
    analysis: Analysis
    score: float | None
    moved: tuple[str, ...]
    bias: tuple[BiasDrift, ...]
    notes: tuple[str, ...]

    @property
    def attribution_drift(self) -> bool:
        """Whether the attributions have drifted, by Clarify's limit."""
        return self.score is not None and self.score < ATTRIBUTION_LIMIT

    def violations(self) -> dict[str, Any]:
        """constraint_violations.json: entries of the explainability monitor's and of the bias monitor's form."""
        found = [attribution_violation(self.score)] if self.score is not None and self.attribution_drift else []
        found += [bias_violation(item.facet, item.value, item.metric, item.sentence) for item in self.bias]
        return violations_document(found)


def explain_windows(artifact: Artifact, baseline: Analysis, windows: Iterable[WindowData]) -> Explained:
    """Explain a sample of the windows' rows by the model and compare with the baseline; then the labelled rows' bias.

    Raises `InputError` when the baseline is another model's or was made by another method.
    """
    rows, labelled = _collected(windows, artifact.names)
    explanation, score, notes = _attributions(artifact, baseline, rows)
    facets, drifts, told = _bias(baseline, labelled)
    return Explained(
        rows=len(rows),
        labelled=len(labelled.labels),
        analysis=Analysis(label=baseline.label, facets=facets, explanation=explanation, bias=baseline.bias),
        score=score,
        moved=_moved(baseline.explanation, explanation),
        bias=drifts,
        notes=(*notes, *told),
    )


def _collected(windows: Iterable[WindowData], names: Sequence[str]) -> tuple[list[Sequence[str]], LabelledRows]:
    """The windows' samples of rows, and their labelled rows; rows of another width are left out."""
    rows: list[Sequence[str]] = []
    known: list[tuple[Sequence[str], int, float]] = []
    for window in windows:
        rows += window.summary.sample.of_width(len(names))
        labelled = window.labelled
        triples = zip(labelled.rows, labelled.labels, labelled.predictions, strict=False)
        known += [triple for triple in triples if len(triple[0]) == len(names)][: MOST_LABELLED_ROWS - len(known)]
    columns = {name: [row[place] for row, _, _ in known] for place, name in enumerate(names)}
    return rows, LabelledRows(columns, [label for _, label, _ in known], [score for _, _, score in known])


def _attributions(
    artifact: Artifact, baseline: Analysis, rows: Sequence[Sequence[str]]
) -> tuple[Explanation | None, float | None, list[str]]:
    before = baseline.explanation
    if before is None:
        return None, None, ["the baseline has no attributions to compare with"]
    if set(before.attributions) != set(artifact.names):
        odd = sorted(set(before.attributions) ^ set(artifact.names))
        raise InputError(f"analysis.json: only it or the model has {', '.join(odd[:5])}; name files of one training")
    if len(rows) < FEWEST_ROWS:
        return None, None, [f"{len(rows)} rows are too few to explain; {FEWEST_ROWS} are needed"]
    now: Explanation = artifact.explain(rows)
    if before.method not in (now.method, METHOD):
        raise InputError(f"analysis.json: was made by {before.method}, the model gives {now.method}; train again")
    by_clarify = before.method == METHOD and now.method != METHOD
    notes = [f"the baseline is Clarify's kernel SHAP, the window's is {now.method}: orders compare, sizes do not"]
    return now, attribution_ndcg(before.attributions, now.attributions), notes if by_clarify else []


def _bias(baseline: Analysis, rows: LabelledRows) -> tuple[Any, tuple[BiasDrift, ...], list[str]]:
    settings = baseline.bias
    if settings is None or not settings.facets:
        return (), (), []
    if len(rows.labels) < FEWEST_ROWS:
        return (), (), [f"bias: {len(rows.labels)} labelled rows are too few; {FEWEST_ROWS} are needed"]
    try:
        return facet_report(settings, rows), bias_drift(baseline.facets, settings, rows), []
    except FacetError as error:
        return (), (), [f"bias: {error}"]


def _moved(before: Explanation | None, now: Explanation | None) -> tuple[str, ...]:
    """Features by how many places they changed, the farthest first, each with its words."""
    if before is None or now is None:
        return ()
    old, new = _ranks(before), _ranks(now)
    far = sorted((name for name in old if old[name] != new[name]), key=lambda name: (-abs(old[name] - new[name]), name))
    return tuple(f"{name}: rank {old[name]} at validation, {new[name]} now" for name in far)


def _ranks(explanation: Explanation) -> dict[str, int]:
    ranked = sorted(explanation.attributions, key=lambda name: (-abs(explanation.attributions[name]), name))
    return {name: rank for rank, name in enumerate(ranked, start=1)}
