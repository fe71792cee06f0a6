"""The request by which a flow starts its own EMR cluster on EC2: fleets, scaling, limits, security (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MANAGED_TAG = "for-use-with-amazon-emr-managed-policies"
"""EMR puts the cluster's tags on everything that it makes; the service role may touch only what carries this one."""
FAMILIES = {"arm64": ("m7g", "m6g", "r7g", "r6g"), "x86_64": ("m7i", "m6i", "r7i", "r6i")}
SIZES = {"xlarge": 1, "2xlarge": 2, "4xlarge": 4}
"""Instance size to capacity units; a unit is 4 vCPU, so that fleets may mix sizes."""
PRIMARY_SIZE = "xlarge"
SPOT_TIMEOUT_MINUTES = 15
ROOT_VOLUME_GIB, DATA_VOLUME_GIB = 30, 64


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """What the request is made of; every text may be a CDK token."""

    name: str
    release: str
    architecture: str
    core_units: int
    maximum_units: int
    spot_share: float
    idle_timeout_minutes: int
    step_concurrency: int
    subnet_ids: tuple[str, ...]
    primary_group_id: str
    nodes_group_id: str
    service_group_id: str
    workload_group_ids: tuple[str, ...]
    service_role: str
    instance_profile: str
    security_configuration: str
    log_uri: str
    key_arn: str
    bootstrap_uri: str
    bootstrap_arguments: tuple[str, ...]
    spark_settings: Mapping[str, str]
    tags: Mapping[str, str]


def cluster_request(settings: ClusterSettings) -> dict[str, Any]:
    """The parameters of `elasticmapreduce:createCluster`, which are those of RunJobFlow.

    Core nodes are on demand, because they hold shuffle files and HDFS; what scaling adds are task nodes, of which
    `spot_share` may be spot instances. The cluster stays without steps, and ends when idle.
    """
    idle_seconds = settings.idle_timeout_minutes * 60
    return {
        "Name": settings.name,
        "ReleaseLabel": settings.release,
        "Applications": [{"Name": "Spark"}],
        "ServiceRole": settings.service_role,
        "JobFlowRole": settings.instance_profile,
        "SecurityConfiguration": settings.security_configuration,
        "LogUri": settings.log_uri,
        "LogEncryptionKmsKeyId": settings.key_arn,
        "Instances": _instances(settings),
        "ManagedScalingPolicy": {"ComputeLimits": compute_limits(settings)},
        "AutoTerminationPolicy": {"IdleTimeout": idle_seconds},
        "StepConcurrencyLevel": settings.step_concurrency,
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
        "EbsRootVolumeSize": ROOT_VOLUME_GIB,
        "BootstrapActions": [
            {
                "Name": "prepare node",
                "ScriptBootstrapAction": {
                    "Path": settings.bootstrap_uri,
                    "Args": [*settings.bootstrap_arguments],
                },
            }
        ],
        "Configurations": [{"Classification": "spark-defaults", "Properties": dict(settings.spark_settings)}],
        "VisibleToAllUsers": True,
        "Tags": [{"Key": key, "Value": value} for key, value in sorted({**settings.tags, MANAGED_TAG: "true"}.items())],
    }


def compute_limits(settings: ClusterSettings) -> dict[str, Any]:
    """Bounds of managed scaling in units: everything on demand up to the core and the share that is not spot."""
    above = settings.maximum_units - settings.core_units
    return {
        "UnitType": "InstanceFleetUnits",
        "MinimumCapacityUnits": settings.core_units,
        "MaximumCapacityUnits": settings.maximum_units,
        "MaximumCoreCapacityUnits": settings.core_units,
        "MaximumOnDemandCapacityUnits": settings.core_units + above - int(above * settings.spot_share),
    }


def _instances(settings: ClusterSettings) -> dict[str, Any]:
    return {
        "InstanceFleets": [
            {
                "Name": "primary",
                "InstanceFleetType": "MASTER",
                "TargetOnDemandCapacity": 1,
                "InstanceTypeConfigs": _types(settings.architecture, weighted=False),
            },
            {
                "Name": "core",
                "InstanceFleetType": "CORE",
                "TargetOnDemandCapacity": settings.core_units,
                "InstanceTypeConfigs": _types(settings.architecture),
                "LaunchSpecifications": _launch(),
            },
            {
                "Name": "task",
                "InstanceFleetType": "TASK",
                "TargetOnDemandCapacity": 0,
                "TargetSpotCapacity": 0,
                "InstanceTypeConfigs": _types(settings.architecture),
                "LaunchSpecifications": _launch(spot=True),
            },
        ],
        "Ec2SubnetIds": [*settings.subnet_ids],
        "EmrManagedMasterSecurityGroup": settings.primary_group_id,
        "EmrManagedSlaveSecurityGroup": settings.nodes_group_id,
        "ServiceAccessSecurityGroup": settings.service_group_id,
        "AdditionalMasterSecurityGroups": [*settings.workload_group_ids],
        "AdditionalSlaveSecurityGroups": [*settings.workload_group_ids],
        "KeepJobFlowAliveWhenNoSteps": True,
        "TerminationProtected": False,
    }


def _types(architecture: str, *, weighted: bool = True) -> list[dict[str, Any]]:
    """Types of one fleet: several, so that a shortage of one does not stop the cluster."""
    sizes = SIZES if weighted else {PRIMARY_SIZE: 1}
    return [
        {
            "InstanceType": f"{family}.{size}",
            "WeightedCapacity": units,
            "EbsConfiguration": {
                "EbsBlockDeviceConfigs": [
                    {"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": DATA_VOLUME_GIB}, "VolumesPerInstance": 1}
                ]
            },
        }
        for family in FAMILIES[architecture]
        for size, units in sizes.items()
    ]


def _launch(*, spot: bool = False) -> dict[str, Any]:
    on_demand = {"OnDemandSpecification": {"AllocationStrategy": "lowest-price"}}
    if not spot:
        return on_demand
    return on_demand | {
        "SpotSpecification": {
            "AllocationStrategy": "price-capacity-optimized",
            "TimeoutAction": "SWITCH_TO_ON_DEMAND",
            "TimeoutDurationMinutes": SPOT_TIMEOUT_MINUTES,
        }
    }
