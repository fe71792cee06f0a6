"""The rhythm of a baseline whose rows have times: learned from the baseline's own days, before any live traffic."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from seatrial.statistics.bins import Cells, NumericBins
from seatrial.statistics.distribution_history import Counts
from seatrial.statistics.rhythm import Rhythm
from seatrial.statistics.rhythm_estimate import learn_rhythms
from seatrial.statistics.rhythm_learning import Learning
from seatrial.statistics.shift_scores import ShiftScores
from seatrial.statistics.summary import FeatureSummary, summarise


def learn_column(cells: Cells, baseline: FeatureSummary, texts: Sequence[str], hours: Sequence[int]) -> Learning:
    """What one column's values (as text) say of its rhythm, given when each came, in hours since 1970 (UTC)."""
    by_hour: dict[int, list[str]] = defaultdict(list)
    for hour, text in zip(hours, texts, strict=True):
        by_hour[hour].append(text)
    return Learning.of(
        column_scores(cells, baseline.cells),
        [(hour, summarise(cells, held).cells) for hour, held in by_hour.items()],
    )


def column_scores(cells: Cells, counts: Counts) -> ShiftScores:
    """The scores of a column's drift, given the baseline's counts."""
    return ShiftScores.of(counts, ordered=isinstance(cells, NumericBins))


def rhythms_of(
    columns: Mapping[str, tuple[Cells, FeatureSummary]], texts: Mapping[str, Sequence[str]], hours: Sequence[int]
) -> dict[str, Rhythm]:
    """The rhythm of each column; none of fewer than two whole days.

    >>> cells, hours = NumericBins((0.0,)), list(range(72))
    >>> values = ["1" if hour % 24 < 8 else "-1" for hour in hours for _ in range(50)]
    >>> times = [hour for hour in hours for _ in range(50)]
    >>> found = rhythms_of({"x": (cells, summarise(cells, values))}, {"x": values}, times)["x"]
    >>> [round(found.hours[hour][1], 2) for hour in (3, 12)]
    [0.66, -0.33]
    """
    scores = {name: column_scores(cells, summary.cells) for name, (cells, summary) in columns.items()}
    learned = {name: learn_column(*column, texts[name], hours) for name, column in columns.items()}
    return learn_rhythms(scores, learned)
