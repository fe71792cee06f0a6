"""Schemas and tables of a warehouse: SQL migrations, applied after each deployment, on schedule and by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_sns as sns
import aws_cdk.aws_stepfunctions as stepfunctions
from constructs import Construct

from seatrial.constructs.alarms import function_alarms, machine_alarms, queue_alarm
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.function import PythonFunction
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.migration_machine import migration_machine
from seatrial.constructs.monitoring import DEFAULT_NAMESPACE
from seatrial.constructs.state_language import allow_machine_logs, encrypted_machine
from seatrial.constructs.storage import dead_letter_queue, log_group
from seatrial.constructs.triggers import TargetSchedule, rule
from seatrial.constructs.warehouse_access import WarehouseAccess
from seatrial.constructs.workload import WorkloadNetwork
from seatrial.contracts import environment as names
from seatrial.contracts.migrations import FEATURES, MigrationFilesError, read_migrations
from seatrial.contracts.sql_scripts import ScriptError, fill

TIMEOUT_SECONDS = 300
STACK_CHANGE = "CloudFormation Stack Status Change"
USAGE_LIMIT_ACTIONS = (
    "redshift-serverless:CreateUsageLimit",
    "redshift-serverless:ListUsageLimits",
    "redshift-serverless:UpdateUsageLimit",
)


class WarehouseMigrations(Construct):
    """Applies the files `NNNN_name.sql` of a folder in order, each as one transaction, and remembers their checksums.

    `values` fill the placeholders `${name}` of the files, `features` are those of `contracts.migrations.FEATURES`
    that the warehouse has. The function also keeps the daily usage limit of Redshift Serverless. A state machine calls
    it until everything is applied: after each deployment of this stack, by `schedule`, or when somebody starts it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        access: WarehouseAccess,
        migrations: Path,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        values: Mapping[str, str] | None = None,
        features: Sequence[str] = (),
        usage_limit_rpu_hours: int | None = None,
        layers: Sequence[lambda_.ILayerVersion] = (),
        metric_namespace: str = DEFAULT_NAMESPACE,
        schedule: str | None = "cron(30 6 * * ? *)",
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        given, self._access = dict(values or {}), access
        _check_limit(access, usage_limit_rpu_hours)
        self.function = PythonFunction(
            self,
            "Migrate",
            entry="warehouse_migrations",
            files=packed_files(migrations, given, features),
            description=f"Migrates {access.name}",
            network=network,
            encryption_key=encryption_key,
            layers=layers,
            timeout_seconds=TIMEOUT_SECONDS,
            destroy_data=destroy_data,
            environment={
                **_address(access),
                names.MIGRATION_VALUES: cdk.Stack.of(self).to_json_string(given),
                names.WAREHOUSE_FEATURES: ",".join(sorted(features)),
                names.USAGE_LIMIT_RPU_HOURS: "" if usage_limit_rpu_hours is None else str(usage_limit_rpu_hours),
                names.METRIC_NAMESPACE: metric_namespace,
            },
        )
        access.grant_administering(self.function.role)
        if access.serverless:
            self.function.role.allow(*USAGE_LIMIT_ACTIONS, on=[access.arn])
        self.undelivered = dead_letter_queue(self, "Undelivered", key=encryption_key)
        self.state_machine = self._machine(encryption_key, notification_topic, destroy_data)
        self.trigger = self._after_deployments()
        self.schedule = self._schedule(schedule, encryption_key) if schedule else None
        self.alarms = [
            *machine_alarms(
                self, self.state_machine.attr_arn, notification_topic, what=f"{self._access.name}: migrations"
            ),
            *function_alarms(self, self.function, notification_topic),
            queue_alarm(self, "UndeliveredDepth", self.undelivered, notification_topic),
        ]

    def _machine(self, key: kms.IKey, topic: sns.ITopic, destroy_data: bool) -> stepfunctions.CfnStateMachine:
        role = ServiceRole(self, "Machine", service="states.amazonaws.com", description=f"Migrates {self._access.name}")
        role.allow("lambda:InvokeFunction", on=[self.function.function.function_arn])
        role.allow("sns:Publish", on=[topic.topic_arn])
        role.allow_key(key)
        allow_machine_logs(role)
        definition = migration_machine(
            function_arn=self.function.function.function_arn,
            topic_arn=topic.topic_arn,
            warehouse=self._access.name,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        group = log_group(self, "LogGroup", key=key, destroy_data=destroy_data)
        return encrypted_machine(self, "StateMachine", definition=definition, role=role, group=group, key=key)

    def _after_deployments(self) -> cdk.CfnResource:
        starter = ServiceRole(
            self, "Starter", service="events.amazonaws.com", description="Starts the migrations after a deployment"
        )
        starter.allow("states:StartExecution", on=[self.state_machine.attr_arn])
        return rule(
            self,
            "Deployed",
            description="A deployment of this stack may have brought migrations",
            pattern={
                "source": ["aws.cloudformation"],
                "detail-type": [STACK_CHANGE],
                "detail": {
                    "stack-id": [cdk.Aws.STACK_ID],
                    "status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]},
                },
            },
            target_arn=self.state_machine.attr_arn,
            dead_letters=self.undelivered,
            role=starter,
        )

    def _schedule(self, expression: str, key: kms.IKey) -> TargetSchedule:
        return TargetSchedule(
            self,
            "Regular",
            expression=expression,
            description="Missing migrations are looked for on schedule",
            target_arn=self.state_machine.attr_arn,
            action="states:StartExecution",
            dead_letters=self.undelivered,
            payload={},
            encryption_key=key,
        )


def _address(access: WarehouseAccess) -> dict[str, str]:
    common = {names.DATABASE_NAME: access.database}
    if access.serverless:
        place = {names.WORKGROUP_NAME: access.name, names.NAMESPACE_NAME: access.name, names.WORKGROUP_ARN: access.arn}
        return common | place
    return common | {names.CLUSTER_IDENTIFIER: access.name, names.SECRET_ARN: access.secret_arn or ""}


def packed_files(folder: Path, values: Mapping[str, str], features: Sequence[str]) -> dict[str, bytes]:
    """The folder's SQL files for the zip; what the function would refuse is refused here already."""
    unknown = [feature for feature in features if feature not in FEATURES]
    if unknown:
        raise ConstructError(f"features: must be among {', '.join(FEATURES)}, got {unknown[0]!r}")
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}
    try:
        for migration in read_migrations(texts):
            if migration.requires is None or migration.requires in features:
                # Tokens of the CDK hold characters that no real value has.
                fill(migration.script, {name: "x" if cdk.Token.is_unresolved(v) else v for name, v in values.items()})
    except (MigrationFilesError, ScriptError) as error:
        raise ConstructError(f"migrations: {folder}: {error}") from error
    return {f"sql/{name}": text.encode() for name, text in texts.items()}


def _check_limit(access: WarehouseAccess, limit: int | None) -> None:
    if limit is not None and not access.serverless:
        raise ConstructError(f"usage_limit_rpu_hours: only Redshift Serverless has RPUs, got {limit} for a cluster")
    if limit is not None and limit < 1:
        raise ConstructError(f"usage_limit_rpu_hours: must be at least 1, got {limit}")
