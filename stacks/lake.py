"""The lake: key, buckets, the topic on which people are told, and the catalog when there is one."""

from typing import TYPE_CHECKING, Any

from constructs import Construct

from seatrial.constructs import Lake, Notifications
from seatrial.contracts.catalog import lake_tables, result_tables
from stacks.base import BaseStack, Target

if TYPE_CHECKING:
    from seatrial.constructs import LakeCatalog


class LakeStack(BaseStack):
    """Made first: everything else writes into it."""

    def __init__(self, scope: Construct, construct_id: str, *, target: Target) -> None:
        super().__init__(scope, construct_id, target=target, description="key, buckets and notifications")
        engagement = target.engagement
        self.lake = Lake(
            self,
            "Lake",
            raw_retention_days=engagement.lake.raw_retention_days,
            capture_retention_days=engagement.lake.capture_retention_days,
            noncurrent_retention_days=engagement.lake.noncurrent_retention_days,
            log_retention_days=engagement.lake.log_retention_days,
            vpc_endpoint_ids=engagement.lake.vpc_endpoint_ids,
            break_glass_role_arns=engagement.lake.break_glass_roles,
            log_group_prefixes=_log_groups(target),
            destroy_data=engagement.removal.destroy_data,
            **_zones(target),
        )
        self.notifications = Notifications(
            self, "Notifications", encryption_key=self.lake.key, subscribers=[engagement.owner]
        )
        self.catalog = self._catalog(target)
        self.outputs(
            {
                "RawBucketName": self.lake.raw.bucket_name,
                "CuratedBucketName": self.lake.curated.bucket_name,
                "ArtifactsBucketName": self.lake.artifacts.bucket_name,
                "CaptureBucketName": self.lake.capture.bucket_name,
                "LogsBucketName": self.lake.logs.bucket_name,
                "KeyArn": self.lake.key.key_arn,
            }
        )

    def _catalog(self, target: Target) -> "LakeCatalog | None":
        section, features = target.engagement.lake.catalog, self.lake.features
        if features is None:
            return None
        from seatrial.constructs import LakeCatalog  # Glue's constructs are heavy, and most lakes go without

        catalog = LakeCatalog(
            self,
            "Catalog",
            database_name=target.database_name,
            tables=(*lake_tables(target.engagement.training.dataset.name), *result_tables()),
            zones={**self.lake.zones, "artifacts": self.lake.artifacts},
            results=self.lake.artifacts,
            encryption_key=self.lake.key,
            workgroup_name=target.prefix,
            scan_limit_gib=section.athena_scan_limit_gib,
            snapshot_retention_days=section.iceberg_snapshot_retention_days,
            orphan_file_days=section.iceberg_orphan_file_days,
            lake_formation=section.lake_formation,
            destroy_data=target.engagement.removal.destroy_data,
        )
        names = {"DatabaseName": catalog.database_name, "WorkgroupName": catalog.workgroup_name}
        self.outputs({"FeaturesBucketName": features.bucket_name, **names})
        return catalog


def _zones(target: Target) -> dict[str, Any]:
    section = target.engagement.lake.catalog
    if not section.enabled:
        return {}
    return {
        "features_retention_days": section.features_retention_days,
        "tiering_after_days": section.tiering_after_days,
        "inventory_frequency": None if section.inventory == "none" else section.inventory,
        "request_metrics": True,
        "query_results_days": section.athena_results_days,
    }


def _log_groups(target: Target) -> list[str]:
    """Beginnings of the log groups under the key: the stacks' own, and those that Redshift writes to by name."""
    kinds = {"serverless": f"/aws/redshift/{target.prefix}/", "provisioned": f"/aws/redshift/cluster/{target.prefix}/"}
    redshift = kinds.get(target.engagement.warehouse.kind)
    return [target.prefix, *([redshift] if redshift else [])]
