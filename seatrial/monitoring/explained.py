"""Explains what lies at a place by the files of one training, and writes the result as Clarify would."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.contracts.clarify import ANALYSIS_FILE, ATTRIBUTION_LIMIT, Analysis, AnalysisError
from seatrial.contracts.model_monitor import VIOLATIONS_FILE
from seatrial.monitoring.artifact import opened
from seatrial.monitoring.counting import Counting
from seatrial.monitoring.explanation import Explained, explain_windows
from seatrial.monitoring.known_baseline import find_baseline
from seatrial.monitoring.places import InputError, place_of, read_text
from seatrial.monitoring.sources import Source, find_windows

FOUND_FILE = "found.json"
"""The result as the monitor's function tells it."""
Clients = Callable[[], Any]


@dataclass(frozen=True)
class Trained:
    """Where the three files of one training lie: model.tar.gz, the baseline (or its folder), analysis.json."""

    model: str
    baseline: str
    analysis: str


def explain_source(trained: Trained, source: Source, clients: Clients) -> Explained:
    """Read the windows and explain them; raises `InputError`."""
    known = find_baseline(trained.baseline, clients)
    with opened(place_of(trained.model, clients)) as artifact:
        found = find_windows(source, Counting(known.baseline, known.judges_outcomes), clients)
        return explain_windows(artifact, _analysis(trained.analysis, clients), found.windows)


def verdict_of(explained: Explained) -> str:
    """explainability_drift before bias_drift; insufficient_data where attributions cannot be compared, else ok."""
    if explained.attribution_drift:
        return "explainability_drift"
    if explained.bias:
        return "bias_drift"
    return "insufficient_data" if explained.score is None else "ok"


def headline(explained: Explained) -> str:
    """The verdict in a sentence."""
    biased = "; ".join(item.sentence for item in explained.bias)
    told = f"; bias: {biased}" if biased else ""
    verdict = verdict_of(explained)
    if explained.score is None:
        return f"{verdict}: the attributions cannot be compared{told}"
    side = "below" if explained.attribution_drift else "not below"
    return f"{verdict}: nDCG of the attributions is {explained.score:.3f}, {side} {ATTRIBUTION_LIMIT}{told}"


def found(explained: Explained) -> dict[str, Any]:
    """The result in the fields of `seatrial.contracts.events.ExplanationVerdict`."""
    return {
        "verdict": verdict_of(explained),
        "sentence": headline(explained),
        "rows": explained.rows,
        "labelled_rows": explained.labelled,
        "ndcg": explained.score,
        "bias": [item.sentence for item in explained.bias],
    }


def write(explained: Explained, folder: Path) -> None:
    """Write analysis.json, constraint_violations.json and found.json."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {ANALYSIS_FILE: explained.analysis.to_document(), VIOLATIONS_FILE: explained.violations()}
    files |= {FOUND_FILE: found(explained)}
    for name, document in files.items():
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")


def _analysis(name: str, clients: Clients) -> Analysis:
    try:
        return Analysis.from_document(json.loads(read_text(place_of(name, clients))))
    except (AnalysisError, json.JSONDecodeError) as error:
        raise InputError(f"{name}: {error}; name the analysis.json of the model's training") from None
