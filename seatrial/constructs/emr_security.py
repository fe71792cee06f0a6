"""What an EMR cluster on EC2 may do and how it is locked: security configuration, service role, security groups."""

from typing import Any

import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_emr as emr
import aws_cdk.aws_kms as kms
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.emr_cluster import MANAGED_TAG
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.justification import justify
from seatrial.constructs.workload import WorkloadNetwork

EMR = "elasticmapreduce.amazonaws.com"
AMONG_NODES = (
    "Nodes of one cluster talk on ports that YARN and Spark choose; the source is their groups, not an address."
)
OWN_TAG = {"StringEquals": {f"aws:ResourceTag/{MANAGED_TAG}": "true"}}
NEW_TAG = {"StringEquals": {f"aws:RequestTag/{MANAGED_TAG}": "true"}}
MADE_BY_EMR = "EMR makes these for a cluster and tags them; their ids are not known before, the tag is demanded."
PLAIN_PARTS = "EC2 names interfaces and fleets when a cluster starts, and the image belongs to AWS."
DESCRIPTIONS = (
    "ec2:DescribeAccountAttributes", "ec2:DescribeCapacityReservations", "ec2:DescribeDhcpOptions",
    "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeLaunchTemplates", "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribePlacementGroups", "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVolumeStatus", "ec2:DescribeVolumes",
    "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
)  # fmt: skip


def security_configuration(key_arn: str, certificates_uri: str) -> dict[str, Any]:
    """EMR's security configuration: everything encrypted at rest and in transit, IMDSv2 only, one hop.

    Format: EMR Management Guide, "Create a security configuration". Certificates: a zip with `privateKey.pem`,
    `certificateChain.pem` and, for a private authority, `trustedCertificates.pem`.
    """
    return {
        "EncryptionConfiguration": {
            "EnableAtRestEncryption": True,
            "EnableInTransitEncryption": True,
            "AtRestEncryptionConfiguration": {
                "S3EncryptionConfiguration": {"EncryptionMode": "SSE-KMS", "AwsKmsKey": key_arn},
                "LocalDiskEncryptionConfiguration": {
                    "EncryptionKeyProviderType": "AwsKms",
                    "AwsKmsKey": key_arn,
                    "EnableEbsEncryption": True,
                },
            },
            "InTransitEncryptionConfiguration": {
                "TLSCertificateConfiguration": {"CertificateProviderType": "PEM", "S3Object": certificates_uri}
            },
        },
        "InstanceMetadataServiceConfiguration": {
            "MinimumInstanceMetadataServiceVersion": 2,
            "HttpPutResponseHopLimit": 1,
        },
    }


