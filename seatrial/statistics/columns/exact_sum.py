"""The exact sum of floating-point numbers, as an integer: the same in any order and grouping."""

import math

import numpy as np

UNIT_EXPONENT = 298
"""Sums are told in units of 2**-298, the square of the smallest float32."""


def exact_sum(values: np.ndarray, largest: float) -> int:
    """Sum of float64 values, each a multiple of 2**-298 and at most `largest` in magnitude, in units of 2**-298.

    `values` is used up: it is zero afterwards. High parts that all are multiples of one power of two are split off
    until nothing is left; their sums need no rounding (Rump, Ogita and Oishi, "Accurate floating-point summation",
    2008, section 3).

    >>> exact_sum(np.array([2.0**60, 1.0, -(2.0**60)]), 2.0**60) == 2**298
    True
    """
    total, exponent = 0, math.frexp(largest)[1]
    headroom = (len(values) + 2).bit_length()
    high = np.empty_like(values)
    while values.any():
        split = math.ldexp(1.0, exponent + headroom)
        np.add(values, split, out=high)
        high -= split
        total += _units(float(high.sum()))
        values -= high
        exponent += headroom - 52
    return total


def _units(value: float) -> int:
    numerator, denominator = value.as_integer_ratio()
    return (numerator << UNIT_EXPONENT) // denominator
