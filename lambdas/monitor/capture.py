"""Finds a window's capture files, wherever SageMaker put them, and tells how their rows are counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters import Aws, StoredObject
from parse import HOUR, Configuration, parse_time

from seatrial.contracts import layout
from seatrial.monitoring.capture_reader import FILE_TIME, OVERLAP
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.window import WindowSummary, summarise_window


@dataclass(frozen=True)
class CaptureFiles:
    """The capture files that can hold a window's requests; `hint` tells where others lie when there are none."""

    own: tuple[StoredObject, ...]
    next_hour: tuple[StoredObject, ...] = ()
    hint: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, in order."""
        return tuple(item.key for item in (*self.own, *self.next_hour))

    @property
    def size(self) -> int:
        """Bytes of the hour's own files."""
        return sum(item.size for item in self.own)


def find_files(window: str, configuration: Configuration, aws: Aws) -> CaptureFiles:
    """The files of the hour's folder, and those of the next folder that were begun within the overlap."""
    hour = parse_time(window)
    own = _folder(hour, configuration, aws)
    following = [item for item in _folder(hour + HOUR, configuration, aws) if _began_early(item.key)]
    return CaptureFiles(tuple(own), tuple(following), "" if own else elsewhere(configuration, aws))


def _folder(hour: datetime, configuration: Configuration, aws: Aws) -> list[StoredObject]:
    """Objects of one hour; a doubled slash, as a destination that ends in one gives, is read over."""
    prefix = layout.capture_hour_prefix(configuration.endpoint_name, configuration.variant_name, hour)
    found = aws.objects(configuration.capture_bucket, prefix)
    doubled = prefix.replace("/", "//", 1)
    return found or aws.objects(configuration.capture_bucket, doubled)


def elsewhere(configuration: Configuration, aws: Aws) -> str:
    """Words about captures of another variant, where the expected one has none."""
    prefix = f"{layout.DATA_CAPTURE_PREFIX}/{configuration.endpoint_name}/"
    others = [name for name in aws.folders(configuration.capture_bucket, prefix) if name != configuration.variant_name]
    if not others:
        return ""
    return f"{prefix} has captures of variant {', '.join(others)}, not only of {configuration.variant_name}"


def _began_early(key: str) -> bool:
    """Whether a file can hold requests of the hour before; SageMaker begins its names with minute and second."""
    time = FILE_TIME.match(key.rpartition("/")[2])
    return time is None or int(time[1]) < OVERLAP // timedelta(minutes=1)


def counted(
    baseline: Baseline, rows: Sequence[Sequence[str]], scores: Sequence[float], ids: Sequence[str]
) -> WindowSummary:
    """A block of rows as the window's summary counts it."""
    return summarise_window(baseline, rows, scores, ids=ids)
