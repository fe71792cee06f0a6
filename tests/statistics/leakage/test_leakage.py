"""Leakage: copies across the split, and single features that know the answer."""

import math

import numpy as np
import pytest

from seatrial.statistics.leakage.contamination import SeenRows, contamination
from seatrial.statistics.leakage.single_feature import category_strength, numeric_strength


def rows(prefix: str, count: int, label: float, seed: int) -> list:
    rng = np.random.default_rng(seed)
    return [(f"{prefix}{index}", label, [f"{rng.normal():.4f}", "basic"]) for index in range(count)]


def test_oversampling_before_the_split_crowds_in_one_class() -> None:
    churners, others = rows("c", 50, 1.0, 1), rows("o", 200, 0.0, 2)
    copies = [(f"copy-{identity}", label, values) for identity, label, values in churners]
    seen = SeenRows()
    seen.add([*copies, *rows("x", 200, 0.0, 3)])

    found = contamination(seen, [*churners, *others])

    assert (found.shared_ids, found.shared_churners, found.shared_others) == (0, 1.0, 0.0)


def test_the_same_values_with_another_label_are_no_copy() -> None:
    seen = SeenRows()
    seen.add([("a", 0.0, ["1"])])

    assert contamination(seen, [("b", 1.0, ["1"])]).shared_churners == 0.0


def test_an_empty_test_split_shares_nothing() -> None:
    assert contamination(SeenRows(), []).shared_others == 0.0


LABELS = (np.random.default_rng(4).random(400) < 0.3).astype(float)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (LABELS * 5, 1.0, 1.0),
        (-LABELS, 1.0, 1.0),
        (np.where(LABELS == 1, 7.0, math.nan), 1.0, 1.0),  # a date of leaving
        (np.random.default_rng(5).normal(size=400), 0.5, 0.6),
        (np.full(400, 3.0), 0.5, 0.5),
        (np.full(400, math.nan), 0.5, 0.5),
    ],
)
def test_a_number_is_as_strong_as_what_it_or_its_absence_tells(values, low: float, high: float) -> None:
    assert low <= numeric_strength(values, LABELS) <= high


def test_a_category_of_its_own_for_every_row_tells_nothing() -> None:
    assert category_strength([f"row {index}" for index in range(400)], LABELS) == 0.5


def test_a_category_that_is_the_label_tells_everything() -> None:
    assert category_strength(["closed" if label else "open" for label in LABELS], LABELS) == 1.0
