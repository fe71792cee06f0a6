"""Count, mean, variance and range of numbers, in a form that merges exactly as one pass would count."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Moments:
    """Running moments after Welford (1962), merged after Chan, Golub and LeVeque (1979).

    `squares` is the sum of squared deviations from the mean.

    >>> merged = Moments.of([1.0, 2.0]).merge(Moments.of([3.0, 6.0]))
    >>> merged.count, merged.mean, round(merged.std_dev, 3)
    (4, 3.0, 1.871)
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf

    @classmethod
    def of(cls, values: Iterable[float]) -> "Moments":
        """Moments of finite values."""
        numbers = list(values)
        if not numbers:
            return cls()
        mean = math.fsum(numbers) / len(numbers)
        squares = math.fsum((number - mean) ** 2 for number in numbers)
        return cls(len(numbers), mean, squares, min(numbers), max(numbers))

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both sets of values together."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = (self.mean * self.count + other.mean * other.count) / count
        squares = self.squares + other.squares + delta * delta * self.count * other.count / count
        return Moments(count, mean, squares, min(self.minimum, other.minimum), max(self.maximum, other.maximum))

    @property
    def std_dev(self) -> float:
        """Population standard deviation, as Model Monitor reports it; 0 for fewer than one value."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0

    def to_list(self) -> list[Any]:
        """JSON-ready; an empty range is null."""
        bounds = [self.minimum, self.maximum] if self.count else [None, None]
        return [self.count, self.mean, self.squares, *bounds]

    @classmethod
    def from_list(cls, items: list[Any]) -> "Moments":
        """Read what `to_list` wrote."""
        return cls(*items) if items[0] else cls()
