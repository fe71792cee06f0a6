"""The objects that a window is read from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adapters import StoredObject


@dataclass(frozen=True)
class CaptureFiles:
    """The capture files that can hold a window's requests; `hint` tells where others lie when there are none.

    Keys of a source's files begin with their bucket. `pairs` are inputs of batch transform with their outputs (None
    where there is none), `reasons` what could not be found, and how often.
    """

    own: tuple[StoredObject, ...]
    next_hour: tuple[StoredObject, ...] = ()
    hint: str = ""
    pairs: tuple[tuple[str, str | None], ...] = ()
    reasons: tuple[tuple[str, int], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, in order."""
        return tuple(item.key for item in (*self.own, *self.next_hour))

    @property
    def size(self) -> int:
        """Bytes of the hour's own files."""
        return sum(item.size for item in self.own)

    def within(self, most: int) -> tuple["CaptureFiles", float]:
        """Files of at most so many bytes (one at least), spread over the hour, and their share of all bytes."""
        if self.size <= most:
            return self, 1.0
        taken, seen, total = [], 0, 0
        groups = [*self._groups()]
        for group in groups:
            size = _size(group)
            seen += size
            if total + size <= most * seen / self.size:
                taken.append(group)
                total += size
        taken = taken or [min(groups, key=_size)]
        own = tuple(item for group in taken for item in group)
        first = {group[0].key for group in taken}
        pairs = tuple(pair for pair in self.pairs if pair[0] in first)
        return replace(self, own=own, next_hour=(), pairs=pairs), _size(own) / self.size

    def _groups(self) -> Iterator[tuple[StoredObject, ...]]:
        """What cannot be read apart: an input with its output, else each file by itself."""
        if not self.pairs:
            yield from ((item,) for item in self.own)
            return
        known = {item.key: item for item in self.own}
        yield from (tuple(known[key] for key in pair if key) for pair in self.pairs)


def _size(items: tuple[StoredObject, ...]) -> int:
    return sum(item.size for item in items)
