"""What the stages of one rehearsal share: the options, the running cloud, what was deployed, what was seen."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from seatrial.config import Engagement
from seatrial.offline.cloud import OfflineCloud
from seatrial.rehearsal.aws import Aws
from seatrial.rehearsal.data import RehearsalData
from seatrial.rehearsal.data_layer_state import DataLayer
from seatrial.rehearsal.deploy import Deployer
from seatrial.rehearsal.endpoint import EndpointClient
from seatrial.rehearsal.progress import Progress
from seatrial.rehearsal.record import CrossValidation, DecisionRecord, LeakCheck, Metric

SUBSCRIBERS, DAYS = 200_000, 30
"""Size of the operator whose data a rehearsal of the data layer moves."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user asked for."""

    engagement: Path
    environment: str = "dev"
    data: Path | None = None
    files: Path | None = None
    """Folder to put into the artifacts bucket before a pipeline of the customer's own starts."""
    report: Path
    as_json: bool = False
    seed: int = 7
    with_data: bool = False
    """Rehearse the data layer instead of the loop of training and serving."""
    subscribers: int = SUBSCRIBERS
    days: int = DAYS


class RehearsalError(Exception):
    """A stage cannot go on; the text is for the user, `log` is the end of the log that shows why."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


@dataclass(frozen=True)
class Window:
    """One monitored hour: when, which stretch its traffic came from, and the monitor's verdict file."""

    start: datetime
    stretch: str
    verdict: dict[str, Any]

    @property
    def alarming(self) -> bool:
        """True when this window told anybody anything."""
        return self.verdict["severity"] != "none"


@dataclass(frozen=True)
class Sighting:
    """A scenario: when it was injected, when (if at all) it was detected, and as what."""

    scenario: str
    expected: tuple[str, ...]
    injected: datetime
    detected: datetime | None
    verdict: str | None
    sentence: str
    windows: int

    @property
    def as_expected(self) -> bool:
        """True when the scenario was told, and told as what it is."""
        return self.verdict in self.expected


@dataclass(frozen=True)
class Promotion:
    """One run of the promotion state machine and what the endpoint served afterwards."""

    package_arn: str
    version: int
    started: datetime
    finished: datetime
    outcome: str
    reason: str
    serving_arn: str | None


@dataclass(frozen=True)
class PipelineRun:
    """One pipeline execution that the rehearsal waited for."""

    arn: str
    started: datetime
    seconds: float
    status: str
    package_arn: str | None
    reason: str


@dataclass
class Voyage:
    """State of one rehearsal; stages fill it from top to bottom."""

    options: Options
    engagement: Engagement
    folder: Path
    progress: Progress
    data: RehearsalData | None
    """None for a pipeline of the customer's own, which brings its data itself."""
    plan: tuple[tuple[str, str], ...] = ()
    """Name and title of every stage of the trial, in order, whether it is reached or not."""
    assembly: Path = field(init=False)
    synth: "subprocess.Popen[bytes]" = field(init=False)
    """Runs while the cloud starts."""
    cloud: OfflineCloud = field(init=False)
    aws: Aws = field(init=False)
    runtime: EndpointClient = field(init=False)
    deployer: Deployer = field(init=False)
    outputs: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, dict[str, str]] = field(default_factory=dict)
    """Outputs by stack id: some names occur in several stacks."""
    layer: DataLayer = field(init=False)
    """Of a rehearsal with data."""
    retraining_arn: str = ""
    """The execution that the retraining policy started."""
    rows: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Per stretch of live traffic: CSV row for the endpoint, label."""
    windows: list[Window] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    promotions: list[Promotion] = field(default_factory=list)
    runs: list[PipelineRun] = field(default_factory=list)
    requests: int = 0
    failed_requests: int = 0
    metrics: list[Metric] = field(default_factory=list)
    decisions: list[DecisionRecord] = field(default_factory=list)
    cross_validation: CrossValidation | None = None
    leak_check: LeakCheck | None = None
    cloud_start: datetime | None = None
    cloud_began: float = 0.0
    """Real seconds from the start of the rehearsal to that of the cloud."""
    cloud_times: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """Per stage: the cloud's time when it began and when it ended."""

    @property
    def sets(self) -> RehearsalData:
        """The rehearsal's data; only stages of the churn pipeline ask for it."""
        if self.data is None:
            raise RehearsalError("this engagement has a pipeline of its own, so there is no generated or given data")
        return self.data

    @property
    def now(self) -> datetime:
        """The cloud's time."""
        return self.cloud.clock.now()

    @property
    def training_bucket(self) -> str:
        """Bucket of the training data and of the pointer to the newest."""
        on_the_lake = self.engagement.training.dataset.kind == "lake"
        return self.outputs["FeaturesBucketName" if on_the_lake else "RawBucketName"]

    @property
    def endpoint(self) -> str:
        """Name of the endpoint."""
        return self.outputs["EndpointName"]

    def wait(self, what: str, done: Callable[[], Any], *, seconds: float, every: float = 0.25) -> Any:
        """Poll in real time until `done` returns something true; raises `RehearsalError` after `seconds`."""
        deadline = self.progress.elapsed + seconds
        while not (result := done()):
            if self.progress.elapsed > deadline:
                raise RehearsalError(f"{what}: not finished after {seconds:.0f} s")
            time.sleep(every)
        return result

    def to_next_hour(self) -> datetime:
        """Move the clock to the next full hour; returns it."""
        hour = self.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        self.advance_to(hour)
        return hour

    def advance_to(self, when: datetime) -> None:
        """Move the clock to `when`; nothing happens when it is past that already."""
        gap = (when - self.now).total_seconds()
        if gap > 0:
            self.cloud.clock.advance(gap)
