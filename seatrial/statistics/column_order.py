"""Which column is which: finds columns that were swapped, left out or put in, by what their values look like."""

import math
from collections.abc import Sequence
from itertools import accumulate

from seatrial.statistics.baseline import FeatureBaseline
from seatrial.statistics.summary import summarise

ALIEN_DIVERGENCE = 0.5
"""Divergence (nats) from which on a column is taken for another one; a shift by a standard deviation has 0.3 to 0.5."""
KNOWN_DIVERGENCE = 0.1
"""Divergence up to which a column is taken for the feature."""
MINIMUM_ROWS = 20


def divergence(feature: FeatureBaseline, texts: Sequence[str]) -> float:
    """Kullback-Leibler divergence (nats) of texts, counted into a feature's cells, from the feature's baseline.

    Less what a sample of this size has by chance (Miller and Madow, 1955), never below 0; both sides are smoothed.
    """
    seen, known = summarise(feature.cells, texts).cells, feature.summary.cells
    rows, total = sum(seen), sum(known) + 0.5 * len(known)
    parts = (
        count / rows * math.log((count / rows) / ((base + 0.5) / total))
        for count, base in zip(seen, known, strict=True)
        if count
    )
    return max(0.0, math.fsum(parts) - (len(known) - 1) / (2 * rows)) if rows else 0.0


def swapped_columns(
    features: Sequence[FeatureBaseline], rows: Sequence[Sequence[str]], suspects: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Pairs of (place, feature whose values now stand there) among the suspected places; empty when none is sure.

    Sure is a permutation of at least two places that do not look like their own features, each of which looks like
    another's. Features with like distributions cannot be told apart: their swap is not seen.
    """
    if len(rows) < MINIMUM_ROWS:
        return ()
    columns = list(zip(*rows, strict=True))
    alien = [place for place in suspects if divergence(features[place], columns[place]) > ALIEN_DIVERGENCE]
    found: dict[int, int] = {}
    for place in alien:
        fits = {other: divergence(features[other], columns[place]) for other in alien if other != place}
        best = min(fits, key=fits.__getitem__, default=None)
        if best is not None and fits[best] <= KNOWN_DIVERGENCE:
            found[place] = best
    closed = _closed(found)
    return tuple(sorted(closed.items())) if len(closed) > 1 else ()


def absent_feature(features: Sequence[FeatureBaseline], rows: Sequence[Sequence[str]]) -> int | None:
    """Index of the one feature that rows with one value too few seem to lack; None when that is not clear."""
    return _odd_one(features, rows, shift=1)


def extra_place(features: Sequence[FeatureBaseline], rows: Sequence[Sequence[str]]) -> int | None:
    """Index of the one value too many in rows; None when that is not clear."""
    return _odd_one(features, rows, shift=-1)


def _odd_one(features: Sequence[FeatureBaseline], rows: Sequence[Sequence[str]], shift: int) -> int | None:
    """The cut before which columns fit their features straight, and after which they fit one place further on."""
    if len(rows) < MINIMUM_ROWS or len(rows[0]) + shift != len(features):
        return None
    columns = list(zip(*rows, strict=True))
    width = min(len(columns), len(features))
    straight = [divergence(features[place], columns[place]) for place in range(width)]
    moved = [divergence(features[place + max(shift, 0)], columns[place + max(-shift, 0)]) for place in range(width)]
    before, after = [0.0, *accumulate(straight)], [0.0, *accumulate(reversed(moved))][::-1]
    costs = [head + tail for head, tail in zip(before, after, strict=True)]
    best, *others = sorted(costs)
    return costs.index(best) if not others or others[0] - best > ALIEN_DIVERGENCE else None


def _closed(found: dict[int, int]) -> dict[int, int]:
    """The largest part of a mapping that is a permutation of its places."""
    while True:
        targets = list(found.values())
        kept = {
            place: target
            for place, target in found.items()
            if place in targets and target in found and targets.count(target) == 1
        }
        if kept == found:
            return found
        found = kept
