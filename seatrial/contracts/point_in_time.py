"""Point-in-time joins: for each example the features that were known then, never those that became known later.

The rule for one example, by rows, and the same rule as SQL for the offline store; the Spark job follows it at scale.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class PointInTimeJoin:
    """What is joined by what.

    `as_of` is the moment of the example; a feature record counts when its `event_time` is not after it, when it had
    been written by then (`written`, so that repairs made later do not leak), and when it is not older than
    `longest_age`. Of those the newest event time counts, and of equal ones the newest write.
    """

    entity: str
    as_of: str = "as_of"
    event_time: str = "event_time"
    written: str | None = "write_time"
    deleted: str | None = "is_deleted"
    longest_age: timedelta | None = None

    def choose(self, example: Row, records: Iterable[Row]) -> Row | None:
        """The record that counts for the example, None when nothing was known; times are comparable values.

        >>> rule = PointInTimeJoin(entity="id", written=None, deleted=None)
        >>> history = [{"id": 1, "event_time": 3, "x": "a"}, {"id": 1, "event_time": 7, "x": "b"}]
        >>> rule.choose({"id": 1, "as_of": 5}, history)["x"]
        'a'
        """
        moment = example[self.as_of]
        known = [one for one in records if one[self.entity] == example[self.entity] and self._was_known(one, moment)]
        newest = max(known, key=self._order, default=None)
        return None if newest is None or (self.deleted and newest.get(self.deleted)) else newest

    def _was_known(self, record: Row, moment: datetime) -> bool:
        if record[self.event_time] > moment or (self.written and record[self.written] > moment):
            return False
        return self.longest_age is None or moment - record[self.event_time] <= self.longest_age

    def _order(self, record: Row) -> tuple[Any, ...]:
        return (record[self.event_time], record[self.written]) if self.written else (record[self.event_time],)

    def sql(self, examples: str, history: str, features: Iterable[str]) -> str:
        """The join for Athena (Trino): every row of `examples`, with NULL features where nothing was known.

        `examples` and `history` are tables or queries in brackets; `examples` has one row for each entity and moment.
        The offline store keeps event times as ISO 8601 text and write times as timestamps.
        """
        moment = f"e.{self.as_of}"
        event = f"from_iso8601_timestamp(h.{self.event_time})"
        conditions = [f"h.{self.entity} = e.{self.entity}", f"{event} <= {moment}"]
        if self.written:
            conditions.append(f"h.{self.written} <= {moment}")
        if self.longest_age is not None:
            seconds = int(self.longest_age.total_seconds())
            conditions.append(f"{event} >= {moment} - INTERVAL '{seconds}' SECOND")
        order = ", ".join(
            [f"{event} DESC NULLS LAST", *([f"h.{self.written} DESC NULLS LAST"] if self.written else [])]
        )
        alive = f"NOT COALESCE({self.deleted}, FALSE)" if self.deleted else "TRUE"
        chosen = ", ".join(f"IF({alive}, {name}) AS {name}" for name in features)
        hidden = f", h.{self.deleted}" if self.deleted else ""
        inner = ", ".join(f"h.{name}" for name in features)
        return (
            f"SELECT {self.entity}, {self.as_of}, {chosen} FROM ("  # noqa: S608 - names come from contracts
            f"SELECT e.{self.entity}, e.{self.as_of}, {inner}{hidden}, "
            f"ROW_NUMBER() OVER (PARTITION BY e.{self.entity}, e.{self.as_of} ORDER BY {order}) AS nth "
            f"FROM {examples} e LEFT JOIN {history} h ON {' AND '.join(conditions)}) WHERE nth = 1"
        )
