"""Weights that make reference rows look like a window, from the window's counts alone."""

from collections.abc import Mapping, Sequence

from seatrial.statistics.reference import Reference

ROUNDS = 8
LARGEST_WEIGHT = 50.0


def raked_weights(reference: Reference, targets: Mapping[int, Sequence[int]]) -> list[float]:
    """Weights, of mean 1, under which the reference's shares by cell are those of `targets` (counts by feature index).

    Iterative proportional fitting (Deming and Stephan, 1940): the density ratio that PAPE needs, as far as it shows
    in single features. It takes counts instead of rows, so it is the same in a Lambda and in Spark. Cells in which the
    reference has no row stay empty: see `uncovered_share`. All weights are 0 where no row has what the targets ask.

    >>> reference = Reference(((0, 0, 0, 1),), (0.1, 0.2, 0.3, 0.9), (0, 0, 0, 1))
    >>> [round(weight, 2) for weight in raked_weights(reference, {0: [5, 5]})]
    [0.67, 0.67, 0.67, 2.0]
    """
    weights = [1.0] * len(reference.scores)
    for _ in range(ROUNDS if len(targets) > 1 else 1):
        for feature, counts in targets.items():
            _fit(weights, reference.cells[feature], counts)
    mean = sum(weights) / len(weights)
    return [weight / mean for weight in weights] if mean else weights


def uncovered_share(reference: Reference, feature: int, counts: Sequence[int]) -> float:
    """Share of a window's rows in cells of a feature in which the reference has no row."""
    held = set(reference.cells[feature])
    return sum(count for cell, count in enumerate(counts) if cell not in held) / (sum(counts) or 1)


def effective_rows(weights: Sequence[float]) -> float:
    """Kish's (1965) effective sample size of weighted rows.

    >>> effective_rows([1.0, 1.0, 0.0, 0.0])
    2.0
    """
    return sum(weights) ** 2 / (sum(weight * weight for weight in weights) or 1)


def _fit(weights: list[float], cells: Sequence[int], counts: Sequence[int]) -> None:
    """Scale the weights so that one feature's shares are the target's."""
    held = [0.0] * len(counts)
    for cell, weight in zip(cells, weights, strict=True):
        held[cell] += weight
    reached = sum(count for count, weight in zip(counts, held, strict=True) if weight) or 1
    rows = len(weights)
    scale = [count / reached * rows / weight if weight else 0.0 for count, weight in zip(counts, held, strict=True)]
    for row, cell in enumerate(cells):
        weights[row] = min(weights[row] * scale[cell], LARGEST_WEIGHT)
