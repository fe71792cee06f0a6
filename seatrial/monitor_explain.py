"""`seatrial monitor explain`: do a model's explanations still hold, and is it as fair as when it was trained."""

import json
import sys
from argparse import ArgumentParser, Namespace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.monitor_run import add_window, source_of

if TYPE_CHECKING:  # numpy takes a while to import: the other commands do without
    from seatrial.monitoring.explained import Trained
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
    from seatrial.monitoring.explained import write

    explained = evaluate(options, clients or cache(_clients))
    document = json.dumps(explained.analysis.to_document(), indent=1)
    sys.stdout.write(f"{document}\n" if options.json else "\n".join(_lines(explained)) + "\n")
    if options.out is not None:
        write(explained, options.out)
    return DRIFTED if explained.attribution_drift or explained.bias else 0


def evaluate(options: Namespace, clients: Any) -> "Explained":
    """Explain what the options name."""
    from seatrial.monitoring.explained import explain_source

    return explain_source(_named(options, clients), source_of(options), clients)


def _clients() -> Any:
    from seatrial.monitoring.places import make_clients

    return make_clients()


def _named(options: Namespace, clients: Any) -> "Trained":
    """What the options say, and what the registry says of a model package."""
    from seatrial.contracts.clarify import ANALYSIS_FILE
    from seatrial.monitoring.explained import Trained
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
    return Trained(model, baseline, analysis)


def _lines(explained: "Explained") -> list[str]:
    """What an operator reads: the verdict, the features that changed places, bias by facet."""
    from seatrial.monitoring.explained import headline

    made = explained.analysis.explanation
    lines = [headline(explained), "", f"{explained.rows:,} rows explained, {explained.labelled:,} labelled"]
    if made is not None:
        ranked = sorted(made.attributions, key=lambda name: -made.attributions[name])
        lines += ["", f"{'feature':<32}{f'mean |SHAP|, {made.unit}':>24}"]
        lines += [f"{name[:31]:<32}{made.attributions[name]:>24.4f}" for name in ranked[:MOST_LINES]]
    lines += [f"  {text}" for text in explained.moved[:MOST_LINES]] if explained.attribution_drift else []
    lines += [f"bias: {item.sentence}" for item in explained.bias]
    return [*lines, *explained.notes]
