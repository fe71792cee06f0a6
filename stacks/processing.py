"""Processing: the engine that runs Spark, the jobs of the lake, and the flow that runs them by date."""

from constructs import Construct

from seatrial.constructs import (
    DataFlow,
    EmrEngine,
    EmrServerlessEngine,
    FeatureGroup,
    Lake,
    LakeCatalog,
    PowertoolsLayer,
    SparkEngine,
)
from seatrial.contracts.catalog import lake_tables
from seatrial.contracts.cdr import REACH
from stacks.base import BaseStack, Foundation
from stacks.data_jobs import data_stages
from stacks.windows import serverless_engine


class ProcessingStack(BaseStack):
    """Made when `processing.engine` names one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        foundation: Foundation,
        catalog: LakeCatalog,
        feature_group: FeatureGroup | None,
    ) -> None:
        target, lake = foundation.target, foundation.lake
        super().__init__(scope, construct_id, target=target, description="Spark engine, jobs and data flow")
        section = target.engagement.processing
        self.engine = self._engine(foundation)
        self._grant(catalog, lake)
        if feature_group is not None:
            feature_group.grant_ingesting(self.engine.role)
            feature_group.grant_appending(self.engine.role)
        buckets = {zone: bucket.bucket_name for zone, bucket in lake.zones.items()}
        self.flow = DataFlow(
            self,
            "Flow",
            flow_name=target.prefix,
            engine=self.engine,
            stages=data_stages(self, target=target, engine=self.engine, buckets=buckets),
            network=foundation.network,
            encryption_key=lake.key,
            notification_topic=foundation.notifications.topic,
            layers=[PowertoolsLayer(self, "Powertools").layer],
            parallel_dates=section.parallel_dates,
            maximum_backfill_days=section.maximum_backfill_days,
            lookback_days=REACH.days,
            schedule=section.schedule,
            destroy_data=target.engagement.removal.destroy_data,
        )
        self.outputs({"DataFlowArn": self.flow.state_machine.attr_arn, "JobRoleArn": self.engine.role.role_arn})
        if isinstance(self.engine, EmrServerlessEngine):
            self.outputs({"SparkApplicationId": self.engine.application.attr_application_id})

    def _engine(self, foundation: Foundation) -> SparkEngine:
        target, lake = foundation.target, foundation.lake
        section = target.engagement.processing
        if section.engine == "emr-serverless":
            return serverless_engine(self, "EmrServerless", foundation, target.prefix)
        return EmrEngine(
            self,
            "Emr",
            cluster_name=target.prefix,
            tags=target.tags,
            network=foundation.network,
            encryption_key=lake.key,
            artifacts=lake.artifacts,
            release=section.release,
            architecture=section.architecture,
            python_environment=section.python_environment,
            **section.emr.model_dump(),
        )

    def _grant(self, catalog: LakeCatalog, lake: Lake) -> None:
        """Jobs read raw, and replace partitions of curated and features; the monitor's results are none of theirs."""
        role = self.engine.role
        for zone, bucket in lake.zones.items():
            role.allow_reading(bucket)
            if zone != "raw":
                role.allow_writing(bucket, multipart=True)
                role.allow_deleting(bucket)
        catalog.grant_reading(role, *(table.name for table in lake_tables("")))
        catalog.grant_writing(role)
