"""The sections of streaming and of the feature store; the text below each key is its reference documentation."""

from typing import Annotated, Literal

from pydantic import Field

from seatrial.config.values import Section


class StreamingSection(Section):
    """Call detail records as a stream: into the lake as Parquet, and into KPIs of each cell within seconds."""

    mode: Literal["none", "on-demand", "provisioned"] = "none"
    """`on-demand`: the stream grows with the load. `provisioned`: as many shards as `shards` says, for steady load.
    `none`: no stream."""
    shards: Annotated[int, Field(ge=1, le=1000)] = 2
    """Shards in provisioned mode; each takes 1 MB or 1,000 events a second."""
    retention_hours: Annotated[int, Field(ge=24, le=8760)] = 72
    """How long the stream keeps events: the time in which a failing consumer can be repaired without loss."""
    iot: bool = False
    """true: devices may publish events by MQTT, each thing to its own topic only."""
    window_minutes: Literal[5, 10, 15, 20, 30, 60] = 15
    """Length of a window of the cells' KPIs."""
    kpi_retention_days: Annotated[int, Field(ge=5, le=365)] = 14
    """How long windows are kept in the table; longer than events may be late."""
    buffer_seconds: Annotated[int, Field(ge=60, le=900)] = 300
    """Longest time before events are written to the lake; longer gives fewer, larger files."""
    buffer_mib: Annotated[int, Field(ge=64, le=128)] = 128
    """Size at which they are written earlier."""


class FeatureStoreSection(Section):
    """SageMaker Feature Store: features of subscribers and of cells, for training and for serving."""

    enabled: bool = False
    """true: make the feature groups `churn` and `network-kpi`, offline in Iceberg tables; the data flow's last stage
    fills the one, the stream's consumer the other. Each write is paid for."""
    online: bool = True
    """true: keep the newest values of each subscriber and cell readable within milliseconds."""
    online_ttl_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """After how long without an update a record leaves the online store."""
