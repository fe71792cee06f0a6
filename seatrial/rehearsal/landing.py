"""The end of a rehearsal: destroy the stacks and look for anything left behind."""

from seatrial.rehearsal.record import LeakCheck
from seatrial.rehearsal.voyage import RehearsalError, Voyage


def destroy(voyage: Voyage) -> str:
    """Empty buckets and registry as an operator does, destroy the stacks in reverse order, check for leaks."""
    buckets = [name for name in voyage.outputs if name.endswith("BucketName")]
    emptied = sum(voyage.aws.empty_bucket(voyage.outputs[name]) for name in buckets)
    emptied += voyage.aws.delete_packages(voyage.outputs["ModelPackageGroupName"])
    retained = voyage.deployer.destroy(voyage.progress.doing)
    leftovers = voyage.cloud.leftovers()
    voyage.leak_check = LeakCheck(leftovers=tuple(leftovers), retained=tuple(retained))
    if leftovers:
        raise RehearsalError(f"{len(leftovers)} things left behind: {', '.join(leftovers[:5])}")
    return f"{emptied:,} objects and models deleted, nothing left but {len(retained)} resources retained by policy"
