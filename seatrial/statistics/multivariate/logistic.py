"""Logistic regression, small and deterministic."""

from dataclasses import dataclass

import numpy as np

ROUNDS = 50
TOLERANCE = 1e-8
LARGEST_LOGIT = 30.0


@dataclass(frozen=True, eq=False)
class LogisticRegression:
    """Linear and quadratic terms of standardised columns; `coefficients` begins with the intercept.

    Quadratic terms make the odds of two normal distributions exact, whatever their variances.
    """

    center: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, labels: np.ndarray, ridge: float = 1.0) -> "LogisticRegression":
        """Fit by iteratively reweighted least squares (Hastie, Tibshirani and Friedman, 2009, section 4.4.1).

        `features` has shape (n, columns) and is finite, `labels` is 0 or 1; `ridge` penalises all but the intercept.

        >>> model = LogisticRegression.fit(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1]))
        >>> bool(model.probabilities(np.array([[0.0]]))[0] < 0.5 < model.probabilities(np.array([[3.0]]))[0])
        True
        """
        center, scale = features.mean(axis=0), features.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        design = _design(features, center, scale)
        penalty = np.full(design.shape[1], ridge)
        penalty[0] = 1e-9
        weights = np.zeros(design.shape[1])
        for _ in range(ROUNDS):
            chances = _logistic(design @ weights)
            gradient = design.T @ (labels - chances) - penalty * weights
            curvature = (design.T * np.maximum(chances * (1 - chances), 1e-6)) @ design + np.diag(penalty)
            step = np.linalg.solve(curvature, gradient)
            weights = weights + step
            if np.abs(step).max() < TOLERANCE:
                break
        return cls(center, scale, weights)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Chance of label 1 of each row, shape (n,)."""
        return _logistic(_design(features, self.center, self.scale) @ self.coefficients)


def _design(features: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standardised columns, held within eight deviations, with their squares."""
    standard = np.clip((features - center) / scale, -8, 8)
    return np.column_stack([np.ones(len(features)), standard, standard**2])


def _logistic(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)))
