"""Monitoring: the hourly monitor function, its alarms and the dashboard of one endpoint."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import absence_alarm, function_alarms, metric_alarm
from seatrial.constructs.arns import place_of
from seatrial.constructs.dashboard import endpoint_dashboard
from seatrial.constructs.function import PythonFunction
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.state import ModelState
from seatrial.constructs.triggers import SCHEDULED_TIME, FunctionSchedule, function_rule
from seatrial.constructs.window_job import WindowJob
from seatrial.constructs.workload import WorkloadNetwork
from seatrial.contracts import environment as names

if TYPE_CHECKING:  # an app without them does not pay for their modules
    from seatrial.constructs.explain_job import ExplainJob
    from seatrial.constructs.window_spark import WindowSpark

DEFAULT_NAMESPACE = "Seatrial"
HOUR = 3600


@dataclass(frozen=True)
class Watched:
    """What alarms are about: its name, where its metrics are, and who is told."""

    name: str
    namespace: str
    dimensions: Mapping[str, str]
    topic: sns.ITopic


class EndpointMonitor(Construct):
    """Looks at each hour of data capture of one endpoint, twenty minutes after it: files may come minutes late.

    512 MiB are enough for any volume: capture is streamed; `window_job` reads larger windows, and without it
    they are sampled.
    `settings` goes to the function as JSON. Input drift makes a ticket, loss of quality a page; a monitor that has not
    run for two hours is an alarm of its own. With `explain_job` it also has explanations and fairness looked at. With
    `capture_percent` 0 nothing can be missing in what is captured.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variant_name: str,
        model_package_group_name: str,
        capture: s3.IBucket,
        artifacts: s3.IBucket,
        state: ModelState,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        settings: Mapping[str, Any],
        layers: Sequence[lambda_.ILayerVersion] = (),
        metric_namespace: str = DEFAULT_NAMESPACE,
        schedule: str = "cron(20 * * * ? *)",
        dashboard_name: str | None = None,
        capture_percent: int = 100,
        window_job: WindowJob | None = None,
        explain_job: "ExplainJob | None" = None,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.metric_namespace, self.endpoint_name = metric_namespace, endpoint_name
        self._variant = variant_name
        self.watched = Watched(endpoint_name, metric_namespace, self.dimensions, notification_topic)
        self.monitor = PythonFunction(
            self,
            "Monitor",
            entry="monitor",
            description=f"Judges each hour of {endpoint_name}",
            network=network,
            encryption_key=encryption_key,
            layers=layers,
            memory_mib=512,
            timeout_seconds=900,
            destroy_data=destroy_data,
            environment={
                **self._places(capture, artifacts, state),
                names.MONITORING_SETTINGS: json.dumps({**settings, "capture_percent": capture_percent}, sort_keys=True),
                **_jobs(window_job, explain_job),
            },
        )
        self._grant(self.monitor.role, capture, artifacts, state, model_package_group_name)
        if window_job:
            self._follow(window_job)
        self.schedule = self._scheduled("Hourly", schedule, f"Hourly look at {endpoint_name}", encryption_key)
        self.alarms = [*self._alarms(capture_percent > 0), *function_alarms(self, self.monitor, notification_topic)]
        if explain_job:
            self._explain(explain_job, encryption_key)
        self.dashboard = endpoint_dashboard(
            self,
            "Dashboard",
            name=dashboard_name or endpoint_name,
            dimensions=self.dimensions,
            namespace=metric_namespace,
        )

    def _scheduled(
        self, construct_id: str, expression: str, description: str, key: kms.IKey, **payload: bool
    ) -> FunctionSchedule:
        return FunctionSchedule(
            self,
            construct_id,
            expression=expression,
            description=description,
            function=self.monitor,
            payload={"time": SCHEDULED_TIME, **payload},
            encryption_key=key,
        )

    def _explain(self, job: "ExplainJob", key: kms.IKey) -> None:
        """Ask the function for explanations, and tell when they have drifted or could not be had."""
        description = f"Explanations and fairness of {self.endpoint_name}"
        self._scheduled("Explain", job.schedule, description, key, explain=True)
        told = "Explanations or fairness have drifted, or could not be looked at: have a look (a ticket, no page)"
        self.alarms.append(verdict_alarm(self, "Explanations", "ExplanationTickets", told, watched=self.watched))

    def _follow(self, job: WindowJob) -> None:
        """Let the function start the job, and look again as soon as one has ended."""
        job.grant_start(self.monitor.role)
        ended = {"ProcessingJobStatus": ["Completed", "Failed", "Stopped"]}
        function_rule(
            self,
            "WindowRead",
            description=f"A job has read a large window of {self.endpoint_name}",
            pattern={
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Processing Job State Change"],
                "detail": {"ProcessingJobName": [{"prefix": job.name_prefix}], **ended},
            },
            function=self.monitor,
        )
        if job.spark:
            self._follow_spark(job.spark)

    def _follow_spark(self, job: "WindowSpark") -> None:
        """Also runs of others on a shared application wake the function, which then finds nothing new."""
        function_rule(
            self,
            "WindowReadBySpark",
            description=f"A Spark job may have read a window of {self.endpoint_name}",
            pattern={
                "source": ["aws.emr-serverless"],
                "detail-type": ["EMR Serverless Job Run State Change"],
                "detail": {"applicationId": [job.application_id], "state": ["SUCCESS", "FAILED", "CANCELLED"]},
            },
            function=self.monitor,
        )

    def _places(self, capture: s3.IBucket, artifacts: s3.IBucket, state: ModelState) -> dict[str, str]:
        return {
            names.ENDPOINT_NAME: self.endpoint_name,
            names.VARIANT_NAME: self._variant,
            names.CAPTURE_BUCKET: capture.bucket_name,
            names.ARTIFACTS_BUCKET: artifacts.bucket_name,
            names.STATE_TABLE: state.table.table_name,
            names.METRIC_NAMESPACE: self.metric_namespace,
            names.EVENT_BUS_NAME: "default",
        }

    @property
    def dimensions(self) -> dict[str, str]:
        """Dimensions of the monitor's metrics."""
        return {"EndpointName": self.endpoint_name, "VariantName": self._variant}

    def _grant(
        self, role: ServiceRole, capture: s3.IBucket, artifacts: s3.IBucket, state: ModelState, group: str
    ) -> None:
        role.allow_reading(capture)
        role.allow_reading(artifacts)
        role.allow_writing(artifacts, "monitoring/")
        state.grant_changing(role)
        allow_describing_endpoint(role, self.endpoint_name, group)
        bus = place_of(self).arn("events", "event-bus", "default")
        role.allow("events:PutEvents", on=[bus])
        role.allow_unscoped("cloudwatch:GetMetricStatistics")

    def _alarms(self, captures: bool) -> list[cloudwatch.CfnAlarm]:
        missing = ("MissingData", "MissingData", "The endpoint was called but nothing was captured")
        told = [
            ("InputDrift", "InputDrift", "Inputs have drifted: have a look (a ticket, no page)"),
            ("QualityLoss", "QualityLoss", "The model has become worse, by labels or by estimate"),
            *([missing] if captures else []),
            ("SchemaViolation", "SchemaViolations", "Requests do not have the model's schema"),
        ]
        alarms = [verdict_alarm(self, *item, watched=self.watched) for item in told]
        return [*alarms, silence_alarm(self, watched=self.watched)]


