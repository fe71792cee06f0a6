"""Serves a churn model that Spark trained, by ONNX Runtime: the same rows of text as inference.py, in the same order.

inference.py hands artifacts with a model.onnx over to it, so that every model serves under the same program. The
runtime is the image's or, as AWS's images have none, the one in the artifact's code/lib.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from encoding import Matrix, category, number  # pyrefly: ignore[missing-import] - the artifact's code folder is the root

LIBRARIES = Path(__file__).parent / "lib"
ONNX_FILE, SCHEMA_FILE = "model.onnx", "schema.json"


@dataclass(frozen=True)
class OnnxModel:
    """A session, and which of a row's values are numbers and which texts."""

    session: Any
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    texts: tuple[int, ...]

    def encode(self, rows: Sequence[Sequence[str]]) -> dict[str, Any]:
        """The model's inputs; raises `ValueError` naming the row and column that cannot be read."""
        inputs: dict[str, Any] = {}
        for index, row in enumerate(rows):
            if len(row) != len(self.names):
                raise ValueError(f"row {index}: expected {len(self.names)} values, got {len(row)}")
        if self.numbers:
            inputs["numbers"] = np.array([self._numbers(index, row) for index, row in enumerate(rows)])
        if self.texts:
            inputs["texts"] = np.array([[category(row[place]) for place in self.texts] for row in rows], dtype=object)
        return inputs

    def score(self, inputs: dict[str, Any]) -> Matrix:
        """Churn probability of each row."""
        return self.session.run(["probability"], inputs)[0]

    def _numbers(self, index: int, row: Sequence[str]) -> list[float]:
        values = []
        for place in self.numbers:
            try:
                values.append(number(row[place]))
            except ValueError:
                text = row[place][:80]
                raise ValueError(f"row {index}, column {self.names[place]!r}: not a number: {text!r}") from None
        return values


def model_fn(model_dir: str) -> OnnxModel:
    """Load what sparkml_train.py wrote into the model folder; one thread, as one row is not worth waking others."""
    if LIBRARIES.is_dir():
        sys.path.insert(0, str(LIBRARIES))
    import onnxruntime

    folder = Path(model_dir)
    features = json.loads((folder / SCHEMA_FILE).read_text(encoding="utf-8"))["features"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / ONNX_FILE), options, providers=["CPUExecutionProvider"])
    numbers, texts = (
        tuple(place for place, feature in enumerate(features) if feature["type"] == kind)
        for kind in ("numeric", "categorical")
    )
    return OnnxModel(session, tuple(feature["name"] for feature in features), numbers, texts)
