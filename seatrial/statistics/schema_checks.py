"""Checks that a window's rows still are what the model was made for; what fails here is a fault, not drift."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.contracts.events import Finding, FindingKind
from seatrial.statistics.baseline import Baseline, FeatureBaseline
from seatrial.statistics.binomial_excess import excess_evidence
from seatrial.statistics.bins import Categories
from seatrial.statistics.column_order import absent_feature, extra_place, swapped_columns
from seatrial.statistics.summary import FeatureSummary
from seatrial.statistics.window import WindowSummary

TOLERATED_MALFORMED_SHARE = 0.01
TOLERATED_OUTSIDE_SHARE = 0.01
TESTS_A_FEATURE = 4
"""Completeness, type, range and domain: what a feature adds to the tests that share the alarm budget."""
TESTS_A_WINDOW = 4
"""Readable requests, number of columns, column names, repeated ids."""
ROW_FAULTS = frozenset(
    {"completeness", "data_type", "range", "domain", "missing_column", "extra_column", "renamed_column"}
    | {"reordered_column"}
)
"""Findings after which a window's rows say nothing about drift; repeated or old rows still do."""


@dataclass(frozen=True, kw_only=True)
class SchemaLimits:
    """Shares that are still in order, beyond what the baseline had, and the evidence needed to say otherwise."""

    log_threshold: float
    maximum_missing_share: float
    maximum_unknown_share: float
    maximum_repeated_share: float = 0.05


def check_schema(baseline: Baseline, window: WindowSummary, limits: SchemaLimits) -> tuple[Finding, ...]:
    """Findings on columns (number, names, order), completeness, types, ranges, categories and uniqueness.

    Predictions are looked at like a feature: one that is no probability is a fault, too.
    """
    findings = [
        *_check_readable(window, limits),
        *_check_widths(baseline, window, limits),
        *_check_headers(baseline, window, limits),
        *_check_unique(window, limits),
    ]
    swapped = _check_order(baseline, window)
    places = {finding.feature for finding in swapped}
    for feature, summary in zip(baseline.features, window.features, strict=True):
        if feature.name not in places:
            findings.extend(_check_feature(feature, summary, limits))
    if baseline.predictions.summary.rows:
        findings.extend(_check_feature(baseline.predictions, window.predictions, limits))
    return (*swapped, *findings)


def _check_readable(window: WindowSummary, limits: SchemaLimits) -> Iterator[Finding]:
    total = window.rows + window.misfits + window.unreadable
    if excess_evidence(window.unreadable, total, TOLERATED_MALFORMED_SHARE) >= limits.log_threshold:
        yield Finding(
            kind="data_type",
            feature=None,
            statistic="unreadable_requests",
            value=window.unreadable / total,
            threshold=TOLERATED_MALFORMED_SHARE,
            sentence=f"{window.unreadable} of {total} captured requests cannot be read",
        )


def _check_widths(baseline: Baseline, window: WindowSummary, limits: SchemaLimits) -> Iterator[Finding]:
    expected, total = len(baseline.features), window.rows + window.misfits
    for width, rows in window.widths:
        if excess_evidence(rows, total, TOLERATED_MALFORMED_SHARE) >= limits.log_threshold:
            name, words = _odd_column(baseline, window.sample.of_width(width))
            yield Finding(
                kind="extra_column" if width > expected else "missing_column",
                feature=name,
                statistic="column_count",
                value=float(width),
                threshold=float(expected),
                sentence=f"{rows} of {total} rows have {width} columns, the model takes {expected}{words}",
            )


def _odd_column(baseline: Baseline, rows: Sequence[tuple[str, ...]]) -> tuple[str | None, str]:
    """The feature that is missing, if one is, and words that tell where the odd column is."""
    absent = absent_feature(baseline.features, rows)
    if absent is not None:
        name = baseline.features[absent].name
        return name, f"; by its values the one missing is {name}"
    extra = extra_place(baseline.features, rows)
    return None, "" if extra is None else f"; by its values the new one is column {extra + 1}"


