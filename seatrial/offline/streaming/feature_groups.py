"""Feature groups: what they are, and SageMaker's API to make, describe, change and remove them."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.errors import InUseError, NotEmulatedError, NotFoundError, ValidationError
from seatrial.offline.sagemaker.service import Request, Response, Service, present
from seatrial.offline.streaming.feature_values import check_type
from seatrial.offline.streaming.offline_store import OfflineStore, OfflineStoreError
from seatrial.offline.streaming.online_store import OnlineStore

DATABASE = "sagemaker_featurestore"
RESERVED = ("is_deleted", "write_time", "api_invocation_time", "year", "month", "day", "hour")
_UNIT_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400, "Weeks": 604_800}
_MOST_FEATURES = 2500


@dataclass
class FeatureGroup:
    """One feature group with its stores; either may be missing."""

    name: str
    arn: str
    request: Request
    features: dict[str, str]
    """Type of each feature: Integral, Fractional or String."""
    created: datetime
    changed: datetime
    status: str = "Created"
    failure: str | None = None
    online: OnlineStore | None = None
    offline: OfflineStore | None = None
    offline_config: dict[str, Any] | None = None
    ttl: timedelta | None = None

    @property
    def identifier(self) -> str:
        """Name of the record identifier feature."""
        return self.request["RecordIdentifierFeatureName"]

    @property
    def event_time(self) -> str:
        """Name of the event time feature."""
        return self.request["EventTimeFeatureName"]


@dataclass
class FeatureStore:
    """The feature groups of one cloud, by name."""

    service: Service
    groups: dict[str, FeatureGroup] = field(default_factory=dict)
    metadata: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def find(self, name: str) -> FeatureGroup:
        """A group by name or ARN; raises SageMaker's `NotFoundError`."""
        found = self.groups.get(name.rpartition("/")[2])
        if found is None:
            raise NotFoundError(f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}")
        return found

    def flush(self) -> None:
        """Write what waits for the offline stores."""
        for group in list(self.groups.values()):
            if group.offline is not None:
                group.offline.flush()

    def create(self, service: Service, request: Request) -> Response:
        """CreateFeatureGroup."""
        name = request["FeatureGroupName"]
        if name in self.groups:
            raise InUseError(f"Resource Already Exists: FeatureGroup with name {name} already exists.")
        features = _features(request["FeatureDefinitions"])
        _check(request, features)
        now = service.now()
        group = FeatureGroup(name, service.arn("feature-group", name), request, features, now, now)
        self._open_online(group)
        self._open_offline(group)
        self.groups[name] = group
        service.set_tags(group.arn, request.get("Tags"))
        return {"FeatureGroupArn": group.arn}

    def _open_online(self, group: FeatureGroup) -> None:
        online = group.request.get("OnlineStoreConfig") or {}
        if not online.get("EnableOnlineStore"):
            return
        if online.get("StorageType") == "InMemory":
            raise NotEmulatedError("an InMemory online store: use StorageType Standard")
        group.ttl = duration(online.get("TtlDuration"))
        group.online = OnlineStore(self.service.now)

    def _open_offline(self, group: FeatureGroup) -> None:
        given = group.request.get("OfflineStoreConfig")
        if not given:
            return
        context = self.service.context
        seconds = int(group.created.timestamp())
        base = f"{given['S3StorageConfig']['S3Uri'].rstrip('/')}/{context.account}/sagemaker/{context.region}"
        uri = f"{base}/offline-store/{group.name}-{seconds}/data"
        catalog = given.get("DataCatalogConfig") or {
            "Catalog": "AwsDataCatalog",
            "Database": DATABASE,
            "TableName": f"{group.name.replace('-', '_').lower()}_{seconds}",
        }
        storage = {**given["S3StorageConfig"], "ResolvedOutputS3Uri": uri}
        group.offline_config = {**given, "S3StorageConfig": storage, "DataCatalogConfig": catalog}
        try:
            group.offline = OfflineStore(context, group.offline_config, group.features, group.event_time)
        except OfflineStoreError as error:
            group.status, group.failure = "CreateFailed", str(error)

    def describe(self, service: Service, request: Request) -> Response:
        """DescribeFeatureGroup."""
        del service
        group = self.find(request["FeatureGroupName"])
        given = group.request
        return present(
            FeatureGroupArn=group.arn,
            FeatureGroupName=group.name,
            RecordIdentifierFeatureName=group.identifier,
            EventTimeFeatureName=group.event_time,
            FeatureDefinitions=[{"FeatureName": key, "FeatureType": kind} for key, kind in group.features.items()],
            CreationTime=group.created,
            LastModifiedTime=group.changed,
            OnlineStoreConfig=given.get("OnlineStoreConfig"),
            OfflineStoreConfig=group.offline_config,
            ThroughputConfig=given.get("ThroughputConfig") or {"ThroughputMode": "OnDemand"},
            RoleArn=given.get("RoleArn"),
            Description=given.get("Description"),
            FeatureGroupStatus=group.status,
            FailureReason=group.failure,
            OfflineStoreStatus={"Status": "Active"} if group.offline else None,
            LastUpdateStatus={"Status": "Successful"} if group.changed != group.created else None,
            OnlineStoreTotalSizeBytes=group.online.size() if group.online else None,
            NextToken="",
        )

    def update(self, service: Service, request: Request) -> Response:
        """UpdateFeatureGroup: more features, another time to live."""
        group = self.find(request["FeatureGroupName"])
        additions = _features(request.get("FeatureAdditions") or [])
        _check_names([*group.features, *additions])
        if additions and group.offline is not None:
            group.offline.add(additions)
        group.features.update(additions)
        online = request.get("OnlineStoreConfig") or {}
        if "TtlDuration" in online:
            group.ttl = duration(online["TtlDuration"])
            group.request["OnlineStoreConfig"] = {**(group.request.get("OnlineStoreConfig") or {}), **online}
        if request.get("ThroughputConfig"):
            group.request["ThroughputConfig"] = request["ThroughputConfig"]
        group.changed = service.now()
        return {"FeatureGroupArn": group.arn}

    def delete(self, service: Service, request: Request) -> Response:
        """DeleteFeatureGroup: the offline store's files and table stay, as on AWS."""
        del service
        group = self.find(request["FeatureGroupName"])
        if group.offline is not None:
            group.offline.flush()
        del self.groups[group.name]
        return {}

    def list_groups(self, service: Service, request: Request) -> Response:
        """ListFeatureGroups."""
        del service
        part = request.get("NameContains", "")
        found = [group for name, group in sorted(self.groups.items()) if part in name]
        summaries = [
            {
                "FeatureGroupName": group.name,
                "FeatureGroupArn": group.arn,
                "CreationTime": group.created,
                "FeatureGroupStatus": group.status,
            }
            for group in found
        ]
        return {"FeatureGroupSummaries": summaries[: request.get("MaxResults", 100)]}

    def describe_metadata(self, service: Service, request: Request) -> Response:
        """DescribeFeatureMetadata."""
        del service
        group, name = self._feature(request)
        told = self.metadata.get((group.name, name), {})
        return present(
            FeatureGroupArn=group.arn,
            FeatureGroupName=group.name,
            FeatureName=name,
            FeatureType=group.features[name],
            CreationTime=group.created,
            LastModifiedTime=told.get("time", group.created),
            Description=told.get("Description"),
            Parameters=told.get("Parameters", []),
        )

    def update_metadata(self, service: Service, request: Request) -> Response:
        """UpdateFeatureMetadata."""
        group, name = self._feature(request)
        told = self.metadata.setdefault((group.name, name), {"Parameters": []})
        told["time"] = service.now()
        if "Description" in request:
            told["Description"] = request["Description"]
        removed = set(request.get("ParameterRemovals") or ())
        added = request.get("ParameterAdditions") or []
        removed |= {each["Key"] for each in added}
        told["Parameters"] = [each for each in told["Parameters"] if each["Key"] not in removed] + added
        return {}

    def _feature(self, request: Request) -> tuple[FeatureGroup, str]:
        group, name = self.find(request["FeatureGroupName"]), request["FeatureName"]
        if name not in group.features:
            raise NotFoundError(f"Resource Not Found: there is no feature {name} in {group.name}")
        return group, name

    def operations(self) -> dict[str, Operation]:
        """SageMaker's operations on feature groups, by API name."""
        return {
            "CreateFeatureGroup": self.create,
            "DescribeFeatureGroup": self.describe,
            "UpdateFeatureGroup": self.update,
            "DeleteFeatureGroup": self.delete,
            "ListFeatureGroups": self.list_groups,
            "DescribeFeatureMetadata": self.describe_metadata,
            "UpdateFeatureMetadata": self.update_metadata,
        }


