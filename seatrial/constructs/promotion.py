"""Promotion: the state machine from "model package approved" to a verified endpoint, or back to the one before."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import function_alarms, machine_alarms, queue_alarm
from seatrial.constructs.arns import place_of
from seatrial.constructs.function import PythonFunction
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.monitoring import allow_describing_endpoint
from seatrial.constructs.promotion_machine import PromotionSettings, promotion_machine
from seatrial.constructs.serving import Canary
from seatrial.constructs.state import ModelState
from seatrial.constructs.state_language import allow_machine_logs, encrypted_machine
from seatrial.constructs.storage import dead_letter_queue, log_group
from seatrial.constructs.triggers import SCHEDULED_TIME, TargetSchedule, rule
from seatrial.constructs.workload import WorkloadNetwork
from seatrial.contracts import environment as names
from seatrial.contracts.events import RECONCILIATION

BOOTSTRAP_VERSION = "BootstrapVersion"
BOOTSTRAP_SSM_PARAMETER = "cdk-bootstrap/hnb659fds/version"
"""Where the CDK's template parameter `BootstrapVersion` has its value; CloudFormation reads it as the caller."""
PACKAGE_CHANGE = "SageMaker Model Package State Change"


class Promotion(Construct):
    """Updates the serving stack to the newest approved model package, verifies, and goes back when it does not hold.

    It is assumed that the serving stack was deployed with a service role, as the CDK does with its bootstrap stack's
    execution role: CloudFormation keeps that role for every later update, whoever asks for it, and iam:PassRole is not
    needed as long as the update names no role. Model, endpoint configuration, endpoint and autoscaling are changed
    with that role's rights, so the state machine has none of them; deployed without a service role, its updates are
    refused. What CloudFormation does in the caller's name all the same is reading parameters out of Parameter Store.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        serving_stack_name: str,
        model_package_parameter: str,
        kept_parameters: Sequence[str],
        endpoint_name: str,
        model_package_group_name: str,
        rollback_alarms: Sequence[cloudwatch.CfnAlarm],
        artifacts: s3.IBucket,
        state: ModelState,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        layers: Sequence[lambda_.ILayerVersion] = (),
        barred_approvers: Sequence[str] = (),
        approval_valid_hours: float = 72,
        reconciliation: str | None = "cron(50 * * * ? *)",
        canary: Canary = Canary(),  # noqa: B008 - it is frozen
        poll_seconds: int = 30,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self._endpoint, self._group = endpoint_name, model_package_group_name
        self._common = {
            "network": network,
            "encryption_key": encryption_key,
            "layers": layers,
            "destroy_data": destroy_data,
        }
        watching = _watching(canary, poll_seconds)
        bounds = {**watching, **_bounds(barred_approvers, approval_valid_hours)}
        self.select = self._select(state, artifacts, rollback_alarms, bounds)
        self.verify = self._verify(artifacts, watching)
        self.undelivered = dead_letter_queue(self, "Undelivered", key=encryption_key)
        self.log_group = log_group(self, "LogGroup", key=encryption_key, destroy_data=destroy_data)
        settings = PromotionSettings(
            select_arn=self.select.function.function_arn,
            verify_arn=self.verify.function.function_arn,
            stack_name=serving_stack_name,
            endpoint_name=endpoint_name,
            parameter=model_package_parameter,
            kept_parameters=tuple(kept_parameters),
            state_table=state.table.table_name,
            topic_arn=notification_topic.topic_arn,
            poll_seconds=poll_seconds,
            longest_update_seconds=canary.update_seconds,
        )
        self.role = self._machine_role(serving_stack_name, kept_parameters, state, encryption_key, notification_topic)
        self.state_machine = encrypted_machine(
            self,
            "StateMachine",
            definition=promotion_machine(settings),
            role=self.role,
            group=self.log_group,
            key=encryption_key,
        )
        self.trigger = self._trigger()
        self.reconciliation = self._reconcile(reconciliation, encryption_key) if reconciliation else None
        self.alarms = self._alarms(notification_topic)

    def _select(
        self,
        state: ModelState,
        artifacts: s3.IBucket,
        alarms: Sequence[cloudwatch.CfnAlarm],
        bounds: Mapping[str, str],
    ) -> PythonFunction:
        select = PythonFunction(
            self,
            "Select",
            entry="promotion_select",
            description=f"Chooses the model package that {self._endpoint} shall serve",
            environment={
                names.ENDPOINT_NAME: self._endpoint,
                names.MODEL_PACKAGE_GROUP: self._group,
                names.STATE_TABLE: state.table.table_name,
                names.ROLLBACK_ALARM_NAMES: ",".join(alarm.ref for alarm in alarms),
                **bounds,
            },
            timeout_seconds=180,
            **self._common,
        )
        state.grant_remembering(select.role)
        select.role.allow_reading(artifacts)
        select.role.allow_unscoped("cloudwatch:GetMetricStatistics")
        allow_describing_endpoint(select.role, self._endpoint, self._group)
        listed = [self._arn("model-package-group", self._group), self._arn("model-package", f"{self._group}/*")]
        because = "Listing is authorized on the versions, which are counted up at registration; the group is exact."
        select.role.allow("sagemaker:ListModelPackages", on=listed, because=because)
        guards = [place_of(self).arn("cloudwatch", f"alarm:{alarm.ref}") for alarm in alarms]
        if guards:
            select.role.allow("cloudwatch:DescribeAlarms", on=guards)
        return select

    def _verify(self, artifacts: s3.IBucket, watching: Mapping[str, str]) -> PythonFunction:
        verify = PythonFunction(
            self,
            "Verify",
            entry="promotion_verify",
            description=f"Compares what {self._endpoint} runs and answers with what was asked",
            environment={
                names.ENDPOINT_NAME: self._endpoint,
                **watching,
            },
            timeout_seconds=120,
            **self._common,
        )
        allow_describing_endpoint(verify.role, self._endpoint, self._group)
        verify.role.allow("sagemaker:InvokeEndpoint", on=[self._arn("endpoint", self._endpoint)])
        verify.role.allow_reading(artifacts)
        verify.role.allow_unscoped("cloudwatch:GetMetricStatistics")
        return verify

    def _machine_role(
        self, stack_name: str, kept_parameters: Sequence[str], state: ModelState, key: kms.IKey, topic: sns.ITopic
    ) -> ServiceRole:
        role = ServiceRole(self, "Identity", service="states.amazonaws.com", description="Runs the promotion")
        functions = [self.select.function.function_arn, self.verify.function.function_arn]
        role.allow("lambda:InvokeFunction", on=functions)
        stack = place_of(self).arn("cloudformation", "stack", f"{stack_name}/*")
        because = "The last part of a stack's ARN is an id made at its creation; the stack's name is exact."
        actions = ("DescribeStackEvents", "DescribeStackResources", "DescribeStacks", "UpdateStack")
        role.allow(*(f"cloudformation:{action}" for action in actions), on=[stack], because=because)
        if BOOTSTRAP_VERSION in kept_parameters:
            role.allow("ssm:GetParameters", on=[place_of(self).arn("ssm", "parameter", BOOTSTRAP_SSM_PARAMETER)])
        role.allow("dynamodb:PutItem", on=[state.table.table_arn])
        role.allow("sns:Publish", on=[topic.topic_arn])
        role.allow_key(key)
        allow_machine_logs(role)
        return role

    def _trigger(self) -> cdk.CfnResource:
        starter = ServiceRole(
            self, "Starter", service="events.amazonaws.com", description="Starts the promotion on an approval"
        )
        starter.allow("states:StartExecution", on=[self.state_machine.attr_arn])
        return rule(
            self,
            "Approved",
            description="An approved model package of the group starts its promotion",
            pattern={
                "source": ["aws.sagemaker"],
                "detail-type": [PACKAGE_CHANGE],
                "detail": {"ModelPackageGroupName": [self._group], "ModelApprovalStatus": ["Approved"]},
            },
            target_arn=self.state_machine.attr_arn,
            dead_letters=self.undelivered,
            role=starter,
        )

    def _reconcile(self, expression: str, key: kms.IKey) -> TargetSchedule:
        """SageMaker's events are best effort: an approval whose event got lost is found by looking."""
        return TargetSchedule(
            self,
            "Reconciliation",
            expression=expression,
            description=f"Looks whether {self._endpoint} serves what is approved",
            target_arn=self.state_machine.attr_arn,
            action="states:StartExecution",
            dead_letters=self.undelivered,
            payload={"id": "reconciliation", "time": SCHEDULED_TIME, "detail": {RECONCILIATION: True}},
            encryption_key=key,
        )

    def _alarms(self, topic: sns.ITopic) -> list[cloudwatch.CfnAlarm]:
        failures = machine_alarms(self, self.state_machine.attr_arn, topic, what=f"{self._endpoint}: a promotion")
        return [
            *failures,
            queue_alarm(self, "UndeliveredDepth", self.undelivered, topic),
            *function_alarms(self.select, self.select, topic),
            *function_alarms(self.verify, self.verify, topic),
        ]

    def _arn(self, resource: str, name: str) -> str:
        return place_of(self).arn("sagemaker", resource, name)


def _watching(canary: Canary, poll_seconds: int) -> dict[str, str]:
    """What both functions ask: how much traffic the canary has, and when an update is overdue."""
    return {
        names.VARIANT_NAME: canary.variant_name,
        names.CANARY_PERCENT: str(canary.percent),
        names.BAKE_SECONDS: str(canary.bake_seconds),
        names.POLL_SECONDS: str(poll_seconds),
        names.UPDATE_SECONDS: str(canary.update_seconds),
    }


def _bounds(barred_approvers: Sequence[str], approval_valid_hours: float) -> dict[str, str]:
    return {
        names.BARRED_APPROVERS: ",".join(barred_approvers),
        names.APPROVAL_VALID_HOURS: f"{approval_valid_hours:g}",
    }
