"""The stacks of one engagement in one environment, in the order in which they depend on each other."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk

from seatrial.config import Engagement
from seatrial.constructs.errors import ConstructError
from stacks.base import Foundation, Target
from stacks.lake import LakeStack
from stacks.monitoring import MonitoringStack
from stacks.network import workload_network
from stacks.promotion import PromotionStack
from stacks.retraining import RetrainingStack
from stacks.serving import ServingStack
from stacks.training import TrainingStack

if TYPE_CHECKING:
    from stacks.features import FeaturesStack
    from stacks.processing import ProcessingStack
    from stacks.streaming import StreamingStack
    from stacks.warehouse import WarehouseStack


@dataclass(frozen=True)
class Stacks:
    """What was built."""

    lake: LakeStack
    training: TrainingStack
    serving: ServingStack
    monitoring: MonitoringStack
    retraining: RetrainingStack
    promotion: PromotionStack
    processing: "ProcessingStack | None" = None
    warehouse: "WarehouseStack | None" = None
    features: "FeaturesStack | None" = None
    streaming: "StreamingStack | None" = None


def build(app: cdk.App, engagement: Engagement, environment: str) -> Stacks:
    """Add every stack to the app; raises `ConstructError` for what cannot be built."""
    if environment not in engagement.environments:
        known = ", ".join(engagement.environments)
        raise ConstructError(
            f"environment: must be one of {known} (as the engagement file has them), got {environment!r}"
        )
    target = Target(engagement=engagement, environment=environment)
    # Stack tags reach resources only while CloudFormation deploys; reviewers want them in the template.
    for key, value in target.tags.items():
        cdk.Tags.of(app).add(key, value)
    lake = LakeStack(app, "Lake", target=target)
    network = workload_network(app, target=target, lake=lake.lake)
    base = Foundation(target=target, lake=lake.lake, notifications=lake.notifications, network=network)
    features = _features(app, base)
    processing = _processing(app, lake, base, features)
    engine = processing.engine if processing else None
    training = TrainingStack(app, "Training", foundation=base, engine=engine)
    serving = ServingStack(app, "Serving", foundation=base, image_arns=training.image_arns)
    monitoring = MonitoringStack(app, "Monitoring", foundation=base, engine=engine)
    state = monitoring.state
    retraining = RetrainingStack(app, "Retraining", foundation=base, pipeline=training.pipeline, state=state)
    promotion = PromotionStack(app, "Promotion", foundation=base, training=training, serving=serving, state=state)
    core = Stacks(lake, training, serving, monitoring, retraining, promotion, processing, features=features)
    return _with_data(app, core, base)


def _features(app: cdk.App, base: Foundation) -> "FeaturesStack | None":
    """Before what ingests into its groups."""
    if not base.target.engagement.feature_store.enabled:
        return None
    from stacks.features import FeaturesStack

    return FeaturesStack(app, "Features", foundation=base)


def _processing(
    app: cdk.App, lake: LakeStack, base: Foundation, features: "FeaturesStack | None"
) -> "ProcessingStack | None":
    """Before training, which may run on its engine."""
    if not lake.catalog or base.target.engagement.processing.engine == "none":
        return None
    from stacks.processing import ProcessingStack

    group = features.churn if features else None
    made = ProcessingStack(app, "Processing", foundation=base, catalog=lake.catalog, feature_group=group)
    if features:
        made.add_stack_dependency(features)
    return made


def _with_data(app: cdk.App, core: Stacks, base: Foundation) -> Stacks:
    """The stacks of the data layer that the engagement switches on; each is imported only then, for it is heavy."""
    engagement = base.target.engagement
    made: dict[str, Any] = {}
    if engagement.warehouse.kind != "none":
        from stacks.warehouse import WarehouseStack

        made["warehouse"] = WarehouseStack(app, "Warehouse", foundation=base)
    if engagement.streaming.mode != "none":
        from stacks.streaming import StreamingStack

        group = core.features.network_kpi if core.features else None
        made["streaming"] = StreamingStack(app, "Streaming", foundation=base, feature_group=group)
        if core.features:
            made["streaming"].add_stack_dependency(core.features)
    return replace(core, **made)
