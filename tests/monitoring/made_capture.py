"""A small model with its baseline, and traffic for it: deterministic, in the files that an endpoint would write."""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seatrial.contracts.capture_writer import capture_line
from seatrial.contracts.ground_truth import ground_truth_line
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.baseline import Baseline, build_baseline

SCHEMA = FeatureSchema((Feature("tenure_months", "numeric"), Feature("plan_type", "categorical")))
START = datetime(2026, 11, 1, tzinfo=UTC)
CSV = "text/csv"


@dataclass(frozen=True)
class Sent:
    """One row with its prediction and its label."""

    row: tuple[str, str]
    score: float
    label: int


def traffic(seed: int, rows: int, *, shift: float = 0.0, flipped: bool = False) -> Iterator[Sent]:
    """Rows of the model's own kind; `shift` moves the tenure by so many months, `flipped` makes predictions wrong."""
    source = random.Random(seed)
    for _ in range(rows):
        plan = source.choice(["prepaid", "postpaid"])
        score = 0.35 if plan == "prepaid" else 0.05
        label = int(source.random() < (0.4 - score if flipped else score))
        yield Sent((f"{source.gauss(24 + shift, 6):.1f}", plan), score, label)


def baseline() -> Baseline:
    """Of 1,000 validation rows."""
    sent = list(traffic(1, 1000))
    return build_baseline(SCHEMA, [item.row for item in sent], *zip(*((s.score, s.label) for s in sent), strict=True))


def write_baseline(folder: Path, found: Baseline) -> Path:
    """The baseline with its digest, as the Baseline step writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    body = found.to_json()
    (folder / "baseline.json").write_text(body)
    (folder / "baseline.sha256").write_text(hashlib.sha256(body.encode()).hexdigest() + "\n")
    return folder


def hour(number: int) -> datetime:
    """Beginning of an hour of the made traffic."""
    return START + timedelta(hours=number)


def lines_of_hour(number: int, rows: int = 150, **how: float) -> tuple[list[str], list[str]]:
    """Capture lines and ground truth lines of one hour."""
    captured, truths = [], []
    for index, sent in enumerate(traffic(100 + number, rows, **how)):
        event = f"{number}-{index}"
        request, answer = (",".join(sent.row), CSV), (f"{sent.score}\n", CSV)
        when = f"{hour(number):%Y-%m-%dT%H:%M:%SZ}"
        captured.append(capture_line(request, answer, event_id=event, inference_time=when))
        truths.append(ground_truth_line(event, [sent.label]))
    return captured, truths


def capture_key(number: int, name: str = "00-00-000.jsonl") -> str:
    """Below the variant's folder."""
    return f"{hour(number):%Y/%m/%d/%H}/{name}"


def write_lines(path: Path, lines: list[str]) -> Path:
    """A file of lines, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_hours(variant: Path, labels: Path, hours: range, **how: float) -> None:
    """Hours of capture below `variant` and of ground truth below `labels`."""
    for number in hours:
        captured, truths = lines_of_hour(number, **how)
        write_lines(variant / capture_key(number), captured)
        write_lines(labels / capture_key(number, "labels.jsonl"), truths)


def model_monitor_files(folder: Path, found: Baseline) -> Path:
    """statistics.json and constraints.json of a baseline."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "statistics.json").write_text(json.dumps(found.to_model_monitor_statistics()))
    (folder / "constraints.json").write_text(json.dumps(found.to_model_monitor_constraints()))
    return folder
