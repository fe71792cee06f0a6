"""Who the subscribers are, what drives them away, and who leaves: everything but the usage records.

The rule is a logistic model of drivers that the literature names: contract and tenure, payment trouble, contacts
with care, network quality where the subscriber lives, falling usage, and friends who left (social contagion:
Dasgupta et al., Social ties and their relevance to churn in mobile telecom networks, EDBT 2008). The intercept is
calibrated so that the expected share of leavers is the one asked for: a mobile operator loses 1-3 % of its base in a
month.
"""

from dataclasses import dataclass, fields, replace
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from seatrial.telecom.distributions import Floats, Integers, double_pareto_lognormal, draw_tails
from seatrial.telecom.spec import CELLS_PER_REGION, Scenario, Source, TelecomSpec

REGIONS = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "capital")
PLANS = ("prepaid", "postpaid", "family", "business")
CONTRACTS = ("monthly", "annual", "two_year")
AGES = ("18-25", "26-35", "36-50", "51-65", "66+")
DEVICES = ("basic", "mid", "premium")
CALLS = {"mu": 3.2, "sigma": 0.55, "alpha": 2.6, "beta": 2.2}
"""Voice calls of a customer in 30 days, as a double-Pareto-lognormal distribution (Seshadri et al. 2008)."""
PARTNERS = {"mu": 2.3, "sigma": 0.5, "alpha": 2.8, "beta": 2.5}
"""Distinct partners whom a customer may call, likewise."""
_CALIBRATION_SIZE = 20_000
LATE_PAYERS = 0.25
_LEAVER_SHARE = 0.12
_COMMUNITY = 12
STRENGTH = 1.1
"""Scales the drivers so that a good model on aggregates reaches a ROC AUC of 0.75 to 0.85 (see `bayes_auc`)."""


