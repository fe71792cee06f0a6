"""The typed engagement: models, loader, JSON Schema and reference; knows nothing of stacks and constructs."""

from seatrial.config.data_sections import CatalogSection, EmrSection, ProcessingSection, ServerlessSection
from seatrial.config.document import Mistake
from seatrial.config.engagement import Engagement, EnvironmentName
from seatrial.config.loader import EngagementError, load
from seatrial.config.sections import (
    Acceptance,
    Dataset,
    Environment,
    ExistingNetwork,
    LakeSection,
    MonitoringSection,
    NetworkSection,
    QualityGate,
    RemovalSection,
    RetrainingSection,
    ServingSection,
    TrainingSection,
    Tuning,
)
from seatrial.config.source_section import SourceSection
from seatrial.config.streaming_sections import FeatureStoreSection, StreamingSection
from seatrial.config.warehouse_sections import (
    ProvisionedWarehouseSection,
    ServerlessWarehouseSection,
    WarehouseSection,
)

__all__ = [
    "Acceptance",
    "CatalogSection",
    "Dataset",
    "EmrSection",
    "Engagement",
    "EngagementError",
    "Environment",
    "EnvironmentName",
    "ExistingNetwork",
    "FeatureStoreSection",
    "LakeSection",
    "Mistake",
    "MonitoringSection",
    "NetworkSection",
    "ProcessingSection",
    "ProvisionedWarehouseSection",
    "QualityGate",
    "RemovalSection",
    "RetrainingSection",
    "ServerlessSection",
    "ServerlessWarehouseSection",
    "ServingSection",
    "SourceSection",
    "StreamingSection",
    "TrainingSection",
    "Tuning",
    "WarehouseSection",
    "load",
]
