"""The events of our own on EventBridge, versioned; documented in docs/reference/events.md."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

SOURCE = "seatrial.monitoring"
VERDICT_DETAIL_TYPE = "Seatrial Monitoring Verdict"
VERDICT_VERSION = "1.1"

EXPLANATION_DETAIL_TYPE = "Seatrial Explanation Verdict"
EXPLANATION_VERSION = "1.0"

RECONCILIATION = "Reconciliation"
"""In the detail of the event with which the schedule starts a promotion: true where nobody has asked for it."""

Verdict = Literal["ok", "drift", "quality_loss", "insufficient_data", "missing_data", "schema_violation"]
Severity = Literal["none", "ticket", "page"]
FindingKind = Literal[
    "input_drift",
    "prediction_drift",
    "quality_loss",
    "completeness",
    "data_type",
    "missing_column",
    "extra_column",
    "renamed_column",
    "reordered_column",
    "domain",
    "range",
    "uniqueness",
    "freshness",
    "label_join",
    "estimated_quality_loss",
]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One reason for a verdict: what was compared, the numbers, and the sentence an operator reads."""

    kind: FindingKind
    feature: str | None
    statistic: str
    value: float
    threshold: float
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """A feature's part in a root cause: its share of the whole, and the range or category that changed most."""

    feature: str
    share: float
    segment: str
    baseline_share: float
    window_share: float


@dataclass(frozen=True, kw_only=True)
class RootCause:
    """Why the verdict: features by contribution, the part of the rows in which it happens (None for everywhere).

    `began_at` is the estimated beginning, ISO 8601 UTC.
    """

    features: tuple[Contribution, ...]
    segment: str | None
    began_at: str | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class MonitoringVerdict:
    """Detail of the verdict event, one for every window evaluated (also the quiet ones).

    `window_start` and `window_end` are ISO 8601 UTC; `incident_id` names the incident that is open after this
    window, None when none is. `revision` counts from 1: late files give a window another result with the next number.
    `sampled_share` is the share of the requests that was read, `label_coverage` that of the window's requests whose
    label is known (None while none is), `estimated_auc` what is estimated without labels (None when it cannot be).
    """

    endpoint_name: str
    variant_name: str
    model_package_arn: str
    window_start: str
    window_end: str
    verdict: Verdict
    severity: Severity
    rows: int
    labelled_rows: int
    sentence: str
    incident_id: str | None = None
    incident_state: Literal["none", "opened", "ongoing", "cleared"] = "none"
    report_uri: str | None = None
    violations_uri: str | None = None
    findings: tuple[Finding, ...] = field(default=())
    root_cause: RootCause | None = None
    revision: int = 1
    sampled_share: float = 1.0
    unreadable: int = 0
    partial: bool = False
    label_coverage: float | None = None
    estimated_auc: float | None = None
    version: str = VERDICT_VERSION

    def to_detail(self) -> dict[str, Any]:
        """The event's `detail`, JSON-ready (snake_case keys as the fields above)."""
        return asdict(self)

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> "MonitoringVerdict":
        """Read an event's `detail`; fields of later minor versions are passed over.

        Raises `TypeError` when fields are missing, or when the major version is another one.
        """
        version = str(detail.get("version", VERDICT_VERSION))
        if version.partition(".")[0] != VERDICT_VERSION.partition(".")[0]:
            raise TypeError(f"version must be {VERDICT_VERSION} or another of the same major number, got {version!r}")
        known = _known(cls, detail)
        cause = detail.get("root_cause")
        known["findings"] = tuple(Finding(**_known(Finding, finding)) for finding in detail.get("findings", ()))
        known["root_cause"] = _root_cause(cause) if cause else None
        return cls(**known)


@dataclass(frozen=True, kw_only=True)
class ExplanationVerdict:
    """Detail of the event that tells whether a model still explains its answers as at validation, and is as fair.

    `period_start` and `period_end` are ISO 8601 UTC. `ndcg` compares the attributions' order with the baseline's (None
    where rows are too few), `bias` holds a sentence for each metric that is farther from fair. `failed` means that
    nothing could be looked at; the sentence says why.
    """

    endpoint_name: str
    variant_name: str
    model_package_arn: str
    period_start: str
    period_end: str
    verdict: Literal["ok", "explainability_drift", "bias_drift", "insufficient_data", "failed"]
    severity: Literal["none", "ticket"]
    sentence: str
    rows: int = 0
    labelled_rows: int = 0
    ndcg: float | None = None
    bias: tuple[str, ...] = ()
    analysis_uri: str | None = None
    violations_uri: str | None = None
    version: str = EXPLANATION_VERSION

    def to_detail(self) -> dict[str, Any]:
        """The event's `detail`, JSON-ready."""
        return asdict(self)


def _known(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def _root_cause(data: Mapping[str, Any]) -> RootCause:
    known = _known(RootCause, data)
    known["features"] = tuple(Contribution(**_known(Contribution, item)) for item in data["features"])
    return RootCause(**known)
