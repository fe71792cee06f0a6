"""A warehouse on a provisioned Redshift cluster of RA3 nodes, closed by default, paused when nobody works."""

from typing import Any

import aws_cdk.aws_kms as kms
import aws_cdk.aws_redshift as redshift
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.storage import removal_policy
from seatrial.constructs.warehouse import AUDIT_LOGS, audit_log_groups
from seatrial.constructs.warehouse_access import WarehouseAccess, check_names
from seatrial.constructs.warehouse_role import WarehouseMlRole, WarehouseRole
from seatrial.constructs.workload import WorkloadNetwork

PORT = 5440
"""Not the default 5439; relocation to another zone needs one of 5431-5455 or 8191-8215."""
FAMILY = "redshift-2.0"


class ProvisionedWarehouse(Construct):
    """Encrypted with the customer's key, TLS only, within the VPC, audited; its password is AWS's to keep and rotate.

    `pause_schedule` and `resume_schedule` are cron expressions (UTC) of Redshift's own scheduler.
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
        node_type: str = "ra3.large",
        nodes: int = 2,
        maintenance_window: str = "sun:01:00-sun:01:30",
        snapshot_retention_days: int = 7,
        pause_schedule: str | None = None,
        resume_schedule: str | None = None,
        admin_username: str = "warehouse_owner",
        log_retention_days: int = 365,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        check_names(name, database, admin_username)
        _check(node_type, nodes, snapshot_retention_days, pause_schedule, resume_schedule)
        self.log_groups = audit_log_groups(
            self, f"/aws/redshift/cluster/{name}", encryption_key, log_retention_days, destroy_data
        )
        self.subnet_group = redshift.CfnClusterSubnetGroup(
            self, "Subnets", description=f"Subnets of {name}", subnet_ids=[*network.subnet_ids]
        )
        self.parameter_group = self._parameters(name)
        self.cluster = redshift.CfnCluster(
            self,
            "Cluster",
            cluster_identifier=name,
            cluster_type="multi-node" if nodes > 1 else "single-node",
            number_of_nodes=nodes if nodes > 1 else None,
            node_type=node_type,
            db_name=database,
            master_username=admin_username,
            iam_roles=[one.role_arn for one in (role, ml_role) if one],
            vpc_security_group_ids=[*network.security_group_ids],
            preferred_maintenance_window=maintenance_window,
            automated_snapshot_retention_period=snapshot_retention_days,
            manual_snapshot_retention_period=snapshot_retention_days,
            **self._closed(encryption_key),
        )
        self.cluster.apply_removal_policy(removal_policy(self, destroy_data))
        for group in self.log_groups:
            self.cluster.node.add_dependency(group)
        self.arn = place_of(self).arn("redshift", f"cluster:{name}")
        self.scheduled_actions = self._schedule(name, pause_schedule, resume_schedule)
        self.access = WarehouseAccess(
            name=name,
            database=database,
            arn=self.arn,
            serverless=False,
            secret_arn=self.cluster.attr_master_password_secret_arn,
        )

    def _closed(self, key: kms.IKey) -> dict[str, Any]:
        """What is the same for every cluster: encrypted, within the VPC, audited, without a password of ours."""
        return {
            "port": PORT,
            "encrypted": True,
            "kms_key_id": key.key_arn,
            "manage_master_password": True,
            "master_password_secret_kms_key_id": key.key_arn,
            "publicly_accessible": False,
            "enhanced_vpc_routing": True,
            "availability_zone_relocation": True,
            "allow_version_upgrade": True,
            "cluster_subnet_group_name": self.subnet_group.ref,
            "cluster_parameter_group_name": self.parameter_group.ref,
            "logging_properties": redshift.CfnCluster.LoggingPropertiesProperty(
                log_destination_type="cloudwatch", log_exports=[*AUDIT_LOGS]
            ),
        }

    def _parameters(self, name: str) -> redshift.CfnClusterParameterGroup:
        values = {"enable_user_activity_logging": "true", "require_ssl": "true"}
        values["wlm_json_configuration"] = '[{"auto_wlm": true}]'
        return redshift.CfnClusterParameterGroup(
            self,
            "Parameters",
            description=f"Parameters of {name}",
            parameter_group_family=FAMILY,
            parameters=[
                redshift.CfnClusterParameterGroup.ParameterProperty(parameter_name=key, parameter_value=value)
                for key, value in values.items()
            ],
        )

    def _schedule(self, name: str, pause: str | None, resume: str | None) -> list[redshift.CfnScheduledAction]:
        if pause is None or resume is None:
            return []
        role = ServiceRole(
            self, "Scheduler", service="scheduler.redshift.amazonaws.com", description=f"Pauses and resumes {name}"
        )
        role.allow("redshift:PauseCluster", "redshift:ResumeCluster", on=[self.arn])
        types = redshift.CfnScheduledAction
        # The properties' keys as CloudFormation has them: of the three actions exactly one may be given.
        actions = {
            "Pause": (pause, {"pauseCluster": {"clusterIdentifier": self.cluster.ref}}),
            "Resume": (resume, {"resumeCluster": {"clusterIdentifier": self.cluster.ref}}),
        }
        return [
            types(
                self,
                action,
                scheduled_action_name=f"{name}-{action.lower()}",
                scheduled_action_description=f"{action} of {name}",
                schedule=expression,
                iam_role=role.role_arn,
                enable=True,
                target_action=target,
            )
            for action, (expression, target) in actions.items()
        ]


def _check(node_type: str, nodes: int, snapshot_days: int, pause: str | None, resume: str | None) -> None:
    if not node_type.startswith("ra3."):
        raise ConstructError(f"node_type: must be an RA3 type such as 'ra3.large', got {node_type!r}")
    least = 1 if node_type in {"ra3.large", "ra3.xlplus"} else 2
    if nodes < least:
        raise ConstructError(f"nodes: must be at least {least} with {node_type}, got {nodes}")
    if not 7 <= snapshot_days <= 35:
        raise ConstructError(f"snapshot_retention_days: must be between 7 and 35, got {snapshot_days}")
    if (pause is None) != (resume is None):
        raise ConstructError("pause_schedule, resume_schedule: must be given together or not at all")
