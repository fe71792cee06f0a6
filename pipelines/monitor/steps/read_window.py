"""Reads one window, a large one of data capture or any of another source: counts its rows and joins its labels.

The request says which objects; they lie below the capture folder by their keys. The result is one JSON document, which
the function judges and records as its own. Reads a line at a time: memory does not grow with the volume.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from seatrial.contracts.volume import REQUEST_FILE, RESULT_FILE, ReadingRequest, ReadingResult
from seatrial.monitoring.places import Folder, InputError
from seatrial.monitoring.source_reading import read_source
from seatrial.monitoring.volume import ReadingError, checked_baseline, read_request
from seatrial.statistics.baseline import Baseline

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
    try:
        result = carry_out(request, baseline, options.capture)
    except InputError as error:
        sys.exit(f"read_window: {error}")
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / RESULT_FILE).write_text(result.to_json(), encoding="utf-8")
    sys.stdout.write(f"window {request.window}: read {len(request.keys)} objects\n")


def carry_out(request: ReadingRequest, baseline: Baseline, folder: Path) -> ReadingResult:
    """Read an endpoint's capture, or the files of a source; raises `InputError` for a table that is none."""
    if request.source:
        return read_source(request, baseline, lambda key: Folder(str(folder / key)))
    return read_request(request, baseline, lambda key: lines_of(folder / key))


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
