"""Texts by their words: a column of tokens that is summarised, merged and compared like any other."""

import re
from collections import Counter
from collections.abc import Iterable

from seatrial.statistics.columns.category_column import CategoryColumn

TOKEN = re.compile(r"\w+")


def summarise_tokens(texts: Iterable[str]) -> CategoryColumn:
    """Counts of the words of texts, in lower case; compare two with `distances.comparison.compare`.

    Up to 256 words by name, more of them by hash: the Jensen-Shannon distance of the counts is a lower bound then.

    >>> summarise_tokens(["My bill is wrong", "the bill?"]).hitters.ranked()[0]
    ('bill', 2)
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(TOKEN.findall(text.lower()))
    return CategoryColumn.of(counts)