class EmrSecurity(Construct):
    """Security configuration and groups for clusters that come and go.

    The groups are closed but for traffic among the nodes and from EMR's own service network interfaces; the way to S3
    and to endpoints is that of the workloads' group, which nodes get in addition.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        certificates_uri: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.configuration = emr.CfnSecurityConfiguration(
            self,
            "Configuration",
            security_configuration=security_configuration(encryption_key.key_arn, certificates_uri),
        )
        self._vpc_id = network.vpc.vpc_id
        self.primary = self._group("Primary", "Primary node of EMR clusters")
        self.nodes = self._group("Nodes", "Core and task nodes of EMR clusters")
        self.service = self._group("Service", "Service of EMR in private subnets")
        named = {"Primary": self.primary, "Nodes": self.nodes}
        for source_name, source in named.items():
            for target_name, target in named.items():
                self._let(f"{source_name}To{target_name}", source, target, None)
            self._let(f"ServiceTo{source_name}", self.service, source, 8443)
        self._let("PrimaryToService", self.primary, self.service, 9443)

    @property
    def group_arns(self) -> list[str]:
        """ARNs of the three groups."""
        groups = (self.primary, self.nodes, self.service)
        return [place_of(self).arn("ec2", "security-group", group.attr_group_id) for group in groups]

    def _group(self, name: str, description: str) -> ec2.CfnSecurityGroup:
        return ec2.CfnSecurityGroup(
            self,
            f"{name}SecurityGroup",
            group_description=description,
            vpc_id=self._vpc_id,
            # Without a rule of its own a group may send anything anywhere; this one matches nothing.
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="icmp", from_port=252, to_port=86, cidr_ip="255.255.255.255/32", description="nothing"
                )
            ],
        )

    def _let(self, name: str, source: ec2.CfnSecurityGroup, target: ec2.CfnSecurityGroup, port: int | None) -> None:
        ports: dict[str, Any] = {"ip_protocol": "-1"}
        if port is not None:
            ports = {"ip_protocol": "tcp", "from_port": port, "to_port": port}
        ec2.CfnSecurityGroupEgress(
            self,
            f"{name}Egress",
            group_id=source.attr_group_id,
            destination_security_group_id=target.attr_group_id,
            description=name,
            **ports,
        )
        ingress = ec2.CfnSecurityGroupIngress(
            self,
            f"{name}Ingress",
            group_id=target.attr_group_id,
            source_security_group_id=source.attr_group_id,
            description=name,
            **ports,
        )
        if port is None:
            justify(ingress, "NIST.800.53.R5-EC2RestrictedCommonPorts", AMONG_NODES)


def allow_emr_service(
    role: ServiceRole, *, network: WorkloadNetwork, security: EmrSecurity, node_role_arn: str, key: kms.IKey
) -> None:
    """What EMR does in the service role's name: AWS's AmazonEMRServicePolicy_v2, on this network and this role only."""
    place = place_of(role)

    def made(*kinds: str) -> list[str]:
        return [place.arn("ec2", kind, "*") for kind in kinds]

    launch = ("ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "ec2:RunInstances")
    groups = [*security.group_arns, *(place.arn("ec2", "security-group", one) for one in network.security_group_ids)]
    subnets = [place.arn("ec2", "subnet", one) for one in network.subnet_ids]
    role.allow("ec2:CreateNetworkInterface", *launch, on=[*subnets, *groups])
    images = f"arn:{place.partition}:ec2:{place.region}::image/*"
    parts = [*made("network-interface", "fleet"), images]
    role.allow(*launch, on=parts, because=PLAIN_PARTS)
    tagged = ("ec2:CreateFleet", "ec2:CreateLaunchTemplateVersion", "ec2:RunInstances")
    role.allow(*tagged, on=made("launch-template"), because=MADE_BY_EMR, conditions=OWN_TAG)
    role.allow("ec2:CreateLaunchTemplate", on=made("launch-template"), because=MADE_BY_EMR, conditions=NEW_TAG)
    fresh = ("ec2:CreateFleet", "ec2:RunInstances")
    role.allow(*fresh, on=made("instance", "volume"), because=MADE_BY_EMR, conditions=NEW_TAG)
    role.allow("ec2:CreateNetworkInterface", on=made("network-interface"), because=MADE_BY_EMR, conditions=NEW_TAG)
    _allow_own_parts(role, made)
    authorize = ("ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress")
    role.allow(*authorize, "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", on=security.group_arns)
    role.allow_unscoped(*DESCRIPTIONS)
    role.allow_passing(node_role_arn, to="ec2.amazonaws.com")
    role.allow_key(key, volumes=True)


def _allow_own_parts(role: ServiceRole, made: Any) -> None:
    """Change, tag and end what EMR made for a cluster."""
    kinds = ("instance", "launch-template", "network-interface", "volume")
    changes = (
        "ec2:DeleteLaunchTemplate",
        "ec2:DeleteNetworkInterface",
        "ec2:DetachNetworkInterface",
        "ec2:DeleteVolume",
        "ec2:ModifyInstanceAttribute",
        "ec2:TerminateInstances",
        "ec2:CreateTags",
        "ec2:DeleteTags",
    )
    role.allow(*changes, on=made(*kinds), because=MADE_BY_EMR, conditions=OWN_TAG)
    creating = ["CreateFleet", "CreateLaunchTemplate", "CreateNetworkInterface", "RunInstances"]
    on_creation = {"StringEquals": {"ec2:CreateAction": creating}}
    role.allow("ec2:CreateTags", on=made(*kinds), because=MADE_BY_EMR, conditions=on_creation)
