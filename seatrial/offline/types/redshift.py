"""Redshift: serverless namespaces and workgroups, provisioned clusters with their groups and schedules."""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from seatrial.offline.engine.errors import ResourceError
from seatrial.offline.types.base import Call, Handler, Made, tag_list

_NAMESPACE_ONLY = (
    "FinalSnapshotName",
    "FinalSnapshotRetentionPeriod",
    "NamespaceResourcePolicy",
    "SnapshotCopyConfigurations",
)
_CLUSTER_ONLY = (
    "LoggingProperties",
    "SnapshotCopyGrantName",
    "SnapshotCopyManual",
    "SnapshotCopyRetentionPeriod",
    "DestinationRegion",
    "RotateEncryptionKey",
    "RevisionTarget",
    "DeferMaintenance",
    "DeferMaintenanceDuration",
    "DeferMaintenanceEndTime",
    "DeferMaintenanceStartTime",
    "NamespaceResourcePolicy",
    "ResourceAction",
    "Classic",
)


class Namespace(Handler):
    """AWS::RedshiftServerless::Namespace."""

    def create(self, call: Call) -> Made:
        """CreateNamespace."""
        fields = call.rest("Tags", *_NAMESPACE_ONLY)
        request = call.request("redshift-serverless", "CreateNamespace", fields)
        if call.tags():
            request["tags"] = tag_list(call.tags(), "key", "value")
        made = call.client("redshift-serverless").create_namespace(**request)["namespace"]
        return _namespace(made)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateNamespace; what that takes no field for cannot be changed."""
        del old
        fields = call.rest("Tags", "DbName", *_NAMESPACE_ONLY)
        request = call.request("redshift-serverless", "UpdateNamespace", {**fields, "NamespaceName": physical_id})
        return _namespace(call.client("redshift-serverless").update_namespace(**request)["namespace"])

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteNamespace, its data with it."""
        call.client("redshift-serverless").delete_namespace(namespaceName=physical_id)


class Workgroup(Handler):
    """AWS::RedshiftServerless::Workgroup."""

    def create(self, call: Call) -> Made:
        """CreateWorkgroup."""
        request = call.request("redshift-serverless", "CreateWorkgroup", self._fields(call))
        if call.tags():
            request["tags"] = tag_list(call.tags(), "key", "value")
        return _workgroup(call.client("redshift-serverless").create_workgroup(**request)["workgroup"])

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateWorkgroup."""
        del old
        fields = self._fields(call)
        fields.pop("NamespaceName", None)
        request = call.request("redshift-serverless", "UpdateWorkgroup", {**fields, "WorkgroupName": physical_id})
        return _workgroup(call.client("redshift-serverless").update_workgroup(**request)["workgroup"])

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteWorkgroup."""
        call.client("redshift-serverless").delete_workgroup(workgroupName=physical_id)

    def _fields(self, call: Call) -> dict[str, Any]:
        for name in ("SnapshotArn", "SnapshotName", "RecoveryPointId"):
            if call.get(name):
                raise ResourceError(f"{name} of {call.type} is not emulated: snapshots are not kept offline")
        return call.rest("Tags", "Workgroup")


class Cluster(Handler):
    """AWS::Redshift::Cluster; it holds a database from its start, and loses it at its end."""

    def create(self, call: Call) -> Made:
        """CreateCluster."""
        if call.get("SnapshotIdentifier"):
            raise ResourceError("SnapshotIdentifier of AWS::Redshift::Cluster: snapshots are not kept offline")
        fields = call.rest("Tags", "Endpoint", "SnapshotIdentifier", *_CLUSTER_ONLY)
        fields["ClusterIdentifier"] = (call.get("ClusterIdentifier") or call.name(63)).lower()
        request = call.request("redshift", "CreateCluster", fields)
        request.setdefault("MasterUserPassword", "ManagedByRedshift1")
        if call.tags():
            request["Tags"] = tag_list(call.tags())
        made = call.client("redshift").create_cluster(**request)["Cluster"]
        if call.flag("ManageMasterPassword"):
            self._keep_password(call, made["ClusterIdentifier"])
        return self._made(call, made["ClusterIdentifier"])

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """ModifyCluster of what moto's knows."""
        del old
        fields = call.rest("Tags", "Endpoint", "DBName", "MasterUsername", "ClusterSubnetGroupName", *_CLUSTER_ONLY)
        changed = {name: value for name, value in fields.items() if name in call.changed}
        roles = changed.pop("IamRoles", None)
        client = call.client("redshift")
        if changed:
            client.modify_cluster(
                **call.request("redshift", "ModifyCluster", {**changed, "ClusterIdentifier": physical_id})
            )
        if roles is not None:
            client.modify_cluster_iam_roles(ClusterIdentifier=physical_id, AddIamRoles=list(roles))
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteCluster without a snapshot."""
        call.client("redshift").delete_cluster(ClusterIdentifier=physical_id, SkipFinalClusterSnapshot=True)
        if call.flag("ManageMasterPassword"):
            name = self._secret_name(call, physical_id)
            call.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    def _secret_name(self, call: Call, identity: str) -> str:
        return f"redshift!{identity}-{call.get('MasterUsername')}"

    def _keep_password(self, call: Call, identity: str) -> None:
        """AWS keeps the administrator's password in a secret of its own, which moto's cluster lacks."""
        key = call.get("MasterPasswordSecretKmsKeyId")
        content = {"username": call.get("MasterUsername"), "password": secrets.token_urlsafe(24)}
        call.client("secretsmanager").create_secret(
            Name=self._secret_name(call, identity),
            SecretString=json.dumps(content),
            **({"KmsKeyId": key} if key else {}),
        )

    def _made(self, call: Call, identity: str) -> Made:
        found = call.client("redshift").describe_clusters(ClusterIdentifier=identity)["Clusters"][0]
        host = f"{identity}.offline.{call.context.region}.redshift.amazonaws.com"
        attributes = {"Endpoint.Address": host, "Endpoint.Port": str(found.get("Endpoint", {}).get("Port", 5439))}
        attributes["ClusterNamespaceArn"] = call.arn("redshift", f"namespace:{identity}")
        attributes["Id"] = identity
        if call.flag("ManageMasterPassword"):
            secret = call.client("secretsmanager").describe_secret(SecretId=self._secret_name(call, identity))
            attributes["MasterPasswordSecretArn"] = secret["ARN"]
        return Made(identity, attributes)


class SubnetGroup(Handler):
    """AWS::Redshift::ClusterSubnetGroup."""

    def create(self, call: Call) -> Made:
        """CreateClusterSubnetGroup."""
        name = call.name(100).lower()
        call.client("redshift").create_cluster_subnet_group(
            ClusterSubnetGroupName=name,
            Description=call.get("Description"),
            SubnetIds=list(call.get("SubnetIds")),
            Tags=tag_list(call.tags()),
        )
        return Made(name, {"ClusterSubnetGroupName": name})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteClusterSubnetGroup."""
        call.client("redshift").delete_cluster_subnet_group(ClusterSubnetGroupName=physical_id)


