"""Reads one large window of data capture: what the monitor's function would count, and the labels that it would join.

The request says which objects; they lie below the capture folder by their keys. The result is one JSON document, which
the function judges and records as its own. Reads a line at a time: memory does not grow with the volume.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from seatrial.contracts.volume import REQUEST_FILE, RESULT_FILE, ReadingRequest
from seatrial.monitoring.volume import ReadingError, checked_baseline, read_request

INPUT, OUTPUT = Path("/opt/ml/processing/input"), Path("/opt/ml/processing/output/reading")


def main(arguments: Sequence[str]) -> None:
    """Carry out the request."""
    options = parse(arguments)
    request = ReadingRequest.from_json((options.request / REQUEST_FILE).read_text(encoding="utf-8"))
    try:
        check_files(request, options.capture)
        baseline = checked_baseline(request, (options.baseline / "baseline.json").read_bytes())
    except ReadingError as error:
        sys.exit(f"read_window: {error}")
    result = read_request(request, baseline, lambda key: lines_of(options.capture / key))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / RESULT_FILE).write_text(result.to_json(), encoding="utf-8")
    sys.stdout.write(f"window {request.window}: read {len(request.keys)} objects\n")


def check_files(request: ReadingRequest, folder: Path) -> None:
    """Raise `ReadingError` unless every object of the request has arrived."""
    absent = [key for key in request.keys if not (folder / key).is_file()]
    if absent:
        raise ReadingError(f"{len(absent)} of {len(request.keys)} objects have not arrived, among them {absent[0]}")


def lines_of(path: Path) -> Iterator[str]:
    """Lines of text; bytes that are no UTF-8 are replaced, so that one bad line stays one."""
    with path.open("rb") as file:
        for line in file:
            yield line.rstrip(b"\r\n").decode("utf-8", errors="replace")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Folders, the container's by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("request", "baseline", "capture"):
        parser.add_argument(f"--{name}", type=Path, default=INPUT / name)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
