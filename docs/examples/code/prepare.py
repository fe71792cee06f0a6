"""Processing script of the example pipelines: splits a CSV with a `label` column into train and test."""

import csv
from pathlib import Path

SOURCE = Path("/opt/ml/processing/input/data")
TARGET = Path("/opt/ml/processing/output")


def main() -> None:
    """Every fifth row is held out."""
    with next(SOURCE.glob("*.csv")).open(newline="") as file:
        header, *rows = csv.reader(file)
    for name, chosen in (("train", [r for i, r in enumerate(rows) if i % 5]), ("test", rows[::5])):
        (TARGET / name).mkdir(parents=True, exist_ok=True)
        with (TARGET / name / "data.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *chosen])


if __name__ == "__main__":
    main()
