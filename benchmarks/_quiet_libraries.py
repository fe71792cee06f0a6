"""Share of quiet windows in which another library's default alarms; runs in an environment of the library's own.

`python _quiet_libraries.py NAME WINDOWS.npz` prints JSON: "method|regime|rows" to share. Nothing of this project is
imported but the traffic's cuts of categories.
"""

import json
import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from _quiet_traffic import NUMERIC, categories  # pyrefly: ignore[missing-import]

warnings.filterwarnings("ignore")


def frame(values: np.ndarray) -> pd.DataFrame:
    columns: dict[str, object] = {f"x{number}": values[:, number] for number in range(NUMERIC)}
    names = categories(values)
    columns |= {f"c{number}": [f"v{name}" for name in names[:, number]] for number in range(names.shape[1])}
    return pd.DataFrame(columns)


def evidently(reference: pd.DataFrame, windows: list[pd.DataFrame]) -> Iterator[tuple[str, list[bool]]]:
    """`DataDriftPreset`: its own choice of tests; any column, and its share of 0.5 of the columns."""
    from evidently import DataDefinition, Dataset, Report  # pyrefly: ignore[missing-import]
    from evidently.presets import DataDriftPreset  # pyrefly: ignore[missing-import]

    columns = list(reference.columns)
    definition = DataDefinition(
        numerical_columns=[name for name in columns if name[0] == "x"],
        categorical_columns=[name for name in columns if name[0] == "c"],
    )
    before = Dataset.from_pandas(reference, data_definition=definition)
    any_column, dataset = [], []
    for window in windows:
        after = Dataset.from_pandas(window, data_definition=definition)
        told = Report([DataDriftPreset()]).run(after, before).dict()
        drifted = next(item["value"] for item in told["metrics"] if "DriftedColumnsCount" in str(item))
        any_column.append(drifted["count"] > 0)
        dataset.append(drifted["share"] >= 0.5)
    yield "Evidently, any column", any_column
    yield "Evidently, half of them", dataset


def nannyml(reference: pd.DataFrame, windows: list[pd.DataFrame]) -> Iterator[tuple[str, list[bool]]]:
    """Univariate drift with its defaults: Jensen-Shannon, three deviations of the reference's chunks."""
    import nannyml as nml  # pyrefly: ignore[missing-import]

    size, columns = len(windows[0]), list(reference.columns)
    calculator = nml.UnivariateDriftCalculator(
        column_names=columns,
        treat_as_categorical=[name for name in columns if name[0] == "c"],
        chunk_size=size,
    )
    calculator.fit(reference[: len(reference) // size * size])
    results = calculator.calculate(pd.concat(windows, ignore_index=True)).filter(period="analysis").to_df()
    alerts = results.loc[:, [column for column in results.columns if column[-1] == "alert"]]
    yield "NannyML", alerts.any(axis=1).tolist()


def main(name: str, path: str) -> None:
    held, shares = np.load(path), {}
    for key in held.files:
        kind, regime, rows = key.split("|")
        if kind == "windows":
            reference = frame(held[f"reference|{regime}|{rows}"])
            windows = [frame(values) for values in held[key]]
            for method, alarms in {"evidently": evidently, "nannyml": nannyml}[name](reference, windows):
                shares[f"{method}|{regime}|{rows}"] = sum(map(bool, alarms)) / len(alarms)
    print(json.dumps(shares))


if __name__ == "__main__":
    main(*sys.argv[1:])