def _check_headers(baseline: Baseline, window: WindowSummary, limits: SchemaLimits) -> Iterator[Finding]:
    total = window.rows + window.misfits
    for header, count in window.headers:
        if excess_evidence(count, total, TOLERATED_MALFORMED_SHARE) >= limits.log_threshold:
            kind, words = _renamed(baseline.schema.names, header)
            yield Finding(
                kind=kind,
                feature=None,
                statistic="column_names",
                value=count / total,
                threshold=TOLERATED_MALFORMED_SHARE,
                sentence=f"{count} requests name their columns otherwise than the model: {words}",
            )


def _renamed(names: Sequence[str], header: Sequence[str]) -> tuple[FindingKind, str]:
    gone, new = [name for name in names if name not in header], [name for name in header if name not in names]
    if not gone and not new:
        first = next(name for name, given in zip(names, header, strict=False) if name != given)
        return "reordered_column", f"the order is another one, from {first} on"
    if len(gone) == len(new):
        pairs = ", ".join(f"{given} instead of {name}" for name, given in zip(gone, new, strict=True))
        return "renamed_column", pairs
    if gone:
        return "missing_column", f"without {', '.join(gone)}"
    return "extra_column", f"with {', '.join(new)}"


def _check_unique(window: WindowSummary, limits: SchemaLimits) -> Iterator[Finding]:
    total, limit = window.rows + window.misfits + window.repeated, limits.maximum_repeated_share
    if excess_evidence(window.repeated, total, limit) >= limits.log_threshold:
        share = window.repeated / total
        yield Finding(
            kind="uniqueness",
            feature=None,
            statistic="repeated_ids",
            value=share,
            threshold=limit,
            sentence=f"{share:.1%} of {total} requests have an id that came before in the window, "
            f"at most {limit:.1%} is in order; an event that comes again is counted once",
        )


def _check_order(baseline: Baseline, window: WindowSummary) -> tuple[Finding, ...]:
    names = baseline.schema.names
    rows = window.sample.of_width(len(names))
    found = swapped_columns(baseline.features, rows, range(len(names)))
    return tuple(
        Finding(
            kind="reordered_column",
            feature=names[place],
            statistic="column_order",
            value=float(other + 1),
            threshold=float(place + 1),
            sentence=f"column {place + 1} holds the values of {names[other]} where the model takes {names[place]}",
        )
        for place, other in found
    )


def _check_feature(feature: FeatureBaseline, summary: FeatureSummary, limits: SchemaLimits) -> Iterator[Finding]:
    for kind, count, limit, words in _shares(feature, summary, limits):
        if excess_evidence(count, summary.rows, limit) >= limits.log_threshold:
            share = count / summary.rows
            yield Finding(
                kind=kind,
                feature=feature.name,
                statistic="share",
                value=share,
                threshold=limit,
                sentence=f"{feature.name}: {share:.1%} of {summary.rows} values are {words}, "
                f"at most {limit:.1%} is in order",
            )


def _shares(
    feature: FeatureBaseline, summary: FeatureSummary, limits: SchemaLimits
) -> Iterator[tuple[FindingKind, int, float, str]]:
    """What is counted: kind of finding, number of values, share that is in order, words."""
    missing_limit = feature.summary.missing / feature.summary.rows + limits.maximum_missing_share
    yield "completeness", summary.missing, missing_limit, "missing"
    yield "data_type", summary.invalid, feature.invalid_share + TOLERATED_MALFORMED_SHARE, "not a number"
    if (plausible := feature.plausible_range) is not None:
        words = f"outside {plausible[0]:g} to {plausible[1]:g}"
        yield "range", summary.outside, TOLERATED_OUTSIDE_SHARE, words
    if isinstance(feature.cells, Categories) and feature.cells.closed:
        yield "domain", summary.counts[-1], limits.maximum_unknown_share, "of an unknown category"
