"""Detection delay and false alarms of the monitor over many seeds: `python benchmarks/detection.py [--seeds 20]`.

Rows have the shape of the default data (the telecom generator's subscribers, seen through a month's noise). Each
seed trains a model, builds its baseline, lets quiet hours pass and then branches into the four drift scenarios.
The monitor's own code judges every window; labels come two hours late, as in the default engagement.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "lambdas" / "monitor"), str(ROOT)]

from decide import Case, judge  # noqa: E402 # pyrefly: ignore[missing-import]
from memory import Memory  # noqa: E402 # pyrefly: ignore[missing-import]
from parse import HOUR, Configuration, format_time, parse_time  # noqa: E402 # pyrefly: ignore[missing-import]
from window_data import HourLabels, WindowData  # noqa: E402 # pyrefly: ignore[missing-import]

from seatrial.contracts.schema import Feature, FeatureSchema  # noqa: E402
from seatrial.contracts.serving import Serving  # noqa: E402
from seatrial.decisions.alerting import MonitoringSettings  # noqa: E402
from seatrial.statistics.baseline import Baseline, build_baseline  # noqa: E402
from seatrial.statistics.window import summarise_window  # noqa: E402
from seatrial.telecom import Population, Scenario, TelecomSpec, draw_population  # noqa: E402

CATEGORIES = ("plan", "contract", "region", "age", "device")
CARE = ("billing", "coverage", "device", "other")
FEED = ("drop_rate", "overdue_days")
EXPECTED: dict[Scenario, tuple[str, ...]] = {
    "covariate": ("drift",),
    "prior": ("drift", "quality_loss"),
    "concept": ("quality_loss",),
    "broken_feed": ("schema_violation",),
}
HISTORY_ROWS, TRAINING_ROWS, BASELINE_ROWS = 4000, 2400, 800
LABEL_DELAY_HOURS = 2
RECOVERY_HOURS = 16
START = parse_time("2026-11-01T00:00:00Z")
SERVING = Serving("InService", "arn:aws:sagemaker:eu-central-1:111111111111:model-package/churn/1")


@dataclass(frozen=True)
class Rows:
    """Feature columns in order, and labels."""

    columns: dict[str, np.ndarray]
    labels: np.ndarray

    def matrix(self) -> np.ndarray:
        return np.column_stack([column.astype(float) for column in self.columns.values()])

    def texts(self, start: int, stop: int, broken: bool) -> list[tuple[str, ...]]:
        cut = [
            [""] * (stop - start) if broken and name in FEED else _texts(name, column[start:stop])
            for name, column in self.columns.items()
        ]
        return list(zip(*cut, strict=True))


def _texts(name: str, column: np.ndarray) -> list[str]:
    return [f"{name}-{value}" for value in column] if name in CATEGORIES else [repr(value.item()) for value in column]


@dataclass
class Hour:
    """One window's traffic, kept until its labels are due."""

    rows: list[tuple[str, ...]]
    predictions: list[float]
    labels: list[int]


@dataclass(frozen=True)
class Told:
    """The first alarming window of a stretch: how many windows after its beginning (1 is the first), and what."""

    windows: int
    verdict: str
    sentence: str
    recovery: int | None = None
    """Quiet windows until the incident had cleared; None when it did not within the hours given."""


def observe(people: Population, rng: np.random.Generator) -> Rows:
    """What a month's records tell of the subscribers."""
    size = len(people.position)
    columns = {
        "tenure_months": people.tenure_months,
        "autopay": people.autopay,
        **{name: getattr(people, name) for name in CATEGORIES},
        "voice_calls": rng.poisson(people.calls),
        "data_mb": np.round(people.data_mb * np.exp(rng.normal(0, 0.2, size)), 1),
        "partners": people.partners,
        "trend": np.round(people.trend + rng.normal(0, 0.25, size), 4),
        "overdue_days": people.overdue_days,
        "drop_rate": np.round(np.exp(people.network * 0.5 - 4), 6),
        "invoice_amount": np.round(20 + 15 * people.plan + rng.gamma(2, 4, size), 2),
        "friends_left": people.friends_left,
        **{f"care_{name}": people.care_contacts[:, index] for index, name in enumerate(CARE)},
    }
    return Rows(columns, people.churned)


