"""The report's charts, each from the record to inline SVG with a title and a description in words."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from seatrial.pages.svg import Drawing, TimeAxis, draw_time_axis, nice_ticks, second_ticks
from seatrial.pages.wording import duration, figure, plain
from seatrial.rehearsal.record import (
    ExecutionRecord,
    Metric,
    RunRecord,
    SightingRecord,
    StageRecord,
    StepRecord,
    VersionRecord,
    WindowRecord,
)

WIDTH = 1040.0
LEFT, RIGHT = 168.0, WIDTH - 18
HOUR = timedelta(hours=1)
_MARKS = {"none": "ok", "ticket": "ticket", "page": "page"}
_LINE = 15.0
_RATIOS = (0, 10, 100, 1000, 3, 30, 30, 300, 10_000, 100_000, 0.5)


def stage_chart(stages: Sequence[StageRecord]) -> Markup:
    """When each stage ran, in real time."""
    timed = [stage for stage in stages if stage.started_seconds is not None and stage.real_seconds is not None]
    if not timed:
        return Markup("")
    row, top = 24.0, 8.0
    bottom = top + row * len(stages)
    longest = max(timed, key=lambda stage: stage.real_seconds or 0)
    highest = max((stage.started_seconds or 0) + (stage.real_seconds or 0) for stage in timed)
    text = f"{len(timed)} stages in {duration(highest)}; longest: {longest.title}, {duration(longest.real_seconds)}."
    drawing = Drawing("stages", WIDTH, bottom + 24, "Stages over real time", text)
    right = RIGHT - 56
    for tick in second_ticks(highest):
        x = LEFT + (right - LEFT) * tick / highest
        drawing.line(x, top, x, bottom, "grid")
        drawing.text(x, bottom + 15, duration(tick), "tick", anchor="middle")
    for index, stage in enumerate(stages):
        _draw_stage(drawing, stage, top + row * index, row, (right - LEFT) / highest)
    return drawing.markup()


def _draw_stage(drawing: Drawing, stage: StageRecord, y: float, row: float, scale: float) -> None:
    drawing.text(LEFT - 10, y + row / 2 + 4, stage.title, "label", anchor="end")
    if stage.started_seconds is None or stage.real_seconds is None:
        words = stage.status if stage.status == "not run" else "time not measured"
        drawing.text(LEFT + 6, y + row / 2 + 4, words, "quiet")
        return
    x, width = LEFT + stage.started_seconds * scale, max(3.0, stage.real_seconds * scale)
    tip = f"{stage.title}: {stage.status}, {duration(stage.real_seconds)}. {stage.detail}"
    drawing.rect(x, y + 4, width, row - 8, f"bar {stage.status.replace(' ', '-')}", tip=tip)
    drawing.text(x + width + 6, y + row / 2 + 4, duration(stage.real_seconds), "value")


def drift_chart(record: RunRecord) -> Markup:
    """Verdict of every window, and each statistic against its threshold, with injections and detections."""
    windows = record.windows
    if not windows:
        return Markup("")
    names = list(dict.fromkeys(statistic.name for window in windows for statistic in window.statistics))
    panel, lane = 118.0, 74.0
    height = lane + panel * len(names) + 44
    axis = TimeAxis(windows[0].start, windows[-1].start + HOUR, LEFT, RIGHT)
    drawing = Drawing("drift", WIDTH, height, "Drift statistics over cloud time", _drift_words(record))
    bottom = height - 40
    _draw_stretches(drawing, windows, axis, 20, bottom)
    draw_time_axis(drawing, axis, 46, bottom)
    _draw_verdicts(drawing, windows, axis, 46)
    for index, name in enumerate(names):
        _draw_statistic(drawing, windows, axis, name, top=lane + panel * index, height=panel)
    for sighting in record.sightings:
        _draw_sighting(drawing, sighting, axis, 44, bottom)
    return drawing.markup()


def _drift_words(record: RunRecord) -> str:
    told = [
        f"{sighting.title} injected {sighting.injected:%d %b %H:%M}, "
        + (f"detected {sighting.detected:%d %b %H:%M}" if sighting.detected else "not detected")
        for sighting in record.sightings
    ]
    return f"{len(record.windows)} hourly windows. " + "; ".join(told) + ". The table below holds every value."


def runs_of_stretches(windows: Sequence[WindowRecord]) -> list[tuple[str, datetime, datetime]]:
    """Consecutive windows of one stretch: name, start, end."""
    runs: list[tuple[str, datetime, datetime]] = []
    for window in windows:
        if runs and runs[-1][0] == window.stretch and window.start - runs[-1][2] < HOUR:
            runs[-1] = (window.stretch, runs[-1][1], window.start + HOUR)
        else:
            runs.append((window.stretch, window.start, window.start + HOUR))
    return runs


def _draw_stretches(
    drawing: Drawing, windows: Sequence[WindowRecord], axis: TimeAxis, top: float, bottom: float
) -> None:
    drawing.text(LEFT - 10, top + 14, "traffic", "label", anchor="end")
    for name, start, end in runs_of_stretches(windows):
        x, width = axis(start), axis(end) - axis(start)
        if name != "quiet":
            drawing.rect(x, top, width, bottom - top, "injected-band", tip=f"{name} traffic", radius=0)
        words = plain(name)
        if name != "quiet":
            drawing.text(x + width / 2, top + 14, words, "stretch injected", anchor="middle")
        elif width > 90:
            drawing.text(x + width / 2, top + 14, words, "stretch", anchor="middle")


def _draw_verdicts(drawing: Drawing, windows: Sequence[WindowRecord], axis: TimeAxis, top: float) -> None:
    drawing.text(LEFT - 10, top + 13, "verdict", "label", anchor="end")
    for window in windows:
        x, width = axis(window.start), axis(window.start + HOUR) - axis(window.start)
        mark = "unknown" if window.verdict == "insufficient_data" else _MARKS.get(window.severity, "unknown")
        rows = "rows not measured" if window.rows is None else f"{window.rows:,} rows"
        tip = f"{window.start:%d %b %H:%M}, {rows}: {window.verdict}, {window.severity}. {window.sentence}"
        tall = {"page": 18.0, "ticket": 13.0}.get(mark, 8.0)
        drawing.rect(x + 0.6, top + 18 - tall, max(1.0, width - 1.2), tall, f"cell {mark}", tip=tip, radius=1)


def scaled(ratio: float) -> float:
    """Height of a multiple of the threshold: 0 at 0, 1 at the threshold, growing with the logarithm beyond."""
    return math.log2(1 + max(0.0, ratio))


def _draw_statistic(
    drawing: Drawing, windows: Sequence[WindowRecord], axis: TimeAxis, name: str, *, top: float, height: float
) -> None:
    series = [(window, _ratio(window, name)) for window in windows]
    highest = max([ratio for _, ratio in series if ratio is not None], default=1.0)
    ceiling, floor, plot = scaled(max(highest * 1.1, 1.6)), top + height - 8, height - 24

    def y(ratio: float) -> float:
        return floor - plot * min(scaled(ratio), ceiling) / ceiling

    drawing.text(0, y(1) - 4, name, "label strong")
    drawing.text(0, y(1) + 10, "× threshold", "tick")  # noqa: RUF001 - the sign for times
    _draw_ratio_grid(drawing, y, ceiling)
    for points in _unbroken(series):
        drawing.path([(axis(window.start + HOUR / 2), y(ratio)) for window, ratio in points], "curve")
    for window, ratio in series:
        if ratio is not None:
            css = "point over" if ratio > 1 else "point"
            drawing.dot(axis(window.start + HOUR / 2), y(ratio), 2.6, css, tip=_statistic_tip(window, name))


def _draw_ratio_grid(drawing: Drawing, y: Callable[[float], float], ceiling: float) -> None:
    """The threshold, then as many other multiples as have room."""
    drawing.line(LEFT, y(1), RIGHT, y(1), "threshold")
    taken = [y(1)]
    drawing.text(LEFT - 10, y(1) + 4, "1×", "tick strong", anchor="end")  # noqa: RUF001 - the sign for times
    for tick in _RATIOS:
        if scaled(tick) <= ceiling and all(abs(y(tick) - other) >= _LINE for other in taken):
            taken.append(y(tick))
            drawing.line(LEFT, y(tick), RIGHT, y(tick), "grid")
            drawing.text(LEFT - 10, y(tick) + 4, f"{tick:,g}×", "tick", anchor="end")  # noqa: RUF001 - as above


def _ratio(window: WindowRecord, name: str) -> float | None:
    """The largest of a window's statistics of this name over its threshold; None when not measured."""
    ratios = [
        item.value / item.threshold
        for item in window.statistics
        if item.name == name and item.value is not None and item.threshold
    ]
    finite = [ratio for ratio in ratios if math.isfinite(ratio)]
    return max(finite) if finite else None


