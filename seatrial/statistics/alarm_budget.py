"""The threshold that keeps a whole monitor within a stated number of false alarms a year."""

import math

WINDOWS_PER_YEAR = 8766


def log_threshold(tests: int, alarms_per_year: float, windows_per_year: int = WINDOWS_PER_YEAR) -> float:
    """Natural logarithm of the evidence at which each of `tests` e-detectors alarms.

    An e-detector with threshold c has a mean time of at least c windows between false alarms (Shin, Ramdas and
    Rinaldo, 2022, proposition 2.4); sharing the budget equally gives c = tests * windows / alarms.

    >>> round(math.exp(log_threshold(25, 1.0)))
    219150
    """
    if tests < 1 or alarms_per_year <= 0 or windows_per_year < 1:
        raise ValueError(
            f"needs tests, windows and a budget above zero, got {tests}, {windows_per_year}, {alarms_per_year}"
        )
    return math.log(windows_per_year * tests / alarms_per_year)
