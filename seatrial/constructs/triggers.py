"""What starts functions and state machines: event rules and schedules, each with retries and a dead-letter queue."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import aws_cdk.aws_events as events
import aws_cdk.aws_iam as iam
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_scheduler as scheduler
import aws_cdk.aws_sqs as sqs
from constructs import Construct

from seatrial.constructs import principals
from seatrial.constructs.arns import place_of
from seatrial.constructs.function import PythonFunction
from seatrial.constructs.identity import ServiceRole

MAXIMUM_AGE_SECONDS = 3600
MAXIMUM_RETRIES = 10
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""EventBridge Scheduler puts the time of the run in its place."""


def rule(
    scope: Construct,
    construct_id: str,
    *,
    description: str,
    pattern: Mapping[str, Any],
    target_arn: str,
    dead_letters: sqs.Queue,
    role: ServiceRole | None = None,
) -> events.CfnRule:
    """A rule on the default bus with one target; undeliverable events go to the queue after an hour of retries."""
    target = events.CfnRule.TargetProperty(
        id="Target",
        arn=target_arn,
        role_arn=role.role_arn if role else None,
        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
        retry_policy=events.CfnRule.RetryPolicyProperty(
            maximum_event_age_in_seconds=MAXIMUM_AGE_SECONDS, maximum_retry_attempts=MAXIMUM_RETRIES
        ),
    )
    made = events.CfnRule(
        scope, construct_id, description=description, event_pattern=dict(pattern), state="ENABLED", targets=[target]
    )
    dead_letters.add_to_resource_policy(
        iam.PolicyStatement(
            sid=f"Undelivered{construct_id}",
            principals=[principals.service("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[dead_letters.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": made.attr_arn}},
        )
    )
    return made


def function_rule(
    scope: Construct, construct_id: str, *, description: str, pattern: Mapping[str, Any], function: PythonFunction
) -> events.CfnRule:
    """A rule that invokes a function; only this rule of this account may."""
    made = rule(
        scope,
        construct_id,
        description=description,
        pattern=pattern,
        target_arn=function.function.function_arn,
        dead_letters=function.dead_letters,
    )
    lambda_.CfnPermission(
        scope,
        f"{construct_id}Permission",
        action="lambda:InvokeFunction",
        function_name=function.function.function_arn,
        principal="events.amazonaws.com",
        source_arn=made.attr_arn,
        source_account=place_of(scope).account,
    )
    function.takes_events = True
    return made


class TargetSchedule(Construct):
    """Calls one target by EventBridge Scheduler (UTC), with a role of its own that may do `action` on it alone.

    `action` is such as "states:StartExecution".
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        expression: str,
        description: str,
        target_arn: str,
        action: str,
        dead_letters: sqs.Queue,
        payload: Mapping[str, Any],
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = ServiceRole(self, "Identity", service="scheduler.amazonaws.com", description=description)
        self.role.allow(action, on=[target_arn])
        self.role.allow("sqs:SendMessage", on=[dead_letters.queue_arn])
        self.role.allow_key(encryption_key)
        target = scheduler.CfnSchedule.TargetProperty(
            arn=target_arn,
            role_arn=self.role.role_arn,
            input=cdk.Stack.of(self).to_json_string(dict(payload)),
            dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_event_age_in_seconds=MAXIMUM_AGE_SECONDS, maximum_retry_attempts=MAXIMUM_RETRIES
            ),
        )
        self.schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            description=description,
            schedule_expression=expression,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            kms_key_arn=encryption_key.key_arn,
            state="ENABLED",
            target=target,
        )


class FunctionSchedule(TargetSchedule):
    """Invokes a function by EventBridge Scheduler (UTC), with a role of its own."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        expression: str,
        description: str,
        function: PythonFunction,
        payload: Mapping[str, Any],
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            expression=expression,
            description=description,
            target_arn=function.function.function_arn,
            action="lambda:InvokeFunction",
            dead_letters=function.dead_letters,
            payload=payload,
            encryption_key=encryption_key,
        )
        function.takes_events = True
