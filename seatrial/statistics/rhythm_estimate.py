"""From what was learned to a rhythm: analysis of variance over hours, weekdays and days, shrunken where it is noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import add, mul
from statistics import median

from seatrial.statistics.distribution_history import DAY, Counts
from seatrial.statistics.rhythm import CALIBRATED_DAYS, UNKNOWN_DAY_DEVIATION, WEEK, Rhythm, Row, weekday
from seatrial.statistics.rhythm_learning import HOURS_FROM_DAYS, Learning, parts_of_day
from seatrial.statistics.shift_scores import ShiftScores

WEEKDAYS_FROM_DAYS = 21
CERTAIN_FREEDOM = 1000.0


@dataclass(frozen=True)
class Groups:
    """Sums over the rows of each group (hours of a day, weekdays, days): rows, counts, and scores."""

    keys: tuple[int, ...]
    rows: tuple[int, ...]
    counts: tuple[Counts, ...]
    scores: tuple[Sequence[float], ...]

    @classmethod
    def of(cls, scores: ShiftScores, counts: Mapping[int, Counts]) -> "Groups":
        """Groups in order of their keys."""
        keys = sorted(counts)
        held = tuple(counts[key] for key in keys)
        return cls(tuple(keys), tuple(map(sum, held)), held, tuple(scores.sums(_excess(scores, c)) for c in held))

    def squares(self, score: int) -> float:
        """Sum of squares between the groups."""
        total = sum(sums[score] for sums in self.scores)
        between = sum(sums[score] ** 2 / rows for sums, rows in zip(self.scores, self.rows, strict=True))
        return max(0.0, between - total * total / sum(self.rows))

    def squares_of_trend(self, score: int) -> float:
        """The part of it that a straight line over the keys explains."""
        total = sum(self.rows)
        middle = sum(map(mul, self.keys, self.rows)) / total
        mean = sum(sums[score] for sums in self.scores) / total
        distances = [key - middle for key in self.keys]
        along = sum(
            gap * (sums[score] - rows * mean) for gap, sums, rows in zip(distances, self.scores, self.rows, strict=True)
        )
        spread = sum(gap * gap * rows for gap, rows in zip(distances, self.rows, strict=True))
        return along * along / spread if spread else 0.0

    def deviations(self) -> list[list[float]]:
        """By group, how far each cell's share is above that of all groups together."""
        total = [sum(column) for column in zip(*self.counts, strict=True)]
        shares = [count / sum(total) for count in total]
        return [
            [count / rows - share for count, share in zip(counts, shares, strict=True)]
            for counts, rows in zip(self.counts, self.rows, strict=True)
        ]


def learn_rhythms(scores: Mapping[str, ShiftScores], learned: Mapping[str, Learning]) -> dict[str, Rhythm]:
    """The rhythm of each distribution with at least 2 whole days, how much days differ from 7 on, weekdays from 21 on.

    Day-to-day variances are moderated (Smyth, 2004): with few days each is drawn to the mean of its kind in all
    distributions, the more so the more alike they are, and has the degrees of freedom of both.
    """
    enough = {name: item for name, item in learned.items() if item.days >= HOURS_FROM_DAYS}
    drafts = {name: _draft(scores[name], item) for name, item in enough.items()}
    known = {name: draft for name, draft in drafts.items() if draft.rhythm.days >= CALIBRATED_DAYS}
    moderated = _moderated(known, {name: len(scores[name].shapes) for name in known})
    unknown = (UNKNOWN_DAY_DEVIATION**2, math.inf)
    apart = _parts_of_days({name: draft for name, draft in known.items() if draft.parts})
    return {
        name: _finished(draft, moderated.get(name, [unknown] * len(draft.of_days)), apart.get(name, []))
        for name, draft in drafts.items()
    }


@dataclass(frozen=True)
class _Draft:
    """A rhythm whose day-to-day variances are still to come; per score, what a day's mean varies by, and how known."""

    rhythm: Rhythm
    of_days: Row
    of_windows: Row
    """The part of `of_days` that windows and sampling explain."""
    freedom: float
    parts: tuple[tuple[float, float], ...] = ()
    """By hour, the mean square of the difference between the parts of a day, and the rows that it is worth."""
    noise: float = 1.0
    """What windows and sampling explain of that mean square."""


