"""Evaluation step: challenger and champion on the same held-out rows; the numbers decide who may be registered.

Each model is scored by the inference code in its own artifact, the very code that serves it. What is asked of the
challenger is `seatrial.decisions.acceptance`; this file measures and writes down.
"""

import argparse
import csv
import hashlib
import importlib
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from seatrial.decisions.acceptance import AcceptanceSettings, Comparison, Evidence, SegmentQuality, accept
from seatrial.statistics.leakage.contamination import Row, SeenRows, contamination
from seatrial.statistics.leakage.single_feature import category_strength, numeric_strength
from seatrial.statistics.paired.bootstrap import paired_bootstrap
from seatrial.statistics.paired.brier import paired_loss
from seatrial.statistics.paired.delong import auc_interval, paired_gain
from seatrial.statistics.profit.churn_campaign import Campaign, campaign_profit

Array = NDArray[np.float64]
SMALLEST_SEGMENT = 50
MOST_SEGMENTS = 12
CALIBRATION_BINS = 10
TIMED_ROWS = 100
MOST_BOOTSTRAPPED = 20_000
"""Rows up to which the profit's interval is made; it informs, the profit itself decides."""


class NotComparableError(Exception):
    """A model cannot be scored on these rows; the message says why."""


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


def segments(
    features: Sequence[dict[str, str]], rows: Sequence[Sequence[str]], labels: Array, scores: Array, declared: set[str]
) -> Iterator[SegmentQuality]:
    """AUC within each category that holds enough of both classes, of the columns declared or of all with few values."""
    for place, feature in enumerate(features):
        values = np.array([row[place] for row in rows])
        names = sorted(set(values.tolist()))
        judged = feature["name"] in declared if declared else len(names) <= MOST_SEGMENTS
        if feature["type"] != "categorical" or not judged:
            continue
        for name in names:
            chosen = values == name
            if chosen.sum() >= SMALLEST_SEGMENT and 0 < labels[chosen].sum() < chosen.sum():
                area = auc_interval(labels[chosen], scores[chosen])
                yield SegmentQuality(
                    feature=feature["name"],
                    value=name,
                    rows=int(chosen.sum()),
                    auc=area.auc,
                    low=area.low,
                    high=area.high,
                )


def roc_curve(labels: Array, scores: Array, points: int = 100) -> dict[str, list[float]]:
    """The ROC curve thinned to at most `points` points."""
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    true = np.append(0, np.cumsum(labels[order])[last_of_ties]) / labels.sum()
    false = np.append(0, np.cumsum(1 - labels[order])[last_of_ties]) / (1 - labels).sum()
    chosen = np.unique(np.linspace(0, len(true) - 1, points).astype(int))
    return {"false_positive_rates": false[chosen].tolist(), "true_positive_rates": true[chosen].tolist()}


def measure(labels: Array, scores: Array, campaign: Campaign) -> dict[str, Any]:
    """All figures of one model; raises `ValueError` when a figure cannot be trusted."""
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {len(scores)} predictions are not finite numbers")
    if not 0 < labels.sum() < len(labels):
        raise ValueError(f"both classes are needed, got {int(labels.sum())} churners among {len(labels)} rows")
    area, worth = auc_interval(labels, scores), campaign_profit(labels, scores, campaign)
    return {
        "auc": area.auc,
        "auc_standard_deviation": area.standard_deviation,
        "auc_low": area.low,
        "auc_high": area.high,
        "pr_auc": average_precision(labels, scores),
        **losses(labels, scores),
        "campaign_profit": worth.profit,
        "campaign_contacted": worth.contacted,
    }


