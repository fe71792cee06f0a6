"""Checks that a window's rows still are what the model was made for; what fails here is a fault, not drift."""

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.contracts.events import Finding, FindingKind
from seatrial.statistics.baseline import Baseline, FeatureBaseline
from seatrial.statistics.binomial_excess import excess_evidence
from seatrial.statistics.bins import Categories
from seatrial.statistics.summary import FeatureSummary
from seatrial.statistics.window import WindowSummary

TOLERATED_MALFORMED_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class SchemaLimits:
    """Shares that are still in order, beyond what the baseline had, and the evidence needed to say otherwise."""

    log_threshold: float
    maximum_missing_share: float
    maximum_unknown_share: float


def check_schema(baseline: Baseline, window: WindowSummary, limits: SchemaLimits) -> tuple[Finding, ...]:
    """Findings on the number of columns, completeness, types and categories."""
    findings = [*_check_readable(window, limits), *_check_widths(baseline, window, limits)]
    for feature, summary in zip(baseline.features, window.features, strict=True):
        findings.extend(_check_feature(feature, summary, limits))
    return tuple(findings)


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
            yield Finding(
                kind="extra_column" if width > expected else "missing_column",
                feature=None,
                statistic="column_count",
                value=float(width),
                threshold=float(expected),
                sentence=f"{rows} of {total} rows have {width} columns, the model takes {expected}",
            )


def _check_feature(feature: FeatureBaseline, summary: FeatureSummary, limits: SchemaLimits) -> Iterator[Finding]:
    missing_limit = feature.summary.missing / feature.summary.rows + limits.maximum_missing_share
    invalid_limit = feature.invalid_share + TOLERATED_MALFORMED_SHARE
    checks: list[tuple[FindingKind, int, float, str]] = [
        ("completeness", summary.missing, missing_limit, "missing"),
        ("data_type", summary.invalid, invalid_limit, "not a number"),
    ]
    if isinstance(feature.cells, Categories) and feature.cells.closed:
        checks.append(("domain", summary.counts[-1], limits.maximum_unknown_share, "of an unknown category"))
    for kind, count, limit, words in checks:
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
