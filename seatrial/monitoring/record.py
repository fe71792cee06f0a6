"""What the report tells: plain data made of judged windows, so that pages, tables and JSON say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from seatrial.contracts.events import Finding, RootCause, Severity, Verdict


@dataclass(frozen=True, kw_only=True)
class WindowRecord:
    """One window; `drift` and `quality` are log evidence as a multiple of what an alarm needs, None where not judged.

    `leading` are the features with the strongest evidence: (name, multiple).
    """

    name: str
    start: datetime | None
    verdict: Verdict
    severity: Severity
    sentence: str
    incident_id: str | None
    incident_state: str
    rows: int
    labelled_rows: int
    unreadable: int
    files: int
    drift: float | None
    quality: float | None
    findings: tuple[Finding, ...]
    root_cause: RootCause | None
    leading: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class IncidentRecord:
    """One alarm from its opening to its end; `cleared_at` is None while it is open."""

    id: str
    condition: str
    severity: Severity
    opened_at: str
    cleared_at: str | None
    windows: int
    sentence: str
    root_cause: RootCause | None


@dataclass(frozen=True, kw_only=True)
class FeatureRecord:
    """One distribution beside its baseline, over the stretch of windows that shows the difference best.

    `shares` and `baseline_shares` are those of the cells, the last for missing and invalid values; `evidence` is the
    highest multiple of what an alarm needs. `since` and `until` name the stretch.
    """

    name: str
    kind: str
    drifted: bool
    evidence: float
    effect: float
    population_stability_index: float
    jensen_shannon_distance: float
    rows: int
    since: str
    until: str
    cells: tuple[str, ...]
    baseline_shares: tuple[float, ...]
    shares: tuple[float, ...]
    baseline_mean: float | None
    mean: float | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of the data could be judged."""

    windows: int
    judged_windows: int
    empty_windows: int
    files: int
    rows: int
    rows_of_other_width: int
    predictions: int
    unreadable: int
    repeated: int
    reasons: Mapping[str, int]
    labelled_rows: int
    unmatched_labels: int

    @property
    def label_share(self) -> float | None:
        """Share of the predictions whose labels are known, None without predictions."""
        return self.labelled_rows / self.predictions if self.predictions else None


@dataclass(frozen=True, kw_only=True)
class BaselineRecord:
    """The baseline as the report names it."""

    place: str
    origin: str
    digest: str
    package_arn: str | None
    rows: int
    features: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class QualityRecord:
    """Labelled performance over all windows beside the baseline's; means of Brier loss, AUC as 1 - misordered pairs."""

    rows: int
    brier: float
    baseline_brier: float
    auc: float | None
    baseline_auc: float | None


@dataclass(frozen=True, kw_only=True)
class EstimateRecord:
    """Performance estimated without labels in the last window where it could be; `low` and `high` are 95 %."""

    window: str
    method: str
    auc: float
    low: float
    high: float
    reference: float
    problems: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, kw_only=True)
class MonitorReport:
    """Everything that one run of the command found."""

    made_at: datetime
    window: str
    kind: str
    start: str | None
    end: str | None
    baseline: BaselineRecord
    alarm_budget_per_year: float
    minimum_effect: float
    minimum_rows: int
    windows: tuple[WindowRecord, ...]
    incidents: tuple[IncidentRecord, ...]
    features: tuple[FeatureRecord, ...]
    coverage: Coverage
    quality: QualityRecord | None
    estimate: EstimateRecord | None
    headline: str
    meaning: tuple[str, ...]

    @property
    def alarmed(self) -> bool:
        """Whether any window told of something that a person should look at."""
        return any(window.severity != "none" for window in self.windows)

    @property
    def severity(self) -> Severity:
        """The highest severity of any window."""
        order: Sequence[Severity] = ("none", "ticket", "page")
        return max((window.severity for window in self.windows), key=order.index, default="none")
