"""Baseline step: what the model's inputs, predictions and losses look like on the validation split.

Writes our baseline.json with its digest (also in binding.json, from where it is registered with the model), Model
Monitor's statistics.json and constraints.json, and a smoke test: rows and the answers that the deployed model must
give.
"""

import argparse
import csv
import hashlib
import importlib
import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seatrial.contracts.bias import BiasSettings
from seatrial.contracts.clarify import ANALYSIS_FILE, Analysis
from seatrial.contracts.schema import FeatureSchema
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.bias.facet_report import LabelledRows, facet_report
from seatrial.statistics.bias.facets import FacetError
from seatrial.statistics.explanations.explain import explain


def main(arguments: Sequence[str]) -> None:
    """Score the validation rows with the artifact's own code and describe them."""
    options = parse(arguments)
    schema = FeatureSchema.from_json((options.schema / "schema.json").read_text(encoding="utf-8"))
    rows, labels = read_rows(options.validation, schema.names)
    artifact = next(iter(sorted(options.model.glob("*.tar.gz"))), None)
    if artifact is None:
        sys.exit(f"baseline: no model.tar.gz in {options.model}")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(artifact) as archive:
            archive.extractall(folder, filter="data")
        inference, model = load(Path(folder))
        predictions = [float(score) for score in inference.predict_fn(rows, model)]
        smoke = to_csv(rows[: options.smoke_rows])
        parsed = inference.input_fn(smoke, "text/csv")
        expected, _ = inference.output_fn(inference.predict_fn(parsed, model), "text/csv")
        analysis = analyse(options, schema, (rows, labels, predictions), (inference, model))
    baseline = build_baseline(schema, rows, predictions, labels, hours=read_hours(options.hours))
    text = baseline.to_json()
    digest = hashlib.sha256(text.encode()).hexdigest()
    options.output.mkdir(parents=True, exist_ok=True)
    files = {
        "baseline.json": text,
        "baseline.sha256": digest + "\n",
        "binding.json": json.dumps({"sha256": digest}),
        "statistics.json": json.dumps(baseline.to_model_monitor_statistics(), indent=1),
        "constraints.json": json.dumps(baseline.to_model_monitor_constraints(), indent=1),
        ANALYSIS_FILE: json.dumps(analysis.to_document(), indent=1),
        "smoke.csv": smoke,
        "smoke_expected.csv": expected,
    }
    for name, content in files.items():
        (options.output / name).write_text(content, encoding="utf-8")
    rhythms = f", rhythms of {len(baseline.rhythms)} columns" if baseline.rhythms else ""
    sys.stdout.write(f"baseline of {len(rows)} rows, {len(schema.features)} features{rhythms}\n")


def analyse(options: argparse.Namespace, schema: FeatureSchema, table: Any, artifact: tuple[Any, Any]) -> Analysis:
    """Bias of the declared facets, and the attributions of a bounded sample; ends the job for facets without sense."""
    rows, labels, predictions = table
    inference, model = artifact
    settings = BiasSettings.from_dict(json.loads("".join(options.bias))) if options.bias else BiasSettings()
    exact = getattr(inference, "explain_fn", None)
    explanation = explain(
        schema.names,
        rows,
        lambda chosen: inference.predict_fn(chosen, model),
        (lambda chosen: exact(chosen, model)) if exact else None,
    )
    try:
        columns = dict(zip(schema.names, zip(*rows, strict=True), strict=True))
        facets = facet_report(settings, LabelledRows(columns, labels, predictions))
    except FacetError as error:
        sys.exit(f"baseline: monitoring.bias: {error}")
    return Analysis(label=options.label, facets=facets, explanation=explanation, bias=settings)


def load(folder: Path) -> tuple[Any, Any]:
    """The artifact's inference module and its model."""
    sys.path.insert(0, str(folder / "code"))
    inference = importlib.import_module("inference")
    return inference, inference.model_fn(str(folder))


def to_csv(rows: Sequence[Sequence[str]]) -> str:
    """Rows as the endpoint receives them: no header."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def read_rows(folder: Path, names: Sequence[str]) -> tuple[list[list[str]], list[int]]:
    """Feature rows and labels of all CSV parts in a folder."""
    rows: list[list[str]] = []
    labels: list[int] = []
    for part in sorted(folder.glob("*.csv")):
        with part.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            if header[2:] != list(names):
                sys.exit(f"{part.name}: columns must be {list(names)} after id and label, got {header[2:]}")
            for line in reader:
                labels.append(int(float(line[1])))
                rows.append(line[2:])
    return rows, labels


def read_hours(folder: Path) -> list[int]:
    """Hours since 1970 of the rows that `read_rows` gives, in their order; none where the data says no times."""
    hours: list[int] = []
    for part in sorted(folder.rglob("*.csv")):
        with part.open(newline="") as lines:
            hours += [int(row["hour"]) for row in csv.DictReader(lines)]
    return hours


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Folders (the container's by default) and the size of the smoke test."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "validation", "schema", "hours"):
        parser.add_argument(f"--{name}", type=Path, default=Path("/opt/ml/processing/input") / name)
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output/baseline"))
    parser.add_argument("--smoke-rows", type=int, default=20)
    parser.add_argument("--label", default="label", help="name of the label in analysis.json")
    parser.add_argument("--bias", action="append", default=[], help="facets to report bias of: JSON, in pieces")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
