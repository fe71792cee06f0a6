"""The end of a rehearsal: destroy the stacks and look for anything left behind."""

from seatrial.rehearsal.voyage import RehearsalError, Voyage


def destroy(voyage: Voyage) -> str:
    """Empty the buckets as an operator does, destroy the stacks in reverse order, then check for leaks."""
    emptied = sum(voyage.aws.empty_bucket(voyage.outputs[name]) for name in voyage.outputs if name.endswith("BucketName"))
    retained = voyage.deployer.destroy(voyage.progress.doing)
    leftovers = voyage.cloud.leftovers()
    voyage.retained, voyage.leftovers = list(retained), list(leftovers)
    if leftovers:
        raise RehearsalError(f"{len(leftovers)} things left behind: {', '.join(leftovers[:5])}")
    return f"{emptied:,} objects deleted, nothing left but {len(voyage.retained)} resources retained by policy"
