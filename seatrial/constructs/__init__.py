"""Constructs for SageMaker MLOps: each one usable alone, in any CDK app, without an engagement file."""

from seatrial.constructs.catalog import LakeCatalog
from seatrial.constructs.function import PowertoolsLayer, PythonFunction
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.justification import JustifiedWildcards, justify
from seatrial.constructs.lake import Lake
from seatrial.constructs.monitoring import EndpointMonitor
from seatrial.constructs.network import Network
from seatrial.constructs.notifications import Notifications
from seatrial.constructs.promotion import Promotion
from seatrial.constructs.retraining import RetrainingPolicy
from seatrial.constructs.serving import ServingEndpoint
from seatrial.constructs.state import ModelState
from seatrial.constructs.training import TrainingPipeline
from seatrial.constructs.workload import WorkloadNetwork

__all__ = [
    "EndpointMonitor",
    "JustifiedWildcards",
    "Lake",
    "LakeCatalog",
    "ModelState",
    "Network",
    "Notifications",
    "PowertoolsLayer",
    "Promotion",
    "PythonFunction",
    "RetrainingPolicy",
    "ServiceRole",
    "ServingEndpoint",
    "TrainingPipeline",
    "WorkloadNetwork",
    "justify",
]
