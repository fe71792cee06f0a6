"""Puts into the fidelity report where a job or step asked for more than runs here: clusters, shards, cached steps."""

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.offline.journal import Journal

SHARDED = "ShardedByS3Key"
COUNTS = ("InstanceCount",)
DISTRIBUTIONS = ("S3DataDistributionType", "DataDistributionType")


def note_job(journal: Journal, request: Mapping[str, Any]) -> None:
    """Note what one job's request asks for and one process with all the data stands in for."""
    instances = sum(int(value) for value in _values(request, COUNTS))
    if instances > 1:
        journal.fidelity("jobs on several instances", "not-proven", f"one process stood in for {instances} instances")
    if SHARDED in _values(request, DISTRIBUTIONS):
        journal.fidelity(SHARDED, "not-proven", "one process got every object, on AWS each instance gets a share")


def note_cache(journal: Journal, step: str) -> None:
    """Note that a step ran although its definition lets SageMaker reuse an earlier result."""
    journal.fidelity("step caching", "not-proven", f"step {step} ran anew, AWS may reuse an earlier result")


def _values(node: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in keys:
                yield value
            else:
                yield from _values(value, keys)
    elif isinstance(node, list):
        for item in node:
            yield from _values(item, keys)
