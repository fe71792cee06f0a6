"""EMR on EC2: what a flow needs to start a cluster of its own, run its jobs as steps and end it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import aws_cdk.aws_iam as iam
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.assets import file_asset
from seatrial.constructs.emr_cluster import FAMILIES, MANAGED_TAG, ClusterSettings, cluster_request
from seatrial.constructs.emr_security import EMR, EmrSecurity, allow_emr_service
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.spark_job import SparkEngine, SparkJob, finished, submit_array
from seatrial.constructs.staging import shipped
from seatrial.constructs.state_language import State, retry
from seatrial.constructs.workload import WorkloadNetwork

LOGS_PREFIX = "emr-logs/"
PYTHON = "/opt/seatrial/python/bin/python"
"""Where the bootstrap action unpacks the Python environment."""
START_MINUTES = 60
CLUSTER_IDS = "A cluster's id is made when it starts; the cluster must carry the tag that this engine sets."
CLEANUP_ROLE = "aws-service-role/elasticmapreduce.amazonaws.com/AWSServiceRoleForEMRCleanup"


class EmrEngine(SparkEngine):
    """A cluster for each flow: nothing runs, and nothing is to be patched, between flows.

    Nodes have IMDSv2 only, no public address, encrypted disks, logs and traffic. The PEM certificates for encryption in
    transit are the customer's to bring: a zip at `certificates_key` in `artifacts`, without which no flow starts.
    `python_environment` is a tar.gz of a virtual environment that the bootstrap action unpacks on every node; script
    and archive are addressed by content.
    """

    capacity = "look whether the cluster reached maximum_units, or the account's instances are used up"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster_name: str,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        artifacts: s3.IBucket,
        release: str = "emr-7.13.0",
        architecture: str = "arm64",
        core_units: int = 2,
        maximum_units: int = 16,
        spot_share: float = 0.7,
        idle_timeout_minutes: int = 15,
        step_concurrency: int = 4,
        certificates_key: str = "emr/certificates.zip",
        python_environment: Path | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(architecture, core_units, maximum_units, spot_share, step_concurrency)
        self.encryption_key, self._artifacts, self._certificates_key = encryption_key, artifacts, certificates_key
        self.role = self._node_role()
        self.instance_profile = iam.CfnInstanceProfile(self, "InstanceProfile", roles=[self.role.role_name])
        self.security = EmrSecurity(
            self,
            "Security",
            network=network,
            encryption_key=encryption_key,
            certificates_uri=f"s3://{artifacts.bucket_name}/{certificates_key}",
        )
        self.service_role = self._service_role(network)
        self.bootstrap = file_asset(self, "Bootstrap", _bootstrap_script(), ".sh")
        self.allow_code(self.bootstrap)
        arguments = self._environment(python_environment)
        self.cluster = ClusterSettings(
            name=cluster_name,
            release=release,
            architecture=architecture,
            core_units=core_units,
            maximum_units=maximum_units,
            spot_share=spot_share,
            idle_timeout_minutes=idle_timeout_minutes,
            step_concurrency=step_concurrency,
            subnet_ids=network.subnet_ids,
            primary_group_id=self.security.primary.attr_group_id,
            nodes_group_id=self.security.nodes.attr_group_id,
            service_group_id=self.security.service.attr_group_id,
            workload_group_ids=network.security_group_ids,
            service_role=self.service_role.role_name,
            instance_profile=self.instance_profile.ref,
            security_configuration=self.security.configuration.ref,
            log_uri=f"s3://{artifacts.bucket_name}/{LOGS_PREFIX}",
            key_arn=encryption_key.key_arn,
            bootstrap_uri=self.bootstrap.s3_object_url,
            bootstrap_arguments=arguments,
            spark_settings=_spark_settings(with_environment=bool(arguments)),
            tags=dict(tags or {}),
        )

    def opening(self) -> dict[str, State]:
        """Look for the certificates, then start the cluster and wait until it can take steps."""
        return {
            "Certificates": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:headObject",
                "Parameters": {"Bucket": self._artifacts.bucket_name, "Key": self._certificates_key},
                "ResultSelector": {"found": True},
                "ResultPath": "$.result",
                "TimeoutSeconds": 60,
                "Retry": [retry(["S3.SdkClientException", "S3.SlowDownException"])],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "NoCertificates"}],
            },
            "Cluster": {
                "Type": "Task",
                "Resource": "arn:aws:states:::elasticmapreduce:createCluster.sync",
                "Parameters": cluster_request(self.cluster),
                "ResultSelector": {"id.$": "$.ClusterId"},
                "ResultPath": "$.cluster",
                "TimeoutSeconds": START_MINUTES * 60,
                "Retry": [retry(["States.TaskFailed"], attempts=2, first_seconds=60, longest_seconds=600)],
            },
        }

    def explanations(self) -> dict[str, State]:
        """What a missing certificate means."""
        uri = f"s3://{self._artifacts.bucket_name}/{self._certificates_key}"
        cause = f"encryption in transit needs certificates at {uri}: docs/how-to/run-spark-on-emr.md makes them"
        return {
            "NoCertificates": {
                "Type": "Pass",
                "Parameters": {"Error": "NoCertificates", "Cause.$": f"States.Format('{cause} ({{}})', $.error.Cause)"},
                "ResultPath": "$.error",
            }
        }

    def closing(self) -> dict[str, State]:
        """Ask for the cluster's end; it would end itself when idle."""
        return {
            "EndCluster": {
                "Type": "Task",
                "Resource": "arn:aws:states:::elasticmapreduce:terminateCluster",
                "Parameters": {"ClusterId.$": "$.cluster.id"},
                "ResultSelector": {"asked": True},
                "ResultPath": "$.result",
                "TimeoutSeconds": 60,
                "Retry": [retry(["States.ALL"])],
            }
        }

    def task(self, job: SparkJob, arguments: str) -> State:
        """A step in cluster mode; the state machine tries a failed one again, which EMR does not."""
        step = {
            "Name": job.name,
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args.$": submit_array(job, arguments)},
        }
        add = "arn:aws:states:::elasticmapreduce:addStep.sync"
        tries = [retry(["States.TaskFailed"], attempts=job.attempts - 1, first_seconds=30, longest_seconds=300)]
        state = finished(
            job,
            Resource=add,
            Parameters={"ClusterId.$": "$.cluster.id", "Step": step},
            **({"Retry": tries} if job.attempts > 1 else {}),
        )
        return state | {"TimeoutSeconds": job.max_runtime_minutes * 60}

    def grant_run(self, role: ServiceRole) -> None:
        """Start clusters with this engine's roles, run steps on them and end them; and look for the certificates."""
        place = place_of(self)
        new = {"StringEquals": {f"aws:RequestTag/{MANAGED_TAG}": "true"}}
        own = {"StringEquals": {f"aws:ResourceTag/{MANAGED_TAG}": "true"}}
        clusters = [place.arn("elasticmapreduce", "cluster", "*")]
        role.allow_unscoped("elasticmapreduce:RunJobFlow", conditions=new)
        role.allow("elasticmapreduce:AddTags", on=clusters, because=CLUSTER_IDS, conditions=new)
        role.allow(
            "elasticmapreduce:AddJobFlowSteps",
            "elasticmapreduce:CancelSteps",
            "elasticmapreduce:DescribeCluster",
            "elasticmapreduce:DescribeStep",
            "elasticmapreduce:PutAutoTerminationPolicy",
            "elasticmapreduce:PutManagedScalingPolicy",
            "elasticmapreduce:TerminateJobFlows",
            on=clusters,
            because=CLUSTER_IDS,
            conditions=own,
        )
        role.allow_passing(self.service_role.role_arn, to=EMR)
        role.allow_passing(self.role.role_arn, to="ec2.amazonaws.com")
        cleanup = f"arn:{place.partition}:iam::{place.account}:role/{CLEANUP_ROLE}"
        for_emr = {"StringEquals": {"iam:AWSServiceName": EMR}}
        role.allow("iam:CreateServiceLinkedRole", on=[cleanup], conditions=for_emr)
        role.allow("s3:GetObject", on=[self._artifacts.arn_for_objects(self._certificates_key)])
        role.allow("s3:ListBucket", on=[self._artifacts.bucket_arn])

    def _node_role(self) -> ServiceRole:
        role = ServiceRole(
            self, "Identity", service="ec2.amazonaws.com", description="Nodes of EMR clusters", for_instances=True
        )
        role.allow_key(self.encryption_key)
        role.allow_reading(self._artifacts, self._certificates_key)
        role.allow_writing(self._artifacts, LOGS_PREFIX, multipart=True)
        return role

    def _service_role(self, network: WorkloadNetwork) -> ServiceRole:
        role = ServiceRole(self, "ServiceIdentity", service=EMR, description="EMR starts and ends clusters")
        allow_emr_service(
            role,
            network=network,
            security=self.security,
            node_role_arn=self.role.role_arn,
            key=self.encryption_key,
        )
        return role

    def _environment(self, archive: Path | None) -> tuple[str, ...]:
        if archive is None:
            return ()
        content = archive.read_bytes()
        asset = file_asset(self, "PythonEnvironment", content, ".tar.gz")
        self.allow_code(asset)
        return (asset.s3_object_url, hashlib.sha256(content).hexdigest())


