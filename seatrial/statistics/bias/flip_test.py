"""Flip test: would a model have decided otherwise for a group, had its rows been those of the other."""

import numpy as np

from seatrial.statistics.bias.facets import FacetError, flags

NEIGHBOURS, FEWEST_ROWS = 5, 9
BLOCK = 512


def flip_test(features: np.ndarray, disadvantaged: np.ndarray, predictions: np.ndarray) -> float:
    """FT of Clarify: what the nearest advantaged rows were told, against what disadvantaged rows were told.

    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-post-training-bias-metric-ft.html, after Black, Yeom and
    Fredrikson, "FlipTest" (2020): five nearest neighbours (Euclidean; one where there are no more than nine rows) of
    each row of facet d among facet a vote; FT = (n(1 -> 0) - n(0 -> 1)) / n_d, flips from the row's own prediction to
    the vote. `features` has shape (n, columns), without facet and label, and is finite.

    >>> features = np.array([[0.0], [1.0], [0.1], [0.9]])
    >>> flip_test(features, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 0]))
    -0.5
    """
    facet = flags("facet", disadvantaged)
    said = flags("predictions", predictions, len(facet))
    if facet.all() or not facet.any():
        raise FacetError("facet: one of the two groups has no rows, so there is nothing to compare")
    known, votes, asked = features[~facet], said[~facet], features[facet]
    neighbours = NEIGHBOURS if len(known) > FEWEST_ROWS else 1
    blocks = [asked[start : start + BLOCK] for start in range(0, len(asked), BLOCK)]
    told = np.concatenate([_vote(known, votes, block, neighbours) for block in blocks])
    own = said[facet]
    return float((own & ~told).sum() - (~own & told).sum()) / len(own)


def _vote(known: np.ndarray, votes: np.ndarray, rows: np.ndarray, neighbours: int) -> np.ndarray:
    squares = ((rows[:, None, :] - known[None, :, :]) ** 2).sum(axis=2)
    nearest = np.argsort(squares, axis=1, kind="stable")[:, :neighbours]
    return votes[nearest].sum(axis=1) * 2 > neighbours
