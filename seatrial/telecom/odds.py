"""The true probabilities of many labels in little memory: the best ROC AUC that any model could reach."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seatrial.telecom.distributions import Floats, Integers

_BINS = 2048
_WIDEST = 16.0
"""Log odds beyond this, 1 in 9 million, fall into the outermost bins."""


@dataclass
class Odds:
    """Expected churners and stayers by their log odds; adds up over blocks.

    >>> odds = Odds.of(np.array([0.1, 0.9]), np.array([0, 1]))
    >>> odds.labels, odds.churners, round(odds.bayes_auc(), 3)
    (2, 1, 0.988)
    """

    leave: NDArray[np.float64] = field(default_factory=lambda: np.zeros(_BINS))
    stay: NDArray[np.float64] = field(default_factory=lambda: np.zeros(_BINS))
    own: float = 0.0
    """Sum of p (1 - p): what the pairs of a subscriber with himself would count."""
    labels: int = 0
    churners: int = 0

    @classmethod
    def of(cls, probability: Floats, churned: Integers) -> "Odds":
        """Those of some subscribers."""
        safe = np.clip(probability, 1e-12, 1 - 1e-12)
        place = (np.log(safe / (1 - safe)) + _WIDEST) / (2 * _WIDEST) * _BINS
        index = np.clip(place, 0, _BINS - 1).astype(np.int64)
        return cls(
            leave=np.bincount(index, weights=safe, minlength=_BINS).astype(np.float64),
            stay=np.bincount(index, weights=1 - safe, minlength=_BINS).astype(np.float64),
            own=float((safe * (1 - safe)).sum()),
            labels=len(safe),
            churners=int(churned.sum()),
        )

    def add(self, other: "Odds") -> None:
        """Take over those of other subscribers."""
        self.leave = self.leave + other.leave
        self.stay = self.stay + other.stay
        self.own += other.own
        self.labels += other.labels
        self.churners += other.churners

    def bayes_auc(self) -> float:
        """Expected ROC AUC of the true probabilities; exact but for ties within a bin (0.016 log odds)."""
        below = np.cumsum(self.stay) - self.stay
        ties = 0.5 * (self.leave * self.stay).sum() - 0.5 * self.own
        pairs = self.leave.sum() * self.stay.sum() - self.own
        return float(((self.leave * below).sum() + ties) / pairs)
