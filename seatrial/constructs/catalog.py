"""The catalog over the lake: Glue database, projected and Iceberg tables, an Athena workgroup with limits, grants."""

from collections.abc import Mapping, Sequence

import aws_cdk.aws_athena as athena
import aws_cdk.aws_glue as glue
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.iceberg import ManagedIcebergTable
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.lake import QUERY_RESULTS_PREFIX
from seatrial.constructs.lake_formation import LakeFormationAccess
from seatrial.constructs.storage import removal_policy
from seatrial.contracts.catalog import FIRST_DATE, ExternalTable, IcebergTable, Partition, Table

GIB = 1024**3
SMALLEST_SCAN_LIMIT_GIB = 1
LOOKS = ("glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:GetTables")
QUERIES = (
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetWorkGroup",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
)
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


class LakeCatalog(Construct):
    """Tables over the buckets of `zones` (zone name to bucket), and who may read and write them.

    `grant_reading` and `grant_writing` give a role the tables and the objects behind them, by IAM and, with
    `lake_formation`, through Lake Formation as well. Queries of the workgroup that read more than `scan_limit_gib` are
    cancelled; its settings win over those of the client.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        database_name: str,
        tables: Sequence[Table],
        zones: Mapping[str, s3.IBucket],
        results: s3.IBucket,
        encryption_key: kms.IKey,
        workgroup_name: str,
        scan_limit_gib: int = 100,
        snapshot_retention_days: int = 5,
        orphan_file_days: int = 7,
        lake_formation: bool = False,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(database_name, tables, zones, scan_limit_gib)
        self.database_name, self.workgroup_name, self.encryption_key = database_name, workgroup_name, encryption_key
        self._specs, self._zones, self._results = {table.name: table for table in tables}, dict(zones), results
        self.database = self._database(destroy_data)
        self.lake_formation = (
            LakeFormationAccess(self, "LakeFormation", zones=_data_zones(zones), encryption_key=encryption_key)
            if lake_formation
            else None
        )
        self.tables = {table.name: self._external(table) for table in tables if isinstance(table, ExternalTable)}
        self.iceberg_tables = {
            table.name: ManagedIcebergTable(
                self,
                _pascal(table.name),
                table=table,
                database=self.database,
                database_name=database_name,
                bucket=zones[table.zone],
                encryption_key=encryption_key,
                snapshot_retention_days=snapshot_retention_days,
                orphan_file_days=orphan_file_days,
                destroy_data=destroy_data,
            )
            for table in tables
            if isinstance(table, IcebergTable)
        }
        self.workgroup = self._workgroup(scan_limit_gib)

    def grant_reading(self, role: ServiceRole, *tables: str) -> None:
        """Read these tables (all by default) and the zones in which they are."""
        chosen = self._chosen(tables)
        role.allow(*LOOKS, on=self._arns(chosen))
        for zone in sorted({table.zone for table in chosen}):
            role.allow_reading(self._zones[zone])
        role.allow_key(self.encryption_key)
        if self.lake_formation:
            self.lake_formation.grant(role, self.database, self._resources(chosen))

    def grant_writing(self, role: ServiceRole, *tables: str) -> None:
        """Commit to these Iceberg tables (all by default): new metadata below their prefixes, a new pointer in Glue."""
        chosen = [table for table in self._chosen(tables) if isinstance(table, IcebergTable)]
        if not chosen:
            raise ConstructError(f"tables: none of {', '.join(tables)} is an Iceberg table, so there is no commit")
        self.grant_reading(role, *(table.name for table in chosen))
        role.allow("glue:UpdateTable", on=self._arns(chosen))
        for table in chosen:
            role.allow_writing(self._zones[table.zone], table.prefix, multipart=True)
        if self.lake_formation:
            self.lake_formation.grant_writing(role, self.database, self._resources(chosen))

    def grant_querying(self, role: ServiceRole) -> None:
        """Run queries in the workgroup and read their results; the tables are granted by `grant_reading`."""
        role.allow(*QUERIES, on=[place_of(self).arn("athena", "workgroup", self.workgroup_name)])
        role.allow_reading(self._results, QUERY_RESULTS_PREFIX)
        role.allow_writing(self._results, QUERY_RESULTS_PREFIX, multipart=True)
        role.allow_key(self.encryption_key)

    def _chosen(self, names: Sequence[str]) -> list[Table]:
        unknown = [name for name in names if name not in self._specs]
        if unknown:
            raise ConstructError(f"tables: {unknown[0]!r} is none of {', '.join(self._specs)}")
        return [self._specs[name] for name in names or self._specs]

    def _resources(self, tables: Sequence[Table]) -> dict[str, glue.CfnTable]:
        made = self.tables | {name: managed.table for name, managed in self.iceberg_tables.items()}
        return {table.name: made[table.name] for table in tables}

    def _arns(self, tables: Sequence[Table]) -> list[str]:
        place = place_of(self)
        own = [place.arn("glue", "table", f"{self.database_name}/{table.name}") for table in tables]
        return [place.arn("glue", "catalog"), place.arn("glue", "database", self.database_name), *own]

    def _database(self, destroy_data: bool) -> glue.CfnDatabase:
        made = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=place_of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database_name, description="Tables over raw, curated and features"
            ),
        )
        # Glue deletes a database together with every table in it, also those that the stack keeps.
        made.apply_removal_policy(removal_policy(self, destroy_data))
        return made

    def _external(self, table: ExternalTable) -> glue.CfnTable:
        location = f"s3://{self._zones[table.zone].bucket_name}/{table.prefix}"
        made = glue.CfnTable(
            self,
            _pascal(table.name),
            catalog_id=place_of(self).account,
            database_name=self.database_name,
            table_input=glue.CfnTable.TableInputProperty(
                name=table.name,
                description=table.description,
                table_type="EXTERNAL_TABLE",
                parameters=projection(table.partitions, location),
                partition_keys=[_column(part.name, "string") for part in table.partitions],
                storage_descriptor=_parquet(location, [_column(name, kind) for name, kind in table.columns]),
            ),
        )
        made.add_resource_dependency(self.database)
        return made

    def _workgroup(self, scan_limit_gib: int) -> athena.CfnWorkGroup:
        config = athena.CfnWorkGroup
        return config(
            self,
            "Workgroup",
            name=self.workgroup_name,
            description="Queries over the lake, bounded in what they read",
            state="ENABLED",
            # History and results are no data: they are derived, and expire.
            recursive_delete_option=True,
            work_group_configuration=config.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                requester_pays_enabled=False,
                bytes_scanned_cutoff_per_query=scan_limit_gib * GIB,
                engine_version=config.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
                result_configuration=config.ResultConfigurationProperty(
                    output_location=f"s3://{self._results.bucket_name}/{QUERY_RESULTS_PREFIX}",
                    expected_bucket_owner=place_of(self).account,
                    encryption_configuration=config.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=self.encryption_key.key_arn
                    ),
                ),
            ),
        )


def _data_zones(zones: Mapping[str, s3.IBucket]) -> dict[str, s3.IBucket]:
    """Without the artifacts, which hold models as well: results among them are read by IAM's rights alone."""
    return {zone: bucket for zone, bucket in zones.items() if zone != "artifacts"}


