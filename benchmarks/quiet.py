"""Quiet and quick: false incidents and delays of the monitor's drift test beside other methods, on the same windows.

`python benchmarks/quiet.py [--seeds 20] [--days 30] [--peer-seeds 3] [--keep FOLDER] [--no-libraries]`. Hourly windows
of 200 and of 1,000 rows, 20 numeric and 8 categorical features, four regimes. The reference is the 28 days before. Ours
is the monitor's own state and tests (`DriftState`) with an alarm budget of one false alarm a year; "optimum" is a test
with the same budget that knows all but the time of the shift. Exits 1 when a target is missed in any regime.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT)]

import numpy as np  # noqa: E402
from _environments import environment  # noqa: E402 # pyrefly: ignore[missing-import]
from _monitor_peers import ARROW, PEERS  # noqa: E402 # pyrefly: ignore[missing-import]
from _quiet_methods import VALUE_METHODS, WINDOW_METHODS, Compared, PerValue, Reference  # noqa: E402 # pyrefly: ignore[missing-import]
from _quiet_optimum import Optimum, unrest_of_first  # noqa: E402 # pyrefly: ignore[missing-import]
from _quiet_screen import Screen  # noqa: E402 # pyrefly: ignore[missing-import]
from _quiet_traffic import DAY, FEATURES, NUMERIC, REFERENCE_DAYS, REGIMES, Shift, Traffic, count  # noqa: E402 # pyrefly: ignore[missing-import]

from seatrial.statistics.alarm_budget import log_threshold  # noqa: E402
from seatrial.statistics.distribution_check import Distribution, DriftLimits  # noqa: E402
from seatrial.statistics.drift_state import DriftState  # noqa: E402
from seatrial.statistics.monitor import MonitorLimits, tests_of  # noqa: E402
from seatrial.statistics.rhythm_estimate import learn_rhythms  # noqa: E402
from seatrial.statistics.rhythm_learning import Learning  # noqa: E402
from seatrial.statistics.simulation.drift_watch import DriftWatch  # noqa: E402

SHORT = {"independent": "indep.", "jitter": "jitter", "jitter of few": "few jit.", "seasonal": "season."}
OURS, OURS_OF_FOUR, OPTIMUM = "ours", "ours, 4 features moved", "optimum, size known"
SIZES = (200, 1000)
SHIFTS = {"1 sd": Shift(1.0), "0.3 sd": Shift(0.3), "0.1 sd": Shift(0.1), "ramp to 1 sd, 48 h": Shift(1.0, 48)}
TARGETS = {(1000, "1 sd"): 2, (200, "1 sd"): 2, (1000, "0.3 sd"): 4, (200, "0.3 sd"): 8, (1000, "0.1 sd"): 24}
MOVED, QUIET_WINDOWS, PATIENCE, PEER_PATIENCE = 4, 48, 14 * DAY, 4 * DAY
REFERENCE_START = 24 * 7 * 2900
"""Hour of a Thursday, at which the reference begins."""
LIVE_START = REFERENCE_START + REFERENCE_DAYS * DAY
PEER_DAYS, SAMPLE_ROWS, LIBRARY_WINDOWS = 10, 20_000, 12


@dataclass(frozen=True)
class Task:
    """One regime and window size with all its seeds."""

    regime: str
    rows: int
    seeds: int
    days: int
    peer_seeds: int


@dataclass
class Outcome:
    """Of one seed: quiet windows that alarm, quiet windows, incidents; windows to the alarm by method and shift."""

    regime: str
    rows: int
    seed: int
    alarmed: dict[str, int] = field(default_factory=dict)
    quiet: dict[str, int] = field(default_factory=dict)
    incidents: int = 0
    delays: dict[tuple[str, str], int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    """One monitor, calibrated on its reference's own days, and for the other methods a sample of the reference."""

    outcome: Outcome
    traffic: Traffic
    watch: DriftWatch
    reference: Reference | None


