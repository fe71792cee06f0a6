"""Finds a window's capture files, wherever SageMaker put them, and tells how their rows are counted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters import Aws, StoredObject
from found import CaptureFiles
from parse import HOUR, Configuration, parse_time
from source_files import source_files

from seatrial.contracts import layout
from seatrial.monitoring.capture_reader import FILE_TIME, OVERLAP
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.window import WindowSummary, summarise_window


def find_files(window: str, configuration: Configuration, aws: Aws) -> CaptureFiles:
    """The files of the hour's folder, and those of the next folder that were begun within the overlap."""
    if configuration.source:
        return source_files(parse_time(window), configuration.source, aws)
    hour = parse_time(window)
    found = _files(_folder(hour, configuration, aws), _folder(hour + HOUR, configuration, aws))
    return found if found.own else replace(found, hint=elsewhere(configuration, aws))


def find_files_since(windows: Sequence[str], configuration: Configuration, aws: Aws) -> dict[str, CaptureFiles]:
    """The files of several windows, in order; those of an endpoint from one listing."""
    if configuration.source:
        return {window: find_files(window, configuration, aws) for window in windows}
    folders = files_by_hour(parse_time(windows[0]), configuration, aws) if windows else {}
    hours = {window: parse_time(window) for window in windows}
    return {window: _files(folders.get(hour, []), folders.get(hour + HOUR, [])) for window, hour in hours.items()}


def _files(own: Sequence[StoredObject], next_hour: Sequence[StoredObject]) -> CaptureFiles:
    return CaptureFiles(tuple(own), tuple(item for item in next_hour if _began_early(item.key)))


def _folder(hour: datetime, configuration: Configuration, aws: Aws) -> list[StoredObject]:
    """Objects of one hour; a doubled slash, as a destination that ends in one gives, is read over."""
    prefix = layout.capture_hour_prefix(configuration.endpoint_name, configuration.variant_name, hour)
    found = aws.objects(configuration.capture_bucket, prefix)
    return found or aws.objects(configuration.capture_bucket, _doubled(prefix))


def files_by_hour(oldest: datetime, configuration: Configuration, aws: Aws) -> dict[datetime, list[StoredObject]]:
    """Objects by hour since a time, those with a doubled slash where an hour has no others."""
    names = (configuration.endpoint_name, configuration.variant_name)
    start, bucket = layout.capture_hour_prefix(*names, oldest), configuration.capture_bucket
    variant = start.removesuffix(f"{oldest:%Y/%m/%d/%H}/")
    found: dict[datetime, list[StoredObject]] = {}
    for form in (str, _doubled):
        listed: dict[datetime, list[StoredObject]] = {}
        for item in aws.objects(bucket, form(variant), form(start)):
            if (hour := layout.hour_of_key(item.key)) is not None:
                listed.setdefault(hour, []).append(item)
        found = listed | found
    return found


def _doubled(prefix: str) -> str:
    return prefix.replace("/", "//", 1)


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


def inputs_counted(
    baseline: Baseline, rows: Sequence[Sequence[str]], _: Sequence[float], ids: Sequence[str]
) -> WindowSummary:
    """As `counted`, for a baseline of Model Monitor, which knows no predictions."""
    return summarise_window(baseline, rows, [], ids=ids)