def _bootstrap_script() -> bytes:
    return (shipped("pipelines") / "bootstrap" / "prepare_node.sh").read_bytes()


def _spark_settings(*, with_environment: bool) -> dict[str, str]:
    settings = {"spark.dynamicAllocation.enabled": "true", "spark.submit.deployMode": "cluster"}
    if with_environment:
        settings |= {
            "spark.executorEnv.PYSPARK_PYTHON": PYTHON,
            "spark.yarn.appMasterEnv.PYSPARK_DRIVER_PYTHON": PYTHON,
            "spark.yarn.appMasterEnv.PYSPARK_PYTHON": PYTHON,
        }
    return settings


def _check(architecture: str, core_units: int, maximum_units: int, spot_share: float, step_concurrency: int) -> None:
    if architecture not in FAMILIES:
        raise ConstructError(f"architecture: must be one of {', '.join(FAMILIES)}, got {architecture!r}")
    if core_units < 1:
        raise ConstructError(f"core_units: must be at least 1, got {core_units}")
    if maximum_units < core_units:
        raise ConstructError(f"maximum_units: must be at least core_units ({core_units}), got {maximum_units}")
    if not 0 <= spot_share <= 1:
        raise ConstructError(f"spot_share: must be between 0 and 1, got {spot_share}")
    if not 1 <= step_concurrency <= 256:
        raise ConstructError(f"step_concurrency: must be between 1 and 256, got {step_concurrency}")
