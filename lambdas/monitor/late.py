"""Capture files that come after their window was judged: the window gets a revised result, later ones a new past."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters import Aws
from capture import find_files_since
from decide import Case, judge
from found import CaptureFiles
from memory import Memory
from parse import HOUR, Configuration, format_time, parse_time
from report import Judgement, read_inputs, write_inputs
from window_data import Reading, WindowData, read_window

from seatrial.contracts.serving import BASELINE_URI, Serving
from seatrial.decisions.alerting import Incident, revise
from seatrial.statistics.baseline import Baseline


@dataclass(frozen=True)
class Champion:
    """What serves now, with its baseline."""

    serving: Serving
    baseline: Baseline
    digest: str
    outcomes: bool = True
    """Whether the baseline knows predictions and labels."""

    @property
    def baseline_uri(self) -> str:
        """Where the baseline lies."""
        return self.serving.metadata[BASELINE_URI]

    def recall(self, memory: Memory, window: str) -> Memory:
        """The memory with which a window is judged."""
        return Memory.recall(memory, window, self.serving.package_arn, self.digest)


@dataclass(frozen=True)
class Revision:
    """A window to be judged again: what is remembered now, its files, and with what and where it is judged."""

    window: str
    memory: Memory
    champion: Champion
    files: CaptureFiles
    configuration: Configuration
    aws: Aws

    def case(self, window: str, data: WindowData, before: Memory) -> Case:
        """One window with all that it is judged by."""
        return Case(
            window=window,
            data=data,
            baseline=self.champion.baseline,
            memory=before,
            serving=self.champion.serving,
            configuration=self.configuration,
        )


def fingerprint(keys: Sequence[str]) -> list[int]:
    """Number and checksum of a window's capture files."""
    return [len(keys), zlib.crc32("\n".join(keys).encode())]


def with_files(memory: Memory, window: str, keys: Sequence[str], configuration: Configuration) -> Memory:
    """The memory with a window's files; windows that late files can no longer change are forgotten."""
    oldest = parse_time(memory.last_window or window) - HOUR * configuration.settings.late_hours
    kept = {hour: marks for hour, marks in memory.files.items() if parse_time(hour) >= oldest}
    return replace(memory, files={**kept, window: fingerprint(keys)})


def late_windows(memory: Memory, configuration: Configuration, aws: Aws) -> dict[str, CaptureFiles]:
    """Windows of the present model whose files are others than those that they were judged by, oldest first."""
    if configuration.source and not configuration.source.late_files:
        return {}
    oldest = parse_time(memory.last_window or memory.since) - HOUR * configuration.settings.late_hours
    open_to = [window for window in sorted(memory.files) if window >= max(memory.since, format_time(oldest))]
    found = find_files_since(open_to, configuration, aws)
    return {window: files for window, files in found.items() if fingerprint(files.keys) != memory.files[window]}


def judge_again(revision: Revision, known: Judgement) -> tuple[Judgement | None, Memory]:
    """Judge a window by all its files, and every later one by what it was judged by then.

    Returns the revised result (None when the late files hold nothing of the window) and the memory that the next
    window starts from, as if the files had been in time. Later windows keep the results that have been told.
    """
    window, memory, champion = revision.window, revision.memory, revision.champion
    found = read_inputs(window, revision.configuration, revision.aws)
    if found is None:
        return None, with_files(memory, window, revision.files.keys, revision.configuration)
    kept, before = found[0], champion.recall(found[1], window)
    place = (revision.configuration, revision.aws, champion.baseline_uri, champion.outcomes)
    data = read_window(Reading(window, champion.baseline, before, *place), kept)
    memory = with_files(memory, window, data.capture_files or revision.files.keys, revision.configuration)
    if data.digest == known.digest:
        return None, memory
    judgement, after = judge(revision.case(window, data, before))
    after = _replay(revision, after)
    incidents, cleared = revise(memory.incidents, after.incidents)
    revised = _revised(judgement, known, memory.incidents, incidents, cleared)
    return revised, replace(after, incidents=incidents, files=memory.files, used_labels=memory.used_labels)


def _replay(revision: Revision, memory: Memory) -> Memory:
    """The memory after the windows that followed, each judged by what it was judged by."""
    length, last = revision.configuration.window_length, revision.memory.last_window or revision.window
    hour = parse_time(revision.window) + length
    while hour <= parse_time(last):
        start = format_time(hour)
        inputs = read_inputs(start, revision.configuration, revision.aws)
        if inputs is not None:
            before = revision.champion.recall(memory, start)
            _, memory = judge(revision.case(start, inputs[0], before))
            write_inputs(start, inputs[0], before, revision.configuration, revision.aws)
        hour += length
    return memory


def _revised(
    judgement: Judgement,
    known: Judgement,
    told: tuple[Incident, ...],
    after: tuple[Incident, ...],
    cleared: tuple[Incident, ...],
) -> Judgement:
    """The judgement as the next revision: an incident that has been told already stays one alarm."""
    detail, number = dict(judgement.detail), known.revision + 1
    is_open = {incident.condition: incident for incident in after}
    incident = is_open.get(detail["verdict"])
    if incident is not None:
        known_already = any(item.condition == incident.condition for item in told)
        detail |= {"incident_id": incident.id, "incident_state": "ongoing" if known_already else "opened"}
    else:
        detail |= {"incident_id": None, "incident_state": "cleared" if cleared else "none"}
    words = f"{detail['sentence']}; revision {number} by files that came after the window had been judged"
    return replace(judgement, detail={**detail, "revision": number, "sentence": words})
