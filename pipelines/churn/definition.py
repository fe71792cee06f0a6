"""The churn pipeline: features -> quality gate -> train -> baseline and evaluation -> accept -> register."""

from dataclasses import dataclass
from typing import Any

from pipelines.churn.card import model_card
from pipelines.churn.requests import (
    CODE_CHANNEL,
    INPUT,
    RETRIES,
    model_output_uri,
    processing,
    script_mode,
    training,
)
from pipelines.churn.settings import ChurnSettings, Code, Images, JobSettings, SparkTraining
from pipelines.churn.sparkml import ALGORITHMS, check, train_on_spark
from seatrial.contracts.clarify import ANALYSIS_FILE
from seatrial.contracts.snapshot import UNPINNED
from seatrial.pipeline import (
    ConditionStep,
    EmrServerlessStep,
    FailStep,
    JobStep,
    Join,
    Parameter,
    Pipeline,
    ProcessingStep,
    PropertyFile,
    RegisterModelStep,
    TrainingStep,
    TuningStep,
    at_least,
)

__all__ = ["ChurnSettings", "Code", "Images", "JobSettings", "SparkTraining", "churn_pipeline"]

OBJECTIVE = "validation:auc"
TUNED = {
    "xgboost": {
        "ContinuousParameterRanges": [
            {"Name": "learning_rate", "MinValue": "0.01", "MaxValue": "0.3", "ScalingType": "Logarithmic"},
            {"Name": "subsample", "MinValue": "0.5", "MaxValue": "1.0", "ScalingType": "Linear"},
        ],
        "IntegerParameterRanges": [
            {"Name": "max_depth", "MinValue": "2", "MaxValue": "8", "ScalingType": "Linear"},
            {"Name": "min_child_weight", "MinValue": "1", "MaxValue": "30", "ScalingType": "Logarithmic"},
        ],
    },
    "scikit-learn": {
        "ContinuousParameterRanges": [
            {"Name": "inverse_regularization", "MinValue": "0.001", "MaxValue": "100", "ScalingType": "Logarithmic"},
        ],
    },
}


def churn_pipeline(settings: ChurnSettings) -> Pipeline:
    """Define the pipeline; raises `ValueError` for an algorithm or hyperparameter that cannot work."""
    _check(settings)
    parameters = _parameters(settings)
    features = _features(settings, parameters)
    train, model = _train(settings, features)
    baseline = _baseline(settings, features, train, model)
    evaluate = _evaluate(settings, features, train, model, parameters)
    register = _register(settings, model, baseline, evaluate, parameters)
    accepted = (train, baseline, evaluate, _accept(settings, evaluate, register))
    return Pipeline(parameters=tuple(vars(parameters).values()), steps=(features, _quality_gate(features, accepted)))


def _check(settings: ChurnSettings) -> None:
    known = sorted([*TUNED, *ALGORITHMS])
    if settings.algorithm not in known:
        raise ValueError(f"training.algorithm: must be one of {known}, got {settings.algorithm!r}")
    if settings.algorithm in ALGORITHMS:
        check(settings)
    short = sorted(name for name in settings.hyperparameters if len(name) == 1)
    if short:  # the training toolkit passes these as "-c 0.5", which a script's "--c" does not see
        raise ValueError(f"training.hyperparameters: names must have two letters or more, got {short}")


@dataclass(frozen=True)
class Parameters:
    """What each execution may be given."""

    data: Parameter
    digest: Parameter
    champion: Parameter
    reason: Parameter
    approval: Parameter


def _parameters(settings: ChurnSettings) -> Parameters:
    return Parameters(
        data=Parameter(name="InputDataUri", default=settings.default_input_uri),
        digest=Parameter(name="InputDataDigest", default=UNPINNED),
        champion=Parameter(name="ChampionModelUri", default=settings.code.no_champion),
        reason=Parameter(name="TriggerReason", default="manual"),
        approval=Parameter(
            name="ModelApprovalStatus",
            default="PendingManualApproval",
            allowed=("PendingManualApproval", "Rejected", "Approved"),
        ),
    )


def _features(settings: ChurnSettings, parameters: Parameters) -> ProcessingStep:
    code = settings.code
    return ProcessingStep(
        name="Features",
        arguments=processing(
            settings,
            image=settings.images.spark,
            instance_type=settings.features_instance_type,
            entrypoint=["smspark-submit", f"{INPUT}/code/{code.features_name}"],
            arguments=[
                *("--mode", "train"),
                *("--dataset", f"{INPUT}/dataset/{code.dataset_name}"),
                *("--digest", parameters.digest),
                *("--minimum-rows", str(settings.minimum_rows)),
                *("--maximum-duplicate-share", str(settings.maximum_duplicate_share)),
                *("--maximum-missing-label-share", str(settings.maximum_missing_label_share)),
            ],
            inputs={"raw": parameters.data, "code": code.features, "dataset": code.dataset},
            outputs=("train", "validation", "test", "schema", "quality", *_hours(settings)),
            prefix="features",
        ),
        property_files=(PropertyFile(name="Quality", output="quality", path="quality.json"),),
        retries=RETRIES,
    )


