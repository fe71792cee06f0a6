"""Bias of a model's predictions against the observed labels."""

from collections.abc import Sequence

import numpy as np

from seatrial.statistics.bias.disparity import conditional_disparity
from seatrial.statistics.bias.facets import Confusion, Facets, difference, flags, ratio, split


def post_training_bias(
    disadvantaged: np.ndarray, labels: np.ndarray, predictions: np.ndarray, groups: Sequence[str] | None = None
) -> dict[str, float]:
    """Clarify's post-training metrics of a facet; CDDPL only with `groups` to condition on.

    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-post-training-bias.html, with n and n' counts of
    observed and predicted labels: DPPL = q'_a - q'_d and DI = q'_d / q'_a with q' = n'(1) / n;
    DCA = c_a - c_d with c = n(1) / n'(1); DCR = r_d - r_a with r = n(0) / n'(0); RD = recall a - d;
    SD = specificity d - a; DAR = precision a - d; DRR = TN / n'(0) of d - a; AD = accuracy a - d;
    TE = FN / FP of d - a; GE = sum((b / mean b)**2 - 1) / 2n with b = y' - y + 1. FT needs the features:
    `flip_test`.

    >>> facet, labels = np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 0, 0, 1, 0])
    >>> metrics = post_training_bias(facet, labels, np.array([1, 1, 1, 0, 0, 0]))
    >>> metrics["DPPL"], metrics["RD"], metrics["AD"]
    (0.75, 1.0, 0.25)
    """
    facets = split(disadvantaged, labels, predictions)
    metrics = (
        _rates(facets) | _errors(facets) | {"GE": _entropy(flags("labels", labels), flags("predictions", predictions))}
    )
    if groups is not None:
        metrics["CDDPL"] = conditional_disparity(disadvantaged, predictions, groups)
    return dict(sorted(metrics.items()))


def _rates(facets: Facets) -> dict[str, float]:
    a, d = facets.advantaged, facets.disadvantaged
    accepted = tuple(ratio(side.predicted[1], side.rows) for side in (a, d))
    acceptance = tuple(ratio(side.observed[1], side.predicted[1]) for side in (a, d))
    rejection = tuple(ratio(side.observed[0], side.predicted[0]) for side in (a, d))
    return {
        "DPPL": accepted[0] - accepted[1],
        "DI": ratio(accepted[1], accepted[0]),
        "DCA": difference(acceptance[0], acceptance[1]),
        "DCR": difference(rejection[1], rejection[0]),
    }


def _errors(facets: Facets) -> dict[str, float]:
    a, d = facets.advantaged, facets.disadvantaged
    return {
        "RD": _recall(a) - _recall(d),
        "SD": _specificity(d) - _specificity(a),
        "DAR": ratio(a.true_positives, a.predicted[1]) - ratio(d.true_positives, d.predicted[1]),
        "DRR": ratio(d.true_negatives, d.predicted[0]) - ratio(a.true_negatives, a.predicted[0]),
        "AD": (a.true_positives + a.true_negatives) / a.rows - (d.true_positives + d.true_negatives) / d.rows,
        "TE": difference(ratio(d.false_negatives, d.false_positives), ratio(a.false_negatives, a.false_positives)),
    }


def _recall(side: Confusion) -> float:
    return ratio(side.true_positives, side.observed[1])


def _specificity(side: Confusion) -> float:
    return ratio(side.true_negatives, side.observed[0])


def _entropy(truth: np.ndarray, said: np.ndarray) -> float:
    benefits = said.astype(np.float64) - truth + 1
    mean = benefits.mean()
    return float(((benefits / mean) ** 2 - 1).mean() / 2) if mean else 0.0
