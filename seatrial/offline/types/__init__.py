"""Resource types of the offline cloud: one small handler each, registered by type name."""

from collections.abc import Mapping

from seatrial.offline.types import (
    athena,
    autoscaling,
    bootstrap,
    cloudwatch,
    dynamodb,
    ec2,
    emr,
    emr_serverless,
    events,
    feature_store,
    glue,
    iam,
    iot,
    kms,
    lambdas,
    logs,
    messaging,
    recorded,
    redshift,
    s3,
    sagemaker,
    states,
    streaming,
    vpc,
)
from seatrial.offline.types.base import Handler

_HANDLERS: Mapping[str, Handler] = {
    **athena.HANDLERS,
    **autoscaling.HANDLERS,
    **bootstrap.HANDLERS,
    **cloudwatch.HANDLERS,
    **dynamodb.HANDLERS,
    **ec2.HANDLERS,
    **emr.HANDLERS,
    **emr_serverless.HANDLERS,
    **events.HANDLERS,
    **feature_store.HANDLERS,
    **glue.HANDLERS,
    **iam.HANDLERS,
    **iot.HANDLERS,
    **kms.HANDLERS,
    **lambdas.HANDLERS,
    **logs.HANDLERS,
    **messaging.HANDLERS,
    **recorded.HANDLERS,
    **redshift.HANDLERS,
    **s3.HANDLERS,
    **sagemaker.HANDLERS,
    **states.HANDLERS,
    **streaming.HANDLERS,
    **vpc.HANDLERS,
}


def handler_of(type_name: str) -> Handler | None:
    """The handler of a type, None when the type is not emulated."""
    return _HANDLERS.get(type_name)


def known_types() -> list[str]:
    """Every emulated type, sorted."""
    return sorted(_HANDLERS)
