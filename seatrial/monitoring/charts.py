"""The monitor report's charts: evidence over time, rows over time, and each distribution over its baseline."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from seatrial.monitoring.record import FeatureRecord, MonitorReport, WindowRecord
from seatrial.monitoring.window_data import HOUR
from seatrial.pages.svg import Drawing, TimeAxis, draw_time_axis, nice_ticks
from seatrial.pages.wording import figure, percent

WIDTH = 1040.0
LEFT, RIGHT = 96.0, WIDTH - 150
MARKS = {"none": "ok", "ticket": "ticket", "page": "page"}
MOST_COLUMNS = 200
"""Columns of time that a chart has; of more windows several share one, which shows the gravest of them."""
LINES = 3
CHARACTER = 5.8
"""Width of a letter of a label."""
RATIOS = (0.5, 3.0, 10.0, 30.0, 100.0, 1000.0)


@dataclass(frozen=True)
class Column:
    """Some consecutive hourly windows, drawn as one."""

    start: datetime
    windows: tuple[WindowRecord, ...]

    @property
    def end(self) -> datetime:
        """End of the last window."""
        return (self.windows[-1].start or self.start) + HOUR

    @property
    def middle(self) -> datetime:
        """Where its points lie."""
        return self.start + (self.end - self.start) / 2

    @property
    def gravest(self) -> WindowRecord:
        """The window of the highest severity, of equals the first."""
        return max(self.windows, key=lambda window: ("none", "ticket", "page").index(window.severity))

    def highest(self, value: Callable[[WindowRecord], float | None]) -> float | None:
        """The highest value of a window, None where none was judged."""
        return max((found for window in self.windows if (found := value(window)) is not None), default=None)


def columns_of(report: MonitorReport) -> list[Column]:
    """The windows that have a time, evenly put together where there are many."""
    windows = [window for window in report.windows if window.start is not None]
    size = -(-len(windows) // MOST_COLUMNS) or 1
    groups = [tuple(windows[place : place + size]) for place in range(0, len(windows), size)]
    return [Column(group[0].start, group) for group in groups if group[0].start is not None]


def evidence_chart(report: MonitorReport) -> Markup:
    """The sequential statistic of drift, of the strongest features and of quality against its threshold."""
    columns = columns_of(report)
    if len(columns) < 2:
        return Markup("")
    height, top, bottom = 300.0, 40.0, 256.0
    axis = TimeAxis(columns[0].start, columns[-1].end, LEFT, RIGHT)
    drawing = Drawing("evidence", WIDTH, height, "Evidence against the baseline over time", _words(report))
    drift, quality = _values(columns, lambda window: window.drift), _values(columns, lambda window: window.quality)
    highest = max([value for value in (*drift, *quality) if value is not None], default=1.0)
    y = _scale(max(highest * 1.1, 1.6), top, bottom)
    plot = Plot(drawing, axis, y)
    draw_time_axis(drawing, axis, top, bottom)
    _verdicts(drawing, columns, axis)
    _threshold(drawing, y, highest)
    names = [item.name for item in report.features[:LINES] if item.evidence > 0]
    for place, name in enumerate(names, 1):
        values = [column.highest(lambda window, name=name: window.leading.get(name)) for column in columns]
        _line(plot, columns, values, f"curve feature-{place}")
    _line(plot, columns, quality, "curve quality")
    _line(plot, columns, drift, "curve")
    _dots(plot, columns)
    _key(drawing, names, any(value is not None for value in quality))
    return drawing.markup()


def _values(columns: Sequence[Column], value: Callable[[WindowRecord], float | None]) -> list[float | None]:
    return [column.highest(value) for column in columns]


def _words(report: MonitorReport) -> str:
    told = [f"{item.condition} opened {item.opened_at}" for item in report.incidents]
    return (
        f"{len(report.windows)} hourly windows; {'; '.join(told) or 'no incident'}. The table below holds the values."
    )


def _scale(ceiling: float, top: float, bottom: float) -> Callable[[float], float]:
    """0 at the bottom, growing with the logarithm: the threshold stays visible beside strong evidence."""
    span = math.log2(1 + ceiling)
    return lambda ratio: bottom - (bottom - top) * min(math.log2(1 + max(ratio, 0.0)), span) / span


def _verdicts(drawing: Drawing, columns: Sequence[Column], axis: TimeAxis) -> None:
    drawing.text(LEFT - 10, 30, "verdict", "label", anchor="end")
    for column in columns:
        window, x = column.gravest, axis(column.start)
        mark = "unknown" if window.verdict == "insufficient_data" else MARKS[window.severity]
        tall = {"page": 18.0, "ticket": 13.0}.get(mark, 8.0)
        tip = f"{window.name}: {window.verdict}, {window.rows:,} rows"
        drawing.rect(x, 34 - tall, max(axis(column.end) - x - 0.8, 0.8), tall, f"cell {mark}", tip=tip, radius=1)


def _threshold(drawing: Drawing, y: Callable[[float], float], highest: float) -> None:
    drawing.line(LEFT, y(1), RIGHT, y(1), "threshold")
    drawing.text(LEFT - 10, y(1) + 4, "alarm", "tick strong", anchor="end")
    taken = [y(1)]
    for ratio in RATIOS:
        if ratio <= highest and all(abs(y(ratio) - other) > 16 for other in taken):
            taken.append(y(ratio))
            drawing.line(LEFT, y(ratio), RIGHT, y(ratio), "grid")
            drawing.text(LEFT - 10, y(ratio) + 4, f"{ratio:g}×", "tick", anchor="end")  # noqa: RUF001 - sign for times


@dataclass(frozen=True)
class Plot:
    """A drawing with its two scales."""

    drawing: Drawing
    axis: TimeAxis
    y: Callable[[float], float]


def _line(plot: Plot, columns: Sequence[Column], values: Sequence[float | None], css: str) -> None:
    """A line that breaks where nothing was judged."""
    points: list[tuple[float, float]] = []
    for column, value in zip([*columns, columns[-1]], [*values, None], strict=True):
        if value is not None:
            points.append((plot.axis(column.middle), plot.y(value)))
        elif points:
            plot.drawing.path(points, css)
            points = []


def _dots(plot: Plot, columns: Sequence[Column]) -> None:
    for column in columns:
        value = column.highest(lambda window: window.drift)
        if value is not None:
            tip = f"{column.windows[0].name}: {figure(value)} times what an alarm needs"
            place = (plot.axis(column.middle), plot.y(value))
            plot.drawing.dot(*place, 2.4, f"point{' over' * (value >= 1)}", tip=tip)


def _key(drawing: Drawing, names: Sequence[str], labelled: bool) -> None:
    entries = [("curve", "strongest of all"), *((f"curve feature-{n}", name) for n, name in enumerate(names, 1))]
    entries += [("curve quality", "quality loss")] if labelled else []
    for place, (css, name) in enumerate(entries):
        at = 60 + 18.0 * place
        drawing.path([(RIGHT + 12, at), (RIGHT + 30, at)], css)
        drawing.text(RIGHT + 36, at + 4, name if len(name) <= 18 else f"{name[:17]}…", "tick")


def rows_chart(report: MonitorReport) -> Markup:
    """Rows of each window, with those whose labels are known; a mark where there were no files."""
    columns = columns_of(report)
    if len(columns) < 2:
        return Markup("")
    top, bottom = 10.0, 96.0
    axis = TimeAxis(columns[0].start, columns[-1].end, LEFT, RIGHT)
    highest = max(1, *(window.rows for window in report.windows))
    words = f"between {min(window.rows for window in report.windows):,} and {highest:,} rows in an hour"
    drawing = Drawing("rows", WIDTH, bottom + 40, "Rows over time", words)
    draw_time_axis(drawing, axis, top, bottom)
    for tick in nice_ticks(0, highest, 3):
        level = bottom - (bottom - top) * tick / highest
        drawing.line(LEFT, level, RIGHT, level, "grid")
        drawing.text(LEFT - 10, level + 4, f"{tick:,g}", "tick", anchor="end")
    for column in columns:
        _rows_bar(drawing, axis, column, (top, bottom), highest)
    drawing.text(RIGHT + 12, 20, "rows in an hour", "tick")
    drawing.text(RIGHT + 12, 38, "darker: labelled", "tick")
    drawing.text(RIGHT + 12, 56, "red: no files", "tick")
    return drawing.markup()


def _rows_bar(drawing: Drawing, axis: TimeAxis, column: Column, span: tuple[float, float], highest: int) -> None:
    """Means of the column's windows; a window without files marks the whole column."""
    (top, bottom), x, count = span, axis(column.start), len(column.windows)
    width = max(axis(column.end) - x - 0.8, 0.8)
    rows = sum(window.rows for window in column.windows) / count
    labelled = sum(window.labelled_rows for window in column.windows) / count
    for value, css in ((rows, "bar overhead"), (labelled, "bar passed")):
        tall = (bottom - top) * min(value, highest) / highest
        if value:
            drawing.rect(x, bottom - tall, width, tall, css, radius=0)
    if not all(window.files for window in column.windows):
        drawing.rect(x, bottom - 4, width, 4, "cell page", radius=0)


