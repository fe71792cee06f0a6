"""The page of a labelled loss: it ends when labels are within the limits again, however few come in an hour."""

import numpy as np
import pytest

from seatrial.statistics.baseline import QualityBaseline
from seatrial.statistics.quality_check import MOST_WINDOWS, QualityState, check_quality

THRESHOLD = 14.0


def labelled(rows: int, seed: int, *, turned: bool = False) -> tuple[list[float], list[int]]:
    """Calibrated predictions with their labels; turned, what was predicted is the opposite of what comes."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(0.6, 1.4, rows)
    labels = rng.random(rows) < (1 - scores if turned else scores)
    return scores.tolist(), labels.astype(int).tolist()


def fresh() -> QualityState:
    return QualityState.fresh(QualityBaseline.of(*labelled(800, 0)), 0.1, 0.02)


def after(state: QualityState, rows: int, hours: range, *, turned: bool = False):
    """The last report, the state and the first hour that was quiet."""
    report, first = None, None
    for hour in hours:
        report, state = check_quality(state, *labelled(rows, 1000 + hour, turned=turned), THRESHOLD)
        first = hour if report.quiet and first is None else first
    return report, state, first


@pytest.mark.parametrize(("rows", "windows"), [(4, 120), (15, 32), (160, 3), (1000, 3)])
def test_a_loss_that_is_over_is_told_after_as_many_rows_whatever_the_traffic(rows: int, windows: int) -> None:
    lost, state, _ = after(fresh(), rows, range(400 // rows + 3), turned=True)

    _, _, quiet = after(state, rows, range(500, 500 + 2 * windows))

    assert lost.alarmed
    assert windows / 3 <= quiet - 499 <= 1.5 * windows


@pytest.mark.parametrize("rows", [4, 15, 160])
def test_a_loss_that_goes_on_is_never_quiet(rows: int) -> None:
    _, state, early = after(fresh(), rows, range(40), turned=True)

    _, _, quiet = after(state, rows, range(500, 700), turned=True)

    assert (early, quiet) == (None, None)


def test_rows_of_before_the_loss_end_no_page() -> None:
    """A week of good hours is remembered when the loss begins: the last hours must be good as well."""
    _, good, _ = after(fresh(), 15, range(100))

    _, _, quiet = after(good, 15, range(500, 560), turned=True)

    assert good.recovered is True
    assert quiet is None


def test_so_few_labels_that_a_week_does_not_tell_leave_a_page_open() -> None:
    report, state, quiet = after(fresh(), 1, range(2 * MOST_WINDOWS))

    assert len(state.recent) == MOST_WINDOWS
    assert (report.quiet, quiet) == (None, None)


def test_what_is_remembered_is_no_more_than_a_recovery_needs_and_survives_storage() -> None:
    _, state, _ = after(fresh(), 160, range(50))

    assert len(state.recent) == 3
    assert QualityState.from_json(state.to_json()) == state
