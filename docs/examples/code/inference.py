"""Serves the example model: text/csv rows of features without header in, one probability a line out."""

import io
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression


def model_fn(folder: str) -> LogisticRegression:
    """Load what the training wrote."""
    return joblib.load(Path(folder) / "model.joblib")


def input_fn(body: str | bytes, content_type: str) -> NDArray[np.float64]:
    """Rows of numbers."""
    if content_type != "text/csv":
        raise ValueError(f"content type must be text/csv, got {content_type!r}")
    text = body.decode() if isinstance(body, bytes) else body
    return np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2)


def predict_fn(rows: NDArray[np.float64], model: LogisticRegression) -> NDArray[np.float64]:
    """Probability of the label 1."""
    return model.predict_proba(rows)[:, 1]


def output_fn(probabilities: NDArray[np.float64], accept: str) -> tuple[str, str]:
    """One probability a line."""
    return "".join(f"{value!r}\n" for value in probabilities.tolist()), "text/csv"
