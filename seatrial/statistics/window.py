"""One monitored window, counted into the baseline's cells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.contracts import model_monitor
from seatrial.statistics.baseline import Baseline, FeatureBaseline, feature_statistics
from seatrial.statistics.bins import NumericBins
from seatrial.statistics.parsing import is_missing, to_number
from seatrial.statistics.quantile_sketch import QuantileSketch
from seatrial.statistics.summary import FeatureSummary, summarise


@dataclass(frozen=True)
class WindowSummary:
    """Counts of a window's rows; rows of another width than the schema's are only counted by width."""

    rows: int
    widths: tuple[tuple[int, int], ...]
    """Pairs of (width, rows) of the rows that do not fit the schema."""
    features: tuple[FeatureSummary, ...]
    predictions: FeatureSummary
    sketches: tuple[QuantileSketch | None, ...] = ()
    unreadable: int = 0
    """Captured requests that could not be read at all."""

    @property
    def misfits(self) -> int:
        """Rows that do not fit the schema."""
        return sum(rows for _, rows in self.widths)

    def to_model_monitor_statistics(self, baseline: Baseline) -> dict[str, Any]:
        """The window as Model Monitor's statistics.json."""
        sketches = self.sketches or (None,) * len(self.features)
        features = map(feature_statistics, baseline.features, self.features, sketches)
        return model_monitor.statistics_document(self.rows, features)


def summarise_window(
    baseline: Baseline, rows: Sequence[Sequence[str]], predictions: Sequence[float], unreadable: int = 0
) -> WindowSummary:
    """Count rows (feature values as text, in schema order) and their predictions."""
    width = len(baseline.features)
    fitting = [row for row in rows if len(row) == width]
    misfits = Counter(len(row) for row in rows if len(row) != width)
    columns = list(zip(*fitting, strict=True)) or [()] * width
    scores = baseline.predictions
    return WindowSummary(
        len(fitting),
        tuple(sorted(misfits.items())),
        tuple(summarise(feature.cells, column) for feature, column in zip(baseline.features, columns, strict=True)),
        summarise(scores.cells, [repr(float(score)) for score in predictions]),
        tuple(_sketch(feature, column) for feature, column in zip(baseline.features, columns, strict=True)),
        unreadable,
    )


def _sketch(feature: FeatureBaseline, column: Sequence[str]) -> QuantileSketch | None:
    if not isinstance(feature.cells, NumericBins):
        return None
    numbers = [to_number(text.strip()) for text in column if not is_missing(text)]
    return QuantileSketch.of([number for number in numbers if number is not None])
