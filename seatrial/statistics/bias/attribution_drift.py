"""Whether a model still explains its predictions by the same features."""

import math
from collections.abc import Mapping

import numpy as np


def attribution_ndcg(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """Normalised discounted cumulative gain of the current ranking of features by the baseline's attributions.

    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html:
    DCG = sum over ranks i of a(f'_i) / log2(i + 1), with f' the features by current attribution and a the baseline's,
    and iDCG the same in the baseline's own order (Jarvelin and Kekalainen, 2002). 1 for an unchanged order; below 0.9
    the attributions have drifted. Attributions are mean absolute SHAP values; NaN when the baseline's are all zero.

    >>> baseline = {"tenure": 0.5, "plan": 0.3, "age": 0.1}
    >>> attribution_ndcg(baseline, {"tenure": 0.9, "plan": 0.2, "age": 0.1})
    1.0
    >>> round(attribution_ndcg(baseline, {"tenure": 0.1, "plan": 0.3, "age": 0.9}), 3)
    0.729
    """
    if baseline.keys() != current.keys():
        differing = sorted(baseline.keys() ^ current.keys())
        raise ValueError(f"attributions: only one of baseline and current has {differing}")
    ideal = _gain(baseline, baseline)
    return _gain(baseline, current) / ideal if ideal else math.nan


def mean_attributions(names: list[str], values: np.ndarray) -> dict[str, float]:
    """Mean absolute attribution of each feature, of SHAP values of shape (n, features).

    >>> mean_attributions(["a", "b"], np.array([[1.0, -2.0], [-1.0, 0.0]]))
    {'a': 1.0, 'b': 1.0}
    """
    return dict(zip(names, np.abs(values).mean(axis=0).tolist(), strict=True))


def _gain(worth: Mapping[str, float], order: Mapping[str, float]) -> float:
    ranked = sorted(order, key=lambda name: (-abs(order[name]), name))
    return math.fsum(abs(worth[name]) / math.log2(rank + 1) for rank, name in enumerate(ranked, start=1))
