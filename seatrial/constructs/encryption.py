"""The customer managed key: rotation, administration apart from use, CloudWatch Logs bound to its log groups."""

from collections.abc import Sequence
from typing import Any, cast

import aws_cdk as cdk
import aws_cdk.aws_iam as iam
import aws_cdk.aws_kms as kms
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.storage import removal_policy

ADMINISTRATION = (
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
    "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
    "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations", "kms:ListResourceTags", "kms:PutKeyPolicy",
    "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
    "kms:UpdateAlias", "kms:UpdateKeyDescription",
)  # fmt: skip
USE = (
    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom", "kms:ReEncryptTo",
)  # fmt: skip
DELIVERING_SERVICES = ("cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com")
"""Services that put messages into encrypted topics and queues in their own name."""


Statement = dict[str, Any]


class DataKey(Construct):
    """A key whose policy enumerates every action: who administers it, who may use it, which services and for what."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        log_group_prefixes: Sequence[str] = ("",),
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self._place = place_of(self)
        statements = [
            *self._account_statements(),
            self._logs_statement(log_group_prefixes),
            self._log_delivery_statement(),
            self._services_statement(),
        ]
        made = kms.Key(
            self,
            "Key",
            description=description,
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(30),
            removal_policy=removal_policy(self, destroy_data),
            policy=iam.PolicyDocument.from_json({"Version": "2012-10-17", "Statement": statements}),
        )
        self.key = cast(kms.IKey, made)

    def _account_statements(self) -> list[Statement]:
        account = {"AWS": f"arn:{self._place.partition}:iam::{self._place.account}:root"}
        caller = {"StringEquals": {"kms:CallerAccount": self._place.account}}
        grants = {**caller, "Bool": {"kms:GrantIsForAWSResource": "true"}}
        return [
            _statement("Administration", account, ADMINISTRATION, {}),
            _statement("UseWithinTheAccount", account, USE, caller),
            _statement("GrantsForAwsResources", account, ("kms:CreateGrant",), grants),
        ]

    def _logs_statement(self, prefixes: Sequence[str]) -> Statement:
        service = {"Service": f"logs.{self._place.region}.amazonaws.com"}
        groups = [self._place.arn("logs", f"log-group:{prefix}*") for prefix in prefixes]
        return _statement("CloudWatchLogs", service, USE, {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}})

    def _log_delivery_statement(self) -> Statement:
        """Step Functions' logs are delivered by a service of their own, which names all logs of the account."""
        service = {"Service": "delivery.logs.amazonaws.com"}
        source = {"StringEquals": {"kms:EncryptionContext:SourceArn": self._place.arn("logs", "*")}}
        return _statement("LogDeliveryOfStateMachines", service, ("kms:Decrypt",), source)

    def _services_statement(self) -> Statement:
        own = {"StringEquals": {"aws:SourceAccount": self._place.account}}
        services = {"Service": [*DELIVERING_SERVICES]}
        return _statement("MessagesOfAwsServices", services, ("kms:Decrypt", "kms:GenerateDataKey"), own)


def _statement(sid: str, principal: Statement, actions: Sequence[str], conditions: Statement) -> Statement:
    statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": [*actions], "Resource": "*"}
    return statement | ({"Condition": conditions} if conditions else {})
