"""Texts as a few numbers that the monitor watches like any other input: length, words, what was never seen before."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.contracts.schema import Feature

WORD = re.compile(r"\w+")
VOCABULARY = 5000
NAMES = ("text_words", "text_word_length", "text_unknown_share", "text_digit_share", "text_upper_share")


@dataclass(frozen=True)
class TextFeatures:
    """What a baseline's texts were made of: their most frequent words.

    Counts of words by name are `tokens.summarise_tokens`; this is what an hourly alarm can stand on, as each text is
    one row with the monitor's own test and alarm budget.

    >>> hook = TextFeatures.fit(["my bill is too high", "the bill is wrong"])
    >>> hook.rows(["MY bill 2024"])
    [['3', '3.333', '0.333', '0.333', '0.167']]
    """

    vocabulary: frozenset[str]

    @classmethod
    def fit(cls, texts: Iterable[str], size: int = VOCABULARY) -> "TextFeatures":
        """Keep the `size` most frequent words, in lower case; ties in order of the alphabet."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(WORD.findall(text.lower()))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(frozenset(ranked[:size]))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The numbers' names and types, to be added to a schema."""
        return tuple(Feature(name, "numeric") for name in NAMES)

    def rows(self, texts: Sequence[str]) -> list[list[str]]:
        """One row of values a text, as text in the order of `features`; a text without words has gaps."""
        return [self._row(text) for text in texts]

    def _row(self, text: str) -> list[str]:
        words = WORD.findall(text)
        if not words:
            return ["0", "", "", "", ""]
        letters = sum(map(len, words))
        unknown = sum(word.lower() not in self.vocabulary for word in words)
        digits, upper = (sum(map(test, text)) for test in (str.isdigit, str.isupper))
        shares = (letters / len(words), unknown / len(words), digits / len(text), upper / len(text))
        return [str(len(words)), *(f"{share:.3f}" for share in shares)]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"version": 1, "vocabulary": sorted(self.vocabulary)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "TextFeatures":
        """Read what `to_json` wrote."""
        return cls(frozenset(data["vocabulary"]))
