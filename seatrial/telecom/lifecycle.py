"""How the subscribers of a block live from month to month: usage, payments, moves, new plans, and who leaves.

Each month's end draws who leaves within the following 30 days, by the same rule as in a snapshot (`population`).
Leavers make their acquaintances more likely to leave in the next months: churn spreads along social ties (Dasgupta et
al., EDBT 2008, who followed churners and their ties over four months).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seatrial.telecom.distributions import Floats, Integers
from seatrial.telecom.plan import BlockMonth, Plan
from seatrial.telecom.population import (
    CONTRACTS,
    DEVICES,
    LATE_PAYERS,
    PLANS,
    REGIONS,
    Population,
    care_rates,
    cell_quality,
    decide_by,
    draw_overdue,
    draw_people,
    intercept_for,
    network_of,
    share_left_nearby,
)
from seatrial.telecom.spec import CELLS_PER_REGION, MONTH_DAYS
from seatrial.telecom.usage import Habits, draw_habits

MONTHS_REMEMBERED = 6
"""So long a friend who left pulls; at 2 % a month as many have left in this time as in a snapshot (12 %)."""
CHANGES_A_MONTH = {"plan": 0.02, "contract": 0.01, "region": 0.005, "device": 0.015, "autopay": 0.01}
"""Share of the subscribers that changes each attribute in a month."""
_CHOICES = {
    "plan": len(PLANS),
    "contract": len(CONTRACTS),
    "region": len(REGIONS),
    "device": len(DEVICES),
    "autopay": 2,
}
MONTHLY_STRENGTH = 0.95
"""As `population.STRENGTH`: the few who leave within 30 days are easier to tell than the many of half a year."""
_REFERENCE_SIZE = 20_000
NEVER = np.inf
STILL_HERE = 1_000_000
"""The month of leaving of who has not left."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Month:
    """One month of a block; arrays have one entry for each of its subscribers, present or not."""

    source: BlockMonth
    people: Population
    """State and behaviour in this month; `probability` and `churned` are about the 30 days after it."""
    habits: Habits
    after: Population
    """The state once this month's change has taken effect."""
    changes_on: Floats
    """Days from the month's beginning to the change, `NEVER` for who changes nothing."""
    present: Flags
    """Still a subscriber when the month begins."""
    leaves_on: Floats
    """Days from the month's beginning to the moment of leaving, of those who leave; it may lie after the month."""
    occupied: Flags
    """For each seat of the ring, whether a subscriber held it when the month began."""
    leaves_next: Floats
    """Days from the month's end to the moment of leaving, of those whose `churned` is 1; else `NEVER`."""

    @property
    def stayed(self) -> Flags:
        """Still a subscriber when the month ends, and no leaving decided before: those whom labels are about."""
        return self.present & (self.leaves_on == NEVER)


def live(plan: Plan, block: int) -> Iterator[Month]:
    """The months of a block in order."""
    constants = _constants(plan.churn_rate, plan.months)
    return _live(plan, block, plan.block_size(block), lambda month, people: constants[month])


