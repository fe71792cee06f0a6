"""The attributions of a model on rows: exactly where the model can, sampled where it can only be asked."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seatrial.contracts.clarify import Explanation
from seatrial.statistics.bias.attribution_drift import mean_attributions
from seatrial.statistics.explanations.sampled_shapley import Row, Scorer, sampled_shapley

MOST_EXACT_ROWS, MOST_SAMPLED_ROWS = 500, 100
SAMPLED = "sampled_shapley"

Exact = Callable[[Sequence[Row]], dict[str, Any] | None]
"""Gives `values` of shape (rows, features), `expected_value`, `method` and `unit`, or None where it knows no way."""


def explain(
    names: Sequence[str], rows: Sequence[Row], score: Scorer, exact: Exact | None = None, seed: int = 0
) -> Explanation:
    """Mean absolute Shapley values by feature on at most 500 rows drawn at random, or 100 where they are sampled.

    >>> rows = [[str(value), "0"] for value in range(10)]
    >>> found = explain(["a", "b"], rows, lambda rows: [float(a) / 10 for a, _ in rows])
    >>> found.method, found.rows, found.attributions["b"]
    ('sampled_shapley', 10, 0.0)
    """
    chosen = _drawn(rows, MOST_EXACT_ROWS, seed)
    told = exact(chosen) if exact else None
    if told is not None:
        return Explanation(
            attributions=mean_attributions(list(names), np.asarray(told["values"], np.float64)),
            expected_value=float(told["expected_value"]),
            method=told["method"],
            unit=told["unit"],
            rows=len(chosen),
        )
    chosen = _drawn(rows, MOST_SAMPLED_ROWS, seed)
    found = sampled_shapley(score, chosen, rows, seed=seed)
    attributions = mean_attributions(list(names), found.values)
    return Explanation(
        attributions=attributions,
        expected_value=found.expected,
        method=SAMPLED,
        unit="probability",
        rows=len(chosen),
    )


def _drawn(rows: Sequence[Row], most: int, seed: int) -> list[Row]:
    if len(rows) <= most:
        return list(rows)
    places = np.random.default_rng(seed).choice(len(rows), most, replace=False)
    return [rows[place] for place in sorted(places)]
