"""Gathers what a rehearsal saw into the record its report is made of; run while the cloud is still up."""

from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version
from typing import Any

from seatrial.rehearsal import data_layer, training
from seatrial.rehearsal import record as facts
from seatrial.rehearsal.cross_validation import cross_validate
from seatrial.rehearsal.progress import StageLine
from seatrial.rehearsal.voyage import PipelineRun, Promotion, RehearsalError, Sighting, Voyage, Window

FIGURES = (
    ("auc", "ROC AUC", True),
    ("pr_auc", "PR AUC", True),
    ("log_loss", "log loss", False),
    ("brier", "Brier", False),
)
SOFTWARE = (
    "aws-cdk-lib",
    "moto",
    "boto3",
    "pyspark",
    "xgboost-cpu",
    "scikit-learn",
    "sagemaker-training",
    "sagemaker-inference",
)
OWN_PIPELINE_MONITORED = facts.NotProven(
    subject="Monitoring and retraining of your pipeline's models",
    why="they depend on the baseline that the pipeline registers and on traffic that the rehearsal cannot know",
    how_to_prove="send requests to the endpoint in `seatrial cloud` or in the dev account and read the dashboard",
)
OWN_PIPELINE_PROMOTED = facts.NotProven(
    subject="Promotion of your pipeline's models",
    why="the pipeline registered no model package in the engagement's group",
    how_to_prove="add a step that registers one, as docs/examples does, and rehearse again",
)
SCENARIO_TITLES = {
    "covariate": "covariate shift",
    "prior": "prior shift",
    "broken_feed": "broken upstream feed",
    "concept": "concept shift",
}


def figures_of(voyage: Voyage, package_arn: str) -> tuple[facts.Metric, ...]:
    """The evaluation's figures of a package and, where there was one, of the champion on the same rows."""
    evaluation = training.evaluation_of(voyage, package_arn)
    number = package_arn.rpartition("/")[2]
    rows = evaluation.get("rows")
    mine = _metrics(evaluation, f"version {number}", rows)
    champion = evaluation.get("champion")
    return mine + (_metrics(champion, f"champion beside version {number}", rows) if champion else ())


def _metrics(figures: dict[str, Any], subject: str, rows: int | None) -> tuple[facts.Metric, ...]:
    return tuple(
        facts.Metric(
            name=title,
            subject=subject,
            interval=facts.Interval(figures[key], figures.get(f"{key}_low"), figures.get(f"{key}_high")),
            on="test rows",
            rows=rows,
            higher_is_better=higher,
        )
        for key, title, higher in FIGURES
        if figures.get(key) is not None
    )


def decisions_of(voyage: Voyage) -> tuple[facts.DecisionRecord, ...]:
    """The ledger, oldest first."""
    items = voyage.aws.items(voyage.outputs["LedgerTableName"])
    items = [item for item in items if item["sk"].startswith("decision#")]
    records = [
        facts.DecisionRecord(
            time=_time(item["time"]),
            kind=item.get("kind", "retraining"),
            trigger=item.get("trigger", ""),
            action=item["action"],
            reason=item["reason"],
            execution=item.get("execution_arn") or None,
        )
        for item in items
    ]
    return tuple(sorted(records, key=lambda one: one.time))


def read_ledger(voyage: Voyage) -> str:
    """Keep the ledger's decisions and each package's figures before the stacks are destroyed."""
    voyage.decisions = list(decisions_of(voyage))
    for package in [promotion.package_arn for promotion in voyage.promotions if promotion.outcome == "SUCCEEDED"]:
        voyage.metrics += figures_of(voyage, package)
    refused = sum(decision.action != "start" for decision in voyage.decisions)
    count = len(voyage.decisions)
    return f"{count} decision{'' if count == 1 else 's'}, {refused} of them no"


def execution_of(voyage: Voyage, run: PipelineRun) -> facts.ExecutionRecord:
    """One pipeline execution with its steps; process seconds from the jobs' own processes."""
    steps = voyage.aws.steps(run.arn)
    jobs = {entry["name"]: entry.get("seconds") for entry in voyage.cloud.journal.entries("job")}
    begins = [step["StartTime"] for step in steps if "StartTime" in step]
    return facts.ExecutionRecord(
        name=run.arn.rpartition("/")[2],
        trigger=run.reason,
        started=run.started,
        status=run.status,
        real_seconds=run.seconds,
        steps=tuple(_step(step, jobs, min(begins)) for step in steps),
        version=int(run.package_arn.rpartition("/")[2]) if run.package_arn else None,
    )


def _step(step: dict[str, Any], jobs: dict[str, float | None], first: datetime) -> facts.StepRecord:
    kind, details = next(iter(step.get("Metadata", {}).items()), ("", {}))
    job = str(details.get("Arn", "")).rpartition("/")[2] if isinstance(details, dict) else ""
    start, end = step.get("StartTime"), step.get("EndTime")
    return facts.StepRecord(
        name=step["StepName"],
        type=kind,
        status=step["StepStatus"],
        real_seconds=(end - start).total_seconds() if start and end else None,
        process_seconds=jobs.get(job),
        started_seconds=(start - first).total_seconds() if start else None,
    )


