"""How much of an EMR Serverless application's capacity a job run takes: a driver and one executor at the least."""

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.offline.spark.api import ApiError
from seatrial.offline.spark.command import memory_bytes

DEFAULT_CORES = 4
DEFAULT_MEMORY = "14g"
OVERHEAD = 0.1
LARGEST_MEMORY_GB = {1: 8, 2: 16, 4: 30, 8: 60, 16: 120}
"""By cores: docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html"""


@dataclass(frozen=True)
class Need:
    """vCPUs and GB of memory."""

    vcpu: float
    memory_gb: float

    def __add__(self, other: "Need") -> "Need":
        return Need(self.vcpu + other.vcpu, self.memory_gb + other.memory_gb)

    def fits(self, limit: "Need") -> bool:
        """Whether it is within the limit."""
        return self.vcpu <= limit.vcpu and self.memory_gb <= limit.memory_gb

    def __str__(self) -> str:
        return f"{self.vcpu:g} vCPU and {self.memory_gb:g} GB"


def need_of(settings: Mapping[str, str]) -> Need:
    """What a driver and one executor take; raises `ApiError` for workers that EMR Serverless does not have."""
    return _worker(settings, "driver") + _worker(settings, "executor")


def limit_of(maximum: Mapping[str, str] | None) -> Need:
    """An application's maximum capacity, such as `{"cpu": "16 vCPU", "memory": "64 GB"}`; none is no limit."""
    if not maximum:
        return Need(float("inf"), float("inf"))
    return Need(float(maximum["cpu"].split("v")[0].split("V")[0]), memory_bytes(maximum["memory"]) / (1 << 30))


def _worker(settings: Mapping[str, str], role: str) -> Need:
    cores = int(settings.get(f"spark.{role}.cores", DEFAULT_CORES))
    if cores not in LARGEST_MEMORY_GB:
        allowed = ", ".join(map(str, LARGEST_MEMORY_GB))
        raise ApiError(f"spark.{role}.cores: must be one of {allowed}, got {cores}")
    memory = memory_bytes(settings.get(f"spark.{role}.memory", DEFAULT_MEMORY)) / (1 << 30)
    total = memory + max(OVERHEAD * memory, 0.375)
    if total > LARGEST_MEMORY_GB[cores]:
        raise ApiError(
            f"spark.{role}.memory: a worker of {cores} vCPU has at most {LARGEST_MEMORY_GB[cores]} GB with overhead, "
            f"got {total:.1f}"
        )
    return Need(cores, round(total, 2))
