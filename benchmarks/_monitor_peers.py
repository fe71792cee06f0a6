"""Drift of every column by other libraries, each as its own manual shows; runs in an environment of the library's own.

`python _monitor_peers.py NAME REFERENCE WINDOW` prints JSON: CPU seconds of the work and of importing, peak memory in
MB, and the KS distance of each numeric column where the library tells one. Only that library, pandas or numpy and
pyarrow are needed; nothing of this project is imported.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

PEERS: dict[str, tuple[str, ...]] = {
    "evidently": ("evidently==0.7.23", "pandas==2.2.3", "numpy==2.1.3", "scipy==1.14.1"),
    "whylogs": ("whylogs[viz]==1.6.4", "pandas==2.2.3", "numpy==1.26.4", "scipy==1.13.1"),
    "nannyml": ("nannyml==0.13.1", "statsmodels==0.14.4", "pandas==2.2.3", "numpy==1.26.4", "scipy==1.13.1"),
    "scipy": ("scipy==1.14.1", "pandas==2.2.3", "numpy==2.1.3"),
    "frouros": ("frouros==0.9.0", "pandas==2.2.3", "numpy==2.1.3", "scipy==1.14.1"),
}
"""Requirements of each environment, beside pyarrow; the versions that these libraries work with."""
ARROW = "pyarrow==17.0.0"
IMPORTS = {
    "evidently": ("evidently", "evidently.presets"),
    "whylogs": ("whylogs", "whylogs.viz.drift.column_drift_algorithms"),
    "nannyml": ("nannyml",),
    "scipy": ("scipy.stats",),
    "frouros": ("frouros.detectors.data_drift",),
}
Distances = dict[str, float]


def numeric(frame: Any) -> list[str]:
    return [name for name in frame.columns if name.startswith("x")]


def categorical(frame: Any) -> list[str]:
    return [name for name in frame.columns if name.startswith("c")]


def load(path: str) -> Any:
    """A data frame, as these libraries take it."""
    return import_module("pandas").read_parquet(path)


def evidently(reference: str, window: str) -> Distances:
    """`DataDriftPreset` with its own choice of tests; no page is drawn."""
    from evidently import DataDefinition, Dataset, Report  # pyrefly: ignore[missing-import]
    from evidently.presets import DataDriftPreset  # pyrefly: ignore[missing-import]

    frames = load(reference), load(window)
    columns = DataDefinition(numerical_columns=numeric(frames[0]), categorical_columns=categorical(frames[0]))
    before, after = (Dataset.from_pandas(frame, data_definition=columns) for frame in frames)
    Report([DataDriftPreset()]).run(after, before).dict()
    return {}


def whylogs(reference: str, window: str) -> Distances:
    """A profile of each side, and its own drift scores between them."""
    import whylogs as why  # pyrefly: ignore[missing-import]
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores  # pyrefly: ignore[missing-import]

    before, after = (why.log(load(path)).view() for path in (reference, window))
    calculate_drift_scores(target_view=after, reference_view=before, with_thresholds=True)
    return {}


def nannyml(reference: str, window: str) -> Distances:
    """`UnivariateDriftCalculator` with its default methods, the window as one chunk."""
    import nannyml as nml  # pyrefly: ignore[missing-import]

    before, after = load(reference), load(window)
    calculator = nml.UnivariateDriftCalculator(
        column_names=list(before.columns),
        treat_as_categorical=categorical(before),
        continuous_methods=["kolmogorov_smirnov"],
        categorical_methods=["l_infinity"],
        chunk_size=len(before),
    )
    result = calculator.fit(before).calculate(after).filter(period="analysis").to_df()
    return {name: float(result[(name, "kolmogorov_smirnov", "value")].iloc[0]) for name in numeric(before)}


def scipy(reference: str, window: str) -> Distances:
    """A loop over columns: KS test, or chi-square test of the two counts."""
    from scipy import stats

    before, after = load(reference), load(window)
    found = {name: float(stats.ks_2samp(before[name], after[name]).statistic) for name in numeric(before)}
    for name in categorical(before):
        counts = [side[name].astype(str).value_counts() for side in (before, after)]
        names = sorted(set(counts[0].index) | set(counts[1].index))
        stats.chi2_contingency([[side.get(value, 0) for value in names] for side in counts])
    return found


def frouros(reference: str, window: str) -> Distances:
    """`KSTest` and `ChiSquareTest`, fitted to the reference and compared with the window."""
    from frouros.detectors.data_drift import ChiSquareTest, KSTest  # pyrefly: ignore[missing-import]

    before, after = load(reference), load(window)
    found = {}
    for name in before.columns:
        detector, sides = (KSTest(), (before, after)) if name.startswith("x") else (ChiSquareTest(), (before, after))
        values = [side[name].astype(str if name.startswith("c") else float).to_numpy() for side in sides]
        detector.fit(X=values[0])
        found[name] = float(detector.compare(X=values[1])[0].statistic)
    return {name: found[name] for name in numeric(before)}


WORK: dict[str, Callable[[str, str], Distances]] = {
    function.__name__: function for function in (evidently, whylogs, nannyml, scipy, frouros)
}


def main(name: str, reference: str, window: str) -> None:
    """Import, then work; both are measured, and the memory of all."""
    for module in ("pandas", *IMPORTS[name]):
        import_module(module)
    imported = time.process_time()
    distances = WORK[name](reference, window)
    spent = time.process_time() - imported
    peak = int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024
    print(json.dumps({"cpu": spent, "import": imported, "peak": peak, "distances": distances}))


if __name__ == "__main__":
    main(*sys.argv[1:])