def duration(given: dict[str, Any] | None) -> timedelta | None:
    """A TtlDuration as a time span."""
    if not given:
        return None
    return timedelta(seconds=_UNIT_SECONDS[given["Unit"]] * int(given["Value"]))


def _features(definitions: list[dict[str, Any]]) -> dict[str, str]:
    collections = [each["FeatureName"] for each in definitions if each.get("CollectionType")]
    if collections:
        raise NotEmulatedError(f"collection types are not emulated by the offline cloud: {', '.join(collections)}")
    _check_names([each["FeatureName"] for each in definitions])
    return {each["FeatureName"]: each["FeatureType"] for each in definitions}


def _check_names(names: list[str]) -> None:
    doubled = sorted({name for name in names if [each.lower() for each in names].count(name.lower()) > 1})
    if doubled:
        raise ValidationError(f"FeatureDefinitions: names must differ also without their case: {', '.join(doubled)}")
    reserved = [name for name in names if name.lower() in RESERVED]
    if reserved or len(names) > _MOST_FEATURES:
        raise ValidationError(f"FeatureDefinitions: {reserved or len(names)} must not be: the names are reserved")
    if any(not re.fullmatch(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}", name) for name in names):
        raise ValidationError("FeatureDefinitions: a name has 1 to 64 letters, digits, - and _")


def _check(request: Request, features: dict[str, str]) -> None:
    for key in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if request[key] not in features:
            raise ValidationError(f"{key} {request[key]!r} is not among the FeatureDefinitions")
    if features[request["EventTimeFeatureName"]] == "Integral":
        raise ValidationError("the event time feature must be of type String or Fractional")
    if not (request.get("OnlineStoreConfig") or {}).get("EnableOnlineStore") and not request.get("OfflineStoreConfig"):
        raise ValidationError("OnlineStoreConfig and/or OfflineStoreConfig must be given")
    for kind in features.values():
        check_type(kind)
