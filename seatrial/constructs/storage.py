"""Small shared parts that keep data: log groups, dead-letter queues, removal policies."""

import aws_cdk as cdk
import aws_cdk.aws_kms as kms
import aws_cdk.aws_logs as logs
import aws_cdk.aws_sqs as sqs
from constructs import Construct

from seatrial.constructs.errors import ConstructError
from seatrial.constructs.justification import justify

RETENTIONS = {days.name: days for days in logs.RetentionDays}
DAYS = {1: "ONE_DAY", 3: "THREE_DAYS", 5: "FIVE_DAYS", 7: "ONE_WEEK", 14: "TWO_WEEKS", 30: "ONE_MONTH"} | {
    60: "TWO_MONTHS", 90: "THREE_MONTHS", 120: "FOUR_MONTHS", 150: "FIVE_MONTHS", 180: "SIX_MONTHS", 365: "ONE_YEAR",
    400: "THIRTEEN_MONTHS", 545: "EIGHTEEN_MONTHS", 731: "TWO_YEARS", 1096: "THREE_YEARS", 1827: "FIVE_YEARS",
    2192: "SIX_YEARS", 2557: "SEVEN_YEARS", 2922: "EIGHT_YEARS", 3288: "NINE_YEARS", 3653: "TEN_YEARS",
}  # fmt: skip


ALLOW_DELETION = "seatrial:allow-data-deletion"
"""Context key, the second of the two keys without which no data goes with its stack; the stacks turn it when the
engagement says `removal.destroy_data`."""


def may_go(scope: Construct, destroy_data: bool) -> bool:
    """Whether the data may go with its stack: asked for by the construct and allowed by the context.

    One key without the other keeps the data, and leaves a warning.
    """
    if not destroy_data:
        return False
    if str(scope.node.try_get_context(ALLOW_DELETION)).lower() == "true":
        return True
    text = f"destroy_data is set, but the data stays: deleting it also needs the context {ALLOW_DELETION}=true"
    cdk.Annotations.of(scope).add_warning_v2(ALLOW_DELETION, text)
    return False


def removal_policy(scope: Construct, destroy_data: bool) -> cdk.RemovalPolicy:
    """RETAIN unless the data may go with its stack, see `may_go`."""
    return cdk.RemovalPolicy.DESTROY if may_go(scope, destroy_data) else cdk.RemovalPolicy.RETAIN


def log_group(
    scope: Construct,
    construct_id: str,
    *,
    key: kms.IKey,
    retention_days: int = 365,
    destroy_data: bool = False,
    name: str | None = None,
) -> logs.LogGroup:
    """A log group under the customer's key, with a retention that CloudWatch Logs knows.

    `name` only for groups whose writer dictates it.
    """
    if retention_days not in DAYS:
        raise ConstructError(f"retention_days: must be one of {', '.join(map(str, DAYS))}, got {retention_days}")
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        encryption_key=key,
        retention=RETENTIONS[DAYS[retention_days]],
        removal_policy=removal_policy(scope, destroy_data),
    )


def dead_letter_queue(scope: Construct, construct_id: str, *, key: kms.IKey) -> sqs.Queue:
    """A queue under the customer's key that keeps for two weeks what could not be delivered."""
    queue = sqs.Queue(
        scope,
        construct_id,
        encryption_master_key=kms.Key.from_key_arn(scope, f"{construct_id}Key", key.key_arn),
        retention_period=cdk.Duration.days(14),
        enforce_ssl=True,
    )
    justify(queue, "AwsSolutions-SQS3", "This queue is itself the dead-letter queue: what lies in it raises an alarm.")
    return queue