@dataclass(frozen=True)
class Population:
    """One array entry for each subscriber; categories are indexes into the tuples of this module."""

    position: Integers
    """Place on the ring of acquaintances; neighbours call each other. Some places belong to people who left."""
    tenure_months: Integers
    plan: Integers
    contract: Integers
    region: Integers
    age: Integers
    device: Integers
    autopay: Integers
    home_cell: Integers
    work_cell: Integers
    network: Floats
    """Standardised logarithm of the drop rate where the subscriber lives and works; higher is worse."""
    calls: Floats
    """Expected voice calls in 30 days."""
    partners: Integers
    data_mb: Floats
    """Data volume in 30 days."""
    trend: Floats
    """Logarithm of usage in the last third of the period over that before."""
    overdue_days: Integers
    care_contacts: NDArray[np.int64]
    """Contacts with care by category: billing, coverage, device, other (shape subscribers x 4)."""
    friends_left: Floats
    """Share of the closest acquaintances that has already left the operator."""
    probability: Floats
    """Of churning within the horizon: the best score that any model could give."""
    churned: Integers

    def take(self, index: Integers) -> "Population":
        """The subscribers at these indexes."""
        return Population(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def draw_population(spec: TelecomSpec) -> Population:
    """Draw the subscribers of a snapshot with their true probabilities and outcomes."""
    people = draw_people(spec.generator("people"), _pool_size(spec), cell_quality(spec))
    if spec.scenario == "covariate":
        people = _shift_usage_and_mix(spec.generator("covariate"), people)
    people = decide(spec.generator("churn"), people, spec.label_rate, spec.scenario)
    return _enrich_with_churners(people, spec.subscribers, 2 * spec.label_rate) if spec.scenario == "prior" else people


def occupied_seats(spec: TelecomSpec) -> Integers:
    """Seats of all subscribers of the operator around this snapshot; people at other seats have left it."""
    return _acquaintances(spec.generator("people"), _pool_size(spec))[0]


def _pool_size(spec: TelecomSpec) -> int:
    """Subscribers to draw: the prior scenario chooses from more than it keeps."""
    return round(spec.subscribers * 2.6) if spec.scenario == "prior" else spec.subscribers


def cell_quality(spec: Source) -> Floats:
    """Standard-normal log drop rate of each cell of the operator; higher is worse."""
    drawn = spec.world_generator("cells").normal(0.0, 1.0, len(REGIONS) * CELLS_PER_REGION)
    return (drawn - drawn.mean()) / drawn.std()  # every operator has the same spread, so the churn rate holds


def bayes_auc(people: Population) -> float:
    """Expected ROC AUC of the true probabilities: no model can be better, so this is the honest ceiling."""
    p = np.sort(people.probability)
    not_churned_below = np.concatenate([[0.0], np.cumsum(1 - p)[:-1]])
    pairs = p.sum() * (1 - p).sum() - (p * (1 - p)).sum()
    return float((p * not_churned_below).sum() / pairs)


def draw_people(rng: np.random.Generator, size: int, quality: Floats) -> Population:
    """Draw subscribers who live among these cells; nobody's outcome is decided yet."""
    position, friends_left = _acquaintances(rng, size)
    region = rng.choice(len(REGIONS), size, p=[0.12, 0.1, 0.12, 0.1, 0.14, 0.1, 0.12, 0.2])
    home = region * CELLS_PER_REGION + rng.integers(0, CELLS_PER_REGION, size)
    work = region * CELLS_PER_REGION + rng.integers(0, CELLS_PER_REGION, size)
    network = network_of(quality, home, work)
    device = rng.choice(3, size, p=[0.25, 0.5, 0.25])
    late = rng.random(size) < LATE_PAYERS
    overdue = draw_overdue(rng, late)
    rates = care_rates(late, network, device)
    tails = draw_tails(rng, size)  # shared: who calls most calls most people, so the partners seen keep their tail
    return Population(
        position=position,
        tenure_months=np.minimum(rng.exponential(30.0, size), 180).astype(np.int64),
        plan=rng.choice(4, size, p=[0.3, 0.4, 0.2, 0.1]),
        contract=rng.choice(3, size, p=[0.5, 0.3, 0.2]),
        region=region,
        age=rng.choice(5, size, p=[0.18, 0.25, 0.3, 0.18, 0.09]),
        device=device,
        autopay=(rng.random(size) < 0.55).astype(np.int64),
        home_cell=home,
        work_cell=work,
        network=network,
        calls=np.clip(double_pareto_lognormal(rng, size, **CALLS, tails=tails), 1.0, 3000.0),
        partners=np.clip(double_pareto_lognormal(rng, size, **PARTNERS, tails=tails), 1, 400).astype(np.int64),
        data_mb=np.exp(rng.normal(7.2, 1.8, size)),
        trend=rng.normal(0.0, 0.45, size),
        overdue_days=overdue,
        care_contacts=rng.poisson(rates),
        friends_left=friends_left,
        probability=np.zeros(size),
        churned=np.zeros(size, dtype=np.int64),
    )


def share_left_nearby(left: NDArray[np.bool_]) -> Floats:
    """For each seat of the ring, the share of the eight nearest whose holder has left the operator."""
    return np.mean([np.roll(left, offset) for offset in (-4, -3, -2, -1, 1, 2, 3, 4)], axis=0)


def network_of(quality: Floats, home_cell: Integers, work_cell: Integers) -> Floats:
    """Standardised log drop rate where subscribers live and work."""
    return (0.7 * quality[home_cell] + 0.3 * quality[work_cell]) / np.hypot(0.7, 0.3)


def draw_overdue(rng: np.random.Generator, late: NDArray[np.bool_]) -> Integers:
    """Days by which each subscriber pays late; 0 for who pays in time."""
    return np.where(late, rng.exponential(12.0, len(late)) + 1, 0).astype(np.int64)


def care_rates(late: NDArray[np.bool_], network: Floats, device: Integers) -> Floats:
    """Expected contacts with care in a period by category, shape subscribers x 4."""
    other = np.full(len(late), 0.15)
    return np.stack([0.15 + 0.3 * late, 0.3 * np.exp(0.6 * network), 0.1 + 0.15 * (device == 0), other]).T


def _acquaintances(rng: np.random.Generator, size: int) -> tuple[Integers, Floats]:
    """Seat subscribers on a ring in which leavers cluster; give positions and the share of near leavers."""
    seats = int(size / (1 - _LEAVER_SHARE) * 1.1) + 4 * _COMMUNITY
    communities = -(-seats // _COMMUNITY)
    rate = rng.beta(0.7, 0.7 * (1 - _LEAVER_SHARE) / _LEAVER_SHARE, communities)
    left = rng.random(communities * _COMMUNITY) < np.repeat(rate, _COMMUNITY)
    position = np.flatnonzero(~left)
    while len(position) < size:  # an unlucky draw of leavers: seat more people at the end
        left = np.concatenate([left, np.zeros(size - len(position), dtype=bool)])
        position = np.flatnonzero(~left)
    near = share_left_nearby(left)
    chosen = position[:size]
    return chosen, near[chosen]


def _shift_usage_and_mix(rng: np.random.Generator, people: Population) -> Population:
    """A campaign for young heavy users: more data and calls, other plans and devices; the churn rule is untouched."""
    size = len(people.position)
    moved = rng.random(size) < 0.6
    return replace(
        people,
        calls=people.calls * 1.6,
        data_mb=people.data_mb * 3.0,
        plan=np.where(moved, rng.choice(4, size, p=[0.1, 0.2, 0.6, 0.1]), people.plan),
        age=np.where(moved, rng.choice(5, size, p=[0.7, 0.2, 0.06, 0.03, 0.01]), people.age),
        device=np.where(moved, 2, people.device),
    )


def decide(rng: np.random.Generator, people: Population, rate: float, scenario: Scenario = "none") -> Population:
    """Draw who leaves: probabilities whose mean over a large ordinary population is `rate`, and outcomes."""
    world: Scenario = "concept" if scenario == "concept" else "none"
    return decide_by(rng, people, _intercept(world, rate), world)


def decide_by(
    rng: np.random.Generator,
    people: Population,
    intercept: float,
    scenario: Scenario = "none",
    strength: float = STRENGTH,
) -> Population:
    """Draw who leaves when the rule's constant is given (log odds)."""
    probability = _logistic(_drive(people, scenario, strength) + intercept)
    churned = (rng.random(len(probability)) < probability).astype(np.int64)
    return replace(people, probability=probability, churned=churned)


def intercept_for(people: Population, rate: float, scenario: Scenario = "none", strength: float = STRENGTH) -> float:
    """The rule's constant (log odds) for which the mean probability of these subscribers is `rate`; by bisection."""
    drive = _drive(people, scenario, strength)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _logistic(drive + middle).mean() < rate else (low, middle)
    return (low + high) / 2


def _drive(people: Population, world: Scenario, strength: float) -> Floats:
    """What pushes each subscriber away, in log odds, without the intercept.

    In the concept world a competitor buys out good, long-standing, well-paying customers on contract, while those
    with troubles have been won over: the sign of these drivers is reversed; falling usage and departed friends
    mean what they always meant.
    """
    monthly = people.contract == 0
    standing = (
        np.array([0.75, -0.35, -1.2])[people.contract]
        - 0.55 * (np.log1p(people.tenure_months) - 3.0)
        - 0.4 * people.autopay
        + np.array([0.3, 0.0, -0.2, -0.1])[people.plan]
    )
    trouble = (
        0.045 * np.minimum(people.overdue_days, 30)
        + 0.5 * np.minimum(people.care_contacts[:, :3].sum(axis=1), 4)
        + people.network * np.where(monthly, 0.75, 0.35)
    )
    leaving = -1.5 * people.trend + 2.5 * (people.friends_left - _LEAVER_SHARE)
    return strength * ((-(standing + trouble) if world == "concept" else standing + trouble) + leaving)


@cache
def _intercept(world: Scenario, rate: float) -> float:
    """The constant that gives a large reference population the churn rate."""
    rng = np.random.default_rng(20_080_824)
    cells = len(REGIONS) * CELLS_PER_REGION
    normal = [NormalDist().inv_cdf((cell + 0.5) / cells) for cell in range(cells)]
    quality = rng.permutation(np.array(normal))
    return intercept_for(draw_people(rng, _CALIBRATION_SIZE, quality), rate, world)


def _enrich_with_churners(people: Population, size: int, share: float) -> Population:
    """Keep `size` of the subscribers so that churners are twice as frequent; what churners look like is unchanged."""
    churners, stayers = np.flatnonzero(people.churned == 1), np.flatnonzero(people.churned == 0)
    wanted = min(len(churners), round(size * share))
    return people.take(np.sort(np.concatenate([churners[:wanted], stayers[: size - wanted]])))


def _logistic(value: Floats) -> Floats:
    return 1 / (1 + np.exp(-value))
