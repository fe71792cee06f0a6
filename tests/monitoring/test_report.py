"""The page: one file without script or link, readable by anyone, and small however long the period."""

import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.monitoring.build import Asked, build_report
from seatrial.monitoring.counting import Counting
from seatrial.monitoring.known_baseline import KnownBaseline
from seatrial.monitoring.record import MonitorReport
from seatrial.monitoring.report import LARGEST_BYTES, page
from seatrial.monitoring.watch import Watch
from seatrial.monitoring.window_data import HOUR, WindowData
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.monitor import MonitorLimits
from tests.monitoring.made_capture import START

EVIL = "<script>alert(1)</script>"
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a page holds: its elements, whether they close, its words and the places that it loads from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"href", "src", "srcset", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def report_of(features: int, windows: int, *, rows: int = 60, drift_from: int | None = None) -> MonitorReport:
    """Judge made traffic of some numeric features and one category with an evil name."""
    source = random.Random(3)
    names = [f"feature_{place:03}" for place in range(features - 1)]
    schema = FeatureSchema((*(Feature(name, "numeric") for name in names), Feature("plan", "categorical")))

    def row(shift: float) -> list[str]:
        return [*(f"{source.gauss(shift, 1):.3f}" for _ in names), source.choice([EVIL, "b & c"])]

    found = [row(0) for _ in range(400)]
    baseline = build_baseline(schema, found, [0.5] * 200 + [0.2] * 200, [1, 0] * 200)
    counting = Counting(baseline)
    quiet, moved = (counting.summary([row(shift) for _ in range(rows)], [0.5, 0.2] * (rows // 2)) for shift in (0, 2))
    datas = [
        WindowData(
            start=START + HOUR * place,
            summary=moved if drift_from is not None and place >= drift_from else quiet,
            files=1,
            reasons={"line is no JSON": 1} if place == 0 else {},
        )
        for place in range(windows)
    ]
    limits = MonitorLimits()
    known = KnownBaseline(baseline=baseline, origin="seatrial", place="models/1/baseline.json", digest="ab" * 32)
    asked = Asked(window="capture", kind="capture", limits=limits, made_at=datetime(2026, 11, 2, tzinfo=UTC))
    return build_report(known, asked, list(Watch(baseline, limits).judge_all(datas)))


@pytest.fixture(scope="module")
def drifting() -> str:
    return page(report_of(4, 12, drift_from=8))


def test_the_page_is_well_formed_and_loads_nothing(drifting: str) -> None:
    found = Page(drifting)

    assert found.open == []
    assert not {"script", "img", "link", "iframe"} & set(found.tags)
    assert all(link.startswith("#") for link in found.links)
    assert "url(" not in drifting
    assert "@import" not in drifting


def test_names_and_values_from_the_data_are_text_only(drifting: str) -> None:
    assert EVIL not in drifting
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drifting


def test_the_page_holds_what_an_engineer_looks_for(drifting: str) -> None:
    words = " ".join(Page(drifting).words)

    for wanted in (
        "drift in feature_",
        "since 01 Nov",
        "What it means",
        "Evidence over time",
        "Features, ranked by evidence",
        "Distributions over the baseline",
        "Data coverage",
        "line is no JSON",
        "abababab",
    ):
        assert wanted in words


def test_every_distribution_is_drawn_over_its_baseline(drifting: str) -> None:
    panels = re.findall(r'<svg role="img" aria-labelledby="distribution-\d+-t', drifting)

    assert len(panels) == 5
    assert drifting.count('class="window-outline over"') == 3
    assert drifting.count('class="bar baseline"') > 5 * 2


def test_a_page_without_any_judged_window_says_so(tmp_path) -> None:
    found = page(report_of(3, 3, rows=2))

    assert "insufficient data: too few rows to judge" in found
    assert "No window had enough rows without faults to judge a distribution." in found


def repeated(report: MonitorReport, features: int, windows: int) -> MonitorReport:
    """The report with its features and windows many times over."""
    many = [
        replace(report.windows[place % len(report.windows)], name=f"window {place}", start=START + HOUR * place)
        for place in range(windows)
    ]
    items = [
        replace(report.features[place % len(report.features)], name=f"feature {place}") for place in range(features)
    ]
    return replace(report, windows=tuple(many), features=tuple(items))


def test_the_page_stays_small_with_many_features_and_a_year_of_windows() -> None:
    report = repeated(report_of(4, 12, drift_from=8), features=500, windows=8760)

    found = page(report)

    assert len(found.encode()) < LARGEST_BYTES
    assert "of 8760 windows" in found
    assert "The 100 strongest of 500" in found