def distribution_chart(item: FeatureRecord, place: int) -> Markup:
    """The window's shares over the baseline's, cell by cell: filled is the baseline, the line is the window."""
    cells = _shown(item)
    width, top, bottom = 500.0, 12.0, 122.0
    highest = max(0.05, *(max(share) for _, *share in cells))
    words = f"{item.name}: {item.sentence}"
    drawing = Drawing(f"distribution-{place}", width, bottom + 24, f"Distribution of {item.name}", words)
    step = (width - 44) / len(cells)
    for tick in nice_ticks(0, highest, 3):
        level = bottom - (bottom - top) * tick / highest
        drawing.line(40, level, width - 4, level, "grid")
        drawing.text(36, level + 4, f"{tick:.0%}", "tick", anchor="end")
    outline: list[tuple[float, float]] = []
    for index, (name, before, after) in enumerate(cells):
        x = 40 + step * index
        tall, level = ((bottom - top) * share / highest for share in (before, after))
        tip = f"{name}: {percent(after)}, {percent(before)} in the baseline"
        drawing.rect(x + 1, bottom - tall, step - 2, tall, "bar baseline", tip=tip, radius=0)
        outline += [(x + 1, bottom - level), (x + step - 1, bottom - level)]
    drawing.path(outline, f"window-outline{' over' * item.drifted}")
    _cell_labels(drawing, [name for name, *_ in cells], step, bottom)
    return drawing.markup()


def _shown(item: FeatureRecord, most: int = 14) -> list[tuple[str, float, float]]:
    """All cells, or of many the largest and the others together; a cell that is empty on both sides is left out."""
    cells = list(zip(item.cells, item.baseline_shares, item.shares, strict=True))
    filled = [cell for cell in cells if cell[1] or cell[2]] or cells[:1]
    if len(filled) <= most:
        return filled
    kept = sorted(filled, key=lambda cell: -max(cell[1], cell[2]))[: most - 1]
    rest = [cell for cell in filled if cell not in kept]
    return [*kept, (f"{len(rest)} more", math.fsum(cell[1] for cell in rest), math.fsum(cell[2] for cell in rest))]


def _cell_labels(drawing: Drawing, names: Sequence[str], step: float, bottom: float) -> None:
    """Names below the cells: of two that would touch the second is left out, hovering tells it."""
    free = 0.0
    for index, name in enumerate(names):
        text = name if len(name) <= 22 else f"{name[:21]}…"
        middle, half = 40 + step * (index + 0.5), len(text) * CHARACTER / 2
        if middle - half >= free:
            free = middle + half + 6
            drawing.text(middle, bottom + 15, text, "tick", anchor="middle")
