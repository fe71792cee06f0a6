"""Explains a period of data capture by the model that answered it, and compares bias: the form of a processing job.

Runs in the model's own image, which has the model's library. Inputs are folders: the model's artifact, what its
training's Baseline step wrote, a variant's capture and, where there is any, ground truth. Writes Clarify's files; the
exit message tells the result, and a drift does not fail the job.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seatrial.contracts.clarify import ANALYSIS_FILE
from seatrial.monitoring.endpoint_capture import parse_hour
from seatrial.monitoring.explained import Trained, explain_source, headline, write
from seatrial.monitoring.places import InputError
from seatrial.monitoring.sources import Source
from seatrial.monitoring.window_data import Period

INPUT, OUTPUT = Path("/opt/ml/processing/input"), Path("/opt/ml/processing/output/explanation")


def main(arguments: Sequence[str]) -> None:
    """Explain what lies in the folders."""
    options = parse(arguments)
    artifact = next(iter(sorted(options.model.glob("*.tar.gz"))), None)
    if artifact is None:
        sys.exit(f"explain_window: no model.tar.gz in {options.model}")
    labels = str(options.labels) if any(options.labels.rglob("*")) else None
    try:
        start, end = (parse_hour(text, "period") if text else None for text in (options.start, options.end))
        source = Source(place=str(options.capture), period=Period(start, end), labels=labels)
        trained = Trained(str(artifact), str(options.baseline), str(options.baseline / ANALYSIS_FILE))
        explained = explain_source(trained, source, no_clients)
    except InputError as error:
        sys.exit(f"explain_window: {error}")
    write(explained, options.output)
    options.message.parent.mkdir(parents=True, exist_ok=True)
    options.message.write_text(headline(explained)[:600], encoding="utf-8")
    sys.stdout.write(f"{headline(explained)}\n")


def no_clients() -> None:
    """Everything lies in folders; an s3:// address in the request would be a mistake."""
    raise InputError("a job reads folders alone; give the data as its inputs")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Folders, the container's by default, and the period."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "baseline", "capture", "labels"):
        parser.add_argument(f"--{name}", type=Path, default=INPUT / name)
    parser.add_argument("--from", dest="start", help="first hour, ISO 8601 UTC")
    parser.add_argument("--to", dest="end", help="before this hour, ISO 8601 UTC")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--message", type=Path, default=Path("/opt/ml/output/message"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