def run_once(folder: Path | None, task: Task) -> list[Outcome]:
    """The outcomes of a task, kept in a folder if there is one: on a busy machine a run may take several sittings."""
    path = folder / f"{'-'.join(map(str, astuple(task)))}.pickle" if folder else None
    if path and path.exists():
        return pickle.loads(path.read_bytes())
    outcomes = run(task)
    if path:
        path.write_bytes(pickle.dumps(outcomes))
    return outcomes


def run(task: Task) -> list[Outcome]:
    """Reference, quiet stretch, then each shift on a fresh stretch."""
    seeds = [prepare(task, seed) for seed in range(task.seeds)]
    watch_quiet(task, seeds)
    for seed in seeds:
        if seed.reference:
            others_quiet(task, seed, seed.reference)
        for name, shift in SHIFTS.items():
            watch_shift(task, seed, name, shift)
    return [seed.outcome for seed in seeds]


def prepare(task: Task, number: int) -> Seed:
    """Learn the rhythms of a seed's features from 28 days."""
    traffic = Traffic(task.regime, task.rows, number)
    hours = range(REFERENCE_START, LIVE_START)
    parts = [np.stack(part, axis=1) for part in zip(*(traffic.counts(hour) for hour in hours), strict=True)]
    columns = [column for part in parts for column in part]
    watched = [
        Distribution(f"x{index}", "input_drift", tuple(column.sum(axis=0).tolist()), ordered=index < NUMERIC)
        for index, column in enumerate(columns)
    ]
    learned = {
        item.name: Learning.of(item.scores, zip(hours, map(tuple, column.tolist()), strict=True))
        for item, column in zip(watched, columns, strict=True)
    }
    rhythms = learn_rhythms({item.name: item.scores for item in watched}, learned)
    settings = MonitorLimits()
    threshold = log_threshold(tests_of(FEATURES), settings.alarm_budget_per_year)
    limits = DriftLimits(threshold, settings.minimum_effect, settings.null_rows)
    reference = _sample(task, number) if number < task.peer_seeds else None
    watch = DriftWatch(watched, limits, DriftState(rhythms=rhythms))
    return Seed(Outcome(task.regime, task.rows, number), traffic, watch, reference)


