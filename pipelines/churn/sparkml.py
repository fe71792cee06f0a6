"""The training step of SparkML's algorithms: a job run on EMR Serverless that leaves an artifact as other steps do."""

from typing import Any

from pipelines.churn.requests import RETRIES, execution_uri
from pipelines.churn.settings import ChurnSettings, SparkTraining
from seatrial.pipeline import EmrServerlessStep, Join, ProcessingStep

ALGORITHMS = ("sparkml-logistic", "sparkml-gbt")
_SHARED = ("iterations", "maximum_categories", "rare_below", "seed")
HYPERPARAMETERS = {
    "sparkml-logistic": (*_SHARED, "regularization"),
    "sparkml-gbt": (*_SHARED, "bins", "maximum_depth", "step_size", "subsample"),
}


def check(settings: ChurnSettings) -> None:
    """Raise `ValueError` for what SparkML cannot train."""
    if settings.spark is None:
        raise ValueError(f"training.algorithm: {settings.algorithm!r} trains on EMR Serverless, which is not there")
    if settings.tuning_max_jobs:
        raise ValueError(f"training.tuning.max_jobs: must be 0 with {settings.algorithm!r}, which is not tuned")
    known = HYPERPARAMETERS[settings.algorithm]
    if unknown := sorted(set(settings.hyperparameters) - set(known)):
        raise ValueError(f"training.hyperparameters: {settings.algorithm!r} knows {sorted(known)}, got {unknown}")
    if odd := [name for name in settings.dataset.columns if not name.isidentifier() or name[:1] == "_"]:
        raise ValueError(f"training.dataset.columns: SparkML takes letters, digits and underscores, got {odd}")


def train_on_spark(
    settings: ChurnSettings, spark: SparkTraining, features: ProcessingStep
) -> tuple[EmrServerlessStep, Any]:
    """The step and the URI of model.tar.gz, which nothing but its completion tells of: who reads it depends on it."""
    folder = execution_uri(settings, "model", "spark")
    places = {name: features.output(name) for name in ("train", "validation", "schema")}
    places |= {"code": settings.code.training_source, "model": folder}
    given = {"algorithm": settings.algorithm, **settings.hyperparameters}
    arguments = [part for name, value in places.items() for part in (f"--{name}", value)]
    arguments += [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    arguments += ["--serving-wheels", *spark.serving_wheels] if spark.serving_wheels else []
    submit = {
        "entryPoint": spark.script,
        "entryPointArguments": arguments,
        "sparkSubmitParameters": " ".join(spark.submit_options),
    }
    step = EmrServerlessStep(
        name="Train",
        application_id=spark.application_id,
        role_arn=spark.role_arn,
        arguments={
            "jobDriver": {"sparkSubmit": submit},
            "executionTimeoutMinutes": spark.max_runtime_minutes,
            "name": "sparkml_train",
        },
        retries=RETRIES[:1],
    )
    return step, Join("/", (folder, "model.tar.gz"))
