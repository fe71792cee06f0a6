"""The model registry: groups, versions, approval, metrics and baselines, with an event on each change."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.errors import ConflictError, ValidationError
from seatrial.offline.sagemaker.service import Request, Response, Service, present

EVENT = "SageMaker Model Package State Change"
_UPDATABLE = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
_METADATA_LIMIT = 50


@dataclass
class PackageGroup:
    """A named list of versions."""

    name: str
    arn: str
    description: str | None
    created: datetime
    last_version: int = 0
    policy: str | None = None


@dataclass
class Package:
    """One version (or an unversioned package, whose `group` is None)."""

    arn: str
    group: str | None
    version: int | None
    facts: Response
    created: datetime
    modified: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def create_group(service: Service, request: Request) -> Response:
    """CreateModelPackageGroup."""
    name = request["ModelPackageGroupName"]
    arn = service.arn("model-package-group", name)
    with service.lock:
        if name in service.package_groups:
            raise ValidationError(f"Model Package Group already exists: {arn}")
        description = request.get("ModelPackageGroupDescription")
        service.package_groups[name] = PackageGroup(name, arn, description, service.now())
        service.set_tags(arn, request.get("Tags"))
    return {"ModelPackageGroupArn": arn}


def describe_group(service: Service, request: Request) -> Response:
    """DescribeModelPackageGroup."""
    group = _group(service, request["ModelPackageGroupName"])
    return {**_group_summary(group), "CreatedBy": {}}


def list_groups(service: Service, request: Request) -> Response:
    """ListModelPackageGroups."""
    wanted = request.get("NameContains", "")
    groups = [group for name, group in service.package_groups.items() if wanted in name]
    groups.sort(key=lambda group: group.created, reverse=request.get("SortOrder") != "Ascending")
    return {"ModelPackageGroupSummaryList": [_group_summary(group) for group in groups]}


def delete_group(service: Service, request: Request) -> Response:
    """DeleteModelPackageGroup; refused while it has versions, as on AWS."""
    group = _group(service, request["ModelPackageGroupName"])
    if any(package.group == group.name for package in service.packages.values()):
        raise ConflictError(f"Model Package Group cannot be deleted as it contains model packages: {group.arn}")
    del service.package_groups[group.name]
    return {}


def put_group_policy(service: Service, request: Request) -> Response:
    """PutModelPackageGroupPolicy; kept, not enforced."""
    group = _group(service, request["ModelPackageGroupName"])
    group.policy = request["ResourcePolicy"]
    return {"ModelPackageGroupArn": group.arn}


def get_group_policy(service: Service, request: Request) -> Response:
    """GetModelPackageGroupPolicy."""
    group = _group(service, request["ModelPackageGroupName"])
    if group.policy is None:
        raise ValidationError(f"Cannot find resource policy for: {group.arn}")
    return {"ResourcePolicy": group.policy}


def delete_group_policy(service: Service, request: Request) -> Response:
    """DeleteModelPackageGroupPolicy."""
    _group(service, request["ModelPackageGroupName"]).policy = None
    return {}


def create(service: Service, request: Request) -> Response:
    """CreateModelPackage: the next version of its group."""
    _check_metadata(request.get("CustomerMetadataProperties", {}))
    with service.lock:
        package = _new_package(service, request)
        service.packages[package.arn] = package
        service.set_tags(package.arn, request.get("Tags"))
    _announce(service, package)
    return {"ModelPackageArn": package.arn}


def update(service: Service, request: Request) -> Response:
    """UpdateModelPackage: approval, life cycle, card, metadata."""
    package = find(service, request["ModelPackageArn"])
    removed = request.get("CustomerMetadataPropertiesToRemove", [])
    metadata = {**package.metadata, **request.get("CustomerMetadataProperties", {})}
    metadata = {key: value for key, value in metadata.items() if key not in removed}
    _check_metadata(metadata)
    package.metadata = metadata
    package.facts.update({name: request[name] for name in _UPDATABLE if name in request})
    package.modified = service.now()
    _announce(service, package, [name for name in request if name not in _NOT_UPDATED])
    return {"ModelPackageArn": package.arn}


def describe(service: Service, request: Request) -> Response:
    """DescribeModelPackage, by ARN or by the name of an unversioned package."""
    return description(find(service, request["ModelPackageName"]))


def list_packages(service: Service, request: Request) -> Response:
    """ListModelPackages, newest first unless asked otherwise."""
    name = request.get("ModelPackageGroupName")
    group = None if name is None else _group(service, name).name
    kind = request.get("ModelPackageType", "Versioned" if group else "Unversioned")
    found = [p for p in service.packages.values() if _wanted(p, group, kind, request)]
    found.sort(key=lambda p: (p.created, p.version or 0), reverse=request.get("SortOrder") != "Ascending")
    start = int(request.get("NextToken", 0))
    end = start + request.get("MaxResults", 100)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return {"ModelPackageSummaryList": [_summary(package) for package in found[start:end]], **more}


def delete(service: Service, request: Request) -> Response:
    """DeleteModelPackage."""
    package = find(service, request["ModelPackageName"])
    del service.packages[package.arn]
    service.tags.pop(package.arn, None)
    return {}


def batch_describe(service: Service, request: Request) -> Response:
    """BatchDescribeModelPackage."""
    found: dict[str, Response] = {}
    errors: dict[str, Response] = {}
    for arn in request["ModelPackageArnList"]:
        if arn in service.packages:
            full = description(service.packages[arn])
            found[arn] = {key: value for key, value in full.items() if key in _BATCH_MEMBERS}
        else:
            errors[arn] = {"ErrorCode": "ValidationException", "ErrorResponse": f"ModelPackage {arn} does not exist"}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


def find(service: Service, name: str) -> Package:
    """The package of an ARN (or unversioned name)."""
    arn = name if name.startswith("arn:") else service.arn("model-package", name)
    if arn not in service.packages:
        raise ValidationError(f"ModelPackage {arn} does not exist.")
    return service.packages[arn]


def description(package: Package) -> Response:
    """What DescribeModelPackage answers."""
    return {
        "ModelPackageName": package.group or package.arn.rpartition("/")[2],
        "ModelPackageArn": package.arn,
        "CreationTime": package.created,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        **package.facts,
        **present(
            ModelPackageGroupName=package.group,
            ModelPackageVersion=package.version,
            LastModifiedTime=package.modified,
            CustomerMetadataProperties=package.metadata or None,
        ),
    }


def ensure_group(service: Service, name: str) -> None:
    """Make the group when it is absent: Pipelines do so for their RegisterModel steps."""
    if name.rpartition("/")[2] not in service.package_groups:
        create_group(service, {"ModelPackageGroupName": name.rpartition("/")[2]})


def _new_package(service: Service, request: Request) -> Package:
    facts = {key: value for key, value in request.items() if key not in _NOT_KEPT}
    metadata = dict(request.get("CustomerMetadataProperties", {}))
    name = request.get("ModelPackageGroupName")
    if name is None:
        if "ModelPackageName" not in request:
            raise ValidationError("ModelPackageName or ModelPackageGroupName: one of them is required")
        arn = service.arn("model-package", request["ModelPackageName"])
        if arn in service.packages:
            raise ValidationError(f"Model Package already exists: {arn}")
        return Package(arn, None, None, facts, service.now(), metadata=metadata)
    group = _group(service, name)
    group.last_version += 1
    arn = service.arn("model-package", f"{group.name}/{group.last_version}")
    facts.setdefault("ModelApprovalStatus", "PendingManualApproval")
    return Package(arn, group.name, group.last_version, facts, service.now(), metadata=metadata)


def _group(service: Service, name: str) -> PackageGroup:
    short = name.rpartition("/")[2]
    if short not in service.package_groups:
        raise ValidationError(f"ModelPackageGroup {service.arn('model-package-group', short)} does not exist.")
    return service.package_groups[short]


def _group_summary(group: PackageGroup) -> Response:
    return present(
        ModelPackageGroupName=group.name,
        ModelPackageGroupArn=group.arn,
        ModelPackageGroupDescription=group.description,
        CreationTime=group.created,
        ModelPackageGroupStatus="Completed",
    )


def _summary(package: Package) -> Response:
    return {key: value for key, value in description(package).items() if key in _SUMMARY_MEMBERS}


def _wanted(package: Package, group: str | None, kind: str, request: Request) -> bool:
    if group is not None and package.group != group:
        return False
    if kind != "Both" and (package.version is None) != (kind == "Unversioned"):
        return False
    approval = request.get("ModelApprovalStatus")
    return approval is None or package.facts.get("ModelApprovalStatus") == approval


def _check_metadata(metadata: dict[str, str]) -> None:
    if len(metadata) > _METADATA_LIMIT:
        raise ValidationError(f"CustomerMetadataProperties: at most {_METADATA_LIMIT} entries, got {len(metadata)}")
    for key, value in metadata.items():
        if not re.fullmatch(r".{1,128}", key) or not re.fullmatch(r"[\s\S]{1,256}", str(value)):
            raise ValidationError(
                f"CustomerMetadataProperties[{key!r}]: keys take 1 to 128 and values 1 to 256 characters, got {value!r}"
            )


def _announce(service: Service, package: Package, updated: Sequence[str] = ()) -> None:
    """Emit the event; `updated` are the fields that an update named, told as `UpdatedModelPackageFields`."""
    changes = {"UpdatedModelPackageFields": list(updated)} if updated else {}
    detail: dict[str, Any] = {**description(package), **changes, "Tags": service.tags.get(package.arn, {})}
    service.context.journal.record(
        "package", arn=package.arn, approval=package.facts.get("ModelApprovalStatus"), version=package.version
    )
    service.emit(EVENT, detail, package.arn)


_NOT_UPDATED = ("ModelPackageArn", "ClientToken")
_NOT_KEPT = ("Tags", "ClientToken", "CustomerMetadataProperties", "ModelPackageGroupName", "ModelPackageName")
_SUMMARY_MEMBERS = (
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
)
_BATCH_MEMBERS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelApprovalStatus",
)
OPERATIONS: dict[str, Operation] = {
    "CreateModelPackageGroup": create_group,
    "DescribeModelPackageGroup": describe_group,
    "ListModelPackageGroups": list_groups,
    "DeleteModelPackageGroup": delete_group,
    "PutModelPackageGroupPolicy": put_group_policy,
    "GetModelPackageGroupPolicy": get_group_policy,
    "DeleteModelPackageGroupPolicy": delete_group_policy,
    "CreateModelPackage": create,
    "UpdateModelPackage": update,
    "DescribeModelPackage": describe,
    "ListModelPackages": list_packages,
    "DeleteModelPackage": delete,
    "BatchDescribeModelPackage": batch_describe,
}
