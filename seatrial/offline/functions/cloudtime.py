"""Runs inside a function's process: `time` and `datetime` tell the cloud's time, which the caller can move.

Stands alone (standard library only). Clocks that measure durations (`time.monotonic`, `time.perf_counter`) stay.
"""

import datetime
import time
from typing import Any

_real_time = time.time
_real_gmtime, _real_localtime, _real_strftime = time.gmtime, time.localtime, time.strftime
_real_datetime, _real_date = datetime.datetime, datetime.date
_offset = 0.0


def set_now(seconds: float) -> None:
    """Let it be `seconds` since the epoch now; time flows on from there."""
    global _offset  # noqa: PLW0603 - one process has one time
    _offset = seconds - _real_time()


def install() -> None:
    """Replace what tells the time; call before the handler is imported."""
    time.time = lambda: _real_time() + _offset
    time.time_ns = lambda: int(time.time() * 1e9)
    time.gmtime = lambda seconds=None: _real_gmtime(time.time() if seconds is None else seconds)
    time.localtime = lambda seconds=None: _real_localtime(time.time() if seconds is None else seconds)
    time.strftime = lambda form, moment=None: _real_strftime(form, time.localtime() if moment is None else moment)
    datetime.datetime = CloudDatetime  # type: ignore[misc]
    datetime.date = CloudDate  # type: ignore[misc]


class _Like(type):
    """Makes every plain date or time an instance too, so that `isinstance` answers as before."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.plain)  # type: ignore[attr-defined]

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.plain)  # type: ignore[attr-defined]


class CloudDatetime(_real_datetime, metaclass=_Like):
    """`datetime.datetime` whose present is the cloud's."""

    plain = _real_datetime

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "CloudDatetime":
        """The cloud's time."""
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> "CloudDatetime":
        """The cloud's time in UTC, without a zone."""
        return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> "CloudDatetime":
        """The cloud's time, without a zone."""
        return cls.now()


class CloudDate(_real_date, metaclass=_Like):
    """`datetime.date` whose today is the cloud's."""

    plain = _real_date

    @classmethod
    def today(cls) -> "CloudDate":
        """The cloud's date."""
        return cls.fromtimestamp(time.time())
