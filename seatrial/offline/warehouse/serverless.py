"""Redshift Serverless: namespaces, workgroups and usage limits; making a workgroup makes its database reachable."""

import re
import secrets
import uuid
from typing import Any

from seatrial.offline.warehouse.json_api import ApiError, Operation, Request, Response, present
from seatrial.offline.warehouse.service import Service

_LIMITS_OF = {"serverless-compute": ("RPU hours",), "cross-region-datasharing": ("TB",)}
_NAMESPACE_FIELDS = ("adminUsername", "dbName", "defaultIamRoleArn", "iamRoles", "kmsKeyId", "logExports")
_NAMESPACE_FIELDS += ("adminPasswordSecretKmsKeyId", "redshiftIdcApplicationArn")
_WORKGROUP_FIELDS = ("baseCapacity", "maxCapacity", "configParameters", "enhancedVpcRouting", "publiclyAccessible")
_WORKGROUP_FIELDS += ("securityGroupIds", "subnetIds", "port", "pricePerformanceTarget", "ipAddressType", "trackName")
_WORKGROUP_FIELDS += ("extraComputeForAutomaticOptimization",)


class Serverless:
    """Operations of the service, by name in `operations`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.operations: dict[str, Operation] = {
            "CreateNamespace": self._create_namespace,
            "GetNamespace": lambda request: {"namespace": self._namespace(request["namespaceName"])},
            "ListNamespaces": lambda request: {"namespaces": list(service.namespaces.values())},
            "UpdateNamespace": self._update_namespace,
            "DeleteNamespace": self._delete_namespace,
            "CreateWorkgroup": self._create_workgroup,
            "GetWorkgroup": lambda request: {"workgroup": self._workgroup(request["workgroupName"])},
            "ListWorkgroups": lambda request: {"workgroups": list(service.workgroups.values())},
            "UpdateWorkgroup": self._update_workgroup,
            "DeleteWorkgroup": self._delete_workgroup,
            "CreateUsageLimit": self._create_limit,
            "GetUsageLimit": lambda request: {"usageLimit": self._limit(request["usageLimitId"])},
            "ListUsageLimits": self._list_limits,
            "UpdateUsageLimit": self._update_limit,
            "DeleteUsageLimit": self._delete_limit,
            "GetCredentials": self._credentials,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": lambda request: {"tags": service.tags.get(request["resourceArn"], [])},
        }

    def _create_namespace(self, request: Request) -> Response:
        name = request["namespaceName"]
        if name in self._service.namespaces:
            raise ApiError("ConflictException", f"Namespace with name {name} already exists.")
        identity = str(uuid.uuid4())
        made: dict[str, Any] = {
            "namespaceName": name,
            "namespaceId": identity,
            "namespaceArn": self._service.arn("redshift-serverless", f"namespace/{identity}"),
            "dbName": "dev",
            "adminUsername": "admin",
            "status": "AVAILABLE",
            "creationDate": self._service.context.clock.now(),
            "iamRoles": [],
            "logExports": [],
            "kmsKeyId": "AWS_OWNED_KMS_KEY",
            **present(**{field: request.get(field) for field in _NAMESPACE_FIELDS}),
        }
        if request.get("manageAdminPassword"):
            made["adminPasswordSecretArn"] = self._secret(name, made["adminUsername"], request)
        self._service.namespaces[name] = made
        self._keep_tags(made["namespaceArn"], request)
        return {"namespace": made}

    def _secret(self, name: str, user: str, request: Request) -> str:
        """AWS keeps the administrator's password in a secret of its own."""
        arguments: dict[str, Any] = {}
        if key := request.get("adminPasswordSecretKmsKeyId"):
            arguments["KmsKeyId"] = key
        client = self._service.context.client("secretsmanager")
        content = f'{{"username":"{user}","password":"{secrets.token_urlsafe(24)}"}}'
        made = client.create_secret(Name=f"redshift!{name}-{user}", SecretString=content, **arguments)
        return made["ARN"]

    def _update_namespace(self, request: Request) -> Response:
        found = self._namespace(request["namespaceName"])
        found.update(present(**{field: request.get(field) for field in _NAMESPACE_FIELDS}))
        return {"namespace": found}

    def _delete_namespace(self, request: Request) -> Response:
        found = self._namespace(request["namespaceName"])
        name = found["namespaceName"]
        if any(one["namespaceName"] == name for one in self._service.workgroups.values()):
            raise ApiError(
                "ConflictException", f"There is an operation running on the namespace {name}: it has a workgroup."
            )
        if request.get("finalSnapshotName"):
            raise ApiError("NotEmulated", "snapshots are not kept offline: omit finalSnapshotName", 501)
        if secret := found.get("adminPasswordSecretArn"):
            client = self._service.context.client("secretsmanager")
            client.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        del self._service.namespaces[name]
        self._service.tags.pop(found["namespaceArn"], None)
        self._service.drop(f"namespace/{name}")
        return {"namespace": {**found, "status": "DELETING"}}

    def _create_workgroup(self, request: Request) -> Response:
        name, context = request["workgroupName"], self._service.context
        if name in self._service.workgroups:
            raise ApiError("ConflictException", f"Workgroup with name {name} already exists.")
        namespace = self._namespace(request["namespaceName"])
        if any(one["namespaceName"] == namespace["namespaceName"] for one in self._service.workgroups.values()):
            raise ApiError("ConflictException", f"Namespace {namespace['namespaceName']} has a workgroup already.")
        _check_capacity(request)
        identity = str(uuid.uuid4())
        host = f"{name}.{context.account}.{context.region}.redshift-serverless.amazonaws.com"
        made: dict[str, Any] = {
            "workgroupName": name,
            "workgroupId": identity,
            "workgroupArn": self._service.arn("redshift-serverless", f"workgroup/{identity}"),
            "status": "AVAILABLE",
            "creationDate": context.clock.now(),
            "baseCapacity": 128,
            "enhancedVpcRouting": False,
            "publiclyAccessible": False,
            "configParameters": [],
            "securityGroupIds": [],
            "subnetIds": [],
            "port": 5439,
            "workgroupVersion": "1.0",
            **present(**{field: request.get(field) for field in _WORKGROUP_FIELDS}),
            "namespaceName": namespace["namespaceName"],
        }
        made["endpoint"] = {"address": host, "port": made["port"], "vpcEndpoints": []}
        self._service.workgroups[name] = made
        self._keep_tags(made["workgroupArn"], request)
        return {"workgroup": made}

    def _update_workgroup(self, request: Request) -> Response:
        found = self._workgroup(request["workgroupName"])
        _check_capacity({**found, **request})
        found.update(present(**{field: request.get(field) for field in _WORKGROUP_FIELDS}))
        return {"workgroup": found}

    def _delete_workgroup(self, request: Request) -> Response:
        found = self._workgroup(request["workgroupName"])
        del self._service.workgroups[found["workgroupName"]]
        self._service.tags.pop(found["workgroupArn"], None)
        limits = self._service.usage_limits
        for identity in [key for key, one in limits.items() if one["resourceArn"] == found["workgroupArn"]]:
            del limits[identity]
        return {"workgroup": {**found, "status": "DELETING"}}

    def _create_limit(self, request: Request) -> Response:
        arns = {one["workgroupArn"] for one in self._service.workgroups.values()}
        arns |= {one["namespaceArn"] for one in self._service.namespaces.values()}
        if request["resourceArn"] not in arns:
            raise ApiError("ResourceNotFoundException", f"Resource {request['resourceArn']} not found")
        kind, period = request["usageType"], request.get("period", "monthly")
        for one in self._service.usage_limits.values():
            if (one["resourceArn"], one["usageType"], one["period"]) == (request["resourceArn"], kind, period):
                raise ApiError("ConflictException", f"A usage limit of {kind} for each period {period} exists already.")
        identity = str(uuid.uuid4())
        made = {
            "usageLimitId": identity,
            "usageLimitArn": self._service.arn("redshift-serverless", f"usagelimit/{identity}"),
            "resourceArn": request["resourceArn"],
            "usageType": kind,
            "amount": request["amount"],
            "period": period,
            "breachAction": request.get("breachAction", "log"),
        }
        self._service.usage_limits[identity] = made
        return {"usageLimit": made}

    def _limit(self, identity: str) -> dict[str, Any]:
        found = self._service.usage_limits.get(identity)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"Usage limit {identity} not found")
        return found

    def _list_limits(self, request: Request) -> Response:
        found = [
            one
            for one in self._service.usage_limits.values()
            if all(one[key] == request[key] for key in ("resourceArn", "usageType") if key in request)
        ]
        return {"usageLimits": found}

    def _update_limit(self, request: Request) -> Response:
        found = self._limit(request["usageLimitId"])
        found.update(present(amount=request.get("amount"), breachAction=request.get("breachAction")))
        return {"usageLimit": found}

    def _delete_limit(self, request: Request) -> Response:
        return {"usageLimit": self._service.usage_limits.pop(self._limit(request["usageLimitId"])["usageLimitId"])}

    def _credentials(self, request: Request) -> Response:
        del request
        raise ApiError("NotEmulated", "no SQL port is open offline: use the Redshift Data API", 501)

    def _namespace(self, name: str) -> dict[str, Any]:
        name = re.sub(r"^arn:.*/", "", name)
        found = self._service.namespaces.get(name)
        found = found or next((one for one in self._service.namespaces.values() if one["namespaceId"] == name), None)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"Namespace with name {name} not found.")
        return found

    def _workgroup(self, name: str) -> dict[str, Any]:
        found = self._service.workgroups.get(name)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"Workgroup with name {name} not found.")
        return found

    def _keep_tags(self, arn: str, request: Request) -> None:
        if request.get("tags"):
            self._service.tags[arn] = list(request["tags"])

    def _tag(self, request: Request) -> Response:
        kept = {one["key"]: one for one in self._service.tags.get(request["resourceArn"], [])}
        kept.update({one["key"]: one for one in request["tags"]})
        self._service.tags[request["resourceArn"]] = list(kept.values())
        return {}

    def _untag(self, request: Request) -> Response:
        kept = self._service.tags.get(request["resourceArn"], [])
        self._service.tags[request["resourceArn"]] = [one for one in kept if one["key"] not in request["tagKeys"]]
        return {}


def _check_capacity(request: Request) -> None:
    base, most = request.get("baseCapacity"), request.get("maxCapacity")
    if base is not None and not (4 <= base <= 1024 and (base % 8 == 0 or base == 4)):
        raise ApiError("ValidationException", f"baseCapacity must be 4 or a multiple of 8 up to 1024, got {base}")
    if base is not None and most is not None and most < base:
        raise ApiError("ValidationException", f"maxCapacity must be at least baseCapacity {base}, got {most}")
