"""The built-in XGBoost algorithm: hyperparameters and channels as AWS documents them, model file `xgboost-model`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

ML = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
OWN = ("num_round", "early_stopping_rounds", "csv_weights", "_tuning_objective_metric", "_kfold", "_num_cv_round")
TEXT = {"booster", "objective", "eval_metric", "tree_method", "grow_policy", "process_type", "updater", "predictor"}


class UserError(Exception):
    """A mistake in the data or hyperparameters: its sentence is the job's failure reason."""


def load(channel: str) -> xgboost.DMatrix | None:
    """Read a channel's CSV files (label first, no header) or Parquet files; None when the channel is absent."""
    folder = ML / "input" / "data" / channel
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not files:
        return None
    kind = content_type(channel, files)
    if kind in ("libsvm", "x-libsvm"):
        return xgboost.DMatrix(f"{files[0]}?format=libsvm")
    rows = np.concatenate([read_table(path, kind) for path in files])
    if np.isnan(rows[:, 0]).any():
        raise UserError(f"channel {channel}: the first column is the label and must be a number in every row")
    return xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])


def read_table(path: Path, kind: str) -> np.ndarray:
    """One file as float32, NaN for missing."""
    if kind == "x-parquet":
        import pandas as pd

        return np.asarray(pd.read_parquet(path), dtype=np.float32)
    rows = np.genfromtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
    if np.isnan(rows[0]).all():
        raise UserError(f"{path.name}: the first row has no number: built-in XGBoost reads CSV without a header")
    return rows


def content_type(channel: str, files: list[Path]) -> str:
    """The channel's ContentType, or what the first file's name says; AWS's default is libsvm."""
    config = json.loads((ML / "input" / "config" / "inputdataconfig.json").read_text())
    declared = config[channel].get("ContentType")
    if declared:
        return declared.split(";")[0].rpartition("/")[2]
    return {".csv": "csv", ".parquet": "x-parquet"}.get(files[0].suffix, "libsvm")


def value_of(name: str, text: str) -> Any:
    """A hyperparameter's value: a number unless its name says text."""
    if name in TEXT or name == "interaction_constraints":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def train(hyperparameters: dict[str, str]) -> None:
    """Train and save the model."""
    if "num_round" not in hyperparameters:
        raise UserError("num_round: required by built-in XGBoost, not given")
    parameters = {name: value_of(name, text) for name, text in hyperparameters.items() if name not in OWN}
    if "eval_metric" in parameters:
        parameters["eval_metric"] = [metric.strip() for metric in str(parameters["eval_metric"]).split(",")]
    matrices = [(matrix, name) for name in ("train", "validation") if (matrix := load(name)) is not None]
    if not matrices or matrices[0][1] != "train":
        raise UserError("channel train: required by built-in XGBoost, not given or empty")
    early = hyperparameters.get("early_stopping_rounds")
    booster = xgboost.train(
        {"nthread": os.cpu_count(), **parameters},
        matrices[0][0],
        num_boost_round=int(hyperparameters["num_round"]),
        evals=matrices,
        early_stopping_rounds=int(early) if early else None,
    )
    (ML / "model").mkdir(parents=True, exist_ok=True)
    (ML / "model" / "xgboost-model").write_bytes(bytes(booster.save_raw("ubj")))


def main() -> int:
    """Run; a user's mistake goes to /opt/ml/output/failure."""
    try:
        train(json.loads((ML / "input" / "config" / "hyperparameters.json").read_text()))
    except (UserError, ValueError, xgboost.core.XGBoostError) as error:
        (ML / "output").mkdir(parents=True, exist_ok=True)
        (ML / "output" / "failure").write_text(str(error).split("Stack trace")[0].strip())
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
