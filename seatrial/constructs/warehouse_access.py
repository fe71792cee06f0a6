"""How a warehouse is reached through the Redshift Data API, and who may do so as what."""

from dataclasses import dataclass

from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole

DATABASES = ("dev", "template0", "template1", "padb_harvest", "sys:internal")
"""Names that are Redshift's own or its well-known default."""


@dataclass(frozen=True, kw_only=True)
class WarehouseAccess:
    """Address of one database: a workgroup with its namespace, or a cluster with its secret."""

    name: str
    """Of the namespace and workgroup, or of the cluster."""
    database: str
    arn: str
    """Of the workgroup or of the cluster."""
    serverless: bool
    secret_arn: str | None = None
    """Of a cluster's administrator; CloudFormation does not tell a namespace's."""

    def grant_querying(self, role: ServiceRole) -> None:
        """Run SQL as a database user of the role's own name (`IAMR:<role>`), who starts without any rights."""
        self._grant_statements(role)
        if self.serverless:
            role.allow("redshift-serverless:GetCredentials", on=[self.arn])
            return
        database = place_of(role).arn("redshift", f"dbname:{self.name}", self.database)
        role.allow("redshift:GetClusterCredentialsWithIAM", on=[database])

    def grant_administering(self, role: ServiceRole) -> None:
        """Run SQL as the administrator, whose password the Data API takes out of the secret itself."""
        self._grant_statements(role)
        role.allow_unscoped("redshift-data:ListStatements")
        if self.secret_arn is not None:
            role.allow("secretsmanager:GetSecretValue", on=[self.secret_arn])
            return
        place = place_of(role)
        secret = place.arn("secretsmanager", f"secret:redshift!{self.name}-*")
        because = "Redshift makes the secret and ends its name with a part of its own; the namespace is exact."
        role.allow("secretsmanager:GetSecretValue", on=[secret], because=because)
        namespace = place.arn("redshift-serverless", "namespace", "*")
        because = "A namespace's ARN ends with an id made at its creation; reading a description harms nothing."
        role.allow("redshift-serverless:GetNamespace", on=[namespace], because=because)

    def _grant_statements(self, role: ServiceRole) -> None:
        role.allow("redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement", on=[self.arn])
        own = {"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}
        role.allow_unscoped("redshift-data:DescribeStatement", "redshift-data:GetStatementResult", conditions=own)


def check_names(name: str, database: str, admin_username: str) -> None:
    """Raise `ConstructError` for names that Redshift refuses, and for the defaults that everybody tries first."""
    letters = name.replace("-", "")
    if not (3 <= len(name) <= 63 and letters.isalnum() and name == name.lower() and name[0].isalpha()):
        raise ConstructError(f"name: must be 3 to 63 lower-case letters, digits and hyphens, got {name!r}")
    if database in DATABASES:
        raise ConstructError(f"database: must not be a name of Redshift's own, got {database!r}")
    if admin_username in {"admin", "awsuser", "administrator", "root", "public"}:
        raise ConstructError(f"admin_username: must not be a name that is guessed first, got {admin_username!r}")