def _live(plan: Plan, block: int, size: int, constant: Callable[[int, Population], float]) -> Iterator[Month]:
    """`constant` is the rule's for the end of a month, given those who may leave then; -1 is before the first."""
    first = BlockMonth(plan, block, 0)
    rng = first.generator("people")
    quality = cell_quality(first)
    base = draw_people(rng, size, quality)
    habits = draw_habits(rng, base)
    people = decide_by(
        rng, base, constant(-1, base), strength=MONTHLY_STRENGTH
    )  # who leaves in the first month was decided before it
    leaves_on = _moments_of_leaving(rng, people.churned)
    left_in = _months_of_former_holders(rng, people.position)
    present, level = np.ones(size, dtype=bool), np.zeros(size)
    for month in range(plan.months):
        source = BlockMonth(plan, block, month)
        rng = source.generator("life")
        occupied = left_in == STILL_HERE
        level = 0.6 * (level + people.trend) if month else level
        people = _behave(rng, people, base, level, quality)
        after, changes_on = _change(rng, people, source.days)
        leaving = present & (leaves_on < source.days)
        left_in[people.position[leaving]] = month
        near = share_left_nearby((left_in <= month) & (month - left_in < MONTHS_REMEMBERED))
        people = replace(people, friends_left=near[people.position])
        undecided = np.flatnonzero(present & (leaves_on == NEVER))
        people = decide_by(rng, people, constant(month, people.take(undecided)), strength=MONTHLY_STRENGTH)
        leaves_next = _moments_of_leaving(rng, people.churned)
        used = replace(habits, sessions=habits.sessions * np.exp(level))
        yield Month(source, people, used, after, changes_on, present, leaves_on, occupied, leaves_next)
        pending = present & ~leaving & (leaves_on < NEVER)
        present = present & ~leaving
        leaves_on = np.where(pending, leaves_on - MONTH_DAYS, np.where(present, leaves_next, NEVER))
        people = after


@cache
def _constants(rate: float, months: int) -> dict[int, float]:
    """The rule's constant for each month's end, such that of a large reference block `rate` leaves every month.

    One constant for all months would let the rate fall, because the loyal ones are those who remain.
    """
    found: dict[int, float] = {}

    def calibrate(month: int, undecided: Population) -> float:
        found[month] = intercept_for(undecided, rate, strength=MONTHLY_STRENGTH)
        return found[month]

    reference = Plan(subscribers=1, days=months * MONTH_DAYS, seed=20_080_824, churn_rate=rate)
    for _ in _live(reference, 0, _REFERENCE_SIZE, calibrate):
        pass
    return found


def _moments_of_leaving(rng: np.random.Generator, churned: Integers) -> Floats:
    """Days within the next 30 for who leaves, `NEVER` for the others."""
    return np.where(churned == 1, rng.uniform(0, MONTH_DAYS, len(churned)), NEVER)


def _months_of_former_holders(rng: np.random.Generator, position: Integers) -> Integers:
    """For each seat the month in which its holder left: before the first one, or far in the future when he has not."""
    left_in = rng.integers(-MONTHS_REMEMBERED, 0, int(position.max()) + 1)
    left_in[position] = STILL_HERE
    return left_in


def _behave(
    rng: np.random.Generator, people: Population, base: Population, level: Floats, quality: Floats
) -> Population:
    """Usage around a level that remembers falls, payments that tend to stay late, contacts with care."""
    size = len(people.position)
    late = np.where(rng.random(size) < 0.7, people.overdue_days > 0, rng.random(size) < LATE_PAYERS)
    network = network_of(quality, people.home_cell, people.work_cell)
    return replace(
        people,
        tenure_months=people.tenure_months + 1,
        network=network,
        calls=base.calls * np.exp(level),
        data_mb=base.data_mb * np.exp(level),
        trend=rng.normal(0.0, 0.45, size),
        overdue_days=draw_overdue(rng, late),
        care_contacts=rng.poisson(care_rates(late, network, people.device)),
    )


def _change(rng: np.random.Generator, people: Population, days: int) -> tuple[Population, Floats]:
    """New plans, contracts, devices and moves to other regions; all changes of one month take effect at once."""
    size, changes, any_change = len(people.position), {}, np.zeros(len(people.position), dtype=bool)
    for name, share in CHANGES_A_MONTH.items():
        chosen = rng.random(size) < share * days / MONTH_DAYS
        old = getattr(people, name)
        # One to all but one steps onward: never the same again.
        new = (old + rng.integers(1, _CHOICES[name], size)) % _CHOICES[name]
        changes[name] = np.where(chosen, new, old)
        any_change |= chosen
    cells = {
        name: changes["region"] * CELLS_PER_REGION + getattr(people, name) % CELLS_PER_REGION
        for name in ("home_cell", "work_cell")
    }
    return replace(people, **changes, **cells), np.where(any_change, rng.uniform(0, days, size), NEVER)
