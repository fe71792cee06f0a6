"""SageMaker's feature store: its groups in SageMaker's API, its records in the runtime's, its files by the clock."""

from seatrial.offline import routes
from seatrial.offline.context import CloudContext
from seatrial.offline.sagemaker import api
from seatrial.offline.streaming.feature_groups import FeatureStore
from seatrial.offline.streaming.feature_runtime import Runtime, is_runtime_path

OFFLINE_SECONDS = 300
"""AWS writes within 15 minutes: here at every fifth minute."""


def start(context: CloudContext) -> FeatureStore:
    """Begin without feature groups, for a cloud that starts."""
    store = FeatureStore(api.current())
    api.extend(store.operations())
    routes.add(is_runtime_path, Runtime(store))
    context.clock.every(OFFLINE_SECONDS, store.flush)
    return store
