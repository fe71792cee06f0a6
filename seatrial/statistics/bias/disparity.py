"""Conditional demographic disparity, of labels or of predicted labels."""

from collections.abc import Sequence

import numpy as np

from seatrial.statistics.bias.facets import FacetError, flags, ratio


def conditional_disparity(disadvantaged: np.ndarray, outcomes: np.ndarray, groups: Sequence[str]) -> float:
    """CDD: mean over groups, by rows, of the facet's share of rejections less its share of acceptances.

    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-data-bias-metric-cddl.html:
    DD = n_d(0) / n(0) - n_d(1) / n(1) and CDD = sum(n_i DD_i) / n. Positive where the facet is rejected more.

    >>> round(conditional_disparity(np.array([1, 1, 0, 0]), np.array([0, 1, 1, 1]), ["x"] * 4), 3)
    0.667
    """
    facet = flags("facet", disadvantaged)
    accepted = flags("outcomes", outcomes, len(facet))
    names = np.array(groups)
    if len(names) != len(facet):
        raise FacetError(f"groups: must have {len(facet)} rows as the facet has, got {len(names)}")
    total = 0.0
    for name in np.unique(names):
        rows = names == name
        rejected_share = ratio(int((rows & ~accepted & facet).sum()), int((rows & ~accepted).sum()))
        total += int(rows.sum()) * (
            rejected_share - ratio(int((rows & accepted & facet).sum()), int((rows & accepted).sum()))
        )
    return total / len(facet)
