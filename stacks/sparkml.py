"""Training by SparkML: the data flow's application, a role for it, the job and the wheels that its artifact brings."""

from pipelines.churn.definition import SparkTraining as SparkTrainingSettings
from seatrial.config import TrainingSection
from seatrial.constructs import EmrServerlessEngine, SparkEngine, SparkJob, SparkTraining
from seatrial.constructs.assets import file_asset
from seatrial.constructs.errors import ConstructError
from stacks.base import BaseStack, Foundation


def spark_training(stack: BaseStack, foundation: Foundation, engine: SparkEngine | None) -> SparkTraining | None:
    """The engine of the training step; None for the algorithms that train on SageMaker."""
    training = foundation.target.engagement.training
    if not trains_on_spark(training):
        return None
    if not isinstance(engine, EmrServerlessEngine):
        raise ConstructError(f"training.algorithm: {training.algorithm!r} needs processing.engine 'emr-serverless'")
    return SparkTraining(
        stack,
        "SparkMl",
        engine=engine,
        artifacts=foundation.lake.artifacts,
        prefix="pipelines/",
        encryption_key=foundation.lake.key,
    )


def trains_on_spark(training: TrainingSection) -> bool:
    """Whether the churn pipeline's algorithm is one of SparkML's."""
    return training.definition is None and training.algorithm.startswith("sparkml-")


def spark_settings(stack: BaseStack, training: TrainingSection, spark: SparkTraining) -> SparkTrainingSettings:
    """What the pipeline's definition says of the job run."""
    job = SparkJob(
        spark,
        "Job",
        engine=spark,
        script="churn/steps/sparkml_train.py",
        arguments={},
        per_date=False,
        max_runtime_minutes=training.max_runtime_minutes,
    )
    wheels = [file_asset(spark, path.name, path.read_bytes(), ".whl") for path in training.serving_wheels]
    spark.allow_code(*wheels)
    return SparkTrainingSettings(
        application_id=spark.application_id,
        role_arn=spark.role.role_arn,
        script=job.script.s3_object_url,
        submit_options=tuple(job.submit_options(spark.spark_settings)),
        serving_wheels=tuple(wheel.s3_object_url for wheel in wheels),
        max_runtime_minutes=job.max_runtime_minutes,
    )
