"""Tables that remember: a key pair of strings, encrypted, recoverable to any second of the last 35 days."""

import aws_cdk.aws_dynamodb as dynamodb
import aws_cdk.aws_kms as kms
from constructs import Construct

from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.justification import justify
from seatrial.constructs.storage import may_go, removal_policy

PARTITION_KEY, SORT_KEY = "pk", "sk"


class ModelState(Construct):
    """A table with partition key `pk` and sort key `sk`; items that carry `expires_at` (epoch seconds) expire.

    `source_of_truth` completes the sentence on why no backup plan is needed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        source_of_truth: str = "registry and endpoint",
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        text = dynamodb.AttributeType.STRING
        self.encryption_key = encryption_key
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=PARTITION_KEY, type=text),
            sort_key=dynamodb.Attribute(name=SORT_KEY, type=text),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=encryption_key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=not may_go(self, destroy_data),
            time_to_live_attribute="expires_at",
            removal_policy=removal_policy(self, destroy_data),
        )
        justify(
            self.table,
            "NIST.800.53.R5-DynamoDBInBackupPlan",
            f"Point-in-time recovery covers 35 days; what the table holds can be derived from {source_of_truth}.",
        )

    def grant_reading(self, role: ServiceRole) -> None:
        """Read items."""
        role.allow("dynamodb:GetItem", on=[self.table.table_arn])
        role.allow_key(self.encryption_key)

    def grant_remembering(self, role: ServiceRole) -> None:
        """Read items and write whole ones, conditionally."""
        self.grant_reading(role)
        role.allow("dynamodb:PutItem", on=[self.table.table_arn])

    def grant_changing(self, role: ServiceRole) -> None:
        """Read and write items, also parts of them."""
        self.grant_remembering(role)
        role.allow("dynamodb:UpdateItem", on=[self.table.table_arn])
