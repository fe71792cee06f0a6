"""The container images of an engagement: AWS's own by tag, or what it gives in their place."""

from pipelines.churn.definition import Images
from seatrial.constructs.images import scikit_learn_image, spark_image, xgboost_image
from stacks.base import Target


def images_of(target: Target) -> Images:
    """URIs for the target's region; AWS's registry is asked only for what the engagement does not give."""
    given = target.engagement.training.images
    region = target.engagement.environments[target.environment].region
    return Images(
        spark=given.spark or spark_image(region),
        xgboost=given.xgboost or xgboost_image(region),
        scikit_learn=given.scikit_learn or scikit_learn_image(region),
    )
