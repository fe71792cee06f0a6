"""Large windows of data capture: the processing job that reads them, and Spark for the largest."""

from typing import TYPE_CHECKING, Literal

from constructs import Construct

from seatrial.config import Engagement
from seatrial.constructs import SparkEngine, WindowJob
from seatrial.constructs.errors import ConstructError
from stacks.base import BaseStack, Foundation
from stacks.images import images_of

if TYPE_CHECKING:  # an engagement without them does not pay for their modules
    from seatrial.constructs import EmrServerlessEngine, ExplainJob, WindowSpark


def window_spark_of(engagement: Engagement) -> Literal["none", "shared", "own"]:
    """On whose EMR Serverless application Spark reads windows, as the engagement's other keys allow."""
    volume, processing = engagement.monitoring.volume, engagement.processing
    if volume.larger == "sample":
        return "none"
    brings_python = processing.python_environment or processing.serverless.custom_image
    if volume.spark == "shared" and not (processing.engine == "emr-serverless" and brings_python):
        return "none"
    return volume.spark


def window_job(stack: BaseStack, foundation: Foundation, engine: SparkEngine | None) -> WindowJob | None:
    """What reads windows that the monitor's function cannot; None where it is to read a sample of them."""
    target, lake, volume = foundation.target, foundation.lake, foundation.target.engagement.monitoring.volume
    if volume.larger == "sample":
        return None
    return WindowJob(
        stack,
        "WindowJob",
        name_prefix=f"{target.prefix}-window-",
        image=images_of(target).scikit_learn,
        capture=lake.capture,
        artifacts=lake.artifacts,
        network=foundation.network,
        encryption_key=lake.key,
        instance_type=volume.instance_type,
        function_maximum_mib=volume.lambda_maximum_mib,
        job_maximum_mib=volume.processing_maximum_gib * 1024,
        max_runtime_minutes=volume.max_runtime_minutes,
        spark=_window_spark(stack, foundation, engine),
    )


def explain_job(stack: BaseStack, foundation: Foundation, job: WindowJob | None) -> "ExplainJob | None":
    """What looks at explanations and fairness by schedule; None where the engagement does not ask for it."""
    schedule = foundation.target.engagement.monitoring.explain_schedule
    if schedule is None or job is None:
        return None
    from seatrial.constructs import ExplainJob
    from seatrial.constructs.training import image_repository_arn

    images = images_of(foundation.target)
    arns = [image_repository_arn(stack, image) for image in (images.scikit_learn, images.xgboost)]
    return ExplainJob(stack, "ExplainJob", window_job=job, image_arns=arns, schedule=schedule)


def _window_spark(stack: BaseStack, foundation: Foundation, engine: SparkEngine | None) -> "WindowSpark | None":
    target, lake = foundation.target, foundation.lake
    form = window_spark_of(target.engagement)
    if form == "none":
        return None
    from seatrial.constructs import EmrServerlessEngine, WindowSpark

    if form == "own":
        engine = serverless_engine(stack, "WindowEngine", foundation, f"{target.prefix}-windows")
    if not isinstance(engine, EmrServerlessEngine):
        raise ConstructError("monitoring.volume.spark: 'shared' needs processing.engine 'emr-serverless'")
    return WindowSpark(
        stack,
        "WindowSpark",
        engine=engine,
        capture=lake.capture,
        artifacts=lake.artifacts,
        encryption_key=lake.key,
        max_runtime_minutes=target.engagement.monitoring.volume.max_runtime_minutes,
        exclusive=form == "own",
    )


def serverless_engine(
    scope: Construct, construct_id: str, foundation: Foundation, application_name: str
) -> "EmrServerlessEngine":
    """An EMR Serverless application as the engagement's section `processing` has it."""
    from seatrial.constructs import EmrServerlessEngine

    section = foundation.target.engagement.processing
    return EmrServerlessEngine(
        scope,
        construct_id,
        application_name=application_name,
        network=foundation.network,
        encryption_key=foundation.lake.key,
        artifacts=foundation.lake.artifacts,
        release=section.release,
        architecture=section.architecture,
        python_environment=section.python_environment,
        **section.serverless.model_dump(),
    )
