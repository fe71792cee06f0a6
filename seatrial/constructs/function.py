"""Lambda functions in Python from a folder, in the VPC, each with role, log group and dead-letter queue."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lambda as lambda_
from constructs import Construct

from seatrial.constructs.assets import zip_code
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.justification import justify
from seatrial.constructs.staging import digest, distribution_files, library_files, python_files, shipped
from seatrial.constructs.storage import dead_letter_queue, log_group
from seatrial.constructs.workload import WorkloadNetwork

RUNTIME = lambda_.Runtime.PYTHON_3_13
POWERTOOLS_DISTRIBUTIONS = ("aws-lambda-powertools", "jmespath", "typing-extensions")


class PowertoolsLayer(Construct):
    """Powertools for AWS Lambda as one layer, made at synth from the installed pure-Python distributions."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        files = _powertools_files()
        self.digest = digest(files)
        self.layer = lambda_.LayerVersion(
            self,
            "Layer",
            code=zip_code(files),
            description="aws-lambda-powertools with jmespath and typing-extensions",
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[lambda_.Architecture.ARM_64],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )


@functools.cache
def _powertools_files() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in POWERTOOLS_DISTRIBUTIONS:
        files |= distribution_files(name, "python/")
    return files


class PythonFunction(Construct):
    """A function whose zip holds the folder's content and the modules of `seatrial` that it imports.

    `entry` is a folder with `handler.py`, or the name of one that ships with the library ("monitor"); `files` go into
    the zip besides. What fails twice more lands in `dead_letters`. `digest` is the hash of the zip's content, for the
    review.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        entry: str | Path,
        description: str,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        environment: Mapping[str, str] | None = None,
        layers: Sequence[lambda_.ILayerVersion] = (),
        files: Mapping[str, bytes] | None = None,
        memory_mib: int = 512,
        timeout_seconds: int = 60,
        reserved_concurrency: int = 1,
        log_retention_days: int = 365,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(memory_mib, timeout_seconds, reserved_concurrency)
        self.takes_events = False
        """Rules and schedules set it: events wait in Lambda's queue while the function is busy or throttled."""
        packed = _function_files(entry) | dict(files or {})
        self.digest = digest(packed)
        self.role = self._role(network, encryption_key, description)
        self.log_group = log_group(
            self, "LogGroup", key=encryption_key, retention_days=log_retention_days, destroy_data=destroy_data
        )
        self.dead_letters = dead_letter_queue(self, "DeadLetters", key=encryption_key)
        self._allow_own_logs_and_dead_letters()
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler="handler.lambda_handler",
            code=zip_code(packed),
            description=description,
            role=self.role.role,
            environment=dict(environment or {}),
            environment_encryption=kms.Key.from_key_arn(self, "EnvironmentKey", encryption_key.key_arn),
            layers=[*layers],
            memory_size=memory_mib,
            timeout=cdk.Duration.seconds(timeout_seconds),
            reserved_concurrent_executions=reserved_concurrency,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=self.log_group,
            dead_letter_queue=self.dead_letters,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=[*network.subnets]),
            security_groups=[*network.security_groups],
        )
        justify(
            self.function,
            "AwsSolutions-L1",
            "python3.13 is supported and the newest runtime for which every library of the layer is released.",
            until="2027-06-30",
        )

    def _allow_own_logs_and_dead_letters(self) -> None:
        self.role.allow("sqs:SendMessage", on=[self.dead_letters.queue_arn])
        self.role.allow(
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            on=[self.log_group.log_group_arn],
            because="A log group's ARN ends with ':*', which stands for the streams inside this one group.",
        )

    def _role(self, network: WorkloadNetwork, key: kms.IKey, description: str) -> ServiceRole:
        role = ServiceRole(self, "Identity", service="lambda.amazonaws.com", description=description)
        role.allow_key(key)
        role.allow_network_interfaces(network)
        role.allow_unscoped("xray:PutTelemetryRecords", "xray:PutTraceSegments")
        return role


def _function_files(entry: str | Path) -> dict[str, bytes]:
    folder = entry if isinstance(entry, Path) else shipped("lambdas") / entry
    if not (folder / "handler.py").is_file():
        raise ConstructError(f"entry: {str(entry)!r} has no handler.py")
    own = python_files(folder)
    return own | library_files(content for name, content in own.items() if name.endswith(".py"))


def _check(memory_mib: int, timeout_seconds: int, reserved_concurrency: int) -> None:
    if not 128 <= memory_mib <= 10240:
        raise ConstructError(f"memory_mib: must be between 128 and 10240, got {memory_mib}")
    if not 1 <= timeout_seconds <= 900:
        raise ConstructError(f"timeout_seconds: must be between 1 and 900, got {timeout_seconds}")
    if reserved_concurrency < 1:
        raise ConstructError(f"reserved_concurrency: must be at least 1, got {reserved_concurrency}")
