"""The events of our own on EventBridge, versioned; documented in docs/reference/events.md."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SOURCE = "seatrial.monitoring"
VERDICT_DETAIL_TYPE = "Seatrial Monitoring Verdict"
VERDICT_VERSION = "1.0"

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
class MonitoringVerdict:
    """Detail of the verdict event, one for every window evaluated (also the quiet ones).

    `window_start` and `window_end` are ISO 8601 UTC; `incident_id` names the incident that is open after this
    window, None when none is.
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
    version: str = VERDICT_VERSION

    def to_detail(self) -> dict[str, Any]:
        """The event's `detail`, JSON-ready (snake_case keys as the fields above)."""
        return asdict(self)

    @classmethod
    def from_detail(cls, detail: dict[str, Any]) -> "MonitoringVerdict":
        """Read an event's `detail`; raises `TypeError` on unknown or missing fields."""
        findings = tuple(Finding(**finding) for finding in detail.get("findings", ()))
        fields: dict[str, Any] = {**detail, "findings": findings}
        return cls(**fields)
