"""`seatrial monitor explain`: do a model's explanations still hold, and is it as fair as when it was trained."""

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.monitor_run import add_window, source_of

if TYPE_CHECKING:  # numpy takes a while to import: the other commands do without
    from seatrial.monitoring.explanation import Explained

DRIFTED = 1
MOST_LINES = 10
MODEL_HELP = "the model.tar.gz that serves, its s3:// address, or a model package's ARN, which names its baseline too"
BASELINE_HELP = "output folder of the Baseline step, with baseline.json and analysis.json (default: the package's)"
ANALYSIS_HELP = "another analysis.json, for instance Clarify's (default: the baseline's)"


def add_explain(parser: ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--model", required=True, metavar="M", help=MODEL_HELP)
    parser.add_argument("--baseline", metavar="B", help=BASELINE_HELP)
    parser.add_argument("--analysis", metavar="A", help=ANALYSIS_HELP)
    add_window(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="write analysis.json and constraint_violations.json")
    parser.add_argument("--json", action="store_true", help="print analysis.json")


def run_explain(options: Namespace, clients: Any = None) -> int:
    """Explain, compare, print, write; 0 without drift, 1 with it. Raises `ValueError` with a sentence for bad input."""
    explained = evaluate(options, clients or cache(_clients))
    document = json.dumps(explained.analysis.to_document(), indent=1)
    sys.stdout.write(f"{document}\n" if options.json else "\n".join(_lines(explained)) + "\n")
    if options.out is not None:
        write(explained, options.out)
    return DRIFTED if explained.attribution_drift or explained.bias else 0


def evaluate(options: Namespace, clients: Any) -> "Explained":
    """Explain what the options name."""
    from seatrial.monitoring.artifact import opened
    from seatrial.monitoring.counting import Counting
    from seatrial.monitoring.explanation import explain_windows
    from seatrial.monitoring.known_baseline import find_baseline
    from seatrial.monitoring.places import place_of
    from seatrial.monitoring.sources import find_windows

    named = _named(options, clients)
    known = find_baseline(named.baseline, clients)
    with opened(place_of(named.model, clients)) as artifact:
        found = find_windows(source_of(options), Counting(known.baseline, known.judges_outcomes), clients)
        return explain_windows(artifact, _analysis(named.analysis, clients), found.windows)


def write(explained: "Explained", folder: Path) -> None:
    """Write both files in Clarify's formats."""
    from seatrial.contracts.clarify import ANALYSIS_FILE
    from seatrial.contracts.model_monitor import VIOLATIONS_FILE

    folder.mkdir(parents=True, exist_ok=True)
    files = {ANALYSIS_FILE: explained.analysis.to_document(), VIOLATIONS_FILE: explained.violations()}
    for name, document in files.items():
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")


def _clients() -> Any:
    from seatrial.monitoring.places import make_clients

    return make_clients()


@dataclass(frozen=True)
class _Named:
    """Where the three files of one training lie."""

    model: str
    baseline: str
    analysis: str


def _named(options: Namespace, clients: Any) -> _Named:
    """What the options say, and what the registry says of a model package."""
    from seatrial.contracts.clarify import ANALYSIS_FILE
    from seatrial.monitoring.known_baseline import described
    from seatrial.monitoring.places import InputError

    model, baseline, analysis = options.model, options.baseline, options.analysis
    if model.startswith("arn:"):
        package = described(model, clients)
        baseline = baseline or model
        analysis = analysis or package.get("CustomerMetadataProperties", {}).get("AnalysisUri")
        model = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    if baseline is None:
        raise InputError("--baseline: must name the output folder of the Baseline step, as the model is a file")
    analysis = analysis or ("" if baseline.startswith("arn:") else f"{baseline.rstrip('/')}/{ANALYSIS_FILE}")
    if not analysis:
        raise InputError(f"{options.model}: was registered without AnalysisUri; name an analysis.json with --analysis")
    return _Named(model, baseline, analysis)


def _analysis(name: str, clients: Any) -> Any:
    from seatrial.contracts.clarify import Analysis, AnalysisError
    from seatrial.monitoring.places import InputError, place_of, read_text

    try:
        return Analysis.from_document(json.loads(read_text(place_of(name, clients))))
    except (AnalysisError, json.JSONDecodeError) as error:
        raise InputError(f"{name}: {error}; name the analysis.json of the model's training") from None


def _lines(explained: "Explained") -> list[str]:
    """What an operator reads: the verdict, the features that changed places, bias by facet."""
    made = explained.analysis.explanation
    lines = [_headline(explained), "", f"{explained.rows:,} rows explained, {explained.labelled:,} labelled"]
    if made is not None:
        ranked = sorted(made.attributions, key=lambda name: -made.attributions[name])
        lines += ["", f"{'feature':<32}{f'mean |SHAP|, {made.unit}':>24}"]
        lines += [f"{name[:31]:<32}{made.attributions[name]:>24.4f}" for name in ranked[:MOST_LINES]]
    lines += [f"  {text}" for text in explained.moved[:MOST_LINES]] if explained.attribution_drift else []
    lines += [f"bias: {item.sentence}" for item in explained.bias]
    return [*lines, *explained.notes]


def _headline(explained: "Explained") -> str:
    from seatrial.contracts.clarify import ATTRIBUTION_LIMIT

    if explained.score is None:
        return "insufficient_data: the attributions cannot be compared"
    verdict = "explainability_drift" if explained.attribution_drift else "ok"
    told = "below" if explained.attribution_drift else "not below"
    return f"{verdict}: nDCG of the attributions is {explained.score:.3f}, {told} {ATTRIBUTION_LIMIT}"