def draw(seed: int, snapshot: str, subscribers: int, scenario: Scenario = "none") -> Rows:
    """Rows of one snapshot, in random order."""
    people = draw_population(TelecomSpec(subscribers=subscribers, seed=seed, snapshot=snapshot, scenario=scenario))
    rng = np.random.default_rng([seed, len(snapshot)])
    rows = observe(people, rng)
    order = rng.permutation(len(rows.labels))
    return Rows({name: column[order] for name, column in rows.columns.items()}, rows.labels[order])


class World:
    """A trained model, its baseline and the monitor's settings."""

    def __init__(self, seed: int, settings: MonitoringSettings, rows_per_hour: int) -> None:
        self.seed, self.rows_per_hour = seed, rows_per_hour
        history = draw(seed, "history", HISTORY_ROWS)
        model: Any = HistGradientBoostingClassifier(
            max_iter=120, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=30, random_state=0
        )
        model.fit(history.matrix()[:TRAINING_ROWS], history.labels[:TRAINING_ROWS])
        self.model = model
        self.baseline = self._baseline(history)
        self.configuration = Configuration(
            endpoint_name="churn",
            variant_name="primary",
            capture_bucket="capture",
            artifacts_bucket="artifacts",
            state_table="state",
            metric_namespace="Seatrial",
            event_bus_name="default",
            settings=settings,
        )

    def _baseline(self, history: Rows) -> Baseline:
        part = slice(TRAINING_ROWS, TRAINING_ROWS + BASELINE_ROWS)
        kinds = [Feature(name, "categorical" if name in CATEGORIES else "numeric") for name in history.columns]
        rows = history.texts(part.start, part.stop, broken=False)
        scores = self.model.predict_proba(history.matrix()[part])[:, 1].tolist()
        return build_baseline(FeatureSchema(tuple(kinds)), rows, scores, history.labels[part].tolist())

    def hours(self, stretch: str, scenario: Scenario, count: int) -> Iterator[Hour]:
        """Traffic of a stretch, hour by hour."""
        live = draw(self.seed, stretch, count * self.rows_per_hour, scenario)
        broken = scenario == "broken_feed"
        matrix = live.matrix()
        if broken:
            matrix[:, [list(live.columns).index(name) for name in FEED]] = np.nan
        scores = self.model.predict_proba(matrix)[:, 1]
        for start in range(0, count * self.rows_per_hour, self.rows_per_hour):
            part = slice(start, start + self.rows_per_hour)
            rows = live.texts(part.start, part.stop, broken)
            yield Hour(rows, scores[part].tolist(), live.labels[part].tolist())


class Watch:
    """The monitor at work: memory, and the hours whose labels are still to come."""

    def __init__(self, world: World, memory: Memory, passed: list[Hour]) -> None:
        self.world, self.memory, self.passed = world, memory, list(passed)

    def branch(self) -> "Watch":
        """The same monitor, free to see another future."""
        return Watch(self.world, self.memory, self.passed)

    def see(self, hour: Hour) -> dict:
        """Judge one hour; returns the verdict event's detail."""
        window = format_time(START + HOUR * len(self.passed))
        self.passed.append(hour)
        judgement, self.memory = judge(
            Case(
                window=window,
                data=self._data(window, hour),
                baseline=self.world.baseline,
                memory=self.memory,
                serving=SERVING,
                configuration=self.world.configuration,
            )
        )
        return judgement.detail

    def _data(self, window: str, hour: Hour) -> WindowData:
        ids = [f"{window}-{number}" for number in range(len(hour.rows))]
        summary = summarise_window(self.world.baseline, hour.rows, hour.predictions, ids=ids)
        due = len(self.passed) - 1 - LABEL_DELAY_HOURS
        past = format_time(START + HOUR * due)
        if due < 0 or past in self.memory.faulty_hours:
            return WindowData(summary=summary, capture_files=(window,))
        known = self.passed[due]
        labels = HourLabels(len(known.rows), len(known.rows), tuple(known.predictions), tuple(known.labels))
        return WindowData(
            summary=summary, capture_files=(window,), labels={past: labels}, rows=tuple(map(tuple, known.rows))
        )


