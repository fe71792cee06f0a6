"""Rows of the test split that also stand in the training data: by identity, and by content as resampling leaves them.

Kaufman, Rosset, Perlich and Stitelman, "Leakage in Data Mining: Formulation, Detection, and Avoidance", ACM TKDD 6
(2012). Resampling before the split (oversampling of churners, say) puts copies of one row on both sides; it is seen
because the copies crowd in one class. Copies that a synthesis such as SMOTE has blurred are not found.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Row = tuple[str, float, Sequence[str]]
"""Id, label, feature values as text."""


@dataclass
class SeenRows:
    """Ids and contents of the rows that a model was trained on, eight bytes each."""

    ids: set[bytes] = field(default_factory=set)
    contents: set[bytes] = field(default_factory=set)

    def add(self, rows: Iterable[Row]) -> None:
        """Note rows; each is read once."""
        for identity, label, values in rows:
            self.ids.add(_digest([identity]))
            self.contents.add(_digest([repr(label), *values]))


@dataclass(frozen=True)
class Contamination:
    """Test rows whose id was seen, and the share of each class whose content (with its label) was seen."""

    shared_ids: int
    shared_churners: float
    shared_others: float


def contamination(seen: SeenRows, test: Iterable[Row]) -> Contamination:
    """Compare a test split with what was trained on.

    >>> seen = SeenRows()
    >>> seen.add([("a", 1.0, ["3", "basic"]), ("b", 0.0, ["4", "basic"])])
    >>> contamination(seen, [("a", 1.0, ["5", "basic"]), ("c", 1.0, ["3", "basic"]), ("d", 0.0, ["9", "x"])])
    Contamination(shared_ids=1, shared_churners=0.5, shared_others=0.0)
    """
    ids, rows, shared = 0, [0, 0], [0, 0]
    for identity, label, values in test:
        place = int(label == 1)
        ids += _digest([identity]) in seen.ids
        rows[place] += 1
        shared[place] += _digest([repr(label), *values]) in seen.contents
    others, churners = (part / whole if whole else 0.0 for part, whole in zip(shared, rows, strict=True))
    return Contamination(ids, churners, others)


def _digest(values: Sequence[str]) -> bytes:
    return hashlib.blake2b("\x1f".join(values).encode(), digest_size=8).digest()
