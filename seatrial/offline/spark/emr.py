"""EMR on EC2: clusters that start, run steps and end, on the cloud's clock; each step's Spark job really runs."""

import threading
from datetime import timedelta
from typing import Any

from seatrial.offline.sagemaker.storage import join_uri
from seatrial.offline.spark import configuration
from seatrial.offline.spark.api import ApiError, InvalidRequestError, NotEmulatedError, Request
from seatrial.offline.spark.clusters import ENDED_CLUSTERS, Cluster, Step, new_id, tell_cluster, tell_step
from seatrial.offline.spark.engine import End, Engine, SparkJob
from seatrial.offline.spark.releases import spark_version
from seatrial.offline.spark.submission import parse

MOST_STEPS = 256
COMMAND_RUNNER = "command-runner.jar"
CONCURRENT_ACTIONS = ("CONTINUE",)


class Emr:
    """One account's EMR in one region."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.context = engine.context
        self.clusters: dict[str, Cluster] = {}
        self.security_configurations: dict[str, dict[str, Any]] = {}
        self.lock = threading.RLock()

    def find(self, cluster_id: str) -> Cluster:
        """A cluster; raises `InvalidRequestError`."""
        if cluster_id not in self.clusters:
            raise InvalidRequestError(f"Cluster id '{cluster_id}' is not valid.")
        return self.clusters[cluster_id]

    def start_cluster(self, request: Request) -> Cluster:
        """Make a cluster of a RunJobFlow request and start it."""
        spark_version(request.get("ReleaseLabel", ""))
        _require_spark(request)
        instances = request["Instances"]
        concurrency = request.get("StepConcurrencyLevel", 1)
        steps = [
            self._step(step, request.get("StepExecutionRoleArn"), concurrency) for step in request.get("Steps", ())
        ]
        cluster_id = new_id("j-")
        cluster = Cluster(
            id=cluster_id,
            arn=f"arn:aws:elasticmapreduce:{self.context.region}:{self.context.account}:cluster/{cluster_id}",
            request=request,
            created=self.context.clock.now(),
            keep_alive=instances.get("KeepJobFlowAliveWhenNoSteps", False),
            protected=instances.get("TerminationProtected", False),
            concurrency=concurrency,
            tags={tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", ())},
            key_arn=self._key(request.get("SecurityConfiguration")),
            steps=steps,
            idle_timeout=request.get("AutoTerminationPolicy", {}).get("IdleTimeout"),
            scaling=request.get("ManagedScalingPolicy"),
        )
        cluster.fleets = [new_fleet(fleet) for fleet in instances.get("InstanceFleets", ())]
        self.clusters[cluster_id] = cluster
        self._place_logs(cluster, steps)
        self._note(request)
        tell_cluster(self.context, cluster, f"Amazon EMR cluster {cluster_id} was requested.")
        self.engine.spawn(f"emr-{cluster_id}", lambda: self._begin(cluster))
        return cluster

    def add_steps(self, cluster: Cluster, requests: list[Request], role: str | None) -> list[Step]:
        """Queue steps; all are checked before the first one is queued."""
        with self.lock:
            if cluster.is_over:
                raise ApiError("A job flow that is shutting down, terminated, or finished may not be modified.")
            waiting = sum(not step.is_over for step in cluster.steps)
            if waiting + len(requests) > MOST_STEPS:
                raise ApiError(f"Maximum number of active steps(State = 'Running', 'Pending') is {MOST_STEPS}.")
            steps = [self._step(request, role, cluster.concurrency) for request in requests]
            self._place_logs(cluster, steps)
            cluster.steps += steps
        self.advance(cluster)
        return steps

    def advance(self, cluster: Cluster) -> None:
        """Start the steps whose turn it is, and let the cluster wait or end when there are none."""
        with self.lock:
            if cluster.is_over or cluster.ready is None or self.engine.stopping.is_set():
                return
            while (waiting := cluster.pending()) and len(cluster.active()) < cluster.concurrency:
                self._start(cluster, waiting[0])
            busy = bool(cluster.active())
            if busy:
                cluster.idle_since = None
            if busy and cluster.state != "RUNNING":
                self._change(cluster, "RUNNING", {}, "began running steps")
            elif not busy and not cluster.keep_alive:
                code = {"Code": "ALL_STEPS_COMPLETED", "Message": "Steps completed"}
                self._finish(cluster, "TERMINATED", code)
            elif not busy and cluster.state != "WAITING":
                ready = {"Message": "Cluster ready after last step completed."}
                self._change(cluster, "WAITING", ready, "is waiting for steps")
                self.watch_idleness(cluster)

    def watch_idleness(self, cluster: Cluster) -> None:
        """Terminate the cluster when it has been idle for as long as its policy says, by the cloud's clock."""
        if cluster.idle_timeout is None or cluster.state != "WAITING":
            return
        cluster.idle_since = since = cluster.idle_since or self.context.clock.now()
        timeout = cluster.idle_timeout

        def end() -> None:
            with self.lock:
                if cluster.state == "WAITING" and cluster.idle_since == since and cluster.idle_timeout == timeout:
                    reason = {"Code": "ALL_STEPS_COMPLETED", "Message": "Auto-terminated after it was idle"}
                    self._finish(cluster, "TERMINATED", reason)

        self.context.clock.at(since + timedelta(seconds=timeout), end)

    def terminate(self, cluster: Cluster) -> None:
        """Terminate at a user's request."""
        with self.lock:
            if cluster.state in ENDED_CLUSTERS:
                return
            if cluster.protected:
                raise ApiError("Could not shut down one or more job flows since they are termination protected.")
            self._finish(cluster, "TERMINATED", {"Code": "USER_REQUEST", "Message": "Terminated by user request"})

    def cancel(self, cluster: Cluster, step: Step, *, also_running: bool) -> str | None:
        """Cancel a step; returns why it cannot be, None when it is or will be."""
        with self.lock:
            if step.state == "PENDING":
                self._end_step(cluster, step, "CANCELLED")
                return None
            if step.state == "RUNNING" and also_running and step.job is not None:
                step.state = "CANCEL_PENDING"
                job = step.job
                self.engine.spawn(f"cancel-{step.id}", job.stop)
                return None
            return f"Step {step.id} is {step.state} and cannot be cancelled."

    def _begin(self, cluster: Cluster) -> None:
        missing = self._missing_bootstrap(cluster)
        with self.lock:
            if cluster.is_over:
                return
            if missing:
                reason = {"Code": "BOOTSTRAP_FAILURE", "Message": missing}
                self._finish(cluster, "TERMINATED_WITH_ERRORS", reason)
                return
            cluster.ready = self.context.clock.now()
        self.advance(cluster)

    def _missing_bootstrap(self, cluster: Cluster) -> str:
        """Bootstrap scripts change machines that are not there: that they exist is all that can be proven."""
        for action in cluster.request.get("BootstrapActions", ()):
            uri = action["ScriptBootstrapAction"]["Path"]
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            try:
                self.context.client("s3").head_object(Bucket=bucket, Key=key)
            except Exception:
                return (
                    f"On the master instance, bootstrap action {action['Name']} failed: {uri} could not be downloaded"
                )
            detail = f"{action['Name']} is in its bucket; it was not run, there are no instances"
            self.context.journal.fidelity("EMR bootstrap actions", "not-proven", detail)
        return ""

    def _step(self, request: Request, role: str | None, concurrency: int) -> Step:
        jar_step = request["HadoopJarStep"]
        action = request.get("ActionOnFailure", "TERMINATE_CLUSTER")
        action = "TERMINATE_CLUSTER" if action == "TERMINATE_JOB_FLOW" else action
        if concurrency > 1 and action not in CONCURRENT_ACTIONS:
            raise ApiError(f"ActionOnFailure {action} is not valid when StepConcurrencyLevel is {concurrency}")
        words = jar_step.get("Args", [])
        if jar_step["Jar"] != COMMAND_RUNNER or words[:1] != ["spark-submit"]:
            asked = " ".join([jar_step["Jar"], *words[:1]])
            raise NotEmulatedError(
                f"step {request['Name']!r}: the offline cloud runs {COMMAND_RUNNER} with spark-submit, not {asked!r}"
            )
        return Step(
            id=new_id("s-"),
            name=request["Name"],
            action_on_failure=action,
            jar_step=jar_step,
            submission=parse(words[1:]),
            created=self.context.clock.now(),
            execution_role=role,
        )

    def _start(self, cluster: Cluster, step: Step) -> None:
        settings, environment = configuration.read(cluster.request.get("Configurations", ()), self.context.journal)
        step.job = SparkJob(
            kind="EMRStep",
            name=f"{cluster.id}/{step.id}",
            submission=step.submission.with_defaults(settings),
            release=cluster.request["ReleaseLabel"],
            folder=self.engine.folder / cluster.id / step.id,
            label=step.name,
            environment=environment,
            key_arn=cluster.key_arn,
        )
        step.state, step.started = "RUNNING", self.context.clock.now()
        tell_step(self.context, cluster, step, f"Step {step.id} ({step.name}) in cluster {cluster.id} began running.")
        self.engine.spawn(f"emr-{step.id}", lambda: self._run(cluster, step))

    def _run(self, cluster: Cluster, step: Step) -> None:
        if step.job is None:
            raise RuntimeError(f"step {step.id} was not started")
        end = self.engine.run(step.job)
        self._upload_logs(cluster, step, step.job)
        with self.lock:
            self._judge(cluster, step, end)
        self.advance(cluster)

    def _judge(self, cluster: Cluster, step: Step, end: End) -> None:
        if step.is_over:
            return
        if end.succeeded:
            self._end_step(cluster, step, "COMPLETED")
        elif end.stopped:
            self._end_step(cluster, step, "CANCELLED")
        else:
            step.failure = end.reason
            self._end_step(cluster, step, "FAILED")
            self._act_on_failure(cluster, step)

    def _act_on_failure(self, cluster: Cluster, step: Step) -> None:
        if step.action_on_failure == "CANCEL_AND_WAIT":
            for other in cluster.pending():
                self._end_step(cluster, other, "CANCELLED")
        elif step.action_on_failure == "TERMINATE_CLUSTER" and not cluster.protected:
            reason = {"Code": "STEP_FAILURE", "Message": f"Shut down as step failed: {step.name}"}
            self._finish(cluster, "TERMINATED_WITH_ERRORS", reason)

    def _end_step(self, cluster: Cluster, step: Step, state: str) -> None:
        step.state, step.ended = state, self.context.clock.now()
        words = {"COMPLETED": "completed execution", "FAILED": "failed", "CANCELLED": "was cancelled"}
        what = words.get(state, "was interrupted")
        tell_step(self.context, cluster, step, f"Step {step.id} ({step.name}) in cluster {cluster.id} {what}.")

    def _change(self, cluster: Cluster, state: str, reason: Request, what: str) -> None:
        cluster.state, cluster.reason = state, reason
        tell_cluster(self.context, cluster, f"Amazon EMR cluster {cluster.id} {what}.")

    def _finish(self, cluster: Cluster, state: str, reason: Request) -> None:
        """End the cluster with everything on it; only then it counts as terminated."""
        self._change(cluster, "TERMINATING", reason, "is terminating")
        for step in cluster.pending():
            self._end_step(cluster, step, "CANCELLED")
        running = [step.job for step in cluster.active() if step.job is not None]
        for step in cluster.active():
            self._end_step(cluster, step, "INTERRUPTED" if state == "TERMINATED_WITH_ERRORS" else "CANCELLED")

        def end() -> None:
            for job in running:
                job.stop()
            with self.lock:
                cluster.ended = self.context.clock.now()
                self._change(cluster, state, reason, f"has terminated: {reason.get('Message', '')}")
                cluster.gone.set()

        if running:
            self.engine.spawn(f"end-{cluster.id}", end)
        else:
            end()

    def _place_logs(self, cluster: Cluster, steps: list[Step]) -> None:
        uri = cluster.request.get("LogUri")
        for step in steps:
            step.log_uri = join_uri(uri, cluster.id, "steps", step.id) + "/" if uri else None

    def _upload_logs(self, cluster: Cluster, step: Step, job: SparkJob) -> None:
        if step.log_uri:
            key = cluster.request.get("LogEncryptionKmsKeyId")
            for name in ("stdout", "stderr"):
                self.engine.upload_log(f"{step.log_uri}{name}.gz", job.log(name), key)

    def _key(self, name: str | None) -> str | None:
        """The key that a security configuration lets EMRFS write with."""
        if not name:
            return None
        if name not in self.security_configurations:
            raise InvalidRequestError(f"Security configuration with name '{name}' does not exist.")
        found = self.security_configurations[name]["Document"].get("EncryptionConfiguration", {})
        at_rest = found.get("AtRestEncryptionConfiguration", {})
        return at_rest.get("S3EncryptionConfiguration", {}).get("AwsKmsKey")

    def _note(self, request: Request) -> None:
        detail = "clusters have no instances: fleets, scaling, subnets and groups are kept and described only"
        self.context.journal.fidelity("EMR instances", "not-proven", detail)
        if request.get("SecurityConfiguration"):
            detail = "the key for S3 is used; encryption in transit and on disks has nothing to encrypt here"
            self.context.journal.fidelity("EMR security configuration", "emulated", detail)


def _require_spark(request: Request) -> None:
    names = [application.get("Name", "").lower() for application in request.get("Applications", ())]
    if "spark" not in names:
        raise ApiError(f"Applications: the offline cloud runs Spark, which the cluster does not name: got {names}")


def new_fleet(request: Request) -> dict[str, Any]:
    """An InstanceFleet structure that has all the capacity it asks for."""
    spot, demand = request.get("TargetSpotCapacity", 0), request.get("TargetOnDemandCapacity", 0)
    renamed = {"InstanceTypeConfigs": "InstanceTypeSpecifications"}
    own = {renamed.get(name, name): value for name, value in request.items()}
    targets = {"TargetOnDemandCapacity": demand, "TargetSpotCapacity": spot}
    provisioned = {"ProvisionedOnDemandCapacity": demand, "ProvisionedSpotCapacity": spot}
    return {"Id": new_id("if-"), "Status": {"State": "RUNNING"}, **own, **targets, **provisioned}