@dataclass(frozen=True)
class Holdout:
    """The test split: the schema's features, and ids, feature rows and labels."""

    features: list[dict[str, str]]
    ids: list[str]
    rows: list[list[str]]
    labels: Array

    @property
    def names(self) -> list[str]:
        """Names of the features."""
        return [feature["name"] for feature in self.features]


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """The content of evaluation.json; whatever cannot be computed closes the gate and is told as a reason."""
    holdout, campaign = read_holdout(options), settings_of(Campaign, options)
    counts = {"rows": len(holdout.rows), "positives": int(holdout.labels.sum())}
    artifact = find_artifact(options.model)
    try:
        scores = score(artifact, holdout.names, holdout.rows)
        figures = measure(holdout.labels, scores, campaign)
    except (ValueError, NotComparableError) as error:
        return {**counts, **_CLOSED, "reasons": [f"challenger: {error}"]}
    comparison, champion = compare(options, holdout, scores, campaign)
    evidence = Evidence(
        **{name: figures[name] for name in ("auc", "auc_low", "auc_high")},
        profit=figures["campaign_profit"],
        comparison=comparison,
        segments=list(segments(holdout.features, holdout.rows, holdout.labels, scores, set(options.segment))),
        latency_milliseconds=latency(artifact, holdout.names, holdout.rows),
        **leakage(options, holdout),
    )
    return {
        **counts,
        **figures,
        "champion": champion,
        **_judged(evidence, settings_of(AcceptanceSettings, options)),
        "campaign": asdict(campaign),
        "model_sha256": _sha256(artifact),
        "calibration": calibration(holdout.labels, scores),
        "binary_classification_metrics": _registry_metrics(holdout.labels, scores, figures),
    }


def _judged(evidence: Evidence, settings: AcceptanceSettings) -> dict[str, Any]:
    """The verdict, with what it rests on."""
    verdict = accept(evidence, settings)
    return {
        **(_figures(evidence.comparison) if evidence.comparison else {}),
        "accepted": int(verdict.accepted),
        "beats_champion": int(verdict.beats_champion),
        "reasons": list(verdict.reasons),
        "asked": asdict(settings),
        "latency_milliseconds": evidence.latency_milliseconds,
        "segments": [asdict(segment) for segment in evidence.segments],
        "leakage": {
            **{name: getattr(evidence, name) for name in ("shared_ids", "shared_churners", "shared_others")},
            "telling_features": list(evidence.telling_features[:5]),
        },
    }


_CLOSED = {"auc": 0.0, "accepted": 0, "beats_champion": 0, "model_sha256": "none"}


Settings = TypeVar("Settings", AcceptanceSettings, Campaign)


def settings_of(kind: type[Settings], options: argparse.Namespace) -> Settings:
    """The settings among the options."""
    return kind(**{field.name: getattr(options, field.name) for field in fields(kind)})


def _figures(comparison: Comparison) -> dict[str, Any]:
    """The comparison's numbers; one that failed has none."""
    if comparison.failure is not None:
        return {}
    names = (
        "gain",
        "gain_low",
        "gain_high",
        "p_no_gain",
        "brier_increase",
        "brier_increase_low",
        "brier_increase_high",
    )
    return {name: getattr(comparison, name) for name in names}


def _registry_metrics(labels: Array, scores: Array, figures: dict[str, Any]) -> dict[str, Any]:
    """The part that SageMaker Studio shows beside a model package."""
    deviation = figures["auc_standard_deviation"]
    return {
        "auc": {"value": figures["auc"], "standard_deviation": deviation},
        "receiver_operating_characteristic_curve": roc_curve(labels, scores),
    }


def compare(
    options: argparse.Namespace, holdout: Holdout, scores: Array, campaign: Campaign
) -> tuple[Comparison | None, dict[str, Any] | None]:
    """Champion on the same rows, and its figures; without a champion the challenger has nothing to beat."""
    artifact = find_artifact(options.champion)
    if artifact is None:
        return None, None
    labels = holdout.labels
    try:
        theirs = score(artifact, holdout.names, holdout.rows)
        champion = measure(labels, theirs, campaign)
    except (ValueError, NotComparableError) as error:
        return Comparison(failure=str(error)), None
    gain, loss = paired_gain(labels, scores, theirs), paired_loss(labels, scores, theirs, holdout.ids)
    if len(labels) <= MOST_BOOTSTRAPPED:
        profit = paired_bootstrap(lambda y, s: campaign_profit(y, s, campaign).profit, labels, scores, theirs)
        champion["campaign_profit_gain"] = {"gain": profit.difference, "low": profit.low, "high": profit.high}
    comparison = Comparison(
        gain=gain.gain,
        gain_low=gain.low,
        gain_high=gain.high,
        p_no_gain=gain.p_no_gain,
        champion_profit=champion["campaign_profit"],
        champion_brier=champion["brier"],
        brier_increase=loss.difference,
        brier_increase_low=loss.low,
        brier_increase_high=loss.high,
    )
    return comparison, champion