def _statistic_tip(window: WindowRecord, name: str) -> str:
    values = [
        f"{item.feature + ' ' if item.feature else ''}{figure(item.value)} (threshold {figure(item.threshold)})"
        for item in window.statistics
        if item.name == name
    ]
    return f"{window.start:%d %b %H:%M} {name}: " + ", ".join(values)


def _unbroken(
    series: Sequence[tuple[WindowRecord, float | None]],
) -> list[list[tuple[WindowRecord, float]]]:
    """Parts of the curve between gaps: a window without a value breaks the line."""
    parts: list[list[tuple[WindowRecord, float]]] = [[]]
    for window, ratio in series:
        if ratio is None:
            parts.append([])
        else:
            parts[-1].append((window, ratio))
    return [part for part in parts if len(part) > 1]


def _draw_sighting(drawing: Drawing, sighting: SightingRecord, axis: TimeAxis, top: float, bottom: float) -> None:
    x = axis(sighting.injected)
    drawing.line(x, top - 4, x, bottom, "injection")
    tip = f"{sighting.title} injected {sighting.injected:%d %b %H:%M}"
    drawing.shape([(x, top - 6), (x + 9, top - 1.5), (x, top + 3)], "injection-flag", tip=tip)
    if sighting.detected is not None:
        seen = axis(sighting.detected + HOUR)
        drawing.line(seen, top + 4, seen, bottom, "detection")
        words = f"{sighting.title} detected in the window of {sighting.detected:%d %b %H:%M}"
        drawing.shape([(seen - 6, bottom + 1), (seen + 6, bottom + 1), (seen, bottom - 8)], "detection-flag", tip=words)


