"""Estimates without labels hold on to a sentence where the reference has next to nothing to say."""

import pytest

from seatrial.statistics.estimated_quality import Estimator
from seatrial.statistics.raking import effective_rows, raked_weights
from seatrial.statistics.reference import Reference

ROWS = 200
SCORES = tuple(row / ROWS for row in range(ROWS))
LABELS = tuple(int(row % 3 == 0) for row in range(ROWS))


def estimate(cells, targets):
    reference = Reference(cells, SCORES, LABELS)
    return Estimator.of(reference).estimate(((300, 40), (700, 60)), targets)[0]


def test_a_window_like_one_single_row_of_the_reference_is_estimated_with_its_doubt():
    alone = tuple(int(row == 7) for row in range(ROWS))

    found = estimate((alone,), {0: (0, 100)})

    assert any("1 effective rows where the inputs are now" in problem for problem in found.problems)
    assert 0 <= found.figures["brier"].low <= found.figures["brier"].high <= 1


def test_a_window_unlike_every_row_of_the_reference_is_told():
    first, second = (tuple(int(row % 2 == side) for row in range(ROWS)) for side in (0, 1))

    found = estimate((first, second), {0: (0, 100), 1: (0, 100)})

    assert any("0 effective rows where the inputs are now" in problem for problem in found.problems)


def test_targets_that_no_row_meets_leave_no_weight():
    reference = Reference(((0, 1), (1, 0)), (0.1, 0.9), (0, 1))

    weights = raked_weights(reference, {0: (0, 9), 1: (0, 9)})

    assert weights == [0.0, 0.0]
    assert effective_rows(weights) == pytest.approx(0)
