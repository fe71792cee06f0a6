"""What a rehearsal hands to its report: a tree of frozen facts (stdlib only).

None means "not measured" everywhere and is shown so; a zero is a measured zero. Times are timezone-aware: `cloud`
times are the offline cloud's, `real_seconds` are the wall clock's.
"""

import math
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Literal

Outcome = Literal["passed", "failed", "interrupted"]
StageStatus = Literal["passed", "failed", "skipped", "not run"]
VersionState = Literal["created", "canary", "serving", "rolled back", "refused", "retired"]
How = Literal["aws-code", "real", "emulated", "not-proven", "version"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval; bounds are None when they were not computed."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ModelScore:
    """ROC AUC of one model: the mean over the folds with its interval, and each fold."""

    name: str
    auc: Interval
    folds: tuple[float, ...]


@dataclass(frozen=True)
class CrossValidation:
    """The engagement's model and a logistic regression on the same folds."""

    rows: int
    repeated_rows: int
    """Rows that share a subscriber with another row, or are equal to one; kept in one fold with it."""
    churn_rate: float
    model: ModelScore
    reference: ModelScore
    difference: Interval
    """Model minus reference."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of a model: `subject` says of which (champion v1, challenger v2), `on` says on what rows."""

    name: str
    subject: str
    interval: Interval
    on: str = ""
    rows: int | None = None
    higher_is_better: bool = True


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """One stage of the rehearsal."""

    name: str
    title: str
    status: StageStatus
    started_seconds: float | None = None
    """Real seconds from the start of the rehearsal."""
    real_seconds: float | None = None
    cpu_seconds: float | None = None
    """Of the rehearsal's process and of those that ended during the stage."""
    cloud_start: datetime | None = None
    cloud_end: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """One monitored statistic in one window and the threshold beyond which it alarms."""

    name: str
    value: float | None
    threshold: float | None
    feature: str | None = None


@dataclass(frozen=True, kw_only=True)
class WindowRecord:
    """One monitored window: what its traffic was, and what the monitor said of it."""

    start: datetime
    stretch: str
    """Name of the traffic that was sent: quiet, covariate, ... The monitor does not know it."""
    verdict: str
    severity: str
    rows: int | None
    labelled_rows: int | None = None
    sentence: str = ""
    statistics: tuple[Statistic, ...] = ()
    incident_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class SightingRecord:
    """A labelled scenario: when it was injected, when (if at all) it was detected, and as what."""

    scenario: str
    title: str
    expected: tuple[str, ...]
    injected: datetime
    detected: datetime | None
    """Start of the first window that alarmed; None when none did."""
    told_as: str | None
    sentence: str
    windows: int
    """Windows evaluated from injection to detection, or to the end of the scenario."""

    @property
    def as_expected(self) -> bool:
        """True when the scenario was told, and told as what it is."""
        return self.detected is not None and self.told_as in self.expected


@dataclass(frozen=True, kw_only=True)
class DecisionRecord:
    """One entry of the ledger of decisions."""

    time: datetime
    kind: str
    """retraining, approval, promotion, roll back, ..."""
    trigger: str
    action: str
    reason: str
    execution: str | None = None


@dataclass(frozen=True, kw_only=True)
class VersionRecord:
    """What the endpoint ran of one model package version, from one moment to the next; `end` None: to the last."""

    version: int
    state: VersionState
    start: datetime
    end: datetime | None = None
    package_arn: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One step of a pipeline execution; `process_seconds` is the time inside its own process."""

    name: str
    type: str
    status: str
    real_seconds: float | None = None
    process_seconds: float | None = None
    started_seconds: float | None = None
    """Real seconds from the start of the execution."""


@dataclass(frozen=True, kw_only=True)
class ExecutionRecord:
    """One pipeline execution."""

    name: str
    trigger: str
    started: datetime
    status: str
    real_seconds: float | None
    steps: tuple[StepRecord, ...] = ()
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class TimePart:
    """Where real time went; `own_process` is true for time inside the steps' own processes.

    Those are the jobs of pipelines, Lambda functions and model servers: the engagement's code, which takes its time
    on AWS too.
    """

    name: str
    seconds: float
    own_process: bool


@dataclass(frozen=True, kw_only=True)
class FidelityRecord:
    """How something ran: AWS's own code, real (the same code as in AWS), emulated, or in another version."""

    subject: str
    how: How
    detail: str


@dataclass(frozen=True, kw_only=True)
class NotProven:
    """What a rehearsal offline cannot show, and how it is shown."""

    subject: str
    why: str
    how_to_prove: str


@dataclass(frozen=True, kw_only=True)
class LeakCheck:
    """What was left after destroying the stacks: `leftovers` are faults, `retained` is kept on purpose."""

    leftovers: tuple[str, ...]
    retained: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """Rows of one source and kind on their way through the data layer, and what became of them."""

    source: str
    kind: str
    generated: int
    landed: int
    read: int
    used: int
    late: int
    duplicate: int
    too_late: int
    quarantined: dict[str, int]
    difference: int


@dataclass(frozen=True, kw_only=True)
class ReconciledCheck:
    """Something that two who do not know of each other have counted or computed."""

    subject: str
    expected: int
    expected_by: str
    found: int
    found_by: str
    difference: int


@dataclass(frozen=True, kw_only=True)
class Movement:
    """Rows that a step of the data layer moved, and how long it took."""

    name: str
    rows: int
    real_seconds: float

    @property
    def rows_a_second(self) -> float | None:
        """None when it took no time to speak of."""
        return self.rows / self.real_seconds if self.real_seconds > 0 else None


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The data layer's part of a rehearsal."""

    period: str
    features_as_of: str
    streamed: int
    streamed_cells: int
    published: int
    """Of the streamed events, those that devices published."""
    reconciliation: tuple[Reconciled, ...] = ()
    checks: tuple[ReconciledCheck, ...] = ()
    movements: tuple[Movement, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One rehearsal, complete."""

    outcome: Outcome
    reasons: tuple[str, ...]
    """Sentences that say why the outcome is what it is; the first is shown beside it."""
    engagement: str
    environment: str
    seed: int
    dataset: str
    began: datetime
    real_seconds: float | None
    cloud_start: datetime | None = None
    cloud_end: datetime | None = None
    requests: int | None = None
    failed_requests: int | None = None
    stages: tuple[StageRecord, ...] = ()
    metrics: tuple[Metric, ...] = ()
    cross_validation: CrossValidation | None = None
    windows: tuple[WindowRecord, ...] = ()
    sightings: tuple[SightingRecord, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()
    versions: tuple[VersionRecord, ...] = ()
    executions: tuple[ExecutionRecord, ...] = ()
    time_parts: tuple[TimePart, ...] = ()
    fidelity: tuple[FidelityRecord, ...] = ()
    not_proven: tuple[NotProven, ...] = ()
    leak_check: LeakCheck | None = None
    data: DataRecord | None = None
    """Of a rehearsal with data."""
    versions_used: tuple[tuple[str, str], ...] = ()
    """Software and its version: Python, aws-cdk-lib, moto, ..."""


NOT_PROVEN_OFFLINE = (
    NotProven(
        subject="IAM enforcement",
        why="the offline cloud does not weigh policies, so a missing permission does not stop a call here",
        how_to_prove="deploy to the dev account and run the pipeline once; look for AccessDenied in CloudTrail",
    ),
    NotProven(
        subject="Trust and resource policies",
        why="who may assume a role or use a key, bucket or topic (aws:SourceAccount, aws:SourceArn, kms:ViaService) is "
        "not weighed offline either",
        how_to_prove="IAM Access Analyzer's findings and the policy simulator on the roles in the dev account",
    ),
    NotProven(
        subject="Container images",
        why="jobs ran with this machine's libraries; AWS's images are named by tag and were not pulled",
        how_to_prove="compare the fidelity report's versions with the images' release notes; pin digests when agreed",
    ),
    NotProven(
        subject="Service quotas",
        why="an account's limits on instances, endpoints and jobs are not known offline",
        how_to_prove="compare the instance types and counts of the engagement with Service Quotas of the account",
    ),
    NotProven(
        subject="Network reachability",
        why="jobs and functions ran on this machine, outside of the VPC, its endpoints and security groups",
        how_to_prove="run the pipeline in the account; VPC Reachability Analyzer from a job's subnet to each endpoint",
    ),
    NotProven(
        subject="Instance capacity and speed",
        why="times here are those of this machine, and capacity errors do not happen",
        how_to_prove="read the durations of the first pipeline execution in the account",
    ),
    NotProven(
        subject="Delivery delays and duplicates of events",
        why="events arrive at once and once; AWS delivers at least once, late and out of order at times",
        how_to_prove="the handlers are tested for it; watch the dead-letter queues in the account",
    ),
    NotProven(
        subject="Labels after real weeks",
        why="the rehearsal delivers labels within hours of its own clock; churn takes weeks to be known",
        how_to_prove="watch the labelled share of each window in the account's dashboard",
    ),
)


def to_json_ready(value: Any) -> Any:
    """Dataclasses as dicts, times as ISO 8601, NaN and infinities as None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json_ready(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (tuple, list)):
        return [to_json_ready(item) for item in value]
    return {str(key): to_json_ready(item) for key, item in value.items()} if isinstance(value, dict) else value
