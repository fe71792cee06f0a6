"""Bias in the data, before a model is trained."""

from collections.abc import Sequence

import numpy as np

from seatrial.statistics.bias.disparity import conditional_disparity
from seatrial.statistics.bias.facets import flags, split


def pre_training_bias(
    disadvantaged: np.ndarray, labels: np.ndarray, groups: Sequence[str] | None = None
) -> dict[str, float]:
    """Clarify's pre-training metrics of a facet; CDDL only with `groups` to condition on.

    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-data-bias.html, with a the rows where
    `disadvantaged` is 0 and d those where it is 1: CI = (n_a - n_d) / (n_a + n_d); DPL = q_a - q_d with
    q = n(1) / n; KL = sum P_a ln(P_a / P_d); JS = (KL(P_a, P) + KL(P_d, P)) / 2 with P their mean;
    LP = |P_a - P_d| in the 2-norm, TVD half of the 1-norm, KS the largest difference.

    >>> metrics = pre_training_bias(np.array([1, 1, 0, 0, 0, 0]), np.array([0, 1, 1, 1, 1, 0]))
    >>> round(metrics["CI"], 3), metrics["DPL"], metrics["TVD"]
    (0.333, 0.25, 0.25)
    """
    truth = flags("labels", labels)
    facets = split(disadvantaged, truth, truth)
    first, second = (np.array(side.observed) / side.rows for side in (facets.advantaged, facets.disadvantaged))
    middle = (first + second) / 2
    rows = facets.advantaged.rows, facets.disadvantaged.rows
    metrics = {
        "CI": (rows[0] - rows[1]) / sum(rows),
        "DPL": float(first[1] - second[1]),
        "KL": _divergence(first, second),
        "JS": (_divergence(first, middle) + _divergence(second, middle)) / 2,
        "LP": float(np.linalg.norm(first - second)),
        "TVD": float(np.abs(first - second).sum() / 2),
        "KS": float(np.abs(first - second).max()),
    }
    return metrics if groups is None else metrics | {"CDDL": conditional_disparity(disadvantaged, truth, groups)}


def _divergence(first: np.ndarray, second: np.ndarray) -> float:
    """In nats; infinite where only the second is zero."""
    held = first > 0
    with np.errstate(divide="ignore"):
        return float((first[held] * np.log(first[held] / second[held])).sum())
