"""ADWIN: a window over recent values that forgets what no longer belongs to them."""

import math
from collections import deque
from dataclasses import dataclass

BUCKETS_A_ROW = 5
CLOCK = 32
MINIMUM_SIDE = 5


@dataclass(frozen=True)
class Bucket:
    """Values that came one after another: how many, their sum and their sum of squared deviations."""

    count: int
    total: float
    squares: float

    def merge(self, other: "Bucket") -> "Bucket":
        """Both together (Chan, Golub and LeVeque, 1979)."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        gap = self.total / self.count - other.total / other.count
        squares = self.squares + other.squares + gap * gap * self.count * other.count / count
        return Bucket(count, self.total + other.total, squares)


class Adwin:
    """Adaptive windowing, ADWIN2 of Bifet and Gavalda, "Learning from time-changing data" (2007).

    The window is cut wherever two parts of it differ in mean by more than chance allows with confidence
    1 - `delta`; it is kept in buckets of doubling size, so n values take O(log n) memory. `delta` bounds the chance
    of a false cut at each test (theorem 3.1, with the variance bound of section 3.3). Values lie in [0, 1].

    >>> detector = Adwin()
    >>> found = [step for step in range(2000) if detector.update(float(step >= 1000))]
    >>> 1000 <= found[0] < 1032, detector.mean > 0.99
    (True, True)
    """

    def __init__(self, delta: float = 0.002) -> None:
        if not 0 < delta < 1:
            raise ValueError(f"delta: must lie between 0 and 1, got {delta!r}")
        self.delta = delta
        self._rows: list[deque[Bucket]] = [deque()]
        self._seen = 0

    @property
    def width(self) -> int:
        """Values in the window."""
        return sum(bucket.count for row in self._rows for bucket in row)

    @property
    def mean(self) -> float:
        """Mean of the values in the window; 0 without any."""
        total = sum(bucket.total for row in self._rows for bucket in row)
        return total / self.width if self.width else 0.0

    def update(self, value: float) -> bool:
        """Take one value; whether the mean has changed. Tests run at every 32nd value."""
        self._rows[0].append(Bucket(1, value, 0.0))
        self._compress()
        self._seen += 1
        if self._seen % CLOCK:
            return False
        cut = False
        while self._differs():
            self._forget()
            cut = True
        return cut

    def _compress(self) -> None:
        """Row i holds buckets of 2**i values, the oldest first; the two oldest of a full row become one of the next."""
        for place, row in enumerate(self._rows):
            if len(row) <= BUCKETS_A_ROW:
                return
            if place + 1 == len(self._rows):
                self._rows.append(deque())
            self._rows[place + 1].append(row.popleft().merge(row.popleft()))

    def _forget(self) -> None:
        oldest = self._rows[-1]
        oldest.popleft()
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()

    def _differs(self) -> bool:
        """Whether any cut of the window leaves two parts of different means."""
        buckets = [bucket for row in reversed(self._rows) for bucket in row]
        whole = Bucket(0, 0.0, 0.0)
        for bucket in buckets:
            whole = whole.merge(bucket)
        if whole.count < 2 * MINIMUM_SIDE:
            return False
        left_count, left_total = 0, 0.0
        for bucket in buckets[:-1]:
            left_count, left_total = left_count + bucket.count, left_total + bucket.total
            right_count = whole.count - left_count
            if min(left_count, right_count) < MINIMUM_SIDE:
                continue
            gap = left_total / left_count - (whole.total - left_total) / right_count
            if abs(gap) > self._bound(left_count, right_count, whole):
                return True
        return False

    def _bound(self, left: int, right: int, whole: Bucket) -> float:
        inverse = 1 / left + 1 / right
        confidence = math.log(2 * math.log(whole.count) / self.delta)
        variance = whole.squares / whole.count
        return math.sqrt(2 * inverse * variance * confidence) + 2 / 3 * inverse * confidence
