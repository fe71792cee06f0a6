"""Serves a churn model under AWS's inference toolkit: text/csv rows of raw feature values to probabilities.

Rows come without header, in the order of schema.json; an empty value is missing. The answer is text/csv, one
probability a line.
"""

import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from encoding import Encoder, Matrix  # pyrefly: ignore[missing-import] - the artifact's code folder is the root

try:
    from sagemaker_inference.errors import BaseInferenceToolkitError
except ImportError:  # scored outside a serving container
    BaseInferenceToolkitError = Exception

BAD_REQUEST, UNSUPPORTED = 400, 415
CONTENT_TYPE = "text/csv"
XGBOOST_FILE, LINEAR_FILE, ONNX_FILE = "xgboost-model.json", "linear-model.json", "model.onnx"


class RequestError(BaseInferenceToolkitError, ValueError):  # pyrefly: ignore[invalid-inheritance]
    """The request cannot be scored; the toolkit answers with `status_code` instead of 500."""

    def __init__(self, message: str, status_code: int = BAD_REQUEST) -> None:
        ValueError.__init__(self, message)
        self.status_code, self.message, self.phrase = status_code, message, message.split("\n", 1)[0]

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Model:
    """A loaded artifact; `scorer` is an XGBoost booster or the weights of a logistic regression."""

    encoder: Encoder
    scorer: Any

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in the order in which rows give them."""
        return self.encoder.names

    def encode(self, rows: Sequence[Sequence[str]]) -> Matrix:
        """What the scorer takes; raises `ValueError` naming the row and column that cannot be read."""
        return self.encoder.encode(rows)

    def score(self, matrix: Matrix) -> Matrix:
        """Churn probability of each row."""
        if isinstance(self.scorer, LinearScorer):
            margin = self.encoder.standardize(matrix) @ self.scorer.weights + self.scorer.intercept
            return 1 / (1 + np.exp(-np.clip(margin, -700, 700)))
        return self.scorer.inplace_predict(matrix)

    def explain(self, matrix: Matrix) -> dict[str, Any] | None:
        """Exact SHAP values by feature in log odds; None for linear models whose training kept no means.

        TreeSHAP (Lundberg et al., 2020) as XGBoost has it; w (x - mean x) for linear models (Lundberg and Lee, 2017).
        The values of a category's columns add up.
        """
        if isinstance(self.scorer, LinearScorer):
            if self.scorer.means is None:
                return None
            values = (self.encoder.standardize(matrix) - self.scorer.means) * self.scorer.weights
            expected = float(self.scorer.intercept + self.scorer.means @ self.scorer.weights)
            return self._told("linear_shap", values, expected)
        import xgboost

        values = self.scorer.predict(xgboost.DMatrix(matrix), pred_contribs=True)
        return self._told("tree_shap", values[:, :-1], float(values[0, -1]))

    def _told(self, method: str, values: Matrix, expected: float) -> dict[str, Any]:
        grouped = np.add.reduceat(values, self.encoder.starts, axis=1)
        return {"method": method, "unit": "log_odds", "values": grouped, "expected_value": expected}


@dataclass(frozen=True)
class LinearScorer:
    """Logistic regression on standardized inputs; `means` of them in training."""

    weights: Matrix
    intercept: float
    means: Matrix | None = None


def model_fn(model_dir: str) -> Any:
    """Load what train.py or sparkml_train.py wrote into the model folder."""
    folder = Path(model_dir)
    if (folder / ONNX_FILE).exists():
        import inference_onnx  # pyrefly: ignore[missing-import] - only artifacts with an ONNX model have it

        return inference_onnx.model_fn(model_dir)
    encoder = Encoder.from_json((folder / "preprocess.json").read_text(encoding="utf-8"))
    if (folder / LINEAR_FILE).exists():
        data = json.loads((folder / LINEAR_FILE).read_text(encoding="utf-8"))
        means = np.array(data["means"]) if "means" in data else None
        return Model(encoder, LinearScorer(np.array(data["weights"]), data["intercept"], means))
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(folder / XGBOOST_FILE)
    booster.set_param({"nthread": 1})  # one row is not worth waking other threads
    return Model(encoder, booster)


def input_fn(body: str | bytes, content_type: str) -> list[list[str]]:
    """Read the rows of a request; raises `RequestError` when there are none or the type is another."""
    if (content_type or CONTENT_TYPE).split(";")[0].strip().lower() != CONTENT_TYPE:
        raise RequestError(f"content type: must be {CONTENT_TYPE}, got {content_type!r}", UNSUPPORTED)
    try:
        text = body.decode("utf-8") if isinstance(body, bytes | bytearray) else body
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"body: not CSV in UTF-8: {error}") from None
    if not rows:
        raise RequestError("body: expected at least one row of comma-separated values, got none")
    return rows


def predict_fn(rows: Sequence[Sequence[str]], model: Any) -> Matrix:
    """Churn probability of each row; raises `RequestError` naming the row and column that cannot be read."""
    try:
        inputs = model.encode(rows)
    except ValueError as error:
        raise RequestError(f"{error}; columns: {', '.join(model.names)}") from None
    return model.score(inputs)


def explain_fn(rows: Sequence[Sequence[str]], model: Any) -> dict[str, Any] | None:
    """SHAP values of each row and feature: `values`, `expected_value`, `method`, `unit`; None where only sampling can.

    The serving toolkit does not call it: the pipeline and the monitor do, on a bounded sample.
    """
    return model.explain(model.encode(rows)) if hasattr(model, "explain") else None


def output_fn(probabilities: Matrix, accept: str) -> tuple[str, str]:
    """One probability a line; raises `RequestError` when the client takes no CSV."""
    types = [part.split(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    if not {CONTENT_TYPE, "text/*", "*/*"}.intersection(types):
        raise RequestError(f"accept: must be {CONTENT_TYPE}, got {accept!r}", 406)
    return "".join(f"{float(probability):.9g}\n" for probability in probabilities), CONTENT_TYPE
