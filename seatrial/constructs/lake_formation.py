"""Lake Formation over the lake's buckets: registered in hybrid mode, with grants beside those of IAM."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
import aws_cdk.aws_glue as glue
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lakeformation as lakeformation
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.identity import ServiceRole

READING, WRITING = ("DESCRIBE", "SELECT"), ("ALTER", "DELETE", "INSERT")


class LakeFormationAccess(Construct):
    """Registers each bucket with a role of its own.

    Hybrid: who has IAM rights keeps them, and a principal that was opted in is held to its grants here. So switching
    it on locks nobody out, and the grants are complete before the account's administrator takes IAM's away.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, zones: Mapping[str, s3.IBucket], encryption_key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = ServiceRole(
            self, "Identity", service="lakeformation.amazonaws.com", description="Vends access to the lake's data"
        )
        for bucket in zones.values():
            self.role.allow_reading(bucket)
            self.role.allow_writing(bucket, multipart=True)
        self.role.allow_key(encryption_key)
        self.registrations = {
            zone: lakeformation.CfnResource(
                self,
                f"{zone.capitalize()}Location",
                resource_arn=bucket.bucket_arn,
                use_service_linked_role=False,
                role_arn=self.role.role_arn,
                hybrid_access_enabled=True,
            )
            for zone, bucket in zones.items()
        }
        self.grants: list[lakeformation.CfnPrincipalPermissions] = []

    def grant(self, role: ServiceRole, database: glue.CfnDatabase, tables: Mapping[str, glue.CfnTable]) -> None:
        """Describe the database, describe and select these tables."""
        role.allow_unscoped("lakeformation:GetDataAccess")
        kinds, place = lakeformation.CfnPrincipalPermissions, place_of(self)
        target = kinds.DatabaseResourceProperty(catalog_id=place.account, name=database.ref)
        self._permit(role, "Database", ("DESCRIBE",), kinds.ResourceProperty(database=target), database)
        for name, table in tables.items():
            self._permit(role, f"Read_{name}", READING, self._table(database, name), table)

    def grant_writing(self, role: ServiceRole, database: glue.CfnDatabase, tables: Mapping[str, glue.CfnTable]) -> None:
        """Alter, insert into and delete from these tables; reading them is granted apart."""
        for name, table in tables.items():
            self._permit(role, f"Write_{name}", WRITING, self._table(database, name), table)

    def _table(self, database: glue.CfnDatabase, name: str) -> lakeformation.CfnPrincipalPermissions.ResourceProperty:
        kinds = lakeformation.CfnPrincipalPermissions
        table = kinds.TableResourceProperty(catalog_id=place_of(self).account, database_name=database.ref, name=name)
        return kinds.ResourceProperty(table=table)

    def _permit(
        self,
        role: ServiceRole,
        name: str,
        permissions: Sequence[str],
        resource: lakeformation.CfnPrincipalPermissions.ResourceProperty,
        after: cdk.CfnResource,
    ) -> None:
        construct_id = "LakeFormation" + "".join(word.capitalize() for word in name.split("_"))
        if role.node.try_find_child(construct_id):
            return
        made = lakeformation.CfnPrincipalPermissions(
            role,
            construct_id,
            principal=lakeformation.CfnPrincipalPermissions.DataLakePrincipalProperty(
                data_lake_principal_identifier=role.role_arn
            ),
            resource=resource,
            permissions=[*permissions],
            permissions_with_grant_option=[],
        )
        # A grant names its table by text, which orders nothing.
        made.add_resource_dependency(after)
        self.grants.append(made)
