"""The stacks of one engagement in one environment, in the order in which they depend on each other."""

from dataclasses import dataclass

import aws_cdk as cdk

from seatrial.config import Engagement
from stacks.base import Target
from stacks.lake import LakeStack
from stacks.monitoring import MonitoringStack
from stacks.network import workload_network
from stacks.promotion import PromotionStack
from stacks.retraining import RetrainingStack
from stacks.serving import ServingStack
from stacks.training import TrainingStack


@dataclass(frozen=True)
class Stacks:
    """What was built."""

    lake: LakeStack
    training: TrainingStack
    serving: ServingStack
    monitoring: MonitoringStack
    retraining: RetrainingStack
    promotion: PromotionStack


def build(app: cdk.App, engagement: Engagement, environment: str) -> Stacks:
    """Add every stack to the app; raises `ConstructError` for what cannot be built."""
    target = Target(engagement=engagement, environment=environment)
    foundation = LakeStack(app, "Lake", target=target)
    lake = foundation.lake
    network = workload_network(app, target=target, lake=lake)
    base = {"target": target, "lake": lake, "network": network}
    told = base | {"notifications": foundation.notifications}
    training = TrainingStack(app, "Training", **base)
    serving = ServingStack(app, "Serving", image_arns=training.image_arns, **told)
    monitoring = MonitoringStack(app, "Monitoring", **told)
    state = monitoring.state
    retraining = RetrainingStack(app, "Retraining", pipeline=training.pipeline, state=state, **told)
    promotion = PromotionStack(app, "Promotion", serving=serving, state=state, **told)
    return Stacks(foundation, training, serving, monitoring, retraining, promotion)
