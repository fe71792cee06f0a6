"""Pooling adjacent violators: the heart of isotonic regression, in plain Python so that a Lambda can use it."""

from collections.abc import Sequence


def pooled(sums: Sequence[float], totals: Sequence[float]) -> list[float]:
    """Non-decreasing means of points in order, by merging each block that is not above its predecessor.

    Ayer, Brunk, Ewing, Reid and Silverman (1955). `sums` and `totals` (all above 0) hold a point's weighted sum and
    weight.

    >>> pooled([0.0, 1.0, 0.0], [1.0, 1.0, 1.0])
    [0.0, 0.5, 0.5]
    """
    blocks: list[tuple[float, float, int]] = []
    for total, weight in zip(sums, totals, strict=True):
        block = (total, weight, 1)
        while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    return [total / weight for total, weight, size in blocks for _ in range(size)]
