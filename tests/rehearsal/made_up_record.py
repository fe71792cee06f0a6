"""A made-up but complete rehearsal record, for the tests of the report and for looking at it."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from seatrial.rehearsal.record import (
    NOT_PROVEN_OFFLINE,
    CrossValidation,
    DecisionRecord,
    ExecutionRecord,
    FidelityRecord,
    Interval,
    LeakCheck,
    Metric,
    ModelScore,
    RunRecord,
    SightingRecord,
    StageRecord,
    Statistic,
    StepRecord,
    TimePart,
    VersionRecord,
    WindowRecord,
)

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
ARN = "arn:aws:sagemaker:eu-central-1:111111111111"
STAGES = (
    ("synth", "synthesize the stacks", 9.1),
    ("cloud", "start the offline cloud", 1.9),
    ("deploy", "deploy the stacks", 24.4),
    ("ingest", "land the history", 2.2),
    ("train", "run the pipeline", 71.5),
    ("promote", "approve and promote", 13.8),
    ("features", "features of live data", 26.3),
    ("quiet", "quiet traffic", 14.0),
    ("scenarios", "drift in the inputs", 48.2),
    ("concept", "concept shift", 21.7),
    ("retrain", "retrain, challenge", 66.9),
    ("canary", "canary of the challenger", 12.1),
    ("rollback", "a bad model", 15.3),
    ("destroy", "destroy, look for leaks", 11.6),
)
# stretch, hours, hours until detection, verdict, severity, growth of the input and of the loss statistic
STRETCHES = (
    ("quiet", 9, None, "ok", "none", 0, 0),
    ("covariate", 2, 1, "drift", "ticket", 9, 0.1),
    ("quiet", 5, None, "ok", "none", 0, 0),
    ("prior", 4, 3, "drift", "ticket", 0.5, 0.5),
    ("quiet", 6, None, "ok", "none", 0, 0),
    ("broken_feed", 2, 1, "schema_violation", "ticket", 40, 0),
    ("quiet", 6, None, "ok", "none", 0, 0),
    ("concept", 6, 5, "quality_loss", "page", 0, 0.8),
    ("concept", 3, None, "quality_loss", "page", 0, 1.2),
    ("quiet", 4, None, "ok", "none", 0, 0),
)
TITLES = {
    "covariate": "covariate shift",
    "prior": "prior shift",
    "broken_feed": "broken upstream feed",
    "concept": "concept shift",
}


def made_up_record() -> RunRecord:
    """A rehearsal that passed."""
    windows, sightings = _windows()
    end = windows[-1].start + timedelta(hours=2)
    return RunRecord(
        outcome="passed",
        reasons=(
            "every drift scenario was told as what it is, the challenger replaced the champion, a bad one rolled back",
            "no false alarm in 9 quiet windows before the first scenario",
            "nothing was left behind after destroying 7 stacks",
        ),
        engagement="telecom-churn",
        environment="dev",
        seed=7,
        dataset="generated telecom, 4,000 subscribers",
        began=datetime(2026, 11, 22, 3, 10, tzinfo=UTC),
        real_seconds=sum(seconds for _, _, seconds in STAGES),
        cloud_start=START,
        cloud_end=end,
        requests=7520,
        failed_requests=3,
        stages=_stages(),
        metrics=_metrics(),
        cross_validation=CrossValidation(
            7043,
            0,
            0.2654,
            ModelScore("xgboost", Interval(0.8482, 0.8385, 0.8578), (0.8486, 0.8359, 0.8539, 0.8491, 0.8535)),
            ModelScore(
                "logistic regression", Interval(0.8449, 0.8351, 0.8547), (0.8448, 0.8352, 0.8482, 0.8488, 0.8474)
            ),
            Interval(0.0033, 0.0001, 0.0065),
        ),
        windows=windows,
        sightings=sightings,
        decisions=_decisions(sightings),
        versions=(
            VersionRecord(
                version=1,
                state="serving",
                start=START,
                end=START + timedelta(hours=45),
                package_arn=f"{ARN}:model-package/telecom-churn-dev/1",
                reason="first model, approved by hand",
            ),
            VersionRecord(
                version=2,
                state="canary",
                start=START + timedelta(hours=45),
                end=START + timedelta(hours=46),
                reason="50 % of the traffic",
            ),
            VersionRecord(
                version=2, state="serving", start=START + timedelta(hours=46), reason="no alarm in 10 minutes"
            ),
            VersionRecord(
                version=3,
                state="rolled back",
                start=START + timedelta(hours=46, minutes=50),
                end=START + timedelta(hours=47),
                reason="5xx alarm during the canary",
            ),
        ),
        executions=(
            _execution("manual-first", "manual", START, 1),
            _execution("quality-loss-2026-11-04", "quality_loss", START + timedelta(hours=40), 2),
        ),
        time_parts=(
            TimePart(name="pipeline steps", seconds=121.0, own_process=True),
            TimePart(name="endpoint and functions", seconds=96.0, own_process=True),
            TimePart(name="synth", seconds=9.1, own_process=True),
            TimePart(name="engine and API", seconds=61.0, own_process=False),
            TimePart(name="waiting", seconds=34.0, own_process=False),
            TimePart(name="data", seconds=17.9, own_process=False),
        ),
        fidelity=(
            FidelityRecord(
                subject="training container contract",
                how="aws-code",
                detail="sagemaker-training 5.1.4 ran train.py under /opt/ml",
            ),
            FidelityRecord(
                subject="Lambda handlers",
                how="real",
                detail="the very zip that would be deployed, Python 3.11 instead of 3.13",
            ),
            FidelityRecord(subject="xgboost", how="version", detail="3.2.0 here, 1.7-1 in the image"),
            FidelityRecord(
                subject="CloudFormation", how="emulated", detail="seatrial's engine; property schemas are AWS's"
            ),
        ),
        not_proven=NOT_PROVEN_OFFLINE,
        leak_check=LeakCheck(leftovers=(), retained=("s3://telecom-churn-dev-lake-raw", "kms key of the lake")),
        versions_used=(("Python", "3.11.9"), ("aws-cdk-lib", "2.275.0"), ("moto", "5.2.5")),
    )


def failed_record() -> RunRecord:
    """A rehearsal that failed early: most things were not measured."""
    record = made_up_record()
    stages = tuple(
        replace(stage, status="failed", detail="telecom-churn-dev-training: PipelineDefinition is wrong")
        if index == 2
        else replace(
            stage,
            status="not run",
            real_seconds=None,
            started_seconds=None,
            cloud_start=None,
            cloud_end=None,
            detail="",
        )
        if index > 2
        else stage
        for index, stage in enumerate(record.stages)
    )
    return RunRecord(
        outcome="failed",
        reasons=("deploy the stacks: stack telecom-churn-dev-training rolled back <b>& said why</b>",),
        engagement=record.engagement,
        environment="dev",
        seed=7,
        dataset=record.dataset,
        began=record.began,
        real_seconds=35.4,
        stages=stages,
    )


def _stages() -> tuple[StageRecord, ...]:
    stages, elapsed = [], 0.0
    for index, (name, title, seconds) in enumerate(STAGES):
        cloud = START + timedelta(hours=3 * index)
        stages.append(
            StageRecord(
                name=name,
                title=title,
                status="passed",
                started_seconds=elapsed,
                real_seconds=seconds,
                cloud_start=cloud,
                cloud_end=cloud + timedelta(hours=3),
                detail=f"{title}: as it should be",
            )
        )
        elapsed += seconds
    return tuple(stages)


def _windows() -> tuple[tuple[WindowRecord, ...], tuple[SightingRecord, ...]]:
    windows: list[WindowRecord] = []
    sightings = []
    for stretch, hours, until, verdict, severity, inputs, loss in STRETCHES:
        begin = START + timedelta(hours=len(windows))
        for hour in range(hours):
            alarming = severity != "none" and (until is None or hour + 1 >= until)
            wave = 0.35 + 0.2 * math.sin(len(windows) * 1.7)
            rows = 22 if len(windows) == 4 else 160
            windows.append(
                WindowRecord(
                    start=START + timedelta(hours=len(windows)),
                    stretch=stretch,
                    rows=rows,
                    labelled_rows=None if len(windows) < 2 else 154,
                    verdict="insufficient_data" if rows < 50 else verdict if alarming else "ok",
                    severity=severity if alarming else "none",
                    sentence=f"{TITLES.get(stretch, stretch)}: 3 of 28 features moved" if alarming else "",
                    statistics=()
                    if rows < 50
                    else (
                        Statistic(
                            name="input drift",
                            value=3 * (wave + inputs * (hour + 1) / 2),
                            threshold=3.0,
                            feature="data_mb",
                        ),
                        Statistic(
                            name="quality loss",
                            value=None if len(windows) < 2 else 12 * (wave * 0.6 + loss * (hour + 1) / 3),
                            threshold=12.0,
                        ),
                    ),
                )
            )
        if until:
            told = begin + timedelta(hours=until - 1)
            sightings.append(
                SightingRecord(
                    scenario=stretch,
                    title=TITLES[stretch],
                    expected=(verdict,),
                    injected=begin,
                    detected=told,
                    told_as=verdict,
                    windows=until,
                    sentence="data_mb: distribution moved by 0.31 (threshold 0.12); 3 of 28 features moved",
                )
            )
    return tuple(windows), tuple(sightings)


def _metrics() -> tuple[Metric, ...]:
    return (
        Metric(
            name="ROC AUC",
            subject="champion v1",
            on="holdout of the history",
            interval=Interval(0.809, 0.772, 0.846),
            rows=800,
        ),
        Metric(
            name="ROC AUC",
            subject="champion v1",
            on="holdout after the shift",
            interval=Interval(0.291, 0.246, 0.336),
            rows=800,
        ),
        Metric(
            name="ROC AUC",
            subject="challenger v2",
            on="holdout after the shift",
            interval=Interval(0.796, 0.757, 0.835),
            rows=800,
        ),
        Metric(name="ROC AUC", subject="bad model v3", on="holdout after the shift", interval=Interval(None)),
        Metric(
            name="log loss",
            subject="champion v1",
            on="holdout of the history",
            interval=Interval(0.31),
            rows=800,
            higher_is_better=False,
        ),
    )


def _decisions(sightings: tuple[SightingRecord, ...]) -> tuple[DecisionRecord, ...]:
    found = {sighting.scenario: sighting.detected or sighting.injected for sighting in sightings}
    return (
        DecisionRecord(
            time=START,
            kind="retraining",
            trigger="manual",
            action="start",
            reason="asked by hand: first model",
            execution=f"{ARN}:pipeline/telecom-churn-dev/execution/0a1b2c",
        ),
        DecisionRecord(
            time=found["covariate"],
            kind="retraining",
            trigger="drift",
            action="skip",
            reason="input drift alone makes a ticket: retraining.triggers does not hold drift",
        ),
        DecisionRecord(
            time=found["broken_feed"],
            kind="retraining",
            trigger="schema_violation",
            action="refuse",
            reason="data is broken: retraining on it would teach the fault",
        ),
        DecisionRecord(
            time=found["concept"],
            kind="retraining",
            trigger="quality_loss",
            action="start",
            reason="log loss 0.31 -> 0.74 on 770 labelled rows; no run in flight, budget 1 of 1 a day",
        ),
    )


def _execution(name: str, trigger: str, started: datetime, version: int) -> ExecutionRecord:
    plan = (
        ("Features", "Processing", 23.0, 19.5),
        ("QualityGate", "Condition", 0.1, None),
        ("Train", "Training", 9.4, 7.0),
        ("Evaluate", "Processing", 7.7, 5.8),
        ("Baseline", "Processing", 8.0, 6.3),
        ("Accept", "Condition", 0.1, None),
        ("Register", "RegisterModel", 0.4, None),
    )
    steps, elapsed = [], 0.0
    for step, kind, seconds, process in plan:
        steps.append(
            StepRecord(
                name=step,
                type=kind,
                status="Succeeded",
                real_seconds=seconds,
                process_seconds=process,
                started_seconds=elapsed,
            )
        )
        elapsed += seconds
    return ExecutionRecord(
        name=name,
        trigger=trigger,
        started=started,
        status="Succeeded",
        real_seconds=elapsed,
        steps=tuple(steps),
        version=version,
    )