class ParameterGroup(Handler):
    """AWS::Redshift::ClusterParameterGroup; its parameters are kept by the stack."""

    def create(self, call: Call) -> Made:
        """CreateClusterParameterGroup."""
        name = (call.get("ParameterGroupName") or call.name(255)).lower()
        call.get("Parameters")
        call.client("redshift").create_cluster_parameter_group(
            ParameterGroupName=name,
            ParameterGroupFamily=call.get("ParameterGroupFamily"),
            Description=call.get("Description"),
            Tags=tag_list(call.tags()),
        )
        return Made(name, {"ParameterGroupName": name})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Parameters have no effect offline."""
        del old
        call.rest()
        return Made(physical_id, {"ParameterGroupName": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteClusterParameterGroup."""
        call.client("redshift").delete_cluster_parameter_group(ParameterGroupName=physical_id)


class ScheduledAction(Handler):
    """AWS::Redshift::ScheduledAction: pauses and resumes a cluster on the cloud's clock."""

    def create(self, call: Call) -> Made:
        """Begin the schedule."""
        name = call.chosen_name("ScheduledActionName", 60)
        self._put(call, name)
        return Made(name, {"State": "ACTIVE" if call.flag("Enable", True) else "DISABLED"})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Replace the schedule."""
        del old
        self._put(call, physical_id)
        return Made(physical_id, {"State": "ACTIVE" if call.flag("Enable", True) else "DISABLED"})

    def delete(self, call: Call, physical_id: str) -> None:
        """End the schedule."""
        call.client("scheduler").delete_schedule(Name=_schedule(physical_id))

    def _put(self, call: Call, name: str) -> None:
        """EventBridge Scheduler of the cloud fires it by its universal target."""
        call.rest("ScheduledActionDescription", "StartTime", "EndTime")
        action, arguments = _action(call.get("TargetAction"))
        client = call.client("scheduler")
        request = {
            "Name": _schedule(name),
            "ScheduleExpression": _expression(call.get("Schedule")),
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED" if call.flag("Enable", True) else "DISABLED",
            "Target": {
                "Arn": f"arn:aws:scheduler:::aws-sdk:redshift:{action}",
                "RoleArn": call.get("IamRole"),
                "Input": f'{{"ClusterIdentifier": "{arguments["ClusterIdentifier"]}"}}',
            },
        }
        try:
            client.create_schedule(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConflictException":
                raise
            client.update_schedule(**request)


def _action(target: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any]]:
    for name, action in {"PauseCluster": "pauseCluster", "ResumeCluster": "resumeCluster"}.items():
        if target and name in target:
            return action, target[name]
    raise ResourceError(
        "TargetAction of AWS::Redshift::ScheduledAction: only PauseCluster and ResumeCluster run offline"
    )


def _expression(schedule: str) -> str:
    """Redshift's cron has EventBridge's fields; `at` takes seconds."""
    if re.fullmatch(r"(cron|at|rate)\(.*\)", schedule) is None:
        raise ResourceError(
            f"Schedule of AWS::Redshift::ScheduledAction: must be cron(...) or at(...), got {schedule!r}"
        )
    return schedule


def _schedule(name: str) -> str:
    return f"redshift-{name}"[:64]


def _namespace(made: Mapping[str, Any]) -> Made:
    attributes = {f"Namespace.{_pascal(key)}": value for key, value in made.items()}
    return Made(made["namespaceName"], {**attributes, "Namespace": made["namespaceName"]})


def _workgroup(made: Mapping[str, Any]) -> Made:
    attributes = {f"Workgroup.{_pascal(key)}": value for key, value in made.items() if key != "endpoint"}
    attributes["Workgroup.Endpoint.Address"] = made["endpoint"]["address"]
    attributes["Workgroup.Endpoint.Port"] = made["endpoint"]["port"]
    return Made(made["workgroupName"], attributes)


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


HANDLERS: dict[str, Handler] = {
    "AWS::RedshiftServerless::Namespace": Namespace(),
    "AWS::RedshiftServerless::Workgroup": Workgroup(),
    "AWS::Redshift::Cluster": Cluster(),
    "AWS::Redshift::ClusterSubnetGroup": SubnetGroup(),
    "AWS::Redshift::ClusterParameterGroup": ParameterGroup(),
    "AWS::Redshift::ScheduledAction": ScheduledAction(),
}
