"""Processing script of the example pipelines: scores the held out rows, and writes the smoke test of the promotion.

Outputs: `evaluation/evaluation.json` with rows and accuracy; `smoke/smoke.csv`, rows for the endpoint, and
`smoke/smoke_expected.csv`, the predictions that the new endpoint must give; `baseline/baseline.json`, what the monitor
compares with, and its SHA-256, which is registered with the model. Seatrial's modules come as `library.zip`.
"""

import csv
import hashlib
import json
import sys
import tarfile
from pathlib import Path

from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.baseline import build_baseline

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
MODEL = Path("/tmp/model")  # noqa: S108 - the container's own
SMOKE_ROWS = 4


def main() -> None:
    """Score with the very code that will serve."""
    with tarfile.open(INPUT / "model" / "model.tar.gz") as archive:
        archive.extractall(MODEL, filter="data")
    sys.path.insert(0, str(MODEL / "code"))
    import inference

    with (INPUT / "test" / "data.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    features = [",".join(row[1:]) + "\n" for row in rows]
    model = inference.model_fn(str(MODEL))
    answers = inference.predict_fn(inference.input_fn("".join(features), "text/csv"), model)
    right = sum((answer > 0.5) == (row[0] == "1") for row, answer in zip(rows, answers, strict=True))
    expected, _ = inference.output_fn(answers[:SMOKE_ROWS], "text/csv")
    _write("evaluation/evaluation.json", json.dumps({"rows": len(rows), "accuracy": right / len(rows)}))
    _write("smoke/smoke.csv", "".join(features[:SMOKE_ROWS]))
    _write("smoke/smoke_expected.csv", expected)
    _write_baseline(header[1:], rows, [float(answer) for answer in answers])


def _write_baseline(names: list[str], rows: list[list[str]], answers: list[float]) -> None:
    """Held out rows, as the monitor will see them; every feature of the example is a number."""
    schema = FeatureSchema(tuple(Feature(name, "numeric") for name in names))
    text = build_baseline(schema, [row[1:] for row in rows], answers, [int(row[0]) for row in rows]).to_json()
    digest = hashlib.sha256(text.encode()).hexdigest()
    _write("baseline/baseline.json", text)
    _write("baseline/baseline.sha256", digest)
    _write("baseline/binding.json", json.dumps({"sha256": digest}))


def _write(name: str, text: str) -> None:
    path = OUTPUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    main()