def _hours(settings: ChurnSettings) -> tuple[str, ...]:
    """When the rows of the validation split came, where the data says so."""
    return ("hours",) if settings.dataset.time_column else ()


def _quality_gate(features: ProcessingStep, steps: tuple[Any, ...]) -> ConditionStep:
    message = ("the data did not pass the quality gate: ", features.exit_message, "; see quality.json under ")
    return ConditionStep(
        name="QualityGate",
        conditions=(at_least(features.json("Quality", "gate"), 1),),
        if_steps=steps,
        else_steps=(FailStep(name="RefuseData", message=Join("", (*message, features.output("quality")))),),
    )


def _train(settings: ChurnSettings, features: ProcessingStep) -> tuple[JobStep, Any]:
    """The step, and where it leaves the artifact."""
    if settings.spark and settings.algorithm in ALGORITHMS:
        return train_on_spark(settings, settings.spark, features)
    channels = {
        "train": features.output("train"),
        "validation": features.output("validation"),
        "schema": features.output("schema"),
        CODE_CHANNEL: settings.code.training_source,
    }
    request = training(settings, channels)
    hyperparameters = {**script_mode(settings), "algorithm": settings.algorithm, **settings.hyperparameters}
    if settings.tuning_max_jobs > 0:
        return _tune(settings, request, hyperparameters)
    step = TrainingStep(name="Train", arguments={**request, "HyperParameters": hyperparameters}, retries=RETRIES)
    return step, step.model_artifact


def _after(train: JobStep) -> tuple[JobStep, ...]:
    """What reads a training job's artifact refers to it already; a job run on Spark leaves no property to refer to."""
    return (train,) if isinstance(train, EmrServerlessStep) else ()


