"""Identifiers of subscribers, phone numbers and events, made for whole arrays at once."""

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.telecom.distributions import Integers
from seatrial.telecom.usage import NO_PARTNER, OTHER_NUMBERS

Bytes = NDArray[np.uint8]


def numbered(prefix: str, numbers: Integers, width: int) -> pa.Array:
    """Strings of a prefix and a number with leading zeros, all of the same length.

    >>> numbered("s", np.array([7, 12]), 3).to_pylist()
    ['s007', 's012']
    """
    head = np.frombuffer(prefix.encode(), dtype=np.uint8)
    text = np.empty((len(numbers), len(head) + width), dtype=np.uint8)
    text[:, : len(head)] = head
    rest = numbers.astype(np.uint32)
    for place in range(len(head) + width - 1, len(head) - 1, -1):
        shorter = rest // 10
        text[:, place] = rest - shorter * 10 + ord("0")
        rest = shorter
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * text.shape[1]
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(text))


def subscriber_ids(block: int, seats: Integers) -> pa.Array:
    """Ids of the subscribers of a block by their seats, 12 characters each."""
    return numbered(f"s{block:06d}", seats, 5)


def event_ids(block: int, month: int, numbers: Integers) -> pa.Array:
    """Ids of the events of a block's month, 16 characters each; `numbers` below ten million."""
    return numbered(f"{block:06d}{month:03d}", numbers, 7)


def partner_ids(block: int, occupied: NDArray[np.bool_], partner: Integers) -> pa.Array:
    """Numbers that were called: subscribers by their id, former ones as ported-*, others as other-*; or null.

    `partner` holds seats (0 or more), the numbers of other operators as -1 - number, and `NO_PARTNER`.
    """
    seats = np.arange(len(occupied))
    prefix = np.where(occupied, "s", "ported-").tolist()
    own = pa.array([f"{head}{block:06d}{seat:05d}" for head, seat in zip(prefix, seats.tolist(), strict=True)])
    index = np.where(partner >= 0, partner, len(seats) - 1 - partner).astype(np.int32)
    return pa.concat_arrays([own, _other_numbers()]).take(pa.array(index, mask=partner == NO_PARTNER))


@cache
def _other_numbers() -> pa.Array:
    return numbered("other-", np.arange(OTHER_NUMBERS), 7)
