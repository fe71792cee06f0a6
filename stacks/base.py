"""What every stack has in common: its name, its place, its tags and its outputs."""

from dataclasses import dataclass

import aws_cdk as cdk
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.config import Engagement
from seatrial.constructs import Lake, Notifications, WorkloadNetwork
from seatrial.constructs.storage import ALLOW_DELETION


@dataclass(frozen=True, kw_only=True)
class Target:
    """One engagement in one environment."""

    engagement: Engagement
    environment: str

    @property
    def prefix(self) -> str:
        """Beginning of every name: `<engagement>-<environment>`."""
        return f"{self.engagement.name}-{self.environment}"

    @property
    def database_name(self) -> str:
        """The lake's Glue database."""
        return self.prefix.replace("-", "_")

    @property
    def place(self) -> cdk.Environment:
        """Account and region."""
        where = self.engagement.environments[self.environment]
        return cdk.Environment(account=where.account, region=where.region)

    @property
    def tags(self) -> dict[str, str]:
        """Tags on every resource; the required ones win over those of the engagement."""
        own = {
            "DataClassification": "confidential",
            "Engagement": self.engagement.name,
            "Environment": self.environment,
            "OwnerTeam": self.engagement.owner,
        }
        return dict(self.engagement.tags) | own


def group_name(target: Target, group: str) -> str:
    """Name of a feature group, by which jobs find it."""
    return f"{target.prefix}-{group}"


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """What every stack after lake and network stands on."""

    target: Target
    lake: Lake
    notifications: Notifications
    network: WorkloadNetwork

    @property
    def training_data(self) -> s3.IBucket:
        """Where training data and the pointer to the newest lie: raw, or with the features that it is made of."""
        dataset, features = self.target.engagement.training.dataset, self.lake.features
        return features if features and dataset.kind == "lake" else self.lake.raw


class BaseStack(cdk.Stack):
    """A stack of an engagement."""

    def __init__(self, scope: Construct, construct_id: str, *, target: Target, description: str) -> None:
        boundary = target.engagement.permissions_boundary
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{target.prefix}-{construct_id.lower()}",
            env=target.place,
            description=f"{target.engagement.name}: {description}",
            tags=target.tags,
            permissions_boundary=cdk.PermissionsBoundary.from_arn(boundary) if boundary else None,
            termination_protection=target.environment == "prod",
            analytics_reporting=False,
        )
        if target.engagement.removal.destroy_data:
            self.node.set_context(ALLOW_DELETION, True)

    def outputs(self, values: dict[str, str]) -> None:
        """Outputs whose logical ids are exactly these names."""
        for name, value in values.items():
            cdk.CfnOutput(self, name, value=value)
