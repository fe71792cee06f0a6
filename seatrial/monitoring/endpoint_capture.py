"""Windows of an endpoint's data capture: hour folders .../yyyy/mm/dd/hh/*.jsonl below a folder or prefix."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from seatrial.contracts.data_capture import Capture, CaptureRecord, parse_capture
from seatrial.contracts.ground_truth import join_labels, parse_ground_truth
from seatrial.contracts.layout import hour_of_key
from seatrial.monitoring.places import InputError, Place, lines_of
from seatrial.monitoring.window_data import Period, Rejected, WindowData

DEEPEST = 8
"""Levels of folders above the years that are looked through."""


def capture_windows(
    place: Place, period: Period, names: Sequence[str], labels: dict[datetime, dict[str, tuple[int, ...]]]
) -> Iterator[WindowData]:
    """One window for every hour of the period, also for hours without files; raises `InputError`.

    `names` are the model's inputs in order, `labels` what `read_labels` found.
    """
    files = hour_files(place, period)
    for hour in period.hours(list(files)):
        yield _window(place, hour, files.get(hour, []), names, labels.get(hour, {}))


def file_window(place: Place, names: Sequence[str], labels: dict[str, tuple[int, ...]]) -> WindowData:
    """The window of a single capture file."""
    hour = hour_of_key(place.name)
    return window_of(hour, [(place.name, parse_capture(lines_of(place.read()), names))], labels)


def window_of(
    start: datetime | None, captures: Sequence[tuple[str, Capture]], labels: dict[str, tuple[int, ...]]
) -> WindowData:
    """Put the captures of a window's files together."""
    records: list[CaptureRecord] = []
    reasons: dict[str, int] = {}
    rejected: list[Rejected] = []
    for file, capture in captures:
        records += capture.records
        rejected += [Rejected(file, line, reason) for line, reason in capture.rejections]
        for reason, count in capture.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    joined = join_labels(Capture(tuple(records)), labels)
    return WindowData(
        start=start,
        rows=[row for record in records for row in record.rows],
        predictions=[score for record in records for score in record.predictions],
        labelled_predictions=joined.predictions,
        labels=joined.labels,
        unmatched=len(labels) - joined.requests,
        files=len(captures),
        reasons=reasons,
        rejected=tuple(rejected),
    )


def _window(
    place: Place, hour: datetime, files: list[str], names: Sequence[str], labels: dict[str, tuple[int, ...]]
) -> WindowData:
    captures = [(file, parse_capture(lines_of(place.read(file)), names)) for file in files]
    return window_of(hour, captures, labels)


def read_labels(place: Place, period: Period) -> dict[datetime, dict[str, tuple[int, ...]]]:
    """Ground truth by hour and id; of several labels for one id the first is kept."""
    found: dict[datetime, dict[str, tuple[int, ...]]] = {}
    for hour, files in hour_files(place, period).items():
        texts = (line for file in files for line in lines_of(place.read(file)))
        found[hour] = parse_ground_truth(texts).labels
    return found


def hour_files(place: Place, period: Period) -> dict[datetime, list[str]]:
    """Files by the hour that their folders name, in order; raises `InputError` without any or for several variants."""
    base = find_year_folder(place)
    if base is None:
        raise InputError(
            f"{place.name}: has no files below yyyy/mm/dd/hh folders; name the folder of a variant's data capture, or "
            "a file"
        )
    found: dict[datetime, list[str]] = {}
    for file in _files(place, base, period):
        hour = _hour(place, file)
        if hour is not None and period.holds(hour):
            found.setdefault(hour, []).append(file)
    return dict(sorted(found.items()))


def _hour(place: Place, file: str) -> datetime | None:
    """The place itself may lie within the dates."""
    return hour_of_key(f"{place.name}/{file}")


def find_year_folder(place: Place) -> str | None:
    """The folder, relative to the place, that holds the years; empty when that is the place itself or it is dated.

    None when there is none; raises `InputError` when there are several, such as those of two variants.
    """
    level = [""]
    for _ in range(DEEPEST):
        children = {folder: place.folders(folder) for folder in level}
        dated = [folder for folder, names in children.items() if any(_is_date(name) for name in names)]
        if len(dated) > 1:
            names = ", ".join(folder.strip("/") for folder in dated)
            raise InputError(
                f"{place.name}: holds the captures of several variants ({names}); name one of these folders"
            )
        if dated:
            return dated[0]
        level = [f"{folder}{name}/" for folder, names in children.items() for name in names]
        if not level:
            break
    return "" if any(_hour(place, file) for file in place.files()) else None


def _is_date(name: str) -> bool:
    return name.isdigit() and len(name) in (2, 4)


def _files(place: Place, base: str, period: Period) -> list[str]:
    """All files below the years; of a bounded period only its days are listed, as a year of capture is long."""
    years = [name for name in place.folders(base) if len(name) == 4]
    if not years or period.start is None or period.end is None:
        return place.files(base)
    last = period.end - timedelta(microseconds=1)
    days = [
        period.start.date() + timedelta(days=index) for index in range((last.date() - period.start.date()).days + 1)
    ]
    return [file for day in days for file in place.files(f"{base}{day:%Y/%m/%d}/")]


def parse_hour(text: str, option: str) -> datetime:
    """Read a bound of the period; raises `InputError` for anything but a full hour in ISO 8601.

    >>> parse_hour("2026-11-01T07:00:00Z", "--from").hour
    7
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option}: must be ISO 8601 in UTC such as 2026-11-01T07:00:00Z, got {text!r}") from None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment != moment.replace(minute=0, second=0, microsecond=0):
        raise InputError(f"{option}: windows are full hours, got {text!r}; give a full hour")
    return moment