def _draft(scores: ShiftScores, learned: Learning) -> _Draft:
    hours, days = Groups.of(scores, learned.by_hour), Groups.of(scores, learned.by_day)
    noise = [_noise(learned, hours, days, score) for score in range(len(scores.weights))]
    of_hours = _table(scores, hours, noise, DAY)
    between, freedom = _between(days, None)
    of_weekdays: tuple[Row, ...] = ()
    if learned.days >= WEEKDAYS_FROM_DAYS:
        weekdays = Groups.of(scores, _by_weekday(learned.by_day))
        within, fewer = _between(days, weekdays)
        of_weekdays = _table(scores, weekdays, within, WEEK)
        between, freedom = (within, fewer) if of_weekdays else (between, freedom)
    rows = sum(days.rows)
    unsure = len(hours.keys) / rows if of_hours else 0.0
    rhythm = Rhythm(
        hours=of_hours,
        weekdays=of_weekdays,
        volumes=_volumes(hours) if of_hours else (),
        day_variance=(),
        window_variance=tuple((value - 1) * learned.windows / rows + value * unsure for value in noise),
        freedom=(),
        days=learned.days,
    )
    a_day = learned.days / rows
    unsure_days = 1 + WEEK / learned.days if of_weekdays else 1.0
    of_days, of_windows = (tuple(value * a_day for value in values) for values in (between, noise))
    parts = _parts(learned, hours)
    return _Draft(rhythm, tuple(value * unsure_days for value in of_days), of_windows, float(freedom), parts, noise[0])


def _parts(learned: Learning, hours: Groups) -> tuple[tuple[float, float], ...]:
    """Of days, around what the hours of the day explain."""
    if not learned.splits or learned.days < 2:
        return ()
    counts, sums = dict(zip(hours.keys, hours.counts, strict=True)), [item[0] for item in hours.scores]
    usual = parts_of_day(counts, dict(zip(hours.keys, sums, strict=True)))
    return tuple(
        (max(0.0, squares - worth * difference * difference) / (learned.days - 1), worth / learned.days)
        for squares, (difference, worth) in zip(learned.splits, usual, strict=True)
    )


def _between(days: Groups, weekdays: Groups | None) -> tuple[list[float], int]:
    """Mean squares of days by score, around a straight line and, if given, weekdays; and their degrees of freedom."""
    freedom = max(1, len(days.keys) - 2 - (len(weekdays.keys) - 1 if weekdays else 0))
    found = []
    for score in range(len(days.scores[0])):
        left = days.squares(score) - days.squares_of_trend(score) - (weekdays.squares(score) if weekdays else 0.0)
        found.append(max(0.0, left) / freedom)
    return found, freedom


def _noise(learned: Learning, hours: Groups, days: Groups, score: int) -> float:
    """Mean square of windows within hours and days, 1 for sampling alone and never below."""
    total = sum(sums[score] for sums in days.scores)
    squares = learned.squares[score] - total * total / sum(days.rows)
    freedom = learned.windows - len(hours.keys) - len(days.keys) + 1
    return max(1.0, (squares - hours.squares(score) - days.squares(score)) / freedom) if freedom > 0 else 1.0


def _table(scores: ShiftScores, groups: Groups, noise: Sequence[float], size: int) -> tuple[Row, ...]:
    """Deviations by group, each kind drawn to 0 by its share of noise (James and Stein, 1961); empty for no rhythm.

    The kinds are location, spread, and what is left of the cells' shares.
    """
    rest = groups.deviations()
    kept = [[0.0] * len(scores.shares) for _ in rest]
    freedom = len(groups.keys) - 1
    for score, shape in enumerate(scores.shapes):
        factor = _signal(groups.squares(score), freedom * noise[score], freedom)
        for row, (found, left) in enumerate(zip(kept, rest, strict=True)):
            size_of = sum(map(mul, shape, left))
            moved = [size_of * p * v for p, v in zip(scores.shares, shape, strict=True)]
            rest[row] = [value - part for value, part in zip(left, moved, strict=True)]
            kept[row] = [value + factor * part for value, part in zip(found, moved, strict=True)]
    squares = sum(
        rows * sum(value * value / share for value, share in zip(left, scores.shares, strict=True))
        for rows, left in zip(groups.rows, rest, strict=True)
    )
    free = freedom * (len(scores.shares) - 1 - len(scores.shapes))
    factor = _signal(squares, free * sum(noise) / len(noise), free)
    kept = [[a + factor * b for a, b in zip(found, left, strict=True)] for found, left in zip(kept, rest, strict=True)]
    if not any(map(any, kept)):
        return ()
    by_key = dict(zip(groups.keys, kept, strict=True))
    return tuple(tuple(by_key.get(key, [0.0] * len(scores.shares))) for key in range(size))


