"""EMR's clusters and steps as they are kept: what they are, how they are described, what is told of their changes."""

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seatrial.offline import events
from seatrial.offline.context import CloudContext
from seatrial.offline.spark.api import InvalidRequestError, Request, Response, present
from seatrial.offline.spark.engine import SparkJob
from seatrial.offline.spark.submission import Submission

ENDED_STEPS = ("COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED")
ENDED_CLUSTERS = ("TERMINATED", "TERMINATED_WITH_ERRORS")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SEVERE = ("FAILED", "TERMINATED_WITH_ERRORS")


def new_id(prefix: str) -> str:
    """An id as EMR makes them, such as `j-3DVEC2AM3KHSK`."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(13))


@dataclass
class Step:
    """One step of a cluster."""

    id: str
    name: str
    action_on_failure: str
    jar_step: Request
    submission: Submission
    created: datetime
    execution_role: str | None = None
    state: str = "PENDING"
    started: datetime | None = None
    ended: datetime | None = None
    failure: str = ""
    log_uri: str | None = None
    job: SparkJob | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state in ENDED_STEPS

    def describe(self) -> Response:
        """The Step structure of the API."""
        properties = {item["Key"]: item.get("Value", "") for item in self.jar_step.get("Properties", ())}
        config = {"Jar": self.jar_step["Jar"], "Properties": properties, "Args": self.jar_step.get("Args", [])}
        details = present(Reason=self.failure[:256], LogFile=f"{self.log_uri}stderr.gz" if self.log_uri else None)
        timeline = present(CreationDateTime=self.created, StartDateTime=self.started, EndDateTime=self.ended)
        status = present(
            State=self.state,
            StateChangeReason={} if not self.failure else {"Message": self.failure[:1024]},
            FailureDetails={**details, "Message": self.failure[:1024]} if self.state == "FAILED" else None,
            Timeline=timeline,
        )
        return present(
            Id=self.id,
            Name=self.name,
            Config=config,
            ActionOnFailure=self.action_on_failure,
            Status=status,
            ExecutionRoleArn=self.execution_role,
        )


@dataclass
class Cluster:
    """One cluster; `request` is the RunJobFlow request that made it."""

    id: str
    arn: str
    request: Request
    created: datetime
    keep_alive: bool
    protected: bool
    concurrency: int
    tags: dict[str, str]
    key_arn: str | None = None
    state: str = "STARTING"
    reason: Response = field(default_factory=dict)
    ready: datetime | None = None
    ended: datetime | None = None
    steps: list[Step] = field(default_factory=list)
    idle_timeout: int | None = None
    idle_since: datetime | None = None
    scaling: Request | None = None
    fleets: list[Response] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        """Whether it is terminated, or about to be."""
        return self.state in (*ENDED_CLUSTERS, "TERMINATING")

    def step(self, step_id: str) -> Step:
        """A step; raises `InvalidRequestError`."""
        found = next((step for step in self.steps if step.id == step_id), None)
        if found is None:
            raise InvalidRequestError(f"Step id '{step_id}' is not valid.")
        return found

    def active(self) -> list[Step]:
        """Steps that run."""
        return [step for step in self.steps if step.state in ("RUNNING", "CANCEL_PENDING")]

    def pending(self) -> list[Step]:
        """Steps that wait."""
        return [step for step in self.steps if step.state == "PENDING"]

    def status(self) -> Response:
        """The ClusterStatus structure."""
        timeline = present(CreationDateTime=self.created, ReadyDateTime=self.ready, EndDateTime=self.ended)
        return {"State": self.state, "StateChangeReason": self.reason, "Timeline": timeline}

    def summary(self) -> Response:
        """The ClusterSummary structure."""
        own = {"Id": self.id, "Name": self.request["Name"], "ClusterArn": self.arn}
        return {**own, "Status": self.status(), "NormalizedInstanceHours": 0}

    def describe(self) -> Response:
        """The Cluster structure."""
        copied = (
            "LogUri",
            "LogEncryptionKmsKeyId",
            "ReleaseLabel",
            "Applications",
            "ServiceRole",
            "Configurations",
            "SecurityConfiguration",
            "AutoScalingRole",
            "ScaleDownBehavior",
            "CustomAmiId",
            "EbsRootVolumeSize",
            "EbsRootVolumeIops",
            "EbsRootVolumeThroughput",
            "OSReleaseLabel",
        )
        return {
            **self.summary(),
            **present(**{name: self.request.get(name) for name in copied}),
            "AutoTerminate": not self.keep_alive,
            "TerminationProtected": self.protected,
            "VisibleToAllUsers": True,
            "StepConcurrencyLevel": self.concurrency,
            "InstanceCollectionType": "INSTANCE_FLEET" if self.fleets else "INSTANCE_GROUP",
            "Ec2InstanceAttributes": self._instances(),
            "MasterPublicDnsName": "localhost",
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
        }

    def _instances(self) -> Response:
        wanted = self.request["Instances"]
        names = {
            "Ec2SubnetId": "Ec2SubnetId",
            "EmrManagedMasterSecurityGroup": "EmrManagedMasterSecurityGroup",
            "EmrManagedSlaveSecurityGroup": "EmrManagedSlaveSecurityGroup",
            "ServiceAccessSecurityGroup": "ServiceAccessSecurityGroup",
            "Ec2KeyName": "Ec2KeyName",
        }
        subnets = wanted.get("Ec2SubnetIds")
        facts = {target: wanted.get(source) for target, source in names.items()}
        return present(**facts, RequestedEc2SubnetIds=subnets, IamInstanceProfile=self.request.get("JobFlowRole"))


def tell_cluster(context: CloudContext, cluster: Cluster, message: str) -> None:
    """EventBridge's "EMR Cluster State Change", and the journal."""
    detail = {
        "severity": "CRITICAL" if cluster.state in _SEVERE else "INFO",
        "stateChangeReason": _json_text(cluster.reason),
        "name": cluster.request["Name"],
        "clusterId": cluster.id,
        "state": cluster.state,
        "message": message,
    }
    _emit(context, "EMR Cluster State Change", detail, [cluster.arn])


def tell_step(context: CloudContext, cluster: Cluster, step: Step, message: str) -> None:
    """EventBridge's "EMR Step Status Change"."""
    detail = {
        "severity": "ERROR" if step.state in _SEVERE else "INFO",
        "actionOnFailure": step.action_on_failure,
        "stepId": step.id,
        "name": step.name,
        "clusterId": cluster.id,
        "state": step.state,
        "message": message,
    }
    _emit(context, "EMR Step Status Change", detail, [cluster.arn])


def _emit(context: CloudContext, detail_type: str, detail: dict[str, Any], resources: Iterable[str]) -> None:
    events.emit(context, source="aws.emr", detail_type=detail_type, detail=detail, resources=list(resources))


def _json_text(reason: Response) -> str:
    return f'{{"code":"{reason.get("Code", "")}","message":"{reason.get("Message", "")}"}}' if reason else "{}"