def first_alarm(watch: Watch, hours: Iterator[Hour]) -> Told | None:
    """Watch until the first verdict that tickets or pages."""
    for number, hour in enumerate(hours, start=1):
        detail = watch.see(hour)
        if detail["severity"] != "none":
            return Told(number, detail["verdict"], detail["sentence"])
    return None


def recovery(watch: Watch, hours: Iterator[Hour]) -> int | None:
    """Quiet windows until no incident is open."""
    for number, hour in enumerate(hours, start=1):
        if watch.see(hour)["incident_id"] is None:
            return number
    return None


def run_scenario(watch: Watch, scenario: Scenario, options: argparse.Namespace) -> Told | None:
    """Drift until it is told, then quiet until the incident clears."""
    world = watch.world
    told = first_alarm(watch, world.hours(scenario, scenario, options.drift))
    after = recovery(watch, world.hours(f"after-{scenario}", "none", RECOVERY_HOURS)) if told else None
    return replace(told, recovery=after) if told else None


def run_seed(seed: int, options: argparse.Namespace) -> tuple[Told | None, dict[Scenario, Told | None], World]:
    """The quiet stretch's false alarm, if any, and what each scenario led to."""
    world = World(seed, MonitoringSettings(), options.rows)
    fresh = Memory(package_arn=SERVING.package_arn, baseline_digest="", since=format_time(START))
    watch = Watch(world, fresh, [])
    false_alarm = first_alarm(watch, world.hours("quiet", "none", options.quiet))
    told: dict[Scenario, Told | None] = {}
    if false_alarm is None:
        for scenario in EXPECTED:
            told[scenario] = run_scenario(watch.branch(), scenario, options)
    return false_alarm, told, world


def main() -> int:
    """Print the table; 1 when a scenario was missed or a quiet stretch was not quiet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--quiet", type=int, default=24, help="quiet windows before each scenario")
    parser.add_argument("--drift", type=int, default=12, help="windows a scenario lasts at most")
    parser.add_argument("--rows", type=int, default=160, help="rows a window")
    parser.add_argument("--details", action="store_true", help="print each alarm's sentence")
    options = parser.parse_args()
    results = [run_seed(seed, options) for seed in range(options.seeds)]
    return _print_table(results, options)


def _print_table(results: list, options: argparse.Namespace) -> int:
    false_alarms = [(seed, alarm) for seed, (alarm, _, _) in enumerate(results) if alarm]
    areas = [world.baseline.quality.auc.area for _, _, world in results]
    print(f"{options.seeds} seeds, windows of {options.rows} rows, {len(results[0][2].baseline.features)} features,")
    print(f"model ROC AUC {min(areas):.2f} to {max(areas):.2f}; {options.quiet} quiet windows, then a scenario\n")
    print(f"quiet stretch: {len(false_alarms)} false alarms in {options.seeds * options.quiet} windows")
    delay = f"{'delay, windows: mean':>22}{'worst':>7}{'cleared after: worst':>22}"
    print(f"\n{'scenario':<14}{'detected':>10}{'as expected':>13}{delay}   verdicts")
    missed = sum(_print_row(scenario, results, options) for scenario in EXPECTED)
    for seed, alarm in false_alarms:
        print(f"  seed {seed}: {alarm}")
    return 1 if missed or false_alarms else 0


def _print_row(scenario: Scenario, results: list, options: argparse.Namespace) -> int:
    told = [branches.get(scenario) for _, branches, _ in results]
    seen = [item for item in told if item]
    right = [item for item in seen if item.verdict in EXPECTED[scenario]]
    verdicts = {name: sum(item.verdict == name for item in seen) for name in sorted({item.verdict for item in seen})}
    mean = f"{np.mean([item.windows for item in seen]):.1f}" if seen else "-"
    worst = max((item.windows for item in seen), default=0)
    share = f"{len(seen)}/{len(told)}"
    cleared = [item.recovery for item in seen]
    recovered = max((item for item in cleared if item), default=0) if all(cleared) else "not all"
    print(f"{scenario:<14}{share:>10}{len(right):>13}{mean:>22}{worst:>7}{recovered:>22}   {verdicts}")
    if options.details:
        for seed, item in enumerate(told):
            print(f"    seed {seed}: {item.windows if item else '-'} {item.sentence[:150] if item else 'missed'}")
    return len(told) - len(right)


if __name__ == "__main__":
    sys.exit(main())