def _signal(squares: float, expected: float, freedom: int) -> float:
    """Share of the squares that is no noise; 0 unless they are above it by three deviations."""
    if freedom < 1 or squares <= expected * (1 + 3 * math.sqrt(2 / freedom)):
        return 0.0
    return 1 - expected / squares


def _moderated(drafts: Mapping[str, _Draft], shapes: Mapping[str, int]) -> dict[str, list[tuple[float, float]]]:
    """By score, the moderated variance of a day's mean and its degrees of freedom."""
    kinds: dict[bool, list[float]] = {True: [], False: []}
    for name, draft in drafts.items():
        for score, value in enumerate(draft.of_days):
            kinds[_is_location(score, shapes[name])].append(value)
    priors = {kind: _prior(values, min(d.freedom for d in drafts.values())) for kind, values in kinds.items() if values}
    return {
        name: [
            _pooled(value, draft.freedom, *priors[_is_location(score, shapes[name])])
            for score, value in enumerate(draft.of_days)
        ]
        for name, draft in drafts.items()
    }


def _is_location(score: int, shapes: int) -> bool:
    return score == 0 and shapes > 0


def _prior(values: Sequence[float], freedom: float) -> tuple[float, float]:
    """Mean of variances of a kind, and the degrees of freedom that this mean is worth for one of them.

    Variances of an inverse chi-square law with d degrees of freedom have a squared coefficient of variation of
    2 / (d - 4), to which estimation adds 2 / freedom.
    """
    mean = sum(values) / len(values)
    if len(values) < 3 or not mean:
        return mean, 0.0
    variation = sum((value / mean - 1) ** 2 for value in values) / (len(values) - 1)
    excess = (variation - 2 / freedom) / (1 + 2 / freedom)
    return mean, min(CERTAIN_FREEDOM, 4 + 2 / excess) if excess > 0 else CERTAIN_FREEDOM


def _pooled(value: float, freedom: float, mean: float, worth: float) -> tuple[float, float]:
    return (worth * mean + freedom * value) / (worth + freedom), worth + freedom


def _parts_of_days(drafts: Mapping[str, _Draft]) -> dict[str, list[tuple[float, float]]]:
    """By name and hour, the moderated variance of the difference of a day's parts, and its degrees of freedom."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in drafts}
    freedom = min((draft.rhythm.days - 1 for draft in drafts.values()), default=0)
    for hour in range(DAY - 1) if drafts else ():
        prior = _prior([draft.parts[hour][0] for draft in drafts.values()], freedom)
        for name, draft in drafts.items():
            square, worth = draft.parts[hour]
            pooled, known = _pooled(square, freedom, *prior)
            found[name].append((max(0.0, pooled - draft.noise) / worth if worth else 0.0, known))
    return found


def _finished(draft: _Draft, moderated: Sequence[tuple[float, float]], parts: Sequence[tuple[float, float]]) -> Rhythm:
    sampling = draft.of_windows if draft.rhythm.days >= CALIBRATED_DAYS else (0.0,) * len(moderated)
    variances = [max(0.0, of_days - own) for (of_days, _), own in zip(moderated, sampling, strict=True)]
    freedom, covariance = [freedom for _, freedom in moderated], ()
    if parts and variances[0] > sampling[0]:
        covariance = (0.0, *(max(0.0, variances[0] - apart / 2) for apart, _ in parts))
        freedom[0] = min(freedom[0], median(known for _, known in parts))
    return replace(draft.rhythm, day_variance=tuple(variances), day_covariance=covariance, freedom=tuple(freedom))


def _excess(scores: ShiftScores, counts: Counts) -> list[float]:
    rows = sum(counts)
    return [count - rows * share for count, share in zip(counts, scores.shares, strict=True)]


def _by_weekday(days: Mapping[int, Counts]) -> dict[int, Counts]:
    merged: dict[int, Counts] = {}
    for day, counts in days.items():
        key = weekday(day * DAY)
        merged[key] = tuple(map(add, merged[key], counts)) if key in merged else counts
    return merged


def _volumes(hours: Groups) -> Row:
    total, rows = sum(hours.rows), dict(zip(hours.keys, hours.rows, strict=True))
    return tuple(rows.get(hour, 0) / total for hour in range(DAY))
