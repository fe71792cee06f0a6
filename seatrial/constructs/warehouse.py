"""A warehouse on Redshift Serverless: a namespace for the data, a workgroup for the computing, closed by default."""

from collections.abc import Sequence

import aws_cdk as cdk
import aws_cdk.aws_kms as kms
import aws_cdk.aws_logs as logs
import aws_cdk.aws_redshiftserverless as redshiftserverless
from constructs import Construct

from seatrial.constructs.errors import ConstructError
from seatrial.constructs.storage import log_group, removal_policy
from seatrial.constructs.warehouse_access import WarehouseAccess, check_names
from seatrial.constructs.warehouse_role import WarehouseMlRole, WarehouseRole
from seatrial.constructs.workload import WorkloadNetwork

AUDIT_LOGS = ("connectionlog", "useractivitylog", "userlog")
LEAST_SUBNETS = 3
"""Redshift Management Guide, "Considerations when using Amazon Redshift Serverless"."""


class ServerlessWarehouse(Construct):
    """Encrypted with the customer's key, TLS only, within the VPC, audited; its password is AWS's to keep and rotate.

    The daily usage limit is no resource of CloudFormation's: `WarehouseMigrations` keeps it. Redshift takes a recovery
    point every half hour and keeps it for a day.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        database: str,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        role: WarehouseRole,
        ml_role: WarehouseMlRole | None = None,
        base_rpu: int = 8,
        max_rpu: int = 64,
        admin_username: str = "warehouse_owner",
        log_retention_days: int = 365,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        check_names(name, database, admin_username)
        _check_capacity(base_rpu, max_rpu)
        _check_subnets(network.subnet_ids)
        self.log_groups = audit_log_groups(
            self, f"/aws/redshift/{name}", encryption_key, log_retention_days, destroy_data
        )
        self.namespace = redshiftserverless.CfnNamespace(
            self,
            "Namespace",
            namespace_name=name,
            db_name=database,
            admin_username=admin_username,
            manage_admin_password=True,
            admin_password_secret_kms_key_id=encryption_key.key_arn,
            kms_key_id=encryption_key.key_arn,
            iam_roles=[one.role_arn for one in (role, ml_role) if one],
            default_iam_role_arn=role.role_arn,
            log_exports=[*AUDIT_LOGS],
        )
        self.namespace.apply_removal_policy(removal_policy(self, destroy_data))
        for group in self.log_groups:
            self.namespace.node.add_dependency(group)
        self.workgroup = self._workgroup(name, network, base_rpu, max_rpu)
        self.access = WarehouseAccess(
            name=name, database=database, arn=self.workgroup.attr_workgroup_workgroup_arn, serverless=True
        )

    def _workgroup(
        self, name: str, network: WorkloadNetwork, base_rpu: int, max_rpu: int
    ) -> redshiftserverless.CfnWorkgroup:
        parameters = {"enable_user_activity_logging": "true", "require_ssl": "true"}
        workgroup = redshiftserverless.CfnWorkgroup(
            self,
            "Workgroup",
            workgroup_name=name,
            namespace_name=self.namespace.ref,
            base_capacity=base_rpu,
            max_capacity=max_rpu,
            enhanced_vpc_routing=True,
            publicly_accessible=False,
            subnet_ids=[*network.subnet_ids],
            security_group_ids=[*network.security_group_ids],
            config_parameters=[
                redshiftserverless.CfnWorkgroup.ConfigParameterProperty(parameter_key=key, parameter_value=value)
                for key, value in parameters.items()
            ],
        )
        workgroup.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        return workgroup


def audit_log_groups(
    scope: Construct, prefix: str, key: kms.IKey, retention_days: int, destroy_data: bool
) -> list[logs.LogGroup]:
    """The log groups that Redshift writes to by name; made here, they have the key and an end."""
    return [
        log_group(
            scope,
            name.capitalize(),
            key=key,
            retention_days=retention_days,
            destroy_data=destroy_data,
            name=f"{prefix}/{name}",
        )
        for name in AUDIT_LOGS
    ]


def _check_capacity(base_rpu: int, max_rpu: int) -> None:
    for name, value in {"base_rpu": base_rpu, "max_rpu": max_rpu}.items():
        if value < 8 or value % 8:
            raise ConstructError(f"{name}: must be a multiple of 8, at least 8, got {value}")
    if max_rpu < base_rpu:
        raise ConstructError(f"max_rpu: must be at least base_rpu ({base_rpu}), got {max_rpu}")


def _check_subnets(subnet_ids: Sequence[str]) -> None:
    if len(subnet_ids) < LEAST_SUBNETS:
        needed = f"Redshift Serverless needs {LEAST_SUBNETS} subnets in as many zones"
        raise ConstructError(f"network: {needed}, got {len(subnet_ids)}")
