"""The warehouse: Redshift Serverless or a cluster, its roles, and the migrations that make its schemas."""

from typing import Any

from constructs import Construct

from seatrial.constructs import (
    PowertoolsLayer,
    ProvisionedWarehouse,
    ServerlessWarehouse,
    WarehouseMigrations,
    WarehouseMlRole,
    WarehouseRole,
)
from seatrial.constructs.staging import shipped
from stacks.base import BaseStack, Foundation


class WarehouseStack(BaseStack):
    """Made when `warehouse.kind` names one."""

    def __init__(self, scope: Construct, construct_id: str, *, foundation: Foundation) -> None:
        target = foundation.target
        super().__init__(scope, construct_id, target=target, description="warehouse and its migrations")
        self._foundation, section = foundation, target.engagement.warehouse
        self.role = self._role()
        self.ml_role = self._ml_role() if section.redshift_ml else None
        self.warehouse = self._warehouse()
        self.migrations = self._migrations()
        names = {"DatabaseName": section.database, "WarehouseRoleArn": self.role.role_arn}
        names["MigrationFunctionName"] = self.migrations.function.function.function_name
        names["MigrationStateMachineArn"] = self.migrations.state_machine.attr_arn
        if section.kind == "serverless":
            names |= {"WorkgroupName": target.prefix, "NamespaceName": target.prefix}
        else:
            names |= {"ClusterIdentifier": target.prefix, "SecretArn": self.warehouse.access.secret_arn or ""}
        self.outputs(names | ({"WarehouseMlRoleArn": self.ml_role.role_arn} if self.ml_role else {}))

    def _role(self) -> WarehouseRole:
        lake, engagement = self._foundation.lake, self._foundation.target.engagement
        return WarehouseRole(
            self,
            "Role",
            encryption_key=lake.key,
            readable=[lake.raw, lake.curated],
            unload=lake.features or lake.curated,
            unload_prefixes=[f"{engagement.training.dataset.name}/"],
            catalog_database=self._foundation.target.database_name if engagement.warehouse.spectrum else None,
        )

    def _ml_role(self) -> WarehouseMlRole:
        lake = self._foundation.lake
        return WarehouseMlRole(self, "Ml", encryption_key=lake.key, bucket=lake.artifacts)

    def _warehouse(self) -> ServerlessWarehouse | ProvisionedWarehouse:
        target, lake = self._foundation.target, self._foundation.lake
        section = target.engagement.warehouse
        common: dict[str, Any] = {
            "name": target.prefix,
            "database": section.database,
            "network": self._foundation.network,
            "encryption_key": lake.key,
            "role": self.role,
            "ml_role": self.ml_role,
            "destroy_data": target.engagement.removal.destroy_data,
        }
        if section.kind == "serverless":
            rpu = {"base_rpu": section.serverless.base_rpu, "max_rpu": section.serverless.max_rpu}
            return ServerlessWarehouse(self, "Warehouse", **common, **rpu)
        return ProvisionedWarehouse(self, "Warehouse", **common, **section.provisioned.model_dump())

    def _migrations(self) -> WarehouseMigrations:
        target, section = self._foundation.target, self._foundation.target.engagement.warehouse
        features = {"spectrum": section.spectrum, "redshift_ml": section.redshift_ml}
        values = {"role_arn": self.role.role_arn, "region": self.region, "catalog_database": target.database_name}
        serverless = section.kind == "serverless"
        return WarehouseMigrations(
            self,
            "Migrations",
            access=self.warehouse.access,
            migrations=shipped("pipelines") / "churn" / "sql" / "migrations",
            network=self._foundation.network,
            encryption_key=self._foundation.lake.key,
            notification_topic=self._foundation.notifications.topic,
            values=values,
            features=[name for name, wanted in features.items() if wanted],
            usage_limit_rpu_hours=section.serverless.usage_limit_rpu_hours_per_day if serverless else None,
            layers=[PowertoolsLayer(self, "Powertools").layer],
            schedule=section.migration_schedule,
            destroy_data=target.engagement.removal.destroy_data,
        )