def windows_of(windows: list[Window]) -> tuple[facts.WindowRecord, ...]:
    """Each monitored hour with its two sequential statistics, as shares of what an alarm needs."""
    return tuple(_window(window) for window in windows)


def _window(window: Window) -> facts.WindowRecord:
    verdict = window.verdict
    statistics = (
        facts.Statistic(name="input drift", value=verdict.get("drift_statistic"), threshold=1.0),
        facts.Statistic(name="quality loss", value=verdict.get("quality_loss_statistic"), threshold=1.0),
    )
    return facts.WindowRecord(
        start=window.start,
        stretch=window.stretch,
        verdict=verdict["verdict"],
        severity=verdict["severity"],
        rows=verdict["rows"],
        labelled_rows=verdict["labelled_rows"],
        sentence=verdict["sentence"],
        statistics=statistics,
        incident_id=verdict["incident_id"],
    )


def sighting_of(sighting: Sighting) -> facts.SightingRecord:
    """One scenario: injected, detected, told as what."""
    return facts.SightingRecord(
        scenario=sighting.scenario,
        title=SCENARIO_TITLES[sighting.scenario],
        expected=sighting.expected,
        injected=sighting.injected,
        detected=sighting.detected,
        told_as=sighting.verdict,
        sentence=sighting.sentence,
        windows=sighting.windows,
    )


def versions_of(promotions: list[Promotion], last: datetime) -> tuple[facts.VersionRecord, ...]:
    """What the endpoint served over time: each version's canary, its service, its roll back."""
    found: list[facts.VersionRecord] = []
    passed = [promotion for promotion in promotions if promotion.outcome == "SUCCEEDED"]
    for promotion in promotions:
        served = promotion in passed
        canary = facts.VersionRecord(
            version=promotion.version,
            state=("canary" if found else "created") if served else "rolled back",
            start=promotion.started,
            end=promotion.finished,
            package_arn=promotion.package_arn,
            reason=promotion.reason,
        )
        found.append(canary)
        if served:
            later = [other.finished for other in passed if other.finished > promotion.finished]
            end = later[0] if later else last
            found.append(
                facts.VersionRecord(
                    version=promotion.version,
                    state="serving",
                    start=promotion.finished,
                    end=end,
                    package_arn=promotion.package_arn,
                )
            )
    return tuple(found)


def cross_validated(voyage: Voyage) -> str | None:
    """The honest figure of a customer's table: the engagement's model and a logistic regression on the same folds."""
    table = voyage.sets.customer_table
    if table is None:
        return None
    training_settings = voyage.engagement.training
    hyperparameters = {name: str(value) for name, value in training_settings.hyperparameters.items()}
    try:
        found = cross_validate(
            table, voyage.sets.spec, training_settings.algorithm, hyperparameters, voyage.options.seed
        )
    except ValueError as error:
        raise RehearsalError(f"training.hyperparameters: {error}") from error
    voyage.cross_validation = found
    return f"ROC AUC {_interval(found.model.auc)}, logistic regression {_interval(found.reference.auc)}"


