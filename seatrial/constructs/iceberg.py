"""An Iceberg table in Glue with the three optimizers that look after it: compaction, expiry and removal of orphans."""

from typing import Any

import aws_cdk.aws_glue as glue
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.storage import removal_policy
from seatrial.contracts.catalog import IcebergTable

FORMAT_VERSION = "2"
OPTIMIZER_LOGS = ("iceberg-compaction", "iceberg-orphan-file-deletion", "iceberg-retention")
OBJECTS = "Iceberg names its files by random ids; bucket and the table's prefix are exact."
STREAMS = "Glue chooses the names of its log streams below these three groups of its own at run time."


class ManagedIcebergTable(Construct):
    """The table, and optimizers with a role of their own that reaches this one table and its files only.

    Files that jobs wrote outside the table's prefix are read when they are compacted and never deleted: expiry drops
    snapshots but no files, and only the removal of orphans, which looks below the prefix, deletes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table: IcebergTable,
        database: glue.CfnDatabase,
        database_name: str,
        bucket: s3.IBucket,
        encryption_key: kms.IKey,
        snapshot_retention_days: int = 5,
        orphan_file_days: int = 7,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(table, snapshot_retention_days, orphan_file_days)
        self._names = (database_name, table.name)
        self.table = self._table(table, bucket, destroy_data)
        self.table.add_resource_dependency(database)
        self.role = self._role(table, bucket, encryption_key)
        self.optimizers = [
            self._optimizer("compaction", compaction_configuration=_compaction()),
            self._optimizer("retention", retention_configuration=_retention(snapshot_retention_days)),
            self._optimizer("orphan_file_deletion", orphan_file_deletion_configuration=_orphans(orphan_file_days)),
        ]

    def _table(self, table: IcebergTable, bucket: s3.IBucket, destroy_data: bool) -> glue.CfnTable:
        spec = glue.CfnTable.IcebergTableInputProperty(
            location=f"s3://{bucket.bucket_name}/{table.prefix.rstrip('/')}",
            schema=_schema(table),
            partition_spec=_partition_spec(table),
            properties={"format-version": FORMAT_VERSION, "write.parquet.compression-codec": "zstd"},
        )
        made = glue.CfnTable(
            self,
            "Table",
            catalog_id=place_of(self).account,
            database_name=self._names[0],
            name=table.name,
            open_table_format_input=glue.CfnTable.OpenTableFormatInputProperty(
                iceberg_input=glue.CfnTable.IcebergInputProperty(
                    metadata_operation="CREATE", version=FORMAT_VERSION, iceberg_table_input=spec
                )
            ),
        )
        # Glue holds the pointer to the newest metadata: without it the files are no table any more.
        made.apply_removal_policy(removal_policy(self, destroy_data))
        return made

    def _role(self, table: IcebergTable, bucket: s3.IBucket, key: kms.IKey) -> ServiceRole:
        role = ServiceRole(self, "Identity", service="glue.amazonaws.com", description=f"Looks after {table.name}")
        role.allow_reading(bucket)
        own = [bucket.arn_for_objects(f"{table.prefix}*")]
        role.allow("s3:DeleteObject", "s3:PutObject", on=own, because=OBJECTS)
        role.allow_key(key)
        place = place_of(self)
        database, name = self._names
        parts = [("catalog", None), ("database", database), ("table", f"{database}/{name}")]
        role.allow("glue:GetTable", "glue:UpdateTable", on=[place.arn("glue", kind, last) for kind, last in parts])
        groups = [place.arn("logs", f"log-group:/aws-glue/{name}/logs*") for name in OPTIMIZER_LOGS]
        role.allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", on=groups, because=STREAMS)
        return role

    def _optimizer(self, kind: str, **configuration: Any) -> glue.CfnTableOptimizer:
        made = glue.CfnTableOptimizer(
            self,
            "".join(word.capitalize() for word in kind.split("_")),
            catalog_id=place_of(self).account,
            database_name=self._names[0],
            table_name=self._names[1],
            type=kind,
            table_optimizer_configuration=glue.CfnTableOptimizer.TableOptimizerConfigurationProperty(
                enabled=True, role_arn=self.role.role_arn, **configuration
            ),
        )
        made.add_resource_dependency(self.table)
        # Glue tries the role when the optimizer is made, so the policy must be there before.
        made.add_resource_dependency(self.role.policy)
        return made


def _schema(table: IcebergTable) -> glue.CfnTable.IcebergSchemaProperty:
    fields = [
        glue.CfnTable.IcebergStructFieldProperty(id=number, name=name, type=kind, required=required)
        for number, (name, kind, required) in enumerate(table.columns, 1)
    ]
    return glue.CfnTable.IcebergSchemaProperty(type="struct", schema_id=0, fields=fields)


def _partition_spec(table: IcebergTable) -> glue.CfnTable.IcebergPartitionSpecProperty:
    source = [name for name, _, _ in table.columns].index(table.day_of) + 1
    # Partition field ids begin at 1000 (Iceberg specification, "Partition evolution").
    field = glue.CfnTable.IcebergPartitionFieldProperty(
        source_id=source, field_id=1000, name=f"{table.day_of}_day", transform="day"
    )
    return glue.CfnTable.IcebergPartitionSpecProperty(spec_id=0, fields=[field])


def _compaction() -> glue.CfnTableOptimizer.CompactionConfigurationProperty:
    return glue.CfnTableOptimizer.CompactionConfigurationProperty(
        iceberg_configuration=glue.CfnTableOptimizer.IcebergCompactionConfigurationProperty(strategy="binpack")
    )


def _retention(days: int) -> glue.CfnTableOptimizer.RetentionConfigurationProperty:
    return glue.CfnTableOptimizer.RetentionConfigurationProperty(
        iceberg_configuration=glue.CfnTableOptimizer.IcebergRetentionConfigurationProperty(
            snapshot_retention_period_in_days=days, number_of_snapshots_to_retain=1, clean_expired_files=False
        )
    )


def _orphans(days: int) -> glue.CfnTableOptimizer.OrphanFileDeletionConfigurationProperty:
    return glue.CfnTableOptimizer.OrphanFileDeletionConfigurationProperty(
        iceberg_configuration=glue.CfnTableOptimizer.IcebergConfigurationProperty(
            orphan_file_retention_period_in_days=days
        )
    )


def _check(table: IcebergTable, snapshot_days: int, orphan_days: int) -> None:
    names = [name for name, _, _ in table.columns]
    if table.day_of not in names:
        raise ConstructError(f"table {table.name}: day_of must be one of {', '.join(names)}, got {table.day_of!r}")
    if snapshot_days < 1:
        raise ConstructError(f"snapshot_retention_days: must be at least 1, got {snapshot_days}")
    if orphan_days < 3:
        raise ConstructError(f"orphan_file_days: must be at least 3, got {orphan_days}: a job under way is no orphan")
