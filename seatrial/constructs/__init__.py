"""Constructs for SageMaker MLOps: each one usable alone, in any CDK app, without an engagement file."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.constructs.catalog import LakeCatalog
    from seatrial.constructs.data_flow import DataFlow
    from seatrial.constructs.device_ingress import DeviceIngress
    from seatrial.constructs.emr import EmrEngine
    from seatrial.constructs.emr_serverless import EmrServerlessEngine
    from seatrial.constructs.event_stream import EventStream
    from seatrial.constructs.explain_job import ExplainJob
    from seatrial.constructs.feature_group import FeatureGroup
    from seatrial.constructs.function import PowertoolsLayer, PythonFunction
    from seatrial.constructs.identity import ServiceRole
    from seatrial.constructs.justification import JustifiedWildcards, justify
    from seatrial.constructs.kpi_consumer import KpiConsumer
    from seatrial.constructs.lake import Lake
    from seatrial.constructs.monitoring import EndpointMonitor
    from seatrial.constructs.network import Network
    from seatrial.constructs.notifications import Notifications
    from seatrial.constructs.promotion import Promotion
    from seatrial.constructs.retraining import RetrainingPolicy
    from seatrial.constructs.serving import ServingEndpoint
    from seatrial.constructs.source_monitor import SourceMonitor, SourcePlace
    from seatrial.constructs.spark_job import SparkEngine, SparkJob
    from seatrial.constructs.state import ModelState
    from seatrial.constructs.stream_delivery import StreamDelivery
    from seatrial.constructs.training import TrainingPipeline
    from seatrial.constructs.warehouse import ServerlessWarehouse
    from seatrial.constructs.warehouse_cluster import ProvisionedWarehouse
    from seatrial.constructs.warehouse_migrations import WarehouseMigrations
    from seatrial.constructs.warehouse_role import WarehouseMlRole, WarehouseRole
    from seatrial.constructs.window_job import WindowJob
    from seatrial.constructs.window_spark import WindowSpark
    from seatrial.constructs.workload import WorkloadNetwork

__all__ = [
    "DataFlow",
    "DeviceIngress",
    "EmrEngine",
    "EmrServerlessEngine",
    "EndpointMonitor",
    "EventStream",
    "ExplainJob",
    "FeatureGroup",
    "JustifiedWildcards",
    "KpiConsumer",
    "Lake",
    "LakeCatalog",
    "ModelState",
    "Network",
    "Notifications",
    "PowertoolsLayer",
    "Promotion",
    "ProvisionedWarehouse",
    "PythonFunction",
    "RetrainingPolicy",
    "ServerlessWarehouse",
    "ServiceRole",
    "ServingEndpoint",
    "SourceMonitor",
    "SourcePlace",
    "SparkEngine",
    "SparkJob",
    "StreamDelivery",
    "TrainingPipeline",
    "WarehouseMigrations",
    "WarehouseMlRole",
    "WarehouseRole",
    "WindowJob",
    "WindowSpark",
    "WorkloadNetwork",
    "justify",
]

_MODULES = {
    "DataFlow": "data_flow",
    "DeviceIngress": "device_ingress",
    "EmrEngine": "emr",
    "EmrServerlessEngine": "emr_serverless",
    "EndpointMonitor": "monitoring",
    "EventStream": "event_stream",
    "ExplainJob": "explain_job",
    "FeatureGroup": "feature_group",
    "JustifiedWildcards": "justification",
    "KpiConsumer": "kpi_consumer",
    "Lake": "lake",
    "LakeCatalog": "catalog",
    "ModelState": "state",
    "Network": "network",
    "Notifications": "notifications",
    "PowertoolsLayer": "function",
    "Promotion": "promotion",
    "ProvisionedWarehouse": "warehouse_cluster",
    "PythonFunction": "function",
    "RetrainingPolicy": "retraining",
    "ServerlessWarehouse": "warehouse",
    "ServiceRole": "identity",
    "ServingEndpoint": "serving",
    "SourceMonitor": "source_monitor",
    "SourcePlace": "source_monitor",
    "SparkEngine": "spark_job",
    "SparkJob": "spark_job",
    "SparkTraining": "spark_training",
    "StreamDelivery": "stream_delivery",
    "TrainingPipeline": "training",
    "WarehouseMigrations": "warehouse_migrations",
    "WarehouseMlRole": "warehouse_role",
    "WarehouseRole": "warehouse_role",
    "WindowJob": "window_job",
    "WindowSpark": "window_spark",
    "WorkloadNetwork": "workload",
    "justify": "justification",
}
"""The module of each name, imported when it is first asked for: an app pays only for the services that it uses."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    return globals()[name]
