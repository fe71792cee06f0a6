"""Other ways to tell drift, as their manuals have them, on the same windows; each says which features it alarms for."""

from collections.abc import Callable, Mapping
from copy import copy

import numpy as np
from _quiet_traffic import FEATURES, NUMERIC, count  # pyrefly: ignore[missing-import]
from scipy.stats import chi2, kstwobign

from seatrial.statistics.concept.adwin import Adwin
from seatrial.statistics.concept.page_hinkley import PageHinkley

MODEL_MONITOR_THRESHOLD, PSI_THRESHOLD, LEVEL = 0.1, 0.2, 0.05
Alarms = np.ndarray


class Reference:
    """A sample of the reference: sorted numeric values, and counts of categories."""

    def __init__(self, values: np.ndarray) -> None:
        self.rows = len(values)
        self.numeric = np.sort(values[:, :NUMERIC], axis=0)
        numeric, categorical = count(values)
        self.categories, self.deciles = categorical[:, :6], numeric[:, :10] / self.rows

    def first(self) -> "Reference":
        """The first feature alone."""
        alone = copy(self)
        alone.numeric, alone.deciles, alone.categories = self.numeric[:, :1], self.deciles[:1], self.categories[:0]
        return alone


class Compared:
    """Statistics of one window against the reference, from which the methods decide."""

    def __init__(self, reference: Reference, values: np.ndarray) -> None:
        self.reference, self.rows = reference, len(values)
        numeric, categorical = count(values)
        self.counts, self.deciles = categorical[:, :6], numeric[:, :10] / self.rows
        columns = zip(values.T, reference.numeric.T, strict=False)
        self.distances = np.array([self._ks(np.sort(window), held) for window, held in columns])

    def _ks(self, window: np.ndarray, reference: np.ndarray) -> float:
        below, upto = (np.searchsorted(reference, window, side=side) / len(reference) for side in ("left", "right"))
        steps = np.arange(self.rows + 1) / self.rows
        return float(max(np.max(steps[1:] - below), np.max(upto - steps[:-1])))

    @property
    def p_values(self) -> np.ndarray:
        """Kolmogorov-Smirnov (asymptotic) and chi-square."""
        pooled = self.rows * self.reference.rows / (self.rows + self.reference.rows)
        table = self.counts + self.reference.categories
        total = self.rows + self.reference.rows
        statistic = np.zeros(len(table))
        for counts, rows in ((self.counts, self.rows), (self.reference.categories, self.reference.rows)):
            expected = table * rows / total
            statistic += ((counts - expected) ** 2 / np.maximum(expected, 1e-9)).sum(axis=1)
        return np.concatenate([kstwobign.sf(self.distances * np.sqrt(pooled)), chi2.sf(statistic, 5)])

    @property
    def linf(self) -> np.ndarray:
        """KS distances of numeric, L-infinity of categorical features."""
        shares = np.abs(self.counts / self.rows - self.reference.categories / self.reference.rows)
        return np.concatenate([self.distances, shares.max(axis=1)]) if len(shares) else self.distances

    @property
    def robust(self) -> np.ndarray:
        """Deequ's robust form."""
        correction = 1.8 * np.sqrt((self.rows + self.reference.rows) / (self.rows * self.reference.rows))
        return np.maximum(0, self.linf - correction)

    @property
    def psi(self) -> np.ndarray:
        """Population stability index over deciles or categories; an empty cell counts as half a row."""
        found = []
        for window, reference in (
            (self.deciles, self.reference.deciles),
            (self.counts / self.rows, self.reference.categories / self.reference.rows),
        ):
            p, q = np.maximum(window, 0.5 / self.rows), np.maximum(reference, 0.5 / self.reference.rows)
            found.append(((p - q) * np.log(p / q)).sum(axis=1))
        return np.concatenate(found)


WINDOW_METHODS: Mapping[str, Callable[[Compared], Alarms]] = {
    "KS + chi-square, p < .05": lambda c: c.p_values < LEVEL,
    "the same, Bonferroni": lambda c: c.p_values < LEVEL / FEATURES,
    "PSI > 0.2": lambda c: c.psi > PSI_THRESHOLD,
    "Model Monitor Simple": lambda c: c.linf > MODEL_MONITOR_THRESHOLD,
    "Model Monitor Robust": lambda c: c.robust > MODEL_MONITOR_THRESHOLD,
}


class PerValue:
    """A detector that reads one feature value by value; it is begun anew after an alarm, as it does itself."""

    def __init__(self, name: str) -> None:
        self.detectors = [Adwin()] if name == "ADWIN" else [PageHinkley(), PageHinkley()]

    def alarms(self, values: np.ndarray) -> int:
        """Alarms in a window; Page-Hinkley looks both ways."""
        if len(self.detectors) == 1:
            scaled = np.clip((values + 4) / 8, 0, 1)
            return sum(self.detectors[0].update(value) for value in scaled.tolist())
        up, down = self.detectors
        return sum(up.update(value) + down.update(-value) for value in values.tolist())


VALUE_METHODS = ("ADWIN", "Page-Hinkley")
