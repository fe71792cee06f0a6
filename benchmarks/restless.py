"""False pages of quality loss, and delays, where hours differ among themselves: `python benchmarks/restless.py`.

The share of wrong predictions of an hour moves around 12 %: by unrest of its own, with or without a memory of hours
before, and by a daily rhythm. The product's check of labelled loss is played with the design effect that it learns,
and as if rows were independent. Target: at most one false page a year where hours are independent of each other, and
unrest is known: a model's first day, of which a year here has four, is counted by itself.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1])]

from seatrial.decisions.alerting import QUIET_WINDOWS_TO_CLEAR  # noqa: E402
from seatrial.statistics.alarm_budget import log_threshold  # noqa: E402
from seatrial.statistics.baseline import QualityBaseline  # noqa: E402
from seatrial.statistics.loss_spread import FEWEST_DIFFERENCES, LossSpread  # noqa: E402
from seatrial.statistics.monitor import MonitorLimits, tests_of  # noqa: E402
from seatrial.statistics.quality_check import QualityState, check_quality  # noqa: E402

FEATURES, WRONG, SURE = 28, 0.12, 0.95
BASELINE_ROWS, KNOWN_HOURS, PATIENCE_HOURS, YEAR_HOURS = 2000, 200, 200, 8760
QUARTERS, WORSE = 4, (1.3, 1.6)
LIMITS = MonitorLimits()
THRESHOLD = log_threshold(tests_of(FEATURES), LIMITS.alarm_budget_per_year, LIMITS.windows_per_year)


@dataclass(frozen=True)
class Hours:
    """How hours differ: deviation of the logarithm of the wrong share, its memory from hour to hour, the rhythm."""

    unrest: float
    memory: float
    rhythm: float

    def shares(self, rng: np.random.Generator) -> Iterator[float]:
        """The share of wrong predictions, hour by hour, 12 % in the mean."""
        level, hour = rng.normal(), 0
        while True:
            drawn = math.exp(self.unrest * level - self.unrest**2 / 2)
            yield WRONG * drawn * (1 + self.rhythm * math.sin(2 * math.pi * hour / 24))
            level, hour = self.memory * level + math.sqrt(1 - self.memory**2) * rng.normal(), hour + 1


CASES = (
    Hours(0, 0, 0),
    Hours(0.2, 0, 0),
    Hours(0.4, 0, 0),
    Hours(0.2, 0.9, 0),
    Hours(0.4, 0.9, 0),
    Hours(0, 0, 0.3),
    Hours(0.2, 0.5, 0.3),
)


def labelled(rng: np.random.Generator, share: float, rows: int) -> tuple[list[float], list[int]]:
    """Sure predictions, of which a share is wrong."""
    labels = rng.random(rows) < 0.5
    right = rng.random(rows) >= share
    return np.where(labels == right, SURE, 1 - SURE).tolist(), labels.astype(int).tolist()


def pages(case: Hours, seed: int, rows: int, hours: int, *, blind: bool, worse: float = 1.0) -> list[int]:
    """Hours at which a page opens; from KNOWN_HOURS on the wrong share is `worse` times as large."""
    rng = np.random.default_rng(seed)
    baseline = QualityBaseline.of(*labelled(rng, WRONG, BASELINE_ROWS))
    state = QualityState.fresh(baseline, LIMITS.loss_tolerance, LIMITS.auc_tolerance)
    opened, quiet, shares = [], math.inf, case.shares(rng)
    for hour in range(hours):
        share = next(shares) * (worse if hour >= KNOWN_HOURS else 1.0)
        state = replace(state, spreads=(LossSpread(), LossSpread())) if blind else state
        report, state = check_quality(state, *labelled(rng, min(share, 0.9), rows), THRESHOLD, hour=hour)
        if report.findings:
            opened += [hour] if quiet == math.inf else []
            quiet = 0
        elif report.quiet and (quiet := quiet + 1) == QUIET_WINDOWS_TO_CLEAR["quality_loss"]:
            quiet, state = math.inf, state.cleared()
    return opened


def a_year(case: Hours, rows: int, *, blind: bool) -> tuple[int, int]:
    """Pages in a year of which every quarter has a model of its own; those of first days by themselves."""
    told = [hour for seed in range(QUARTERS) for hour in pages(case, seed, rows, YEAR_HOURS // QUARTERS, blind=blind)]
    first = sum(hour <= FEWEST_DIFFERENCES for hour in told)
    return len(told) - first, first


def delay(case: Hours, rows: int, worse: float, seeds: int, *, blind: bool) -> str:
    """Median hours from a loss to its page; pages of before do not count."""
    found = []
    for seed in range(seeds):
        told = pages(case, 100 + seed, rows, KNOWN_HOURS + PATIENCE_HOURS, blind=blind, worse=worse)
        found.append(next((hour - KNOWN_HOURS + 1 for hour in told if hour >= KNOWN_HOURS), math.inf))
    middle = sorted(found)[len(found) // 2]
    return "-" if middle == math.inf else str(middle)


def main() -> int:
    """Print the table; 1 when hours that are independent of each other page more than once a year."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=160, help="labelled rows an hour")
    parser.add_argument("--seeds", type=int, default=5, help="for the delays")
    options = parser.parse_args()
    missed = 0
    print(
        f"{options.rows} labelled rows an hour; false pages a year, and hours to a loss {WORSE[0]:g} and {WORSE[1]:g}"
    )
    print(f"{'':28}{'as if independent':>26}{'with the design effect':>26}")
    print(f"{'unrest':>8}{'memory':>10}{'rhythm':>10}" + 2 * f"{'pages':>12}{'hours':>14}")
    for case in CASES:
        cells = []
        for blind in (True, False):
            delays = [delay(case, options.rows, worse, options.seeds, blind=blind) for worse in WORSE]
            told, first = a_year(case, options.rows, blind=blind)
            cells.append(f"{told:>8} + {first}{', '.join(delays):>14}")
        missed += case.memory == 0 and case.rhythm == 0 and told > 1
        print(f"{case.unrest:>8.0%}{case.memory:>10.1f}{case.rhythm:>10.0%}{cells[0]}{cells[1]}", flush=True)
    print(f"\nindependent hours with more than one false page a year: {missed}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
