"""The end of a rehearsal: destroy the stacks and look for anything left behind."""

from seatrial.rehearsal.record import LeakCheck
from seatrial.rehearsal.voyage import RehearsalError, Voyage

MADE_BY_SAGEMAKER = "AWS::Logs::LogGroup /aws/sagemaker/"
"""SageMaker makes these log groups for an account, not a stack: they outlive every stack, on AWS as here."""


def destroy(voyage: Voyage) -> str:
    """Stop Spark, empty buckets and registry as operators do, destroy the stacks in reverse order, look for leaks."""
    if "SparkApplicationId" in voyage.outputs:
        voyage.aws.stop_spark(voyage.outputs["SparkApplicationId"])
    buckets = [name for name in voyage.outputs if name.endswith("BucketName")]
    emptied = sum(voyage.aws.empty_bucket(voyage.outputs[name]) for name in buckets)
    emptied += voyage.aws.delete_packages(voyage.outputs["ModelPackageGroupName"])
    retained = voyage.deployer.destroy(voyage.progress.doing)
    found = voyage.cloud.leftovers()
    kept_by_aws = [item for item in found if item.startswith(MADE_BY_SAGEMAKER)]
    leftovers = [item for item in found if item not in kept_by_aws]
    voyage.leak_check = LeakCheck(leftovers=tuple(leftovers), retained=(*retained, *kept_by_aws))
    if leftovers:
        raise RehearsalError(f"{len(leftovers)} things left behind: {', '.join(leftovers[:5])}")
    return (
        f"{emptied:,} objects and models deleted, nothing left but {len(retained)} resources "
        f"retained by policy and {len(kept_by_aws)} log groups of SageMaker's own"
    )
