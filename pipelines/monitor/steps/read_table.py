"""Looks at a table of the lake as one window: Parquet files against a baseline, in one process and bounded memory."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seatrial.columnar.arrow import ColumnError
from seatrial.monitoring.table_window import read_parquet, table_documents
from seatrial.statistics.baseline import Baseline

INPUT, OUTPUT = Path("/opt/ml/processing/input"), Path("/opt/ml/processing/output/window")


def main(arguments: Sequence[str]) -> None:
    """Write the window's files."""
    options = parse(arguments)
    baseline = Baseline.from_json((options.baseline / "baseline.json").read_text(encoding="utf-8"))
    paths = sorted(options.table.rglob("*.parquet"))
    if not paths:
        sys.exit(f"read_table: no Parquet files in {options.table}")
    try:
        part = read_parquet(baseline, paths, options.prediction_column)
    except ColumnError as error:
        sys.exit(f"read_table: {error}")
    options.output.mkdir(parents=True, exist_ok=True)
    for name, text in table_documents(baseline, part).items():
        (options.output / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{part.counted.rows} rows of {len(paths)} files\n")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Folders, the container's by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("baseline", "table"):
        parser.add_argument(f"--{name}", type=Path, default=INPUT / name)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--prediction-column", default="prediction")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
