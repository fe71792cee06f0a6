"""Evaluation step: challenger and champion on the same held-out rows, with intervals; the numbers decide.

Each model is scored by the inference code in its own artifact, the very code that serves it.
"""

import argparse
import csv
import importlib
import json
import math
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONFIDENCE = 0.95
SMALLEST_SEGMENT = 50
MOST_SEGMENTS = 12
CALIBRATION_BINS = 10
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


class NotComparableError(Exception):
    """The champion cannot be scored on these rows; the message says why."""


def placements(labels: Array, scores: Array) -> tuple[Array, Array]:
    """DeLong's structural components, of the positives and of the negatives, by midranks.

    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); ranks after Sun and Xu, IEEE SPL 21 (2014).
    """
    positive, negative = scores[labels == 1], scores[labels == 0]
    m, n = len(positive), len(negative)
    pooled = midranks(np.concatenate([positive, negative]))
    above = (pooled[:m] - midranks(positive)) / n
    below = 1 - (pooled[m:] - midranks(negative)) / m
    return above, below


def midranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[index]


def variance(above: Array, below: Array) -> float:
    """Variance of the mean placement, 0 when a class has one row."""
    return sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)


def auc_interval(labels: Array, scores: Array) -> dict[str, float]:
    """ROC AUC with DeLong's standard deviation and 95 % interval."""
    above, below = placements(labels, scores)
    area, deviation = float(above.mean()), math.sqrt(variance(above, below))
    return {
        "auc": area,
        "auc_standard_deviation": deviation,
        "auc_low": max(0.0, area - Z * deviation),
        "auc_high": min(1.0, area + Z * deviation),
    }


def paired_gain(labels: Array, challenger: Array, champion: Array) -> dict[str, float]:
    """AUC of the challenger minus that of the champion on the same rows: interval and two-sided p-value."""
    ours, theirs = placements(labels, challenger), placements(labels, champion)
    gain = float(ours[0].mean() - theirs[0].mean())
    deviation = math.sqrt(variance(ours[0] - theirs[0], ours[1] - theirs[1]))
    # Models that never disagree on an order have no deviation: then any gain is certain.
    deviations = abs(gain) / deviation if deviation else (math.inf if gain else 0.0)
    p_value = 2 * (1 - NormalDist().cdf(deviations))
    return {"gain": gain, "gain_low": gain - Z * deviation, "gain_high": gain + Z * deviation, "p_value": p_value}


def average_precision(labels: Array, scores: Array) -> float:
    """Area under the precision-recall curve as a step function (no interpolation)."""
    order = np.argsort(-scores, kind="stable")
    ranked, values = labels[order], scores[order]
    last_of_ties = np.append(np.diff(values) != 0, True)
    hits = np.cumsum(ranked)[last_of_ties]
    precision = hits / (np.flatnonzero(last_of_ties) + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / labels.sum())


def losses(labels: Array, scores: Array) -> dict[str, float]:
    """Mean log loss (probabilities kept off 0 and 1 by 1e-7) and Brier score."""
    safe = np.clip(scores, 1e-7, 1 - 1e-7)
    log_loss = -np.mean(labels * np.log(safe) + (1 - labels) * np.log(1 - safe))
    return {"log_loss": float(log_loss), "brier": float(np.mean((scores - labels) ** 2))}


def calibration(labels: Array, scores: Array) -> dict[str, Any]:
    """Predicted against observed churn in bins of equal size, and the mean gap between them."""
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, min(CALIBRATION_BINS, len(order))) if len(part)]
    bins = [
        {"rows": len(part), "predicted": float(scores[part].mean()), "observed": float(labels[part].mean())}
        for part in parts
    ]
    gaps = [entry["rows"] * abs(entry["predicted"] - entry["observed"]) for entry in bins]
    return {"expected_calibration_error": sum(gaps) / len(labels), "bins": bins}


def segments(features: Sequence[dict[str, str]], rows: Sequence[Sequence[str]], labels: Array, scores: Array) -> Any:
    """AUC within each category that is large enough and holds both classes."""
    for place, feature in enumerate(features):
        values = np.array([row[place] for row in rows])
        names = sorted(set(values.tolist()))
        if feature["type"] != "categorical" or len(names) > MOST_SEGMENTS:
            continue
        for name in names:
            chosen = values == name
            if chosen.sum() >= SMALLEST_SEGMENT and 0 < labels[chosen].sum() < chosen.sum():
                interval = auc_interval(labels[chosen], scores[chosen])
                yield {"feature": feature["name"], "value": name, "rows": int(chosen.sum()), **interval}


def roc_curve(labels: Array, scores: Array, points: int = 100) -> dict[str, list[float]]:
    """The ROC curve thinned to at most `points` points."""
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    true = np.append(0, np.cumsum(labels[order])[last_of_ties]) / labels.sum()
    false = np.append(0, np.cumsum(1 - labels[order])[last_of_ties]) / (1 - labels).sum()
    chosen = np.unique(np.linspace(0, len(true) - 1, points).astype(int))
    return {"false_positive_rates": false[chosen].tolist(), "true_positive_rates": true[chosen].tolist()}


