"""The feature store: one group of subscribers' features, one of cells' KPIs."""

from constructs import Construct

from seatrial.constructs import FeatureGroup
from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.contracts.feature_store import EVENT_TIME, feature_types
from seatrial.contracts.network_kpi import FEATURE_TYPES
from stacks.base import BaseStack, Foundation, group_name

GROUPS = {
    "Churn": ("churn", "subscriber_id", feature_types(CHURN_FEATURES), "Features of a subscriber, by day"),
    "NetworkKpi": ("network-kpi", "cell_id", FEATURE_TYPES, "KPIs of a cell, by window"),
}
"""Construct id to name, record identifier, features and description."""


class FeaturesStack(BaseStack):
    """Made when `feature_store.enabled` says so."""

    def __init__(self, scope: Construct, construct_id: str, *, foundation: Foundation) -> None:
        target = foundation.target
        super().__init__(scope, construct_id, target=target, description="feature groups, online and offline")
        self.groups = {name: self._group(foundation, name) for name in GROUPS}
        self.churn, self.network_kpi = self.groups["Churn"], self.groups["NetworkKpi"]
        self.outputs({f"{name}FeatureGroupName": group.name for name, group in self.groups.items()})
        self.outputs({f"{name}FeatureGroupRoleArn": group.role.role_arn for name, group in self.groups.items()})

    def _group(self, foundation: Foundation, construct_id: str) -> FeatureGroup:
        target, lake = foundation.target, foundation.lake
        section, (name, identifier, features, description) = target.engagement.feature_store, GROUPS[construct_id]
        return FeatureGroup(
            self,
            construct_id,
            name=group_name(target, name),
            record_identifier=identifier,
            event_time=EVENT_TIME,
            features=features,
            bucket=lake.features or lake.curated,
            prefix=f"{target.engagement.training.dataset.name}/feature-store/",
            encryption_key=lake.key,
            description=description,
            online=section.online,
            online_ttl_days=section.online_ttl_days,
            destroy_data=target.engagement.removal.destroy_data,
        )
