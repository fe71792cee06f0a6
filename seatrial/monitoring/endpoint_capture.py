"""Windows of an endpoint's data capture: hour folders .../yyyy/mm/dd/hh/*.jsonl below a folder or prefix."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from seatrial.contracts.ground_truth import parse_ground_truth
from seatrial.contracts.layout import hour_of_key
from seatrial.monitoring.capture_reader import FILE_TIME, OVERLAP
from seatrial.monitoring.counting import Counting
from seatrial.monitoring.places import InputError, Place, lines_of
from seatrial.monitoring.window_data import HOUR, Period, WindowData

DEEPEST = 8
"""Levels of folders above the years that are looked through."""
HourLabels = Mapping[datetime, dict[str, tuple[int, ...]]]


def capture_windows(place: Place, period: Period, counting: Counting, labels: HourLabels) -> Iterator[WindowData]:
    """One window for every hour of the period, also for hours without files; raises `InputError`.

    `labels` are what `read_labels` found. Requests that were written shortly after their hour are found in the folder
    of the next, as the monitor does it.
    """
    files = hour_files(place, period.with_next_hour())
    for hour in period.hours([found for found in files if period.holds(found)]):
        counter = counting.reader(hour, labels.get(hour, {}))
        own = files.get(hour, [])
        for file in own:
            counter.read(file, lines_of(place.read(file)))
        for file in filter(_began_early, files.get(hour + HOUR, []) if own else []):
            counter.read(file, lines_of(place.read(file)), next_hour=True)
        yield counter.window()


def file_window(place: Place, counting: Counting, labels: dict[str, tuple[int, ...]]) -> WindowData:
    """The window of a single capture file, whose requests all count."""
    counter = counting.reader(hour_of_key(place.name), labels)
    counter.read(place.name, lines_of(place.read()))
    return counter.window()


def _began_early(file: str) -> bool:
    """Whether a file can hold requests of the hour before; SageMaker begins its names with minute and second."""
    time = FILE_TIME.match(file.rpartition("/")[2])
    return time is None or int(time[1]) < OVERLAP // timedelta(minutes=1)


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
