"""The few pieces of inline SVG that the report's charts are made of; text is escaped, colours are CSS classes."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup, escape

_STEPS_SECONDS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_STEPS_HOURS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720)


class Drawing:
    """An SVG under construction: shapes are added in drawing order."""

    def __init__(self, name: str, width: float, height: float, title: str, description: str) -> None:
        self.name, self.width, self.height = name, width, height
        self._head = [
            f'<title id="{escape(name)}-t">{escape(title)}</title>',
            f'<desc id="{escape(name)}-d">{escape(description)}</desc>',
        ]
        self._shapes: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """A straight line."""
        self._shapes.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>')

    def rect(
        self, x: float, y: float, width: float, height: float, css: str, *, tip: str = "", radius: float = 2
    ) -> None:
        """A rectangle; `tip` is shown on hovering."""
        place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" rx="{radius:g}"'
        self._shapes.append(f'<rect {place} class="{css}">{_tip(tip)}</rect>')

    def dot(self, x: float, y: float, radius: float, css: str, *, tip: str = "") -> None:
        """A filled circle."""
        self._shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{css}">{_tip(tip)}</circle>')

    def shape(self, points: Sequence[tuple[float, float]], css: str, *, tip: str = "") -> None:
        """A closed polygon."""
        self._shapes.append(f'<polygon points="{_points(points)}" class="{css}">{_tip(tip)}</polygon>')

    def path(self, points: Sequence[tuple[float, float]], css: str) -> None:
        """An open line through points."""
        self._shapes.append(f'<polyline points="{_points(points)}" class="{css}"/>')

    def text(self, x: float, y: float, text: str, css: str = "", *, anchor: str = "start") -> None:
        """One line of text with its baseline at y."""
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self._shapes.append(f'<text {place} class="{css}">{escape(text)}</text>')

    def markup(self) -> Markup:
        """The finished element, named for assistive technology."""
        label = f'role="img" aria-labelledby="{escape(self.name)}-t {escape(self.name)}-d"'
        size = f'viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}"'
        return Markup(f"<svg {label} {size}>{''.join(self._head + self._shapes)}</svg>")  # noqa: S704 - escaped above


class TimeAxis:
    """Maps cloud time to x."""

    def __init__(self, start: datetime, end: datetime, left: float, right: float) -> None:
        self.start, self.left, self.right = start, left, right
        self.end = max(end, start + timedelta(hours=1))

    def __call__(self, moment: datetime) -> float:
        """The x of a moment, kept inside the axis."""
        share = (moment - self.start) / (self.end - self.start)
        return self.left + (self.right - self.left) * min(1.0, max(0.0, share))

    def ticks(self, most: int = 9) -> list[datetime]:
        """Full hours or days, at most `most` of them, in their own rhythm from midnight."""
        hours = (self.end - self.start).total_seconds() / 3600
        step = next((step for step in _STEPS_HOURS if hours / step <= most), _STEPS_HOURS[-1])
        midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        count = math.ceil((self.end - midnight).total_seconds() / 3600 / step)
        moments = [midnight + timedelta(hours=step * index) for index in range(count + 1)]
        return [moment for moment in moments if self.start <= moment <= self.end]


def draw_time_axis(drawing: Drawing, axis: TimeAxis, top: float, bottom: float) -> None:
    """Vertical grid lines and, below them, the times: the date at the first tick and at each midnight."""
    for index, tick in enumerate(axis.ticks()):
        x = axis(tick)
        drawing.line(x, top, x, bottom, "grid")
        dated = index == 0 or tick.hour == 0
        drawing.text(x, bottom + 15, f"{tick:%H:%M}", "tick", anchor="middle")
        if dated:
            drawing.text(x, bottom + 29, f"{tick.day} {tick:%b}", "tick", anchor="middle")


def nice_ticks(lowest: float, highest: float, most: int = 6) -> list[float]:
    """Round numbers from `lowest` to `highest`, about `most` of them.

    >>> nice_ticks(0, 430, 5)
    [0, 100, 200, 300, 400]
    """
    rough = max(highest - lowest, 1e-9) / most
    base = 10 ** math.floor(math.log10(rough))
    step = next(factor * base for factor in (1, 2, 5, 10) if factor * base >= rough * 0.999)
    return [index * step for index in range(math.ceil(lowest / step - 1e-9), math.floor(highest / step + 1e-9) + 1)]


def second_ticks(highest: float, most: int = 8) -> list[float]:
    """Full seconds or minutes from 0 to at most `highest`.

    >>> second_ticks(340)
    [0, 60, 120, 180, 240, 300]
    """
    step = next((step for step in _STEPS_SECONDS if highest / step <= most), _STEPS_SECONDS[-1])
    return [index * step for index in range(int(highest / step) + 1)]


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
