"""The churn pipeline's settings: the engagement's choices and the assets that its steps run."""

from typing import Any

import aws_cdk.aws_s3_assets as s3_assets
from constructs import Construct

from pipelines.churn.definition import ChurnSettings, Code, JobSettings, churn_pipeline
from seatrial.config import TrainingSection
from seatrial.constructs import SparkTraining
from seatrial.constructs.assets import file_asset, tar_gz_asset, zip_asset
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.staging import library_files, python_files, shipped
from seatrial.constructs.training import JobRole
from seatrial.contracts.bias import BiasSettings
from seatrial.contracts.dataset import DatasetSpec
from seatrial.contracts.given_dataset import dataset_spec
from seatrial.contracts.layout import training_data_prefix
from stacks.base import BaseStack, Foundation, Target
from stacks.images import images_of
from stacks.sparkml import spark_settings

NO_CHAMPION = b'{"champion": null}\n'


def churn_definition(
    stack: BaseStack, foundation: Foundation, jobs: JobRole, group: str, spark: SparkTraining | None
) -> dict[str, Any] | str:
    """The definition to deploy: the customer's file when the engagement names one, else the churn pipeline."""
    target, lake = foundation.target, foundation.lake
    training = target.engagement.training
    if training.definition is not None:
        return training.definition.read_text(encoding="utf-8")
    code = _code(stack, target)
    assets = f"cdk-hnb659fds-assets-{stack.account}-{stack.region}"
    jobs.allow_code(assets, _keys(code))
    if spark is not None:
        spark.allow_keys(assets, [code.training_source_name])
    latest = training_data_prefix(training.dataset.name, "latest")
    settings = ChurnSettings(
        jobs=_jobs(foundation, jobs),
        images=images_of(target),
        code=code,
        artifacts_bucket=lake.artifacts.bucket_name,
        model_package_group=group,
        default_input_uri=f"s3://{foundation.training_data.bucket_name}/{latest}",
        dataset=_dataset(target),
        algorithm=training.algorithm,
        hyperparameters={name: str(value) for name, value in training.hyperparameters.items()},
        instance_type=training.instance_type,
        features_instance_type=training.features_instance_type,
        tuning_max_jobs=training.tuning.max_jobs,
        tuning_max_parallel_jobs=training.tuning.max_parallel_jobs,
        minimum_rows=training.quality_gate.minimum_rows,
        maximum_duplicate_share=training.quality_gate.maximum_duplicate_share,
        maximum_missing_label_share=training.quality_gate.maximum_missing_label_share,
        minimum_auc=training.acceptance.minimum_auc,
        minimum_gain=training.acceptance.minimum_gain,
        acceptance=_acceptance(training),
        segments=training.acceptance.segments,
        inference_instance_type=target.engagement.serving.instance_type,
        bias=BiasSettings.from_dict(target.engagement.monitoring.bias.model_dump()),
        spark=spark_settings(stack, training, spark) if spark is not None else None,
    )
    try:
        return churn_pipeline(settings).to_definition()
    except ValueError as error:
        raise ConstructError(str(error)) from error


def _acceptance(training: TrainingSection) -> dict[str, float]:
    asked = training.acceptance.model_dump(exclude={"minimum_auc", "minimum_gain", "segments", "campaign"})
    return asked | training.acceptance.campaign.model_dump() | training.leakage.model_dump()


def _jobs(foundation: Foundation, jobs: JobRole) -> JobSettings:
    return JobSettings(
        role_arn=jobs.identity.role_arn,
        subnet_ids=tuple(foundation.network.subnet_ids),
        security_group_ids=tuple(foundation.network.security_group_ids),
        kms_key_arn=foundation.lake.key.key_arn,
        max_runtime_seconds=foundation.target.engagement.training.max_runtime_minutes * 60,
    )


def _code(stack: BaseStack, target: Target) -> Code:
    assets = Construct(stack, "Assets")
    steps = python_files(shipped("pipelines") / "churn" / "steps")
    scripts = {name: file_asset(assets, name.title(), steps[f"{name}.py"], ".py") for name in _SCRIPTS}
    library = library_files(content for name, content in steps.items() if name.endswith(".py"))
    source = tar_gz_asset(assets, "TrainingSource", steps | library)
    bundle = zip_asset(assets, "Library", library)
    dataset = file_asset(assets, "Dataset", _dataset(target).to_json().encode(), ".json")
    return Code(
        features=_uri(scripts["features"]),
        features_name=_name(scripts["features"]),
        evaluate=_uri(scripts["evaluate"]),
        evaluate_name=_name(scripts["evaluate"]),
        baseline=_uri(scripts["baseline"]),
        baseline_name=_name(scripts["baseline"]),
        training_source=_uri(source),
        training_source_name=_name(source),
        library=_uri(bundle),
        library_name=_name(bundle),
        dataset=_uri(dataset),
        dataset_name=_name(dataset),
        no_champion=_uri(file_asset(assets, "NoChampion", NO_CHAMPION, ".json")),
    )


def _keys(code: Code) -> list[str]:
    """Keys of everything that the jobs read out of the bootstrap bucket."""
    scripts = (code.features, code.evaluate, code.baseline)
    uris = (*scripts, code.training_source, code.library, code.dataset, code.no_champion)
    return sorted(uri.rsplit("/", 1)[1] for uri in uris)


_SCRIPTS = ("features", "evaluate", "baseline")


def _dataset(target: Target) -> DatasetSpec:
    return dataset_spec(target.engagement.training.dataset)


def _uri(asset: s3_assets.Asset) -> str:
    return asset.s3_object_url


def _name(asset: s3_assets.Asset) -> str:
    return asset.s3_object_key
