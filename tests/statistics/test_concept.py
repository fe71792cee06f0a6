"""Detectors on errors behave as published: they find a shifted mean soon and keep to their rates without one."""

import random

import pytest

from seatrial.statistics.concept.adwin import Adwin
from seatrial.statistics.concept.change_point import change_point
from seatrial.statistics.concept.ddm import DriftDetectionMethod
from seatrial.statistics.concept.page_hinkley import PageHinkley

STREAMS = 40


def errors(seed: int, before: float, after: float, change: int, length: int) -> list[bool]:
    rng = random.Random(seed)
    return [rng.random() < (before if step < change else after) for step in range(length)]


def first(detector, stream: list[bool], told=True) -> int | None:
    return next((step for step, error in enumerate(stream) if detector.update(error) == told), None)


@pytest.mark.parametrize(("after", "steps"), [(0.5, 160), (0.35, 450)])
def test_adwin_finds_a_shifted_mean(after, steps):
    delays = []
    for seed in range(STREAMS):
        found = first(Adwin(), errors(seed, 0.2, after, 1000, 1000 + steps * 2))
        delays.append(found - 1000 if found is not None else 10**6)

    assert min(delays) >= 0
    assert sorted(delays)[STREAMS // 2] <= steps


def test_adwin_cuts_a_stationary_stream_more_rarely_than_its_confidence_says():
    alarms = sum(first(Adwin(delta=0.05), errors(seed, 0.2, 0.2, 0, 2000)) is not None for seed in range(STREAMS))

    assert alarms / STREAMS <= 0.05


def test_adwin_grows_while_nothing_changes_and_shrinks_to_what_is_new():
    detector = Adwin()
    for error in errors(1, 0.1, 0.1, 0, 4000):
        detector.update(error)
    quiet = detector.width
    for error in errors(2, 0.6, 0.6, 0, 800):
        detector.update(error)

    assert quiet == 4000
    assert detector.width < 1000
    assert detector.mean == pytest.approx(0.6, abs=0.06)


def test_page_hinkley_finds_a_risen_mean_and_leaves_a_stationary_one_alone():
    def detector() -> PageHinkley:
        return PageHinkley(threshold=25.0, tolerance=0.05)

    delays = [first(detector(), errors(seed, 0.2, 0.5, 1000, 1400)) for seed in range(STREAMS)]
    quiet = [first(detector(), errors(seed, 0.2, 0.2, 0, 3000)) for seed in range(STREAMS)]

    assert all(delay is not None and 1000 <= delay < 1250 for delay in delays)
    assert quiet == [None] * STREAMS


def test_ddm_warns_before_it_tells_a_drift_and_then_begins_anew():
    found = []
    for seed in range(STREAMS):
        detector = DriftDetectionMethod()
        states = [detector.update(error) for error in errors(seed, 0.3, 0.7, 1000, 1600)]
        drift = states.index("drift")
        found.append(drift)
        assert "warning" in states[:drift]
        assert states[drift + 1] == "stable"

    assert 1000 <= sorted(found)[STREAMS // 2] < 1250


def test_ddm_alarms_without_a_change_about_as_often_as_its_documentation_says():
    alarms = sum(
        first(DriftDetectionMethod(), errors(seed, 0.2, 0.2, 0, 2000), "drift") is not None for seed in range(STREAMS)
    )

    assert 0.1 <= alarms / STREAMS <= 0.4


def test_a_model_without_errors_is_stable():
    detector = DriftDetectionMethod()

    assert {detector.update(False) for _ in range(200)} == {"stable"}


def test_the_window_of_a_change_is_found():
    rng = random.Random(3)
    totals = [sum(rng.random() < (0.1 if window < 30 else 0.25) for _ in range(200)) for window in range(40)]

    found = change_point(totals, [200] * 40)

    assert abs(found.window - 30) <= 1
    assert found.after == pytest.approx(0.25, abs=0.03)
    assert change_point([1.0], [3]) is None
    assert change_point([], []) is None


@pytest.mark.parametrize(
    "make", [lambda: Adwin(0), lambda: PageHinkley(threshold=0), lambda: DriftDetectionMethod(3, 2)]
)
def test_settings_without_sense_are_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()
