"""Training step: XGBoost or logistic regression, in script mode of AWS's training toolkit.

Reads the CSV parts of the train and validation channels and schema.json; writes an artifact that serves by itself.
"""

import argparse
import csv
import json
import os
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from encoding import Encoder, Matrix  # pyrefly: ignore[missing-import] - the job's folder is the import root
from inference import LINEAR_FILE, XGBOOST_FILE  # pyrefly: ignore[missing-import]

Rows = list[list[str]]


def main(arguments: Sequence[str]) -> None:
    """Train and save; prints the metrics that the job's definitions look for."""
    options = parse(arguments)
    random.seed(options.seed)
    np.random.seed(options.seed)
    options.model_dir.mkdir(parents=True, exist_ok=True)
    schema = (options.schema / "schema.json").read_text(encoding="utf-8")
    features = json.loads(schema)["features"]
    names = [feature["name"] for feature in features]
    rows, labels = read_split(options.train, names)
    held_out, held_out_labels = read_split(options.validation, names)
    encoder = Encoder.fit(features, rows, options.rare_below)
    sets = (encoder.encode(rows), labels, encoder.encode(held_out), held_out_labels)
    xgboost = options.algorithm == "xgboost"
    facts = train_xgboost(options, sets) if xgboost else train_logistic(options, encoder, sets)
    save_beside(options.model_dir, encoder, schema, {**facts, "rows": len(rows), "algorithm": options.algorithm})


def train_xgboost(options: argparse.Namespace, sets: Any) -> dict[str, Any]:
    """Boosted trees with early stopping on the validation rows; keeps the best iteration alone."""
    import xgboost

    matrix, labels, held_out, held_out_labels = sets
    training = xgboost.DMatrix(matrix, labels)
    validation = xgboost.DMatrix(held_out, held_out_labels)
    booster = xgboost.train(
        _xgboost_parameters(options),
        training,
        num_boost_round=options.rounds,
        evals=[(validation, "validation")],
        early_stopping_rounds=options.early_stopping_rounds,
        verbose_eval=False,
    )
    best = booster[: booster.best_iteration + 1]
    report(labels, best.predict(training), held_out_labels, best.predict(validation))
    best.save_model(options.model_dir / XGBOOST_FILE)
    return {"iterations": booster.best_iteration + 1}


def _xgboost_parameters(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "objective": "binary:logistic",
        "eval_metric": ["auc", "logloss"],
        "tree_method": "hist",
        "learning_rate": options.learning_rate,
        "max_depth": options.max_depth,
        "min_child_weight": options.min_child_weight,
        "subsample": options.subsample,
        "colsample_bytree": options.colsample_bytree,
        "reg_lambda": options.reg_lambda,
        "seed": options.seed,
        "nthread": int(os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1),
    }


def train_logistic(options: argparse.Namespace, encoder: Encoder, sets: Any) -> dict[str, Any]:
    """Logistic regression on standardized inputs; saved as weights, so that serving needs numpy alone."""
    from sklearn.linear_model import LogisticRegression

    matrix, labels, held_out, held_out_labels = sets
    model = LogisticRegression(C=options.inverse_regularization, max_iter=2000, random_state=options.seed)
    model.fit(encoder.standardize(matrix), labels)
    scores = [model.predict_proba(encoder.standardize(inputs))[:, 1] for inputs in (matrix, held_out)]
    report(labels, scores[0], held_out_labels, scores[1])
    data = {
        "weights": [float(weight) for weight in model.coef_[0]],
        "intercept": float(model.intercept_[0]),
        "means": [float(mean) for mean in encoder.standardize(matrix).mean(axis=0)],
        "labels": encoder.labels,
    }
    (options.model_dir / LINEAR_FILE).write_text(json.dumps(data, indent=1), encoding="utf-8")
    return {"iterations": int(model.n_iter_[0])}


def report(labels: Matrix, scores: Matrix, held_out_labels: Matrix, held_out_scores: Matrix) -> None:
    """Print both metrics in the form that the definition's regular expressions read."""
    for split, truth, predicted in (("train", labels, scores), ("validation", held_out_labels, held_out_scores)):
        sys.stdout.write(f"{split}:auc={auc(truth, predicted):.6f}\n")
    sys.stdout.flush()


def auc(labels: Matrix, scores: Matrix) -> float:
    """Area under the ROC curve by ranks, ties counted half."""
    _, index, counts = np.unique(np.asarray(scores), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[index]
    positives = int(np.sum(labels == 1))
    negatives = len(labels) - positives
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def read_split(folder: Path, names: Sequence[str]) -> tuple[Rows, Matrix]:
    """Feature rows and labels of all CSV parts in a folder; ends the job when they do not fit the schema."""
    rows: Rows = []
    labels: list[float] = []
    for part in sorted(folder.glob("*.csv")):
        with part.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            if header[2:] != list(names):
                sys.exit(f"train: {part.name}: columns must be {list(names)} after id and label, got {header[2:]}")
            for line in reader:
                labels.append(float(line[1]))
                rows.append(line[2:])
    if len(set(labels)) < 2:
        sys.exit(f"train: {folder.name}: needs rows of both classes, got {len(labels)} rows of classes {set(labels)}")
    return rows, np.array(labels)


def save_beside(folder: Path, encoder: Encoder, schema: str, training: dict[str, Any]) -> None:
    """Write what serving needs beside the model file."""
    (folder / "preprocess.json").write_text(encoder.to_json(), encoding="utf-8")
    (folder / "schema.json").write_text(schema, encoding="utf-8")
    (folder / "training.json").write_text(json.dumps(training, sort_keys=True), encoding="utf-8")
    code = folder / "code"
    code.mkdir(exist_ok=True)
    for name in ("inference.py", "encoding.py"):
        shutil.copyfile(Path(__file__).parent / name, code / name)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hyperparameters and folders; an unknown hyperparameter ends the job instead of training with a default."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--algorithm", choices=("xgboost", "scikit-learn"), default="xgboost")
    parser.add_argument("--rounds", type=int, default=1000, help="boosting rounds at most")
    parser.add_argument("--early_stopping_rounds", type=int, default=50)
    parser.add_argument("--learning_rate", type=float, default=0.03)
    parser.add_argument("--max_depth", type=int, default=3)
    parser.add_argument("--min_child_weight", type=float, default=5.0)
    parser.add_argument("--subsample", type=float, default=0.8)
    parser.add_argument("--colsample_bytree", type=float, default=0.7)
    parser.add_argument("--reg_lambda", type=float, default=1.0)
    parser.add_argument("--inverse_regularization", type=float, default=1.0, help="C of the logistic regression")
    parser.add_argument("--rare_below", type=int, default=10, help="categories with fewer training rows are other")
    parser.add_argument("--seed", type=int, default=7)
    channels = "/opt/ml/input/data"
    for name in ("train", "validation", "schema"):
        default = os.environ.get(f"SM_CHANNEL_{name.upper()}", f"{channels}/{name}")
        parser.add_argument(f"--{name}", type=Path, default=Path(default))
    parser.add_argument("--model-dir", type=Path, default=Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model")))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