def projection(partitions: Sequence[Partition], location: str) -> dict[str, str]:
    """Table parameters that let Athena compute partitions instead of looking them up.

    Format: Athena User Guide, "Supported types for partition projection".

    >>> projection([Partition("date")], "s3://raw/cdr/")["storage.location.template"]
    's3://raw/cdr/date=${date}/'
    """
    parameters = {"classification": "parquet", "EXTERNAL": "TRUE", "projection.enabled": "true"}
    for part in partitions:
        key = f"projection.{part.name}"
        if part.kind == "date":
            parameters |= {f"{key}.type": "date", f"{key}.format": "yyyy-MM-dd", f"{key}.range": f"{FIRST_DATE},NOW"}
            parameters |= {f"{key}.interval": "1", f"{key}.interval.unit": "DAYS"}
        else:
            parameters |= {f"{key}.type": "integer", f"{key}.range": f"{part.least},{part.most}"}
            parameters[f"{key}.digits"] = str(part.digits)
    folders = "".join(f"{part.name}=${{{part.name}}}/" for part in partitions)
    return parameters | {"storage.location.template": f"{location}{folders}"}


def _column(name: str, kind: str) -> glue.CfnTable.ColumnProperty:
    return glue.CfnTable.ColumnProperty(name=name, type=kind)


def _parquet(location: str, columns: list[glue.CfnTable.ColumnProperty]) -> glue.CfnTable.StorageDescriptorProperty:
    formats = "org.apache.hadoop.hive.ql.io.parquet"
    return glue.CfnTable.StorageDescriptorProperty(
        location=location,
        columns=columns,
        input_format=f"{formats}.MapredParquetInputFormat",
        output_format=f"{formats}.MapredParquetOutputFormat",
        serde_info=glue.CfnTable.SerdeInfoProperty(
            serialization_library=f"{formats}.serde.ParquetHiveSerDe", parameters={"serialization.format": "1"}
        ),
    )


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_")) + "Table"


def _check(database: str, tables: Sequence[Table], zones: Mapping[str, s3.IBucket], scan_limit_gib: int) -> None:
    if scan_limit_gib < SMALLEST_SCAN_LIMIT_GIB:
        raise ConstructError(f"scan_limit_gib: must be at least {SMALLEST_SCAN_LIMIT_GIB}, got {scan_limit_gib}")
    names = [table.name for table in tables]
    for what, name in (("database_name", database), *(("table name", name) for name in names)):
        if not name or not set(name) <= NAME_CHARACTERS:
            raise ConstructError(f"{what}: must be lower-case letters, digits and underscores, got {name!r}")
    if len(set(names)) != len(names):
        raise ConstructError(f"tables: names must differ, got {', '.join(names)}")
    for table in tables:
        if table.zone not in zones:
            raise ConstructError(f"table {table.name}: zone {table.zone!r} is none of {', '.join(zones)}")
        if not table.prefix.endswith("/"):
            raise ConstructError(f"table {table.name}: prefix must end with a slash, got {table.prefix!r}")
