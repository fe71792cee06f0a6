"""Numbers of columns of texts, read exactly as the monitor reads the text of one value."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.statistics.parsing import LARGEST_MAGNITUDE, is_missing, to_number

PLAIN = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""Numbers that Arrow and Python read alike, correctly rounded; whatever else there is, Python reads."""


def text_numbers(chunk: pa.Array) -> tuple[np.ndarray, int]:
    """The finite numbers of an array of texts (or of anything that casts to text), and how many texts are missing.

    >>> text_numbers(pa.array(["1.5", " 2 ", "", None, "n/a", "twelve"]))
    (array([1.5, 2. ]), 3)
    """
    texts = chunk if pa.types.is_string(chunk.type) else chunk.cast(pa.string())
    whole = _cast(texts) if not texts.null_count else None
    if whole is not None and np.isfinite(whole).all():
        return _bounded(whole), 0
    plain = pc.fill_null(_matching(texts), False)
    rest = texts.filter(pc.call_function("invert", [plain])).dictionary_encode()
    counts = np.bincount(np.asarray(rest.indices.drop_null()), minlength=len(rest.dictionary)).tolist()
    held = list(zip(rest.dictionary.to_pylist(), counts, strict=True))
    missing = rest.null_count + sum(count for text, count in held if is_missing(text))
    others = [(to_number(text.strip()), count) for text, count in held if not is_missing(text)]
    spelt = [number for number, count in others if number is not None for _ in range(count)]
    read = _cast(texts.filter(plain))
    if read is None:
        raise AssertionError("Arrow refused a number that PLAIN describes")
    return np.concatenate([_bounded(read), np.array(spelt, np.float64)]), missing


def _matching(texts: pa.Array) -> pa.Array:
    return pc.call_function("match_substring_regex", [texts], pc.MatchSubstringOptions(PLAIN))


def _cast(texts: pa.Array) -> np.ndarray | None:
    try:
        return texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None


def _bounded(values: np.ndarray) -> np.ndarray:
    return values[np.abs(values) <= LARGEST_MAGNITUDE]
