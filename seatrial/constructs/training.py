"""Training: the model package group, the job role, the pipeline role and the SageMaker pipeline."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sagemaker as sagemaker
from constructs import Construct

from seatrial.constructs import definitions
from seatrial.constructs.arns import Place, place_of
from seatrial.constructs.definitions import STEP_ACTIONS, STEP_RESOURCES
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.sdk_definitions import JobDefaults, secured, substitute, with_parameters
from seatrial.constructs.spark_job import SparkEngine
from seatrial.constructs.workload import WorkloadNetwork

JOB_NAMES = "SageMaker names a pipeline's jobs pipelines-<execution>-<step>-<random>: only the beginning is known."
LOG_STREAMS = "SageMaker chooses the names of its log groups and streams below /aws/sagemaker/ at run time."
SAGEMAKER = "sagemaker.amazonaws.com"


class JobRole(Construct):
    """What a pipeline's jobs run as: reads raw data and code, reads and writes artifacts, nothing of the registry."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        readable: Sequence[s3.IBucket],
        writable: Sequence[s3.IBucket],
        image_arns: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self.identity = ServiceRole(self, "Identity", service=SAGEMAKER, description="Jobs of the training pipeline")
        for bucket in (*readable, *writable):
            self.identity.allow_reading(bucket)
        for bucket in writable:
            self.identity.allow_writing(bucket, multipart=True)
        self.identity.allow_key(encryption_key, volumes=True)
        allow_sagemaker_runtime(self.identity, image_arns)
        self.identity.allow_network_interfaces(network, permission=True)

    def allow_code(self, bucket_name: str, keys: Sequence[str]) -> None:
        """Read these objects of a bucket that holds other people's code as well; SageMaker lists them first."""
        bucket = f"arn:{place_of(self).partition}:s3:::{bucket_name}"
        self.identity.allow("s3:GetObject", on=[f"{bucket}/{key}" for key in keys])
        self.identity.allow("s3:GetBucketLocation", on=[bucket])
        self.identity.allow("s3:ListBucket", on=[bucket], conditions={"StringEquals": {"s3:prefix": [*keys]}})


