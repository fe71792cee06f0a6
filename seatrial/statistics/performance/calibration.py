"""Whether predicted probabilities are what they say."""

from dataclasses import dataclass

import numpy as np

from seatrial.statistics.performance.bootstrap import bootstrap
from seatrial.statistics.performance.checks import probabilities_and_labels
from seatrial.statistics.performance.interval import Interval

BINS = 10


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Expected calibration error and Murphy's parts of the Brier score: reliability - resolution + uncertainty.

    `within` is what the parts leave of the Brier score because predictions vary within a bin (Stephenson, Coelho and
    Jolliffe, 2008), so brier = reliability - resolution + uncertainty + within. `curve` holds, of each bin with rows,
    the mean prediction, the share of positive labels and the number of rows.
    """

    ece: Interval
    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float
    curve: tuple[tuple[float, float, int], ...]


def calibration(predictions: np.ndarray, labels: np.ndarray, bins: int = BINS, seed: int = 0) -> Calibration:
    """Compare predictions and labels in bins of about equal numbers of rows.

    ECE: Naeini, Cooper and Hauskrecht (2015); parts of the Brier score: Murphy (1973). ECE of a finite sample is
    above zero even for perfect probabilities, by about sqrt(bins / rows) / 3.

    >>> calibration(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1])).ece.value
    0.0
    """
    scores, truth = probabilities_and_labels(predictions, labels)
    means, shares, counts = _curve(scores, truth, bins)
    weights, rate = counts / counts.sum(), truth.mean()
    brier = float(((scores - truth) ** 2).mean())
    reliability = float(weights @ (means - shares) ** 2)
    resolution, uncertainty = float(weights @ (shares - rate) ** 2), float(rate * (1 - rate))
    return Calibration(
        ece=bootstrap(lambda said, true: {"ece": _ece(*_curve(said, true, bins))}, scores, truth, seed=seed)["ece"],
        brier=brier,
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        within=brier - (reliability - resolution + uncertainty),
        curve=tuple(zip(means.tolist(), shares.tolist(), counts.tolist(), strict=True)),
    )


def _curve(scores: np.ndarray, truth: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean prediction, share of positives and rows by bin; equal predictions share a bin."""
    inner = np.unique(np.quantile(scores, np.arange(1, bins) / bins))
    places = np.searchsorted(inner, scores, side="left")
    counts = np.bincount(places, minlength=len(inner) + 1)
    held = counts > 0
    sums = (np.bincount(places, values, minlength=len(counts))[held] for values in (scores, truth))
    means, shares = (total / counts[held] for total in sums)
    return means, shares, counts[held]


def _ece(means: np.ndarray, shares: np.ndarray, counts: np.ndarray) -> float:
    return float(counts / counts.sum() @ np.abs(means - shares))
