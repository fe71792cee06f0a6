"""The most frequent texts of a column: exact while there are few, within a known error beyond."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.statistics.columns.hashing import hash_texts

CAPACITY = 256
LONGEST_TEXT = 200


@dataclass(frozen=True)
class HeavyHitters:
    """Misra and Gries's (1982) counters, merged after Agarwal et al., "Mergeable summaries" (2012).

    Every count is at most the true one and at least the true one less `error`, and `error` is at most total / 257.
    Up to 256 distinct texts nothing is lost (`error` is 0) and merging is exact in any grouping; beyond, it is
    commutative to the last bit and holds its bound in every grouping.

    >>> HeavyHitters.of({"a": 3}).merge(HeavyHitters.of({"a": 1, "b": 2})).ranked()
    [('a', 4), ('b', 2)]
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    error: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "HeavyHitters":
        """Counters of exact counts; a text of more than 200 characters is told by its beginning and its hash."""
        named: dict[str, int] = {}
        for text, count in counts.items():
            name = bounded(text)
            named[name] = named.get(name, 0) + count
        return _pruned(named, 0)

    def merge(self, other: "HeavyHitters") -> "HeavyHitters":
        """Counters of both sets of values."""
        counts = dict(self.counts)
        for text, count in other.counts.items():
            counts[text] = counts.get(text, 0) + count
        return _pruned(counts, self.error + other.error)

    def ranked(self) -> list[tuple[str, int]]:
        """Texts and counts, the most frequent first, ties in order of the text."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))

    def to_list(self) -> list[Any]:
        """JSON-ready form."""
        return [self.error, self.ranked()]

    @classmethod
    def from_list(cls, items: list[Any]) -> "HeavyHitters":
        """Read what `to_list` wrote."""
        return cls(dict(map(tuple, items[1])), items[0])


def bounded(text: str) -> str:
    """The text, or its beginning and its hash where it is long.

    >>> len(bounded("x" * 10_000))
    200
    """
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 17]}#{int(hash_texts([text])[0]):016x}"


def _pruned(counts: dict[str, int], error: int) -> HeavyHitters:
    if len(counts) <= CAPACITY:
        return HeavyHitters(counts, error)
    cut = sorted(counts.values(), reverse=True)[CAPACITY]
    return HeavyHitters({text: count - cut for text, count in counts.items() if count > cut}, error + cut)