def version_chart(versions: Sequence[VersionRecord], end: datetime | None) -> Markup:
    """Which model package version the endpoint served when, one lane a version."""
    if not versions:
        return Markup("")
    last = max([version.end or version.start for version in versions] + ([end] if end else []))
    first = min(version.start for version in versions)
    numbers = sorted({version.version for version in versions})
    row = 34.0
    bottom = 8 + row * len(numbers)
    axis = TimeAxis(first, last, LEFT, RIGHT)
    words = "; ".join(f"version {item.version} {item.state} from {item.start:%d %b %H:%M}" for item in versions) + "."
    drawing = Drawing("versions", WIDTH, bottom + 36, "Model versions of the endpoint over cloud time", words)
    draw_time_axis(drawing, axis, 8, bottom)
    for index, number in enumerate(numbers):
        drawing.text(LEFT - 10, 8 + row * index + row / 2 + 4, f"version {number}", "label", anchor="end")
    for item in versions:
        _draw_version(drawing, item, axis, last=last, y=8 + row * numbers.index(item.version), row=row)
    return drawing.markup()


def _draw_version(
    drawing: Drawing, item: VersionRecord, axis: TimeAxis, *, last: datetime, y: float, row: float
) -> None:
    x, end = axis(item.start), axis(item.end or last)
    width = max(4.0, end - x)
    tip = f"version {item.version} {item.state} from {item.start:%d %b %H:%M}. {item.reason}"
    drawing.rect(x, y + 6, width, row - 12, f"bar {item.state.replace(' ', '-')}", tip=tip)
    if width > 7 * len(item.state) + 10:
        drawing.text(x + 7, y + row / 2 + 4, item.state, "inside")
    elif item.state not in ("serving", "created"):  # the table tells of these slivers; a word would cover a neighbour
        drawing.text(x - 6, y + row / 2 + 4, item.state, "tick", anchor="end")