def _sample(task: Task, number: int) -> Reference:
    traffic = Traffic(task.regime, SAMPLE_ROWS // (REFERENCE_DAYS * DAY), number)
    return Reference(np.concatenate([traffic.window(hour) for hour in range(REFERENCE_START, LIVE_START)]))


def watch_quiet(task: Task, seeds: list[Seed]) -> None:
    """Nothing happens: every seed's monitor watches, in arrays until one of its features may alarm."""
    screens = [_screen(seeds, kind) for kind in (slice(0, NUMERIC), slice(NUMERIC, FEATURES))]
    by_hand: dict[int, DriftWatch] = {}
    for hour in range(LIVE_START, LIVE_START + task.days * DAY):
        counts = [seed.traffic.counts(hour) for seed in seeds]
        for number, watch in by_hand.items():
            _see(seeds[number].outcome, watch, hour, counts[number])
        suspects: dict[int, bool] = {}
        for kind, screen in enumerate(screens):
            width = len(screen.watched) // len(seeds)
            for stream in screen.see(hour, np.concatenate([item[kind] for item in counts])):
                number = int(stream) // width
                if number not in by_hand and not suspects.get(number):
                    suspects[number] = screen.judge(int(stream))
        for number in (number for number, drifted in suspects.items() if drifted):
            by_hand[number] = _taken_over(seeds[number], number, screens, len(seeds))
            seeds[number].outcome.incidents += 1
            seeds[number].outcome.alarmed[OURS] = seeds[number].outcome.alarmed.get(OURS, 0) + 1
    for seed in seeds:
        seed.outcome.quiet[OURS] = task.days * DAY
        seed.outcome.alarmed.setdefault(OURS, 0)


def _screen(seeds: list[Seed], kind: slice) -> Screen:
    watched = [item for seed in seeds for item in seed.watch.watched[kind]]
    rhythms = [seed.watch.state.rhythms[item.name] for seed in seeds for item in seed.watch.watched[kind]]
    return Screen(watched, rhythms, seeds[0].watch.limits)


def _taken_over(seed: Seed, number: int, screens: list[Screen], seeds: int) -> DriftWatch:
    """The monitor itself from here on, with the histories so far and the incidents that have just opened."""
    streams = [(screen, len(screen.watched) // seeds) for screen in screens]
    held = [screen.history(number * width + index) for screen, width in streams for index in range(width)]
    histories = {item.name: history for item, history in zip(seed.watch.watched, held, strict=True)}
    watch = seed.watch.branch()
    watch.state = replace(watch.state, histories=histories)
    reports = watch.state.check(watch.watched, watch.limits)
    watch.quiet = {report.name: 0 for report in reports if report.drifted}
    return watch


def _see(outcome: Outcome, watch: DriftWatch, hour: int, counts: list[np.ndarray]) -> None:
    was_open = bool(watch.quiet)
    opened = watch.see(hour, _by_name(watch, counts))
    outcome.incidents += bool(opened) and not was_open
    outcome.alarmed[OURS] += any(quiet == 0 for quiet in watch.quiet.values())


def _by_name(watch: DriftWatch, counts: list[np.ndarray]) -> dict[str, tuple[int, ...]]:
    cells = [tuple(item) for part in counts for item in part.tolist()]
    return {item.name: held for item, held in zip(watch.watched, cells, strict=False)}


def others_quiet(task: Task, seed: Seed, reference: Reference) -> None:
    """The other methods on ten quiet days."""
    outcome, detectors = seed.outcome, {name: PerValue(name) for name in VALUE_METHODS}
    for name in (*WINDOW_METHODS, *VALUE_METHODS):
        outcome.alarmed[name], outcome.quiet[name] = 0, PEER_DAYS * DAY
    traffic = Traffic(task.regime, task.rows, seed.outcome.seed)
    for number in range(PEER_DAYS * DAY):
        values = traffic.window(LIVE_START + number)
        compared = Compared(reference, values)
        for name, method in WINDOW_METHODS.items():
            outcome.alarmed[name] += bool(method(compared).any())
        for name, detector in detectors.items():
            outcome.alarmed[name] += detector.alarms(values[:, seed.outcome.seed % NUMERIC])


def watch_shift(task: Task, seed: Seed, name: str, shift: Shift) -> None:
    """Windows until a moved feature is named, the first moved window being 1; None for not in time.

    Ours and the optimum have two weeks, the others, which look at one window or value at a time, four days.
    """
    shifted_at = LIVE_START + QUIET_WINDOWS + 7 * seed.outcome.seed % DAY
    few = replace(seed.watch.branch(), watched=seed.watch.watched[:MOVED])
    reference = seed.reference.first() if seed.reference else None
    traffic = Traffic(task.regime, task.rows, seed.outcome.seed, MOVED)
    detectors = {method: PerValue(method) for method in VALUE_METHODS}
    optimum = Optimum(shift.size, unrest_of_first(task.regime), few.limits.log_threshold)
    told: dict[str, int] = {}
    own = (OURS, OURS_OF_FOUR, *(() if shift.ramp else (OPTIMUM,)))
    methods = (*own, *((*WINDOW_METHODS, *VALUE_METHODS) if reference else ()))
    for hour in range(LIVE_START, shifted_at + PATIENCE):
        since = hour - shifted_at
        values = traffic.window(hour, shift.moved(since) if since >= 0 else 0.0)
        named = few.see(hour, _by_name(few, count(values)))
        found = {OURS: "x0" in named, OURS_OF_FOUR: bool(named)}
        if not shift.ramp:
            found[OPTIMUM] = optimum.see(hour, float(values[:, 0].mean() - traffic.rhythm(hour)[0]), task.rows)
        if reference is not None and since < PEER_PATIENCE:
            found |= others(reference, values[:, :1], detectors)
        for method in (method for method, alarm in found.items() if alarm and since >= 0):
            told.setdefault(method, since + 1)
        if len(told) == len(methods) or (since >= PEER_PATIENCE and told.keys() >= set(own)):
            break
    seed.outcome.delays |= {(method, name): told.get(method) for method in methods}


def others(reference: Reference, values: np.ndarray, detectors: dict[str, PerValue]) -> dict[str, bool]:
    """Which other methods name the feature in this window."""
    compared = Compared(reference, values)
    found = {name: bool(method(compared)[0]) for name, method in WINDOW_METHODS.items()}
    return found | {name: detector.alarms(values[:, 0]) > 0 for name, detector in detectors.items()}


def libraries() -> dict[tuple[str, str, int], float]:
    """Share of quiet windows in which a library's own default alarms, in an environment of its own."""
    shares: dict[tuple[str, str, int], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "windows.npz"
        np.savez(path, allow_pickle=False, **_windows_for_libraries())
        for name in ("evidently", "nannyml"):
            python = environment(name, (*PEERS[name], ARROW))
            if python is None:
                continue
            command = [str(python), str(ROOT / "benchmarks" / "_quiet_libraries.py"), name, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **SILENT})
            if done.returncode:
                print(f"{name} is left out: {done.stderr.strip()[-300:]}")
                continue
            for key, share in json.loads(done.stdout.splitlines()[-1]).items():
                method, regime, rows = key.split("|")
                shares[method, regime, int(rows)] = share
    return shares


SILENT = {"OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}


def _windows_for_libraries() -> dict[str, np.ndarray]:
    held = {}
    for regime in REGIMES:
        for rows in SIZES:
            days = Traffic(regime, SAMPLE_ROWS // (REFERENCE_DAYS * DAY), 0)
            hours = range(REFERENCE_START, LIVE_START)
            held[f"reference|{regime}|{rows}"] = np.concatenate([days.window(hour) for hour in hours])
            live = range(LIVE_START, LIVE_START + LIBRARY_WINDOWS * 2, 2)
            traffic = Traffic(regime, rows, 0)
            held[f"windows|{regime}|{rows}"] = np.stack([traffic.window(hour) for hour in live])
    return held


def main() -> int:
    """Run, print the tables, compare with the targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--days", type=int, default=30, help="quiet days of each seed")
    parser.add_argument("--peer-seeds", type=int, default=3, help="seeds on which the other methods run as well")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, help="folder for the results of each regime, read again by the next run")
    parser.add_argument("--no-libraries", action="store_true", help="without Evidently and NannyML")
    options = parser.parse_args()
    tasks = [
        Task(regime, rows, options.seeds, options.days, options.peer_seeds)
        for regime in ("independent", "seasonal", "jitter", "jitter of few")
        for rows in reversed(SIZES)
    ]
    with Pool(options.processes) as pool:
        outcomes = [
            outcome for found in pool.imap_unordered(partial(run_once, options.keep), tasks) for outcome in found
        ]
    shares = {} if options.no_libraries else libraries()
    print_quiet(outcomes, shares, options)
    print_delays(outcomes)
    return print_misses(outcomes)


def print_quiet(outcomes: list[Outcome], shares: dict[tuple[str, str, int], float], options: Any) -> None:
    """Share of quiet windows that alarm; of ours also incidents in 30 days."""
    print(
        f"{options.seeds} seeds, {options.days} quiet days each (others: {options.peer_seeds} seeds, {PEER_DAYS} days)"
    )
    print("\nshare of quiet windows in which any of 28 features alarms, %; ADWIN and Page-Hinkley: alarms in 30 days")
    columns = [(rows, regime) for rows in SIZES for regime in REGIMES]
    print(f"{'':<28}" + "".join(f"{f'{SHORT[regime]} {rows}':>14}" for rows, regime in columns))
    for method in (OURS, *WINDOW_METHODS):
        cells = [_share(_of(outcomes, regime, rows), method) for rows, regime in columns]
        print(f"{method:<28}" + "".join(f"{cell:>14}" for cell in cells))
    for method in sorted({method for method, _, _ in shares}):
        cells = [f"{100 * shares[method, regime, rows]:.0f}" for rows, regime in columns]
        print(f"{method:<28}" + "".join(f"{cell:>14}" for cell in cells))
    for method in VALUE_METHODS:
        cells = [_alarms_a_month(_of(outcomes, regime, rows), method) for rows, regime in columns]
        print(f"{method:<28}" + "".join(f"{cell:>14}" for cell in cells))
    cells = [_incidents(_of(outcomes, regime, rows)) for rows, regime in columns]
    print(f"{'ours, incidents: mean, worst':<28}" + "".join(f"{cell:>14}" for cell in cells))


def _of(outcomes: list[Outcome], regime: str, rows: int) -> list[Outcome]:
    return [item for item in outcomes if (item.regime, item.rows) == (regime, rows)]


def _share(outcomes: list[Outcome], method: str) -> str:
    held = [item for item in outcomes if method in item.alarmed]
    windows = sum(item.quiet[method] for item in held)
    return f"{100 * sum(item.alarmed[method] for item in held) / windows:.1f}" if windows else "-"


def _alarms_a_month(outcomes: list[Outcome], method: str) -> str:
    held = [item for item in outcomes if method in item.alarmed]
    return f"{sum(item.alarmed[method] for item in held) / max(1, len(held)) * 30 / PEER_DAYS * FEATURES:.0f}"


def _incidents(outcomes: list[Outcome]) -> str:
    found = [item.incidents for item in outcomes]
    return f"{sum(found) / len(found):.2f}, {max(found)}"


def print_delays(outcomes: list[Outcome]) -> None:
    """Median windows until the moved feature is named, by shift; a dash where most seeds never named it."""
    columns = [(rows, regime) for rows in SIZES for regime in REGIMES]
    for name in SHIFTS:
        print(f"\n{name}: median windows until the moved feature itself is named (worst seed)")
        print(f"{'':<28}" + "".join(f"{f'{SHORT[regime]} {rows}':>14}" for rows, regime in columns))
        for method in (OURS, OURS_OF_FOUR, OPTIMUM, *WINDOW_METHODS, *VALUE_METHODS):
            if not any((method, name) in item.delays for item in outcomes):
                continue
            cells = [_delay(_of(outcomes, regime, rows), method, name) for rows, regime in columns]
            print(f"{method:<28}" + "".join(f"{cell:>14}" for cell in cells))


def _median(outcomes: list[Outcome], method: str, shift: str) -> float:
    told = [item.delays[method, shift] for item in outcomes if (method, shift) in item.delays]
    return median([windows if windows is not None else float("inf") for windows in told] or [float("inf")])


def _delay(outcomes: list[Outcome], method: str, shift: str) -> str:
    told = [item.delays[method, shift] for item in outcomes if (method, shift) in item.delays]
    middle = _median(outcomes, method, shift)
    worst = "never" if None in told else str(max(filter(None, told), default=0))
    return f"{middle:g} ({worst})" if middle < float("inf") else "-"


def print_misses(outcomes: list[Outcome]) -> int:
    """Each target beside what was found, by regime and over all; 1 when any regime misses any."""
    print("\ntargets, by regime and over the seeds of all regimes; * is missed")
    print(f"{'':<44}{'target':>8}" + "".join(f"{SHORT[regime]:>10}" for regime in REGIMES) + f"{'all':>10}")
    missed = 0
    for rows in SIZES:
        worst = [max(item.incidents for item in _of(outcomes, regime, rows)) for regime in REGIMES]
        missed += _print_target(f"most false incidents of a seed, {rows} rows", 1, [*worst, max(worst)])
    for (rows, shift), target in TARGETS.items():
        groups = [*(_of(outcomes, regime, rows) for regime in REGIMES), [o for o in outcomes if o.rows == rows]]
        for method in (OURS, OPTIMUM):
            medians = [_median(group, method, shift) for group in groups]
            aim = target if method == OURS else None
            missed += _print_target(f"median windows to {shift}, {rows} rows, {method.split(',')[0]}", aim, medians)
    print(f"{missed} of the targets missed" if missed else "all targets met, in every regime")
    return int(bool(missed))


def _print_target(words: str, target: int | None, found: list[float]) -> int:
    """Print a line; in how many regimes the target is missed (the last of what was found is of all together)."""
    late = [target is not None and value > target for value in found]
    cells = "".join(f"{f'{value:g}' + '*' * miss:>10}" for value, miss in zip(found, late, strict=True))
    print(f"{words:<44}{target if target is not None else '':>8}{cells}")
    return sum(late[:-1])


if __name__ == "__main__":
    sys.exit(main())