def measure(labels: Array, scores: Array) -> dict[str, Any]:
    """All figures of one model; raises `ValueError` when a figure cannot be trusted."""
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {len(scores)} predictions are not finite numbers")
    if not 0 < labels.sum() < len(labels):
        raise ValueError(f"both classes are needed, got {int(labels.sum())} churners among {len(labels)} rows")
    precision = {"pr_auc": average_precision(labels, scores)}
    return {**auc_interval(labels, scores), **precision, **losses(labels, scores)}


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """The content of evaluation.json; whatever cannot be computed closes the gate and is told as a reason."""
    features = json.loads((options.schema / "schema.json").read_text(encoding="utf-8"))["features"]
    names = [feature["name"] for feature in features]
    rows, labels = read_rows(options.test, names)
    counts = {"rows": len(rows), "positives": int(labels.sum())}
    closed = {**counts, "auc": 0.0, "beats_champion": 0}
    try:
        scores = score(find_artifact(options.model), names, rows)
        figures = measure(labels, scores)
    except (ValueError, NotComparableError) as error:
        return {**closed, "reasons": [f"challenger: {error}"]}
    comparison = compare(options, names, rows, labels, scores)
    return {
        **counts,
        **figures,
        **comparison,
        "reasons": [*_too_low(figures, options.minimum_auc), *comparison["reasons"]],
        "calibration": calibration(labels, scores),
        "segments": list(segments(features, rows, labels, scores)),
        "binary_classification_metrics": _registry_metrics(labels, scores, figures),
    }


def _too_low(figures: dict[str, Any], minimum: float) -> list[str]:
    if figures["auc"] >= minimum:
        return []
    interval = f"({figures['auc_low']:.4f} to {figures['auc_high']:.4f})"
    return [f"ROC AUC {figures['auc']:.4f} {interval} misses the minimum {minimum:.4f}"]


def _registry_metrics(labels: Array, scores: Array, figures: dict[str, Any]) -> dict[str, Any]:
    """The part that SageMaker Studio shows beside a model package."""
    deviation = figures["auc_standard_deviation"]
    return {
        "auc": {"value": figures["auc"], "standard_deviation": deviation},
        "receiver_operating_characteristic_curve": roc_curve(labels, scores),
    }


def compare(
    options: argparse.Namespace, names: list[str], rows: list[list[str]], labels: Array, scores: Array
) -> dict[str, Any]:
    """Champion on the same rows; without a champion the challenger has nothing to beat."""
    artifact = find_artifact(options.champion)
    if artifact is None:
        return {"beats_champion": 1, "champion": None, "reasons": ["no champion serves yet"]}
    try:
        theirs = score(artifact, names, rows)
        champion = measure(labels, theirs)
    except (ValueError, NotComparableError) as error:
        reason = f"champion: not comparable, so the challenger is not accepted: {error}"
        return {"beats_champion": 0, "champion": None, "reasons": [reason]}
    gain = paired_gain(labels, scores, theirs)
    beats = gain["gain"] >= options.minimum_gain
    verdict = "reaches" if beats else "misses"
    reason = (
        f"gain in AUC {gain['gain']:+.4f} ({gain['gain_low']:+.4f} to {gain['gain_high']:+.4f}) "
        f"{verdict} the minimum {options.minimum_gain:+.4f}"
    )
    return {"beats_champion": int(beats), "champion": champion, **gain, "reasons": [reason]}


def find_artifact(folder: Path) -> Path | None:
    """The model.tar.gz in an input folder, None when there is none."""
    return next(iter(sorted(folder.glob("*.tar.gz"))), None)


def score(artifact: Path | None, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Array:
    """Predictions of an artifact by its own code; columns are matched by name."""
    if artifact is None:
        raise NotComparableError("no model.tar.gz among the inputs")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(artifact) as archive:
            archive.extractall(folder, filter="data")
        inference = load_code(Path(folder) / "code")
        model = inference.model_fn(folder)
        unknown = [name for name in model.names if name not in names]
        if unknown:
            raise NotComparableError(f"it needs columns {unknown} that the test rows do not have")
        places = [names.index(name) for name in model.names]
        chosen = [[row[place] for place in places] for row in rows]
        return np.asarray(inference.predict_fn(chosen, model), dtype=float)


def load_code(folder: Path) -> Any:
    """The artifact's inference module, whatever artifact was loaded before it."""
    for name in ("inference", "inference_onnx", "encoding"):
        sys.modules.pop(name, None)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        return importlib.import_module("inference")
    finally:
        sys.path.remove(str(folder))


def read_rows(folder: Path, names: Sequence[str]) -> tuple[list[list[str]], Array]:
    """Feature rows and labels of all CSV parts in a folder."""
    rows: list[list[str]] = []
    labels: list[float] = []
    for part in sorted(folder.glob("*.csv")):
        with part.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            if header[2:] != list(names):
                sys.exit(f"{part.name}: columns must be {list(names)} after id and label, got {header[2:]}")
            for line in reader:
                labels.append(float(line[1]))
                rows.append(line[2:])
    return rows, np.array(labels)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Folders (the container's by default) and the gain that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "champion", "test", "schema"):
        parser.add_argument(f"--{name}", type=Path, default=Path("/opt/ml/processing/input") / name)
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output/evaluation"))
    parser.add_argument("--message", type=Path, default=Path("/opt/ml/output/message"))
    parser.add_argument("--minimum-auc", type=float, default=0.0)
    parser.add_argument("--minimum-gain", type=float, default=0.0)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Write evaluation.json; print the reasons and leave them as the job's exit message, which a refusal quotes."""
    options = parse(arguments)
    result = evaluate(options)
    options.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, allow_nan=False)
    (options.output / "evaluation.json").write_text(text, encoding="utf-8")
    reasons = "; ".join(result["reasons"])
    options.message.parent.mkdir(parents=True, exist_ok=True)
    options.message.write_text(reasons[:600], encoding="utf-8")
    sys.stdout.write(f"auc={result['auc']:.4f} beats_champion={result['beats_champion']}: {reasons}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
