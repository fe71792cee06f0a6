"""The same events as a stream: in order of arrival over all blocks, as tables or as JSON for Kinesis."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.telecom.events import DAY_MICROSECONDS, EVENT_SCHEMA, draw_events
from seatrial.telecom.lifecycle import live
from seatrial.telecom.plan import Plan
from seatrial.telecom.usage import order_of

_TEXTS = ("event_id", "subscriber_id", "kind", "partner_id", "cell_id")


class StreamEvent(NamedTuple):
    """One record to put on a stream."""

    received_at: datetime
    partition_key: str
    """The event's id: it spreads evenly, and both deliveries of a duplicate meet on one shard."""
    data: str
    """The event in the JSON form of `contracts.cdr.CDR`, without a line break."""


def stream(plan: Plan, first: date | None = None, last: date | None = None) -> Iterator[StreamEvent]:
    """Events in order of arrival, of the days `first` to `last` (both included; default: all).

    These are the rows that `fleet.generate_files` writes for the same plan, those spoilt included. All subscribers'
    events of one month are held in memory, about 100 bytes each: meant for the part of an operator that a test streams.
    """
    for day, table in days_of_arrival(plan):
        if (first or day) <= day <= (last or day):
            moments = table["received_at"].cast(pa.int64()).to_pylist()
            texts, keys = to_json(table).to_pylist(), table["event_id"].to_pylist()
            for moment, key, text in zip(moments, keys, texts, strict=True):
                yield StreamEvent(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=moment), key, text)
        elif last is not None and day > last:
            return


def days_of_arrival(plan: Plan) -> Iterator[tuple[date, pa.Table]]:
    """Tables with the columns of `EVENT_SCHEMA`, one for each day (UTC) on which events arrive, in order of arrival."""
    lives = [live(plan, block) for block in range(plan.blocks)]
    waiting = EVENT_SCHEMA.empty_table()
    for number in range(plan.months):
        months = [next(life) for life in lives]
        source = months[0].source
        end = source.start_microseconds() + source.days * DAY_MICROSECONDS
        waiting = pa.concat_tables([waiting, *(plain(draw_events(month).table) for month in months)])
        received = waiting["received_at"].cast(pa.int64()).to_numpy()
        order = order_of(received)
        if number < plan.months - 1:  # what arrives later mixes with the next month's events
            order = order[: int(np.searchsorted(received[order], end))]
        yield from _cut(waiting.take(pa.array(order)))
        waiting = waiting.filter(pa.array(received >= end))


def plain(table: pa.Table) -> pa.Table:
    """The table without dictionaries, in the types of `EVENT_SCHEMA`."""
    return table.cast(EVENT_SCHEMA)


def to_json(table: pa.Table) -> pa.Array:
    """Each row as a JSON object: timestamps as ISO-8601 with microseconds and Z, keys in the order of the columns.

    >>> rows = EVENT_SCHEMA.empty_table()
    >>> to_json(rows).to_pylist()
    []
    """
    pieces: list[pa.Array | pa.Scalar] = []
    for number, name in enumerate(EVENT_SCHEMA.names):
        pieces += [pa.scalar(f'{"," if number else "{"}"{name}":'), _json_values(name, table[name])]
    joined = pc.binary_join_element_wise(*pieces, pa.scalar("}"), "")  # pyrefly: ignore[missing-attribute]
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _json_values(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values as JSON texts; ids and categories hold nothing that JSON would escape."""
    if pa.types.is_timestamp(column.type):
        text = pc.strftime(column, format='"%Y-%m-%dT%H:%M:%SZ"')  # pyrefly: ignore[missing-attribute]
    elif name in _TEXTS:
        text = pc.binary_join_element_wise('"', column, '"', "")  # pyrefly: ignore[missing-attribute]
    else:
        text = column.cast(pa.string())
    return pc.fill_null(text, "null")


def _cut(table: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    if not table.num_rows:
        return
    day = table["received_at"].cast(pa.int64()).to_numpy() // DAY_MICROSECONDS
    found, starts = np.unique(day, return_index=True)
    for number, start, stop in zip(found.tolist(), starts.tolist(), [*starts[1:].tolist(), len(day)], strict=True):
        yield date(1970, 1, 1) + timedelta(days=number), table.slice(start, stop - start)
