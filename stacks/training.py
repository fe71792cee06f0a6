"""Training: the churn pipeline, or one that the customer wrote with the SageMaker SDK."""

import aws_cdk.aws_sagemaker as sagemaker
from constructs import Construct

from seatrial.config import TrainingSection
from seatrial.constructs import SparkEngine, TrainingPipeline
from seatrial.constructs.training import JobRole, image_repository_arn
from stacks.base import BaseStack, Foundation, Target
from stacks.churn import churn_definition
from stacks.images import images_of
from stacks.sparkml import spark_training

SDK_EXCEPTION = "The SDK's script mode downloads its code inside the container; the VPC still has no way out."

RETRAINING_PARAMETERS = ("InputDataUri", "InputDataDigest", "ChampionModelUri", "TriggerReason")
"""What the retraining function gives to each execution that it starts."""


class TrainingStack(BaseStack):
    """The model package group, the roles and the pipeline."""

    def __init__(
        self, scope: Construct, construct_id: str, *, foundation: Foundation, engine: SparkEngine | None = None
    ) -> None:
        target, lake = foundation.target, foundation.lake
        super().__init__(scope, construct_id, target=target, description="training pipeline and model registry")
        training = target.engagement.training
        self.group = self._package_group(target.prefix)
        self.image_arns = self._image_arns(target)
        self.jobs = JobRole(
            self,
            "Jobs",
            network=foundation.network,
            encryption_key=lake.key,
            readable=[foundation.training_data],
            writable=[lake.artifacts],
            image_arns=self.image_arns,
        )
        self.spark = spark_training(self, foundation, engine)
        self.pipeline = TrainingPipeline(
            self,
            "Training",
            pipeline_name=target.prefix,
            definition=churn_definition(self, foundation, self.jobs, self.group.model_package_group_name, self.spark),
            network=foundation.network,
            encryption_key=lake.key,
            artifacts=lake.artifacts,
            model_package_group=self.group,
            substitutions=self._substitutions(foundation),
            start_parameters=RETRAINING_PARAMETERS,
            max_runtime_seconds=training.max_runtime_minutes * 60,
            spark=self.spark,
            isolation_exception=SDK_EXCEPTION if training.definition else None,
            instance_types=_instance_types(training),
        )
        self.outputs(
            {
                "PipelineName": target.prefix,
                "PipelineArn": self.pipeline.pipeline_arn,
                "ModelPackageGroupName": target.prefix,
                "PipelineRoleArn": self.pipeline.role.role_arn,
            }
        )

    def _image_arns(self, target: Target) -> list[str]:
        images = images_of(target)
        uris = (images.spark, images.xgboost, images.scikit_learn)
        return [*dict.fromkeys(image_repository_arn(self, uri) for uri in uris)]

    def _package_group(self, name: str) -> sagemaker.CfnModelPackageGroup:
        return sagemaker.CfnModelPackageGroup(
            self,
            "ModelPackageGroup",
            model_package_group_name=name,
            model_package_group_description=f"Models of {name}",
        )

    def _substitutions(self, foundation: Foundation) -> dict[str, str]:
        """What a definition written with the SageMaker SDK may name as `${seatrial/...}`."""
        images = images_of(foundation.target)
        return {
            "account": self.account,
            "region": self.region,
            "role-name": self.jobs.identity.role_name,
            "raw-bucket": foundation.lake.raw.bucket_name,
            "artifacts-bucket": foundation.lake.artifacts.bucket_name,
            "key-arn": foundation.lake.key.key_arn,
            "model-package-group": foundation.target.prefix,
            "spark-image": images.spark,
            "xgboost-image": images.xgboost,
            "scikit-learn-image": images.scikit_learn,
        }


def _instance_types(training: TrainingSection) -> list[str]:
    """What the churn pipeline's jobs may run on; another pipeline says so itself."""
    return [] if training.definition else sorted({training.instance_type, training.features_instance_type})
