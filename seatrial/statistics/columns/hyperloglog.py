"""Number of distinct values, from 4,096 small registers."""

import base64
import math
from dataclasses import dataclass, field

import numpy as np

INDEX_BITS = 12
REGISTERS = 1 << INDEX_BITS
RANKS = 64 - INDEX_BITS


@dataclass(frozen=True, eq=False)
class HyperLogLog:
    """Registers of Flajolet, Fusy, Gandouet and Meunier (2007); the estimate is Ertl's (2017), without bias tables.

    The standard error is 1.04 / sqrt(4096) = 1.6 %. Merging takes each register's maximum.

    >>> from seatrial.statistics.columns.hashing import hash_texts
    >>> sketch = HyperLogLog.of(hash_texts(str(number) for number in range(5000)))
    >>> abs(sketch.estimate() / 5000 - 1) < 0.05
    True
    """

    registers: np.ndarray = field(default_factory=lambda: np.zeros(REGISTERS, np.uint8))

    @classmethod
    def of(cls, hashes: np.ndarray) -> "HyperLogLog":
        """Sketch of uint64 hashes, in any order and with any repetition."""
        registers = np.zeros(REGISTERS, np.uint8)
        rest = hashes & np.uint64((1 << RANKS) - 1)
        ranks = RANKS + 1 - np.frexp(rest.astype(np.float64))[1]
        np.maximum.at(registers, (hashes >> np.uint64(RANKS)).astype(np.int64), ranks.astype(np.uint8))
        return cls(registers)

    def merge(self, other: "HyperLogLog") -> "HyperLogLog":
        """Sketch of both sets of values."""
        return HyperLogLog(np.maximum(self.registers, other.registers))

    def estimate(self) -> float:
        """Estimated number of distinct values (Ertl, "New cardinality estimation algorithms", algorithm 6)."""
        counts = np.bincount(self.registers, minlength=RANKS + 2).tolist()
        if counts[0] == REGISTERS:
            return 0.0
        total = REGISTERS * _tau(1 - counts[RANKS + 1] / REGISTERS)
        for rank in range(RANKS, 0, -1):
            total = 0.5 * (total + counts[rank])
        total += REGISTERS * _sigma(counts[0] / REGISTERS)
        return REGISTERS**2 / (2 * math.log(2) * total)

    def to_text(self) -> str:
        """The registers in base 64."""
        return base64.b64encode(self.registers.tobytes()).decode()

    @classmethod
    def from_text(cls, text: str) -> "HyperLogLog":
        """Read what `to_text` wrote."""
        return cls(np.frombuffer(base64.b64decode(text), np.uint8))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HyperLogLog) and bool(np.array_equal(self.registers, other.registers))

    __hash__ = None  # type: ignore[assignment]


def _sigma(share: float) -> float:
    """Contribution of empty registers."""
    if share == 1:
        return math.inf
    weight, total, before = 1.0, share, -1.0
    while total != before:
        share *= share
        before, total = total, total + share * weight
        weight += weight
    return total


def _tau(share: float) -> float:
    """Contribution of saturated registers."""
    if share in (0.0, 1.0):
        return 0.0
    weight, total, before = 1.0, 1 - share, -1.0
    while total != before:
        share = math.sqrt(share)
        weight *= 0.5
        before, total = total, total - (1 - share) ** 2 * weight
    return total / 3
