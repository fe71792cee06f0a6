"""Why a window stands out: which features, in which range or category, since when, and in what part of the rows."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from seatrial.contracts.events import Contribution, RootCause
from seatrial.statistics.bins import Cells, NumericBins
from seatrial.statistics.jensen_shannon import jensen_shannon_distance

MOST_FEATURES = 5
LARGEST_PART = 0.5
"""Rows that a part may hold at most to be worth naming: more is everywhere."""
SMALLEST_EXPLAINED = 0.75
"""Share of the whole change that must lie in a part to be said to happen there alone."""
LARGEST_EXPLAINED = 1.5
"""A part that changes by more than the whole is balanced by another one: then it does not happen there alone."""
MINIMUM_PART_ROWS = 20
SIGNIFICANT_Z = 4.5
"""Of a part: so many are looked at (some 60 a feature) that 3 would be reached by chance."""


@dataclass(frozen=True)
class Shift:
    """A distribution that has moved: baseline's and present counts by cell, the last cell for absent values.

    `cells` is None for labels, of which the positive ones are named; `began_at` is ISO 8601 UTC.
    """

    name: str
    cells: Cells | None
    baseline: tuple[int, ...]
    seen: tuple[int, ...]
    began_at: str | None = None


@dataclass(frozen=True)
class Part:
    """A range of neighbouring cells of one feature, or one category."""

    feature: str
    first: int
    last: int
    text: str

    def holds(self, cell: int) -> bool:
        """Whether a cell belongs to the part."""
        return self.first <= cell <= self.last


def explain_shifts(shifts: Sequence[Shift]) -> RootCause | None:
    """Rank what has moved by its share of the whole divergence; None when nothing has.

    Contributions are Jensen-Shannon divergences (Lin, 1991) less what counts of this size differ by chance.

    >>> cells = NumericBins((10.0, 20.0))
    >>> cause = explain_shifts([Shift("age", cells, (50, 30, 20, 0), (10, 20, 70, 0), "2026-11-01T01:00:00Z")])
    >>> cause.sentence
    'age contributes 100%: age > 20 from 20% to 70% of the rows; it began at about 2026-11-01T01:00:00Z'
    """
    weights = [_divergence(shift) for shift in shifts]
    total = math.fsum(weights)
    if not total:
        return None
    ranked = sorted(zip(shifts, weights, strict=True), key=lambda item: -item[1])[:MOST_FEATURES]
    features = tuple(_contribution(shift, weight / total) for shift, weight in ranked if weight)
    began = ranked[0][0].began_at
    return _told(RootCause(features=features, segment=None, began_at=began, sentence=""))


def explain_loss(segment: str | None, began_at: str | None) -> RootCause:
    """The cause of a loss of quality although no input has moved: the relation of inputs and label has.

    >>> explain_loss("plan = prepaid", None).sentence
    'no input has drifted: the relation of inputs and label has changed; most of the loss lies where plan = prepaid'
    """
    where = f"most of the loss lies where {segment}" if segment else "no part of the rows stands out"
    began = f"; it began at about {began_at}" if began_at else ""
    sentence = f"no input has drifted: the relation of inputs and label has changed; {where}{began}"
    return RootCause(features=(), segment=segment, began_at=began_at, sentence=sentence)


def with_loss(cause: RootCause, segment: str | None) -> RootCause:
    """The cause of predictions or labels that have moved, with the part of the rows in which the loss lies."""
    if segment is None:
        return cause
    return replace(cause, segment=segment, sentence=f"{cause.sentence}; most of the loss lies where {segment}")


def with_segment(cause: RootCause, segment: str | None) -> RootCause:
    """The cause with the part of the rows in which it happens."""
    return _told(replace(cause, segment=segment))


def strongest_part(shift: Shift) -> Part:
    """The category, or the range of neighbouring cells, whose share has risen most in the sense of the PSI."""
    if shift.cells is None:
        return Part(shift.name, 1, 1, part_text(shift.name, None, 1, 1))
    before, after = _shares(shift.baseline), _shares(shift.seen)
    ordered = isinstance(shift.cells, NumericBins)
    spans = _spans(len(before) - 1) if ordered else ((cell, cell) for cell in range(len(before) - 1))
    absent = len(before) - 1
    first, last = max(
        [*spans, (absent, absent)],
        key=lambda span: _gain(sum(before[span[0] : span[1] + 1]), sum(after[span[0] : span[1] + 1])),
    )
    return Part(shift.name, first, last, part_text(shift.name, shift.cells, first, last))


def shifted_segment(
    part: Part,
    names: Sequence[str],
    cells: Sequence[Cells],
    reference: Sequence[Sequence[int]],
    seen: Sequence[Sequence[int]],
) -> str | None:
    """The part of the rows, by another feature, in which a change happens that does not happen elsewhere.

    `reference` and `seen` hold a column of cell indices a feature, of rows before and now. None when the change is
    everywhere, or too few rows tell. A part must hold at least 20 rows and at most half of them, three quarters of the
    change, and be significant (z of 4.5).
    """
    place = names.index(part.feature)
    hits, base = _inside(seen[place], part), _inside(reference[place], part)
    found = [
        (share, part_text(name, cells[index], first, last))
        for index, name in enumerate(names)
        if index != place
        for first, last, share in _parts_of(cells[index], seen[index], hits, reference[index], base)
    ]
    return max(found)[1] if found else None


def lossy_segment(
    names: Sequence[str],
    cells: Sequence[Cells],
    columns: Sequence[Sequence[int]],
    losses: Sequence[float],
    expected: float,
) -> str | None:
    """The category or range whose rows carry most of a loss above what is expected; None when it lies everywhere.

    `columns` holds a column of cell indices a feature, `losses` one value a row, `expected` the baseline's mean.
    """
    whole = math.fsum(losses) - expected * len(losses)
    if whole <= 0:
        return None
    found = []
    for name, kind, column in zip(names, cells, columns, strict=True):
        for first, last in _candidates(kind):
            chosen = [loss for cell, loss in zip(column, losses, strict=True) if first <= cell <= last]
            share = (math.fsum(chosen) - expected * len(chosen)) / whole
            if _notable(len(chosen), len(column), share) and _significant(chosen, losses):
                found.append((share, part_text(name, kind, first, last)))
    return max(found)[1] if found else None


def part_text(name: str, cells: Cells | None, first: int, last: int) -> str:
    """A part in words.

    >>> part_text("age", NumericBins((10.0, 20.0)), 0, 1), part_text("age", NumericBins((10.0, 20.0)), 3, 3)
    ('age <= 20', 'age missing')
    """
    if cells is None:
        return "positive labels"
    if first >= cells.size:
        return f"{name} missing"
    if not isinstance(cells, NumericBins):
        return f"{name} = {cells.values[first]}" if first < len(cells.values) else f"{name} of another category"
    low = cells.edges[first - 1] if first else None
    high = cells.edges[last] if last < len(cells.edges) else None
    if low is None:
        return f"{name} <= {high:g}" if high is not None else name
    return f"{name} > {low:g}" if high is None else f"{low:g} < {name} <= {high:g}"


def _contribution(shift: Shift, share: float) -> Contribution:
    part = strongest_part(shift)
    span = slice(part.first, part.last + 1)
    return Contribution(
        feature=shift.name,
        share=round(share, 3),
        segment=part.text,
        baseline_share=round(sum(shift.baseline[span]) / sum(shift.baseline), 4),
        window_share=round(sum(shift.seen[span]) / sum(shift.seen), 4),
    )


def _told(cause: RootCause) -> RootCause:
    parts = []
    for rank, item in enumerate(cause.features[:2]):
        moved = f"{item.segment} from {item.baseline_share:.0%} to {item.window_share:.0%} of the rows"
        words = f"{item.feature} contributes" if rank == 0 else f"{item.feature}"
        parts.append(f"{words} {item.share:.0%}: {moved}")
    where = f", and that only where {cause.segment}" if cause.segment else ""
    began = f"; it began at about {cause.began_at}" if cause.began_at else ""
    return replace(cause, sentence="; ".join([parts[0] + where, *parts[1:]]) + began)


def _divergence(shift: Shift) -> float:
    distance = jensen_shannon_distance(shift.baseline, shift.seen)
    chance = (len(shift.seen) - 1) / (8 * math.log(2)) * (1 / sum(shift.seen) + 1 / sum(shift.baseline))
    return max(0.0, distance**2 - chance)


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + 0.5 * len(counts)
    return [(count + 0.5) / total for count in counts]


def _gain(before: float, after: float) -> float:
    """A part's term of the PSI where its share has risen: an alert names where the rows have gone."""
    return (after - before) * math.log(after / before) if after > before else 0.0


