"""A data flow: the state machine that runs stages of Spark jobs for a date, a range of dates, or every day."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import function_alarms, machine_alarms, queue_alarm
from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.flow_machine import PARALLEL_DATES_LIMIT, FlowSettings, Stages, flow_machine
from seatrial.constructs.function import PythonFunction
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.spark_job import SparkEngine
from seatrial.constructs.state import ModelState
from seatrial.constructs.state_language import allow_machine_logs, encrypted_machine
from seatrial.constructs.storage import dead_letter_queue, log_group
from seatrial.constructs.triggers import SCHEDULED_TIME, TargetSchedule
from seatrial.constructs.workload import WorkloadNetwork
from seatrial.contracts import environment as names

EXECUTIONS = "An execution's name is made when it starts; the state machine is exact."
WEEK_SECONDS = 7 * 24 * 3600


class DataFlow(Construct):
    """Start it with `{"date": ...}` or `{"from": ..., "to": ...}`; a schedule starts it for the day before. Executions
    claim the dates that they write, so no two of them write the same one.

    `stages` run one after another, the jobs of one stage side by side; up to `parallel_dates` dates at a time.
    `lookback_days` is how long before its first date late data may still change something: jobs that run once a flow
    are told as `{since}`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        flow_name: str,
        engine: SparkEngine,
        stages: Stages,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        layers: Sequence[lambda_.ILayerVersion] = (),
        parallel_dates: int = 4,
        maximum_backfill_days: int = 92,
        lookback_days: int = 3,
        schedule: str | None = None,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(engine, stages, parallel_dates)
        name = f"{flow_name}-data-flow"  # known beforehand, for the machine's role names its own executions
        self.claims = ModelState(
            self,
            "Claims",
            encryption_key=encryption_key,
            source_of_truth="the state machine's executions",
            destroy_data=destroy_data,
        )
        bounds = {
            names.MAXIMUM_DAYS: str(maximum_backfill_days),
            names.LOOKBACK_DAYS: str(lookback_days),
            names.STAGE_COUNT: str(len(stages)),
        }
        common = {"network": network, "encryption_key": encryption_key, "destroy_data": destroy_data, "layers": layers}
        self.plan = self._plan(flow_name, bounds, common)
        self.role = ServiceRole(self, "Identity", service="states.amazonaws.com", description="Runs the data flow")
        self._allow(engine, encryption_key, notification_topic, name)
        self.log_group = log_group(self, "LogGroup", key=encryption_key, destroy_data=destroy_data)
        settings = FlowSettings(
            flow_name=flow_name,
            plan_arn=self.plan.function.function_arn,
            topic_arn=notification_topic.topic_arn,
            parallel_dates=parallel_dates,
            timeout_seconds=WEEK_SECONDS,
        )
        self.state_machine = encrypted_machine(
            self,
            "StateMachine",
            name=name,
            definition=flow_machine(settings, engine, stages),
            role=self.role,
            group=self.log_group,
            key=encryption_key,
        )
        self.undelivered = dead_letter_queue(self, "Undelivered", key=encryption_key) if schedule else None
        self.schedule = self._schedule(schedule, encryption_key) if schedule else None
        self.alarms = self._alarms(flow_name, notification_topic)

    def _plan(self, flow_name: str, bounds: Mapping[str, str], common: Mapping[str, Any]) -> PythonFunction:
        claims = {names.FLOW_NAME: flow_name, names.FLOW_TABLE: self.claims.table.table_name}
        function = PythonFunction(
            self,
            "Plan",
            entry="flow_dates",
            description=f"Plans the dates of {flow_name}'s data flow",
            environment={**bounds, **claims},
            **common,
        )
        self.claims.grant_remembering(function.role)
        return function

    def grant_start(self, role: ServiceRole) -> None:
        """Start executions."""
        role.allow("states:StartExecution", on=[self.state_machine.attr_arn])

    def _allow(self, engine: SparkEngine, key: kms.IKey, topic: sns.ITopic, name: str) -> None:
        self.role.allow("lambda:InvokeFunction", on=[self.plan.function.function_arn])
        self.role.allow("sns:Publish", on=[topic.topic_arn])
        self.role.allow_key(key)
        allow_machine_logs(self.role)
        engine.grant_run(self.role)
        executions = place_of(self).arn("states", f"execution:{name}:*")
        self.role.allow("states:DescribeExecution", on=[executions], because=EXECUTIONS)

    def _schedule(self, expression: str, key: kms.IKey) -> TargetSchedule | None:
        if self.undelivered is None:
            return None
        return TargetSchedule(
            self,
            "Daily",
            expression=expression,
            description="Runs the data flow for the day before",
            target_arn=self.state_machine.attr_arn,
            action="states:StartExecution",
            dead_letters=self.undelivered,
            payload={"scheduled_time": SCHEDULED_TIME},
            encryption_key=key,
        )

    def _alarms(self, flow_name: str, topic: sns.ITopic) -> list[cloudwatch.CfnAlarm]:
        failures = machine_alarms(self, self.state_machine.attr_arn, topic, what=f"{flow_name}: a data flow")
        queues = [queue_alarm(self, "UndeliveredDepth", self.undelivered, topic)] if self.undelivered else []
        return [*failures, *queues, *function_alarms(self.plan, self.plan, topic)]


def _check(engine: SparkEngine, stages: Stages, parallel_dates: int) -> None:
    if not 1 <= parallel_dates <= PARALLEL_DATES_LIMIT:
        raise ConstructError(f"parallel_dates: must be between 1 and {PARALLEL_DATES_LIMIT}, got {parallel_dates}")
    if not stages or not all(stages):
        raise ConstructError("stages: must be at least one, each with at least one job")
    for number, jobs in enumerate(stages, 1):
        listed = ", ".join(job.name for job in jobs)
        if len({job.per_date for job in jobs}) > 1:
            raise ConstructError(f"stage {number}: jobs must all run by date or all once a flow, got {listed}")
        if len({job.name for job in jobs}) < len(jobs):
            raise ConstructError(f"stage {number}: names of jobs must differ, got {listed}")
        if any(job.engine is not engine for job in jobs):
            raise ConstructError(f"stage {number}: jobs must be made for the flow's engine, got {listed}")
