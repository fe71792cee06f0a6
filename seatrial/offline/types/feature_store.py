"""AWS::SageMaker::FeatureGroup."""

from collections.abc import Mapping
from typing import Any

from seatrial.offline.engine.errors import ResourceError
from seatrial.offline.types.base import Call, Handler, Made, tag_list


class FeatureGroup(Handler):
    """AWS::SageMaker::FeatureGroup."""

    def create(self, call: Call) -> Made:
        """CreateFeatureGroup; a group whose stores cannot be made is a failure."""
        name = call.get("FeatureGroupName")
        source = {**call.rest("Tags"), "Tags": tag_list(call.tags()) or None}
        call.client("sagemaker").create_feature_group(**call.request("sagemaker", "CreateFeatureGroup", source))
        call.begin(name)
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateFeatureGroup: more features, the time to live and the throughput."""
        before = {each["FeatureName"] for each in old["FeatureDefinitions"]}
        added = [each for each in call.get("FeatureDefinitions") if each["FeatureName"] not in before]
        source: dict[str, Any] = {"FeatureGroupName": physical_id}
        if added:
            source["FeatureAdditions"] = added
        ttl = (call.get("OnlineStoreConfig") or {}).get("TtlDuration")
        if "OnlineStoreConfig" in call.changed and ttl:
            source["OnlineStoreConfig"] = {"TtlDuration": ttl}
        if "ThroughputConfig" in call.changed:
            source["ThroughputConfig"] = call.get("ThroughputConfig")
        call.client("sagemaker").update_feature_group(**call.request("sagemaker", "UpdateFeatureGroup", source))
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteFeatureGroup; the offline store's files stay."""
        call.client("sagemaker").delete_feature_group(FeatureGroupName=physical_id)

    def _made(self, call: Call, name: str) -> Made:
        found = call.client("sagemaker").describe_feature_group(FeatureGroupName=name)
        if found["FeatureGroupStatus"] != "Created":
            raise ResourceError(f"feature group {name}: {found.get('FailureReason', found['FeatureGroupStatus'])}")
        created = found["CreationTime"].strftime("%Y-%m-%dT%H:%M:%SZ")
        return Made(name, {"CreationTime": created, "FeatureGroupStatus": found["FeatureGroupStatus"]})


HANDLERS: dict[str, Handler] = {"AWS::SageMaker::FeatureGroup": FeatureGroup()}
