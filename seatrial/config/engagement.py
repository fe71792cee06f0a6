"""The engagement: everything that one customer's installation decides, in one immutable value."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from seatrial.config.data_sections import ProcessingSection
from seatrial.config.sections import (
    Environment,
    LakeSection,
    MonitoringSection,
    NetworkSection,
    RemovalSection,
    RetrainingSection,
    ServingSection,
    TrainingSection,
)
from seatrial.config.streaming_sections import FeatureStoreSection, StreamingSection
from seatrial.config.values import Email, EngagementName, PolicyArn, Section, Text
from seatrial.config.warehouse_sections import WarehouseSection

EnvironmentName = Literal["dev", "staging", "prod"]
if TYPE_CHECKING:
    _Environments = Mapping[str, Environment]  # looked up by names that come from outside
else:
    _Environments = Mapping[EnvironmentName, Environment]


class Engagement(Section):
    """One engagement file."""

    name: EngagementName
    """Prefix of every stack, of the pipeline and of the endpoint. Required: it tells this installation from others."""
    owner: Email
    """Who answers for this installation; a tag on everything and the address in notifications. Required: an
    installation without an owner is nobody's to repair."""
    environments: Annotated[_Environments, Field(min_length=1)]
    """Account and region of each environment; at least one of dev, staging, prod. Required, see there."""
    network: NetworkSection = Field(default_factory=NetworkSection)
    """The VPC."""
    lake: LakeSection = Field(default_factory=LakeSection)
    """The buckets."""
    processing: ProcessingSection = Field(default_factory=ProcessingSection)
    """Spark: the data jobs and their engine."""
    warehouse: WarehouseSection = Field(default_factory=WarehouseSection)
    """Redshift."""
    streaming: StreamingSection = Field(default_factory=StreamingSection)
    """Events as a stream."""
    feature_store: FeatureStoreSection = Field(default_factory=FeatureStoreSection)
    """SageMaker Feature Store."""
    training: TrainingSection = Field(default_factory=TrainingSection)
    """The pipeline."""
    serving: ServingSection = Field(default_factory=ServingSection)
    """The endpoint."""
    monitoring: MonitoringSection = Field(default_factory=MonitoringSection)
    """The monitor."""
    retraining: RetrainingSection = Field(default_factory=RetrainingSection)
    """The retraining policy."""
    tags: Mapping[Text, str] = Field(default_factory=dict)
    """Tags on every resource, besides those that Seatrial sets itself."""
    removal: RemovalSection = Field(default_factory=RemovalSection)
    """What happens to data on removal."""
    permissions_boundary: PolicyArn | None = None
    """Managed policy set as permissions boundary on every role, for accounts that demand one."""