def verdict_alarm(
    scope: Construct,
    construct_id: str,
    metric: str,
    description: str,
    *,
    watched: Watched,
    missing: str = "notBreaching",
) -> cloudwatch.CfnAlarm:
    """An alarm on what windows say; `missing` is what an hour without a datum says."""
    return metric_alarm(
        scope,
        f"{construct_id}Alarm",
        description=f"{watched.name}: {description}",
        namespace=watched.namespace,
        metric=metric,
        dimensions=watched.dimensions,
        topic=watched.topic,
        threshold=1,
        statistic="Maximum",
        period_seconds=HOUR,
        missing=missing,
    )


def silence_alarm(scope: Construct, *, watched: Watched) -> cloudwatch.CfnAlarm:
    """An alarm on a monitor that does not run: its schedule was disabled or deleted, or its function fails."""
    return absence_alarm(
        scope,
        "MonitorSilentAlarm",
        description=f"{watched.name}: the monitor has not run for two hours: is its schedule enabled?",
        namespace=watched.namespace,
        metric="MonitorRuns",
        dimensions=watched.dimensions,
        topic=watched.topic,
        period_seconds=HOUR,
        periods=2,
    )


def _jobs(window_job: WindowJob | None, explain_job: "ExplainJob | None") -> dict[str, str]:
    """What the function is told of jobs that it may start."""
    told = {names.WINDOW_JOB: window_job, names.EXPLAIN_JOB: explain_job}
    return {name: job.settings for name, job in told.items() if job}


def allow_describing_endpoint(role: ServiceRole, endpoint_name: str, group: str) -> None:
    """Find out what an endpoint really runs: endpoint, configuration, model, model package."""
    place = place_of(role)

    def arn(resource: str, name: str) -> str:
        return place.arn("sagemaker", resource, name)

    because = "Models and endpoint configurations are named by CloudFormation, package versions by the registry."
    role.allow("sagemaker:DescribeEndpoint", on=[arn("endpoint", endpoint_name)])
    role.allow("sagemaker:DescribeEndpointConfig", on=[arn("endpoint-config", "*")], because=because)
    role.allow("sagemaker:DescribeModel", on=[arn("model", "*")], because=because)
    role.allow("sagemaker:DescribeModelPackage", on=[arn("model-package", f"{group}/*")], because=because)