def _spans(cells: int) -> Iterator[tuple[int, int]]:
    """Ranges of neighbouring cells, all cells together left out."""
    for first, end in combinations(range(cells + 1), 2):
        if end - first < cells:
            yield first, end - 1


def _candidates(cells: Cells) -> Iterator[tuple[int, int]]:
    if isinstance(cells, NumericBins):
        yield from _spans(cells.size)
    else:
        yield from ((cell, cell) for cell in range(cells.size))


def _inside(column: Sequence[int], part: Part) -> list[bool]:
    return [part.holds(cell) for cell in column]


def _parts_of(
    kind: Cells, seen: Sequence[int], hits: Sequence[bool], reference: Sequence[int], base: Sequence[bool]
) -> Iterator[tuple[int, int, float]]:
    """Parts by one feature that hold the change of another one's share, and their share of the whole change."""
    whole = sum(hits) - len(hits) * sum(base) / (len(base) or 1)
    if not whole:
        return
    now, before = _tallies(seen, hits, kind.size + 1), _tallies(reference, base, kind.size + 1)
    for first, last in _candidates(kind):
        rows, inside = (sum(counts[first : last + 1]) for counts in now)
        known, usual = (sum(counts[first : last + 1]) for counts in before)
        if rows and known >= MINIMUM_PART_ROWS:
            share = usual / known
            excess = inside - rows * share
            noise = math.sqrt(rows * max(share * (1 - share), 1 / rows) * (1 + rows / known))
            if abs(excess) >= SIGNIFICANT_Z * noise and _notable(rows, len(seen), excess / whole):
                yield first, last, excess / whole


def _tallies(column: Sequence[int], flags: Sequence[bool], size: int) -> tuple[list[int], list[int]]:
    """Rows, and rows with the flag, by cell."""
    rows, flagged = [0] * size, [0] * size
    for cell, flag in zip(column, flags, strict=True):
        rows[cell] += 1
        flagged[cell] += flag
    return rows, flagged


def _notable(rows: int, total: int, share: float) -> bool:
    return MINIMUM_PART_ROWS <= rows <= LARGEST_PART * total and SMALLEST_EXPLAINED <= share <= LARGEST_EXPLAINED


def _significant(chosen: Sequence[float], losses: Sequence[float]) -> bool:
    mean = math.fsum(losses) / len(losses)
    deviation = math.sqrt(math.fsum((loss - mean) ** 2 for loss in losses) / len(losses))
    return math.fsum(chosen) / len(chosen) - mean >= SIGNIFICANT_Z * deviation / math.sqrt(len(chosen))
