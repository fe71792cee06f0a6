"""The end of a rehearsal: destroy the stacks and look for anything left behind."""

from seatrial.rehearsal.record import LeakCheck
from seatrial.rehearsal.voyage import RehearsalError, Voyage


def destroy(voyage: Voyage) -> str:
    """Empty the buckets and the model registry as an operator does, destroy the stacks in reverse order, then check for leaks."""
    emptied = sum(
        voyage.aws.empty_bucket(voyage.outputs[name]) for name in voyage.outputs if name.endswith("BucketName")
    )
    emptied += voyage.aws.delete_packages(voyage.outputs["ModelPackageGroupName"])
    voyage.deployer.destroy(voyage.progress.doing)
    left = voyage.cloud.leftovers()
    voyage.leak_check = LeakCheck(leftovers=tuple(left.unexpected), retained=tuple(left.retained))
    if left.unexpected:
        raise RehearsalError(f"{len(left.unexpected)} things left behind: {', '.join(left.unexpected[:5])}")
    return f"{emptied:,} objects and models deleted, nothing left but {len(left.retained)} resources retained by policy"