def metric_chart(name: str, metrics: Sequence[Metric]) -> Markup:
    """Dots with 95 % intervals of one figure for several models."""
    bounds = [
        bound for m in metrics for bound in (m.interval.value, m.interval.low, m.interval.high) if bound is not None
    ]
    if not bounds:
        return Markup("")
    space = (max(bounds) - min(bounds)) * 0.08 or 0.01
    low, high, row, left, right = min(bounds) - space, max(bounds) + space, 30.0, 320.0, WIDTH - 150
    bottom = 8 + row * len(metrics)
    words = "; ".join(f"{metric.subject} {metric.on} {interval_words(metric)}" for metric in metrics) + "."
    title = f"{name} with 95 % confidence intervals"
    drawing = Drawing(f"metric-{name.replace(' ', '-')}", WIDTH, bottom + 24, title, words)

    def x(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    for value in nice_ticks(low, high):
        drawing.line(x(value), 8, x(value), bottom, "grid")
        drawing.text(x(value), bottom + 15, f"{value:.4g}", "tick", anchor="middle")
    for index, metric in enumerate(metrics):
        y = 8 + row * index + row / 2
        label = f"{metric.subject}, {metric.on}" if metric.on else metric.subject
        drawing.text(left - 12, y + 4, label, "label", anchor="end")
        _draw_estimate(drawing, metric, x, y, right + 12)
    return drawing.markup()


def _draw_estimate(drawing: Drawing, metric: Metric, x: Callable[[float], float], y: float, beside: float) -> None:
    bounds = metric.interval
    if bounds.value is None:
        drawing.text(beside, y + 4, "not measured", "quiet")
        return
    if bounds.low is not None and bounds.high is not None:
        drawing.line(x(bounds.low), y, x(bounds.high), y, "whisker")
    drawing.dot(x(bounds.value), y, 5, "estimate", tip=interval_words(metric))
    drawing.text(beside, y + 4, f"{bounds.value:.3f}", "value")


def interval_words(metric: Metric) -> str:
    """A figure and its interval in words."""
    bounds = metric.interval
    if bounds.value is None:
        return "not measured"
    if bounds.low is None or bounds.high is None:
        return f"{bounds.value:.3f} (no interval)"
    return f"{bounds.value:.3f} ({bounds.low:.3f} to {bounds.high:.3f})"


def execution_chart(execution: ExecutionRecord, name: str) -> Markup:
    """Steps of one pipeline execution over real time; the dark part is the step's own process."""
    steps = [step for step in execution.steps if step.real_seconds is not None and step.started_seconds is not None]
    if not steps:
        return Markup("")
    row, right = 22.0, RIGHT - 150
    bottom = 6 + row * len(execution.steps)
    highest = max((step.started_seconds or 0) + (step.real_seconds or 0) for step in steps) or 1.0
    words = "; ".join(f"{step.name} {step.status} {duration(step.real_seconds)}" for step in execution.steps) + "."
    drawing = Drawing(name, WIDTH, bottom + 22, f"Steps of {execution.name}", words)
    scale = (right - LEFT) / highest
    for tick in second_ticks(highest):
        drawing.line(LEFT + tick * scale, 6, LEFT + tick * scale, bottom, "grid")
        drawing.text(LEFT + tick * scale, bottom + 15, duration(tick), "tick", anchor="middle")
    for index, step in enumerate(execution.steps):
        _draw_step(drawing, step, 6 + row * index, row, scale)
    return drawing.markup()


def _draw_step(drawing: Drawing, step: StepRecord, y: float, row: float, scale: float) -> None:
    drawing.text(LEFT - 10, y + row / 2 + 4, step.name, "label", anchor="end")
    if step.real_seconds is None or step.started_seconds is None:
        drawing.text(LEFT + 6, y + row / 2 + 4, f"{step.status}, time not measured", "quiet")
        return
    x, width = LEFT + step.started_seconds * scale, max(3.0, step.real_seconds * scale)
    css = "failed" if step.status.lower() == "failed" else "overhead"
    drawing.rect(x, y + 4, width, row - 8, f"bar {css}", tip=f"{step.name} ({step.type}): {step.status}")
    words = duration(step.real_seconds)
    if step.process_seconds is not None:
        words += f", own process {duration(step.process_seconds)}"
        if css != "failed":
            drawing.rect(x, y + 4, min(width, step.process_seconds * scale), row - 8, "bar process")
    drawing.text(x + width + 6, y + row / 2 + 4, words, "value")


def time_chart(record: RunRecord) -> Markup:
    """One bar: time inside the steps' own processes against everything else, part by part."""
    total = sum(part.seconds for part in record.time_parts)
    if total <= 0:
        return Markup("")
    words = "; ".join(f"{part.name} {duration(part.seconds)}" for part in record.time_parts) + "."
    drawing = Drawing("time", WIDTH, 62, "Where the real time went", words)
    x = 2.0
    ordered = sorted(record.time_parts, key=lambda part: (not part.own_process, -part.seconds))
    for index, part in enumerate(ordered):
        width = (WIDTH - 4) * part.seconds / total
        css = "bar process" if part.own_process else f"bar overhead shade-{index % 3}"
        drawing.rect(x, 4, max(1.0, width - 1.5), 30, css, tip=f"{part.name}: {duration(part.seconds)}")
        if width > 6.6 * len(part.name) + 12:
            drawing.text(x + 7, 24, part.name, "inside" if part.own_process else "inside dark")
            drawing.text(x + 7, 50, f"{part.seconds / total:.0%}", "tick")
        x += width
    return drawing.markup()