def _interval(interval: facts.Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def time_parts(voyage: Voyage) -> tuple[facts.TimePart, ...]:
    """Where real time went: inside the stages' own processes (jobs, functions, models), and by stage outside of them.

    A moment in which processes of two kinds worked counts for the first of them.
    """
    own: list[facts.TimePart] = []
    outside: list[facts.TimePart] = []
    for stage in voyage.progress.stages:
        begin = stage.started - voyage.progress.began
        spans: list[tuple[float, float]] = []
        covered = 0.0
        for kind, worked in _own_processes(voyage).items():
            spans += worked
            before, covered = covered, _covered(spans, begin, begin + stage.seconds)
            own.append(facts.TimePart(name=f"{stage.title}: {kind}", seconds=covered - before, own_process=True))
        outside.append(facts.TimePart(name=stage.title, seconds=max(0.0, stage.seconds - covered), own_process=False))
    return (*(part for part in own if part.seconds), *outside)


def _own_processes(voyage: Voyage) -> dict[str, list[tuple[float, float]]]:
    """When code of the engagement worked in processes of its own, by kind; seconds since the rehearsal's start."""
    journal, offset = voyage.cloud.journal, voyage.cloud_began
    ended = {
        kind: [
            (each["elapsed"] + offset, each["seconds"] + each.get("init_seconds", 0.0))
            for each in journal.entries(entry)
            if "seconds" in each
        ]
        for kind, entry in (("jobs", "job"), ("functions", "function"))
    }
    spans = {kind: [(end - seconds, end) for end, seconds in found] for kind, found in ended.items()}
    return {**spans, "models": [(begin + offset, end + offset) for begin, end in journal.spans("model")]}


def _covered(spans: list[tuple[float, float]], begin: float, end: float) -> float:
    """Seconds of [begin, end] that lie in at least one span.

    >>> _covered([(0, 2), (1, 3), (5, 9)], 1, 6)
    3.0
    """
    total, reached = 0.0, begin
    for first, last in sorted(spans):
        if (stop := min(last, end)) > (start := max(first, reached)):
            total, reached = total + stop - start, stop
    return total


def fidelity_of(voyage: Voyage) -> tuple[facts.FidelityRecord, ...]:
    """How each thing ran."""
    entries = voyage.cloud.journal.entries("fidelity")
    return tuple(
        facts.FidelityRecord(subject=entry["subject"], how=entry["how"], detail=entry["detail"]) for entry in entries
    )


def versions_used() -> tuple[tuple[str, str], ...]:
    """Versions of the software that matters."""
    return (("Python", python_version()), *((name, version(name)) for name in SOFTWARE))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def gather(voyage: Voyage) -> dict[str, Any]:
    """What only the running cloud can tell; parts that the rehearsal did not reach stay out."""
    found: dict[str, Any] = {}
    if hasattr(voyage, "cloud"):
        found["fidelity"] = fidelity_of(voyage)
        found["cloud_end"] = voyage.now
        found["executions"] = tuple(execution_of(voyage, run) for run in voyage.runs)
        found["versions"] = versions_of(voyage.promotions, voyage.now)
        found["time_parts"] = time_parts(voyage)
    return found


def record(voyage: Voyage, outcome: facts.Outcome, began: datetime, gathered: dict[str, Any]) -> facts.RunRecord:
    """The whole record."""
    options, target = voyage.options, voyage.engagement.environments[voyage.options.environment]
    return facts.RunRecord(
        outcome=outcome,
        reasons=tuple(reasons_of(voyage)),
        engagement=f"{voyage.engagement.name} ({options.engagement.name})",
        environment=f"{options.environment} (account {target.account}, {target.region})",
        seed=options.seed,
        dataset=_dataset(voyage),
        began=began,
        real_seconds=voyage.progress.elapsed,
        cloud_start=voyage.cloud_start,
        requests=voyage.requests or None,
        failed_requests=voyage.failed_requests if voyage.requests else None,
        stages=stages_of(voyage),
        metrics=tuple(voyage.metrics),
        cross_validation=voyage.cross_validation,
        windows=windows_of(voyage.windows),
        sightings=tuple(sighting_of(sighting) for sighting in voyage.sightings),
        decisions=tuple(voyage.decisions),
        not_proven=_not_proven(voyage),
        leak_check=voyage.leak_check,
        data=data_layer.data_record(voyage.layer) if hasattr(voyage, "layer") else None,
        versions_used=versions_used(),
        **gathered,
    )


def _not_proven(voyage: Voyage) -> tuple[facts.NotProven, ...]:
    if voyage.data or voyage.options.with_data:
        return facts.NOT_PROVEN_OFFLINE
    promoted = () if voyage.promotions else (OWN_PIPELINE_PROMOTED,)
    return (*promoted, OWN_PIPELINE_MONITORED, *facts.NOT_PROVEN_OFFLINE)


def _dataset(voyage: Voyage) -> str:
    options = voyage.options
    if options.with_data:
        return f"a generated operator, {options.subscribers:,} subscribers, {options.days} days"
    if voyage.data is None:
        return f"files of {voyage.options.files}" if voyage.options.files else "none of the rehearsal's"
    return voyage.options.data.name if voyage.options.data else f"generated {voyage.data.spec.kind} data"


def reasons_of(voyage: Voyage) -> list[str]:
    """Sentences for the verdict: what failed, or what each proving stage showed."""
    failed = [f"{stage.title}: {stage.detail}" for stage in voyage.progress.stages if stage.status == "failed"]
    proving = {"train", "scenarios", "concept", "retrain", "canary", "rollback", "destroy"}
    proving |= data_layer.PROVING
    shown = [f"{stage.title}: {stage.detail}" for stage in voyage.progress.stages if stage.name in proving]
    return failed or shown or ["no stage ran"]


def stages_of(voyage: Voyage) -> tuple[facts.StageRecord, ...]:
    """Every stage that began, and those that were not reached."""
    begun = {stage.name for stage in voyage.progress.stages}
    missed = ((name, title) for name, title in voyage.plan if name not in begun)
    not_run = (facts.StageRecord(name=name, title=title, status="not run") for name, title in missed)
    return tuple(_stage(stage, voyage) for stage in voyage.progress.stages) + tuple(not_run)


def _stage(stage: StageLine, voyage: Voyage) -> facts.StageRecord:
    cloud_start, cloud_end = voyage.cloud_times.get(stage.name, (None, None))
    return facts.StageRecord(
        name=stage.name,
        title=stage.title,
        status=stage.status or "not run",
        started_seconds=stage.started - voyage.progress.began,
        real_seconds=stage.seconds,
        cpu_seconds=stage.cpu_seconds,
        cloud_start=cloud_start,
        cloud_end=cloud_end,
        detail=stage.detail,
    )
