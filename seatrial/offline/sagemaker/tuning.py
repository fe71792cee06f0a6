"""Hyperparameter tuning: a random or grid search of training jobs, a few at a time."""

import itertools
import math
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from seatrial.offline.sagemaker import jobs, training
from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.errors import NotEmulatedError, ValidationError
from seatrial.offline.sagemaker.jobs import Job, JobFailedError, JobKind, JobStoppedError
from seatrial.offline.sagemaker.service import Request, Response, Service, present

LINEAR_SCALES = ("Auto", "Linear")


def check(service: Service, request: Request) -> None:
    """Refuse what cannot run."""
    if "TrainingJobDefinition" not in request:
        raise NotEmulatedError("CreateHyperParameterTuningJob: only a single TrainingJobDefinition is emulated")
    training.check(service, {**_training_request(request, "check", {}), "TrainingJobName": "check"})
    objective = request["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
    if objective is None:
        raise ValidationError("HyperParameterTuningJobConfig.HyperParameterTuningJobObjective: required")


def run(service: Service, job: Job) -> None:
    """Run the training jobs and keep the best."""
    config = job.request["HyperParameterTuningJobConfig"]
    service.context.journal.fidelity(
        "hyperparameter tuning", "emulated", f"strategy {config['Strategy']} by a seeded random or grid search"
    )
    limits = config["ResourceLimits"]
    points = list(_points(config, limits.get("MaxNumberOfTrainingJobs", 10)))
    trials: list[Job] = []
    job.facts["trials"] = trials
    with ThreadPoolExecutor(limits.get("MaxParallelTrainingJobs", 1), thread_name_prefix=job.name) as pool:
        list(pool.map(lambda item: _try(service, job, trials, *item), enumerate(points)))
    if job.stop_asked.is_set():
        raise JobStoppedError("the tuning job was stopped")
    if _best(job) is None:
        reasons = sorted({trial.reason or "no objective metric in its log" for trial in trials})
        raise JobFailedError(f"No training job succeeded with an objective metric: {'; '.join(reasons)}")


def _try(service: Service, job: Job, trials: list[Job], index: int, point: dict[str, str]) -> None:
    if job.stop_asked.is_set():
        return
    name = f"{job.name[:40]}-{index + 1:03d}-{job.created:%H%M%S}"
    trial = jobs.submit(service, training.KIND, _training_request(job.request, name, point))
    trials.append(trial)
    while not trial.done.wait(timeout=0.2):
        if job.stop_asked.is_set() and trial.container is not None:
            trial.stop_asked.set()
            trial.container.stop()
    job.seconds += trial.seconds


def _training_request(request: Request, name: str, point: dict[str, str]) -> Request:
    definition = dict(request["TrainingJobDefinition"])
    objective = request["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective", {})
    fixed = definition.pop("StaticHyperParameters", {})
    definition.pop("TuningObjective", None)
    definition.pop("HyperParameterRanges", None)
    definition.pop("DefinitionName", None)
    metric = {"_tuning_objective_metric": objective.get("MetricName", "")}
    return {**definition, "TrainingJobName": name, "HyperParameters": {**fixed, **point, **metric}}


def _points(config: Request, count: int) -> Any:
    ranges = config.get("ParameterRanges", {})
    if config["Strategy"] == "Grid":
        categories = ranges.get("CategoricalParameterRanges", [])
        names = [item["Name"] for item in categories]
        grid = itertools.product(*(item["Values"] for item in categories))
        return (dict(zip(names, values, strict=True)) for values in itertools.islice(grid, count))
    generator = random.Random(config.get("RandomSeed", 0))
    return (_draw(ranges, generator) for _ in range(count))


def _draw(ranges: Request, generator: random.Random) -> dict[str, str]:
    point = {item["Name"]: generator.choice(item["Values"]) for item in ranges.get("CategoricalParameterRanges", ())}
    for item in ranges.get("ContinuousParameterRanges", ()):
        point[item["Name"]] = repr(_scaled(item, generator))
    for item in ranges.get("IntegerParameterRanges", ()):
        point[item["Name"]] = str(round(_scaled(item, generator)))
    return point


def _scaled(item: Request, generator: random.Random) -> float:
    low, high = float(item["MinValue"]), float(item["MaxValue"])
    if item.get("ScalingType", "Auto") in LINEAR_SCALES or low <= 0:
        return generator.uniform(low, high)
    return math.exp(generator.uniform(math.log(low), math.log(high)))


def _objective_value(job: Job, trial: Job) -> float | None:
    name = job.request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    metrics = {item["MetricName"]: item["Value"] for item in trial.facts.get("FinalMetricDataList", ())}
    return metrics.get(name) if trial.status == "Completed" else None


def _best(job: Job) -> Response | None:
    objective = job.request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    sign = 1 if objective["Type"] == "Maximize" else -1
    scored = [(value, t) for t in job.facts.get("trials", ()) if (value := _objective_value(job, t)) is not None]
    if not scored:
        return None
    value, trial = max(scored, key=lambda pair: sign * pair[0])
    return _trial_summary(job, trial, objective["MetricName"], value)


def _trial_summary(job: Job, trial: Job, metric: str, value: float | None) -> Response:
    scored = None if value is None else {"MetricName": metric, "Value": value}
    fixed = job.request["TrainingJobDefinition"].get("StaticHyperParameters", {})
    given = trial.request["HyperParameters"]
    tuned = {k: v for k, v in given.items() if k not in fixed and not k.startswith("_")}
    return present(
        TrainingJobName=trial.name,
        TrainingJobArn=trial.arn,
        TrainingJobStatus=trial.status,
        CreationTime=trial.created,
        TrainingStartTime=trial.started,
        TrainingEndTime=trial.ended,
        TunedHyperParameters=tuned,
        FailureReason=trial.reason,
        FinalHyperParameterTuningJobObjectiveMetric=scored,
        ObjectiveStatus="Succeeded" if scored else "Pending" if trial.ended is None else "Failed",
    )


def _describe(job: Job) -> Response:
    trials = list(job.facts.get("trials", ()))
    counts = {"Completed": 0, "InProgress": 0, "Failed": 0, "Stopped": 0}
    for trial in trials:
        counts[trial.status if trial.status in counts else "InProgress"] += 1
    scored = sum(_objective_value(job, trial) is not None for trial in trials)
    return {
        "TrainingJobStatusCounters": {
            "Completed": counts["Completed"],
            "InProgress": counts["InProgress"],
            "RetryableError": 0,
            "NonRetryableError": counts["Failed"],
            "Stopped": counts["Stopped"],
        },
        "ObjectiveStatusCounters": {
            "Succeeded": scored,
            "Pending": counts["InProgress"],
            "Failed": counts["Completed"] - scored + counts["Failed"],
        },
        **present(HyperParameterTuningEndTime=job.ended, BestTrainingJob=_best(job)),
    }


def _list_trials(service: Service, request: Request) -> Response:
    job = jobs.find(service, KIND, request)
    metric = job.request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    trials = job.facts.get("trials", ())
    return {"TrainingJobSummaries": [_trial_summary(job, t, metric, _objective_value(job, t)) for t in trials]}


KIND = JobKind(
    name="HyperParameterTuningJob",
    resource="hyper-parameter-tuning-job",
    log_group="/aws/sagemaker/TrainingJobs",
    event="SageMaker HyperParameter Tuning Job State Change",
    check=check,
    run=run,
    describe=_describe,
)
OPERATIONS: dict[str, Operation] = {
    **jobs.operations(KIND),
    "ListTrainingJobsForHyperParameterTuningJob": _list_trials,
}