def leakage(options: argparse.Namespace, holdout: Holdout) -> dict[str, Any]:
    """What the test split shares with what was trained on, and every feature by how well it alone tells who leaves."""
    seen = SeenRows()
    for folder in (options.train, options.validation):
        seen.add(read_rows(folder, holdout.names))
    test = zip(holdout.ids, holdout.labels.tolist(), holdout.rows, strict=True)
    found = contamination(seen, test)
    return {**asdict(found), "telling_features": sorted(_strengths(holdout), key=lambda pair: -pair[1])}


def _strengths(holdout: Holdout) -> Iterator[tuple[str, float]]:
    for place, feature in enumerate(holdout.features):
        values = [row[place] for row in holdout.rows]
        if feature["type"] == "categorical":
            yield feature["name"], category_strength(values, holdout.labels)
        else:
            yield feature["name"], numeric_strength(np.array(list(map(_number, values))), holdout.labels)


def _number(text: str) -> float:
    """NaN for what is missing; the features step leaves nothing else that is no number."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def find_artifact(folder: Path) -> Path | None:
    """The model.tar.gz in an input folder, None when there is none."""
    return next(iter(sorted(folder.glob("*.tar.gz"))), None)


def _sha256(path: Path | None) -> str:
    if path is None:
        return "none"
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def score(artifact: Path | None, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Array:
    """Predictions of an artifact by its own code; columns are matched by name."""
    with opened(artifact) as (inference, model):
        return np.asarray(inference.predict_fn(_matched(model, names, rows), model), dtype=float)


def latency(artifact: Path | None, names: Sequence[str], rows: Sequence[Sequence[str]]) -> float:
    """Milliseconds that one row takes in the artifact's own code, the 95th percentile of the first rows."""
    taken = []
    with opened(artifact) as (inference, model):
        for row in _matched(model, names, rows[:TIMED_ROWS]):
            began = time.perf_counter()
            inference.predict_fn([row], model)
            taken.append(1000 * (time.perf_counter() - began))
    return float(np.quantile(taken, 0.95))


def _matched(model: Any, names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    unknown = [name for name in model.names if name not in names]
    if unknown:
        raise NotComparableError(f"it needs columns {unknown} that the test rows do not have")
    places = [names.index(name) for name in model.names]
    return [[row[place] for place in places] for row in rows]


@contextmanager
def opened(artifact: Path | None) -> Iterator[tuple[Any, Any]]:
    """An artifact's inference module and its model, while its files are there."""
    if artifact is None:
        raise NotComparableError("no model.tar.gz among the inputs")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(artifact) as archive:
            archive.extractall(folder, filter="data")
        inference = load_code(Path(folder) / "code")
        yield inference, inference.model_fn(folder)


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


def read_holdout(options: argparse.Namespace) -> Holdout:
    """The test split, described by the schema."""
    features = json.loads((options.schema / "schema.json").read_text(encoding="utf-8"))["features"]
    found = list(read_rows(options.test, [feature["name"] for feature in features]))
    labels = np.array([label for _, label, _ in found])
    return Holdout(features, [identity for identity, _, _ in found], [list(row) for _, _, row in found], labels)


def read_rows(folder: Path, names: Sequence[str]) -> Iterator[Row]:
    """Id, label and feature values of each row of all CSV parts in a folder."""
    for part in sorted(folder.glob("*.csv")):
        with part.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            if header[2:] != list(names):
                sys.exit(f"{part.name}: columns must be {list(names)} after id and label, got {header[2:]}")
            for line in reader:
                yield line[0], float(line[1]), line[2:]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Folders (the container's by default) and what is asked of the challenger."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    for name in ("model", "champion", "train", "validation", "test", "schema"):
        parser.add_argument(f"--{name}", type=Path, default=Path("/opt/ml/processing/input") / name)
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output/evaluation"))
    parser.add_argument("--message", type=Path, default=Path("/opt/ml/output/message"))
    parser.add_argument("--segment", action="append", default=[], help="column whose categories have the floor")
    for kind in (AcceptanceSettings, Campaign):
        for field in fields(kind):
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default)
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
    sys.stdout.write(f"auc={result['auc']:.4f} accepted={result['accepted']}: {reasons}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