def _tune(settings: ChurnSettings, request: dict[str, Any], given: dict[str, str]) -> tuple[TuningStep, Any]:
    ranges = TUNED[settings.algorithm]
    tuned = {entry["Name"] for entries in ranges.values() for entry in entries}
    static = {name: value for name, value in given.items() if name not in tuned}
    config = {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": OBJECTIVE},
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": settings.tuning_max_jobs,
            "MaxParallelTrainingJobs": min(settings.tuning_max_parallel_jobs, settings.tuning_max_jobs),
        },
        "ParameterRanges": ranges,
        "TrainingJobEarlyStoppingType": "Off",
        "RandomSeed": 1,
    }
    jobs = {**request, "StaticHyperParameters": static}
    arguments = {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": jobs}
    step = TuningStep(name="Train", arguments=arguments, retries=RETRIES)
    return step, Join("/", (model_output_uri(settings), step.best_training_job, "output/model.tar.gz"))


def _model_job(
    settings: ChurnSettings, name: str, script: tuple[str, str], inputs: dict[str, Any], arguments: list[str]
) -> dict[str, Any]:
    uri, file = script
    code = settings.code
    return processing(
        settings,
        image=settings.model_image,
        instance_type=settings.instance_type,
        entrypoint=["python3", f"{INPUT}/code/{file}"],
        arguments=arguments,
        inputs={**inputs, "code": uri, "library": code.library},
        outputs=(name,),
        prefix=name,
        environment={"PYTHONPATH": f"{INPUT}/library/{code.library_name}"},
    )


def _baseline(settings: ChurnSettings, features: ProcessingStep, train: JobStep, model: Any) -> ProcessingStep:
    inputs = {"model": model, **{name: features.output(name) for name in ("validation", "schema", *_hours(settings))}}
    script = (settings.code.baseline, settings.code.baseline_name)
    arguments = ["--smoke-rows", "20", "--label", settings.dataset.label]
    arguments += [f"--bias={part}" for part in settings.bias.parts()] if settings.bias.facets else []
    return ProcessingStep(
        name="Baseline",
        arguments=_model_job(settings, "baseline", script, inputs, arguments),
        depends_on=_after(train),
        property_files=(PropertyFile(name="Binding", output="baseline", path="binding.json"),),
        retries=RETRIES,
    )


def _evaluate(
    settings: ChurnSettings, features: ProcessingStep, train: JobStep, model: Any, parameters: Parameters
) -> ProcessingStep:
    inputs = {
        "model": model,
        "champion": parameters.champion,
        **{split: features.output(split) for split in ("train", "validation", "test")},
        "schema": features.output("schema"),
    }
    script = (settings.code.evaluate, settings.code.evaluate_name)
    asked = {"minimum_auc": settings.minimum_auc, "minimum_gain": settings.minimum_gain, **settings.acceptance}
    arguments = [text for name, value in asked.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    arguments += [text for name in settings.segments for text in ("--segment", name)]
    return ProcessingStep(
        name="Evaluate",
        arguments=_model_job(settings, "evaluation", script, inputs, arguments),
        depends_on=_after(train),
        property_files=(PropertyFile(name="Evaluation", output="evaluation", path="evaluation.json"),),
        retries=RETRIES,
    )


def _accept(settings: ChurnSettings, evaluate: ProcessingStep, register: RegisterModelStep) -> ConditionStep:
    message = ("the challenger is not good enough: ", evaluate.exit_message, "; see evaluation.json under ")
    return ConditionStep(
        name="Accept",
        conditions=(
            at_least(evaluate.json("Evaluation", "auc"), settings.minimum_auc),
            at_least(evaluate.json("Evaluation", "accepted"), 1),
        ),
        if_steps=(register,),
        else_steps=(FailStep(name="RejectChallenger", message=Join("", (*message, evaluate.output("evaluation")))),),
    )


def _register(
    settings: ChurnSettings,
    model: Any,
    baseline: ProcessingStep,
    evaluate: ProcessingStep,
    parameters: Parameters,
) -> RegisterModelStep:
    folder = baseline.output("baseline")
    metrics, constraints = _reports(settings, folder, evaluate)
    return RegisterModelStep(
        name="Register",
        arguments={
            "ModelPackageGroupName": settings.model_package_group,
            # Metadata properties refuse most punctuation, a description takes it.
            "ModelPackageDescription": parameters.reason,
            "ModelApprovalStatus": parameters.approval,
            "InferenceSpecification": _inference(settings, model),
            "ModelMetrics": metrics,
            "DriftCheckBaselines": constraints,
            "ModelCard": {
                "ModelCardContent": model_card(settings.algorithm, settings.dataset),
                "ModelCardStatus": "Draft",
            },
            "CustomerMetadataProperties": {
                "Algorithm": settings.algorithm,
                "ChampionModelUri": parameters.champion,
                "ModelSha256": evaluate.json("Evaluation", "model_sha256"),
                "BaselineSha256": baseline.json("Binding", "sha256"),
                "AnalysisUri": Join("/", (folder, ANALYSIS_FILE)),
                "BaselineUri": Join("/", (folder, "baseline.json")),
                "EvaluationUri": Join("/", (evaluate.output("evaluation"), "evaluation.json")),
                "InputDataUri": parameters.data,
                "InputDataDigest": parameters.digest,
                "SmokeInputUri": Join("/", (folder, "smoke.csv")),
                "SmokeOutputUri": Join("/", (folder, "smoke_expected.csv")),
            },
        },
        retries=RETRIES[:1],
    )


def _reports(settings: ChurnSettings, folder: Any, evaluate: ProcessingStep) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is known of the model, and what a monitor compares with; Clarify's analysis.json is both."""
    data_quality = {
        "Statistics": _json_source(folder, "statistics.json"),
        "Constraints": _json_source(folder, "constraints.json"),
    }
    analysis = _json_source(folder, ANALYSIS_FILE)
    metrics: dict[str, Any] = {
        "ModelQuality": {"Statistics": _json_source(evaluate.output("evaluation"), "evaluation.json")},
        "ModelDataQuality": data_quality,
        "Explainability": {"Report": analysis},
    }
    constraints: dict[str, Any] = {"ModelDataQuality": data_quality, "Explainability": {"Constraints": analysis}}
    if settings.bias.facets:
        metrics["Bias"] = {"Report": analysis}
        constraints["Bias"] = dict.fromkeys(("PreTrainingConstraints", "PostTrainingConstraints"), analysis)
    return metrics, constraints


def _json_source(folder: Any, name: str) -> dict[str, Any]:
    return {"ContentType": "application/json", "S3Uri": Join("/", (folder, name))}


def _inference(settings: ChurnSettings, model: Any) -> dict[str, Any]:
    container = {
        "Image": settings.model_image,
        "ModelDataUrl": model,
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
        },
    }
    return {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
        "SupportedRealtimeInferenceInstanceTypes": [settings.inference_instance_type],
        "SupportedTransformInstanceTypes": [settings.instance_type],
    }