class TrainingPipeline(Construct):
    """A SageMaker pipeline with its model package group and a role that starts jobs but approves nothing.

    `definition` is a dict (values may be CDK tokens) or the text that the SageMaker SDK (v2 or v3) returned from
    `pipeline.definition()`; in a text, `${seatrial/name}` stands for a value of `substitutions`, and jobs that say
    nothing about VPC, encryption and time limit are given them, and parameters of `start_parameters` that it does not
    declare are added, so that whoever starts it may give them. A time limit that is a parameter of the pipeline may be
    `max_runtime_seconds` at most. Every job must be isolated from the network, unless
    `isolation_exception` says in a sentence why not. The pipeline may pass exactly the roles that it names. Steps of
    type EMRServerless run on `spark`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline_name: str,
        definition: Mapping[str, Any] | str,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        artifacts: s3.IBucket,
        model_package_group: sagemaker.CfnModelPackageGroup,
        instance_types: Sequence[str] = (),
        maximum_parallel_steps: int = 4,
        substitutions: Mapping[str, str] | None = None,
        start_parameters: Sequence[str] = (),
        max_runtime_seconds: int = 86_400,
        isolation_exception: str | None = None,
        spark: SparkEngine | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        parsed = definitions.parse(definition)
        if isinstance(definition, str):
            defaults = JobDefaults(
                subnet_ids=network.subnet_ids,
                security_group_ids=network.security_group_ids,
                kms_key_arn=encryption_key.key_arn,
                max_runtime_seconds=max_runtime_seconds,
            )
            parsed = secured(substitute(parsed, substitutions or {}), defaults)
            parsed = with_parameters(parsed, start_parameters)
        _check(parsed, maximum_parallel_steps, isolation_exception)
        _check_spark(parsed, spark)
        self._network, self._key, self._instance_types = network, encryption_key, [*instance_types]
        self._isolated, self._max_runtime_seconds = isolation_exception is None, max_runtime_seconds
        self.model_package_group = model_package_group
        self.role = ServiceRole(self, "Identity", service=SAGEMAKER, description="Runs the training pipeline")
        self._allow_steps(parsed)
        if spark is not None:
            spark.grant_run(self.role)
        self._allow_registering()
        self._deny_approving()
        self.role.allow_reading(artifacts)
        self.role.allow_key(encryption_key, volumes=True)
        self.pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline_name,
            pipeline_definition={"PipelineDefinitionBody": cdk.Stack.of(self).to_json_string(dict(parsed))},
            role_arn=self.role.role_arn,
            parallelism_configuration={"MaxParallelExecutionSteps": maximum_parallel_steps},
        )

    @property
    def pipeline_arn(self) -> str:
        """ARN of the pipeline (SageMaker's ARNs are in lower case)."""
        name = self.pipeline.pipeline_name.lower()
        return place_of(self).arn("sagemaker", "pipeline", name)

    def grant_start(self, role: ServiceRole) -> None:
        """Start executions and look at them."""
        executions = f"{self.pipeline_arn}/execution/*"
        because = "An execution's id is made when it starts; the pipeline is exact."
        role.allow("sagemaker:StartPipelineExecution", on=[self.pipeline_arn])
        role.allow("sagemaker:DescribePipelineExecution", on=[executions], because=because)

    def _allow_steps(self, parsed: Mapping[str, Any]) -> None:
        place = place_of(self)
        for kind in definitions.step_types(parsed):
            if kind not in STEP_RESOURCES:
                continue
            arn = place.arn("sagemaker", STEP_RESOURCES[kind], "pipelines-*")
            create, *others = [f"sagemaker:{action}" for action in STEP_ACTIONS[kind]]
            conditions = self._job_conditions(parsed) if kind in {"Processing", "Training", "Tuning"} else None
            self.role.allow(create, on=[arn], because=JOB_NAMES, conditions=conditions)
            self.role.allow("sagemaker:AddTags", *others, on=[arn], because=JOB_NAMES)
        passed = definitions.role_arns(parsed)
        if passed:
            to_sagemaker = {"StringEquals": {"iam:PassedToService": SAGEMAKER}}
            self.role.allow("iam:PassRole", on=passed, conditions=to_sagemaker)

    def _job_conditions(self, parsed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        longest = definitions.longest_runtime_seconds(parsed, self._max_runtime_seconds)
        flags = {"sagemaker:InterContainerTrafficEncryption": "true"}
        if self._isolated:
            flags["sagemaker:NetworkIsolation"] = "true"
        conditions: dict[str, dict[str, Any]] = {
            "Bool": flags,
            "ForAllValues:StringEquals": {
                "sagemaker:VpcSecurityGroupIds": [*self._network.security_group_ids],
                "sagemaker:VpcSubnets": [*self._network.subnet_ids],
            },
            "Null": {"sagemaker:VpcSubnets": "false", "sagemaker:VpcSecurityGroupIds": "false"},
            "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": str(longest)},
        }
        # Instances with disks of their own take no key; where one is named it must still be this one.
        needed = {"VolumeKmsKey": not definitions.has_own_disks(parsed)}
        needed["OutputKmsKey"] = definitions.all_have_output_keys(parsed)
        for key, always in needed.items():
            operator = "ArnEquals" if always else "ArnEqualsIfExists"
            conditions.setdefault(operator, {})[f"sagemaker:{key}"] = self._key.key_arn
        if self._instance_types:
            conditions["ForAnyValue:StringEquals"] = {"sagemaker:InstanceTypes": self._instance_types}
        return conditions

    def _allow_registering(self) -> None:
        place, group = place_of(self), self.model_package_group.model_package_group_name
        versions = place.arn("sagemaker", "model-package", f"{group}/*")
        own = place.arn("sagemaker", "model-package-group", group)
        because = "A model package's version is counted up when it is registered; the group is exact."
        self.role.allow(
            "sagemaker:AddTags",
            "sagemaker:CreateModelPackage",
            "sagemaker:DescribeModelPackage",
            on=[own, versions],
            because=because,
        )
        self.role.allow("sagemaker:DescribeModelPackageGroup", on=[own])

    def _deny_approving(self) -> None:
        self.role.deny(
            "sagemaker:CreateModelPackage",
            "sagemaker:UpdateModelPackage",
            conditions={"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}},
        )


def allow_sagemaker_runtime(role: ServiceRole, image_arns: Sequence[str]) -> None:
    """What SageMaker does in the role's name around a container: pull the image, write logs and metrics."""
    groups = place_of(role).arn("logs", "log-group:/aws/sagemaker/*")
    writes = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
    role.allow(*writes, on=[groups], because=LOG_STREAMS)
    own_metrics = {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}}
    role.allow_unscoped("cloudwatch:PutMetricData", conditions=own_metrics)
    pulls = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    role.allow(*pulls, on=image_arns)
    role.allow_unscoped("ecr:GetAuthorizationToken")


def image_repository_arn(scope: Construct, image: str) -> str:
    """ARN of the ECR repository that holds an image, given the image's URI."""
    registry, _, rest = image.partition("/")
    account, _, _, region = registry.split(".")[:4]
    repository = rest.split("@")[0].split(":")[0]
    return Place(place_of(scope).partition, region, account).arn("ecr", "repository", repository)


def _check_spark(definition: Mapping[str, Any], spark: SparkEngine | None) -> None:
    runs = "EMRServerless" in definitions.step_types(definition)
    if runs and spark is None:
        raise ConstructError("definition: has a step of type 'EMRServerless', give the engine that it runs on: spark")
    if spark is not None and not runs:
        raise ConstructError("spark: must be None, because no step of the definition is of type 'EMRServerless'")


def _check(definition: Mapping[str, Any], maximum_parallel_steps: int, exception: str | None) -> None:
    if maximum_parallel_steps < 1:
        raise ConstructError(f"maximum_parallel_steps: must be at least 1, got {maximum_parallel_steps}")
    mistakes = definitions.isolation_mistakes(definition)
    if exception is not None:
        mistakes = [mistake for mistake in mistakes if "EnableNetworkIsolation" not in mistake]
    if mistakes:
        text = "\n".join(f"definition: {mistake}" for mistake in mistakes)
        raise ConstructError(f"{text}\nset it, or say in isolation_exception why jobs may reach the network")
