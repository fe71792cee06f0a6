"""The topic on which people are told: encrypted, TLS only, for this account's alarms and functions."""

from collections.abc import Sequence
from typing import cast

import aws_cdk.aws_iam as iam
import aws_cdk.aws_kms as kms
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs import principals
from seatrial.constructs.arns import place_of


class Notifications(Construct):
    """One SNS topic; `subscribers` are e-mail addresses (none: subscribe what you use for paging yourself)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, encryption_key: kms.IKey, subscribers: Sequence[str] = ()
    ) -> None:
        super().__init__(scope, construct_id)
        account = place_of(self).account
        made = sns.Topic(self, "Topic", master_key=encryption_key, enforce_ssl=True)
        self.topic = cast(sns.ITopic, made)
        made.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[principals.service("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            )
        )
        for index, address in enumerate(subscribers):
            sns.CfnSubscription(
                self, f"Subscriber{index + 1}", topic_arn=self.topic.topic_arn, protocol="email", endpoint=address
            )
