"""Retraining by the monitor, never and daily, on real streams; KPI anomalies: `python benchmarks/real_streams.py`.

Data: folders `drift` and `kpi/nab` of --data or $SEATRIAL_DATA, or single files with --stream. A stream is played as
50 days of 24 hours; the first five days train the first model. The monitor's, the policy's and the acceptance's own
code decides, with the settings of an engagement that sets nothing. Nothing is tuned to a stream.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # hundreds of small fits: threads cost more than they bring
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import _kpi as kpi  # noqa: E402 # pyrefly: ignore[missing-import]
from _streams import DAYS, HOURS, Stream, read_stream  # noqa: E402 # pyrefly: ignore[missing-import]
from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from seatrial.decisions import acceptance, alerting, retraining  # noqa: E402
from seatrial.monitoring.watch import Judged, Watch  # noqa: E402
from seatrial.monitoring.window_data import WindowData, hour_number  # noqa: E402
from seatrial.statistics.auc import estimate_auc  # noqa: E402
from seatrial.statistics.baseline import Baseline, build_baseline  # noqa: E402
from seatrial.statistics.monitor import Labelled, MonitorLimits  # noqa: E402
from seatrial.statistics.paired.brier import paired_loss  # noqa: E402
from seatrial.statistics.paired.delong import auc_interval, paired_gain  # noqa: E402
from seatrial.statistics.quality_check import LossSums, QualityState  # noqa: E402
from seatrial.statistics.window import summarise_window  # noqa: E402

START, HOUR = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)
FIRST_DAYS = 5
LABEL_DELAY = alerting.MonitoringSettings().label_delay_hours
TRAIN, VALIDATION, TEST = range(3)
SPLITS = ("rows", "blocks", "latest")
NEVER, DAILY, LOSS = "never", "every day", "monitor: quality loss"
NORMAL_95 = 1.645


@dataclass(frozen=True)
class Model:
    """A trained model and the baseline that the monitor compares with."""

    estimator: Any
    baseline: Baseline

    def score(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities of label 1."""
        return self.estimator.predict_proba(rows)[:, 1]


@dataclass
class Played:
    """What a strategy did on a stream: predictions of every row after the first days, and its trainings."""

    name: str
    scores: np.ndarray
    trainings: int = 0
    promoted: int = 0
    incidents: list[set[str]] = field(default_factory=list)
    """Conditions of the incidents open after each hour."""


class Monitor:
    """The monitor of one model, and hours whose labels are still to come."""

    def __init__(self, baseline: Baseline) -> None:
        self.watch = Watch(baseline, MonitorLimits())
        self.waiting: list[Labelled] = []

    def see(self, hour: int, rows: Sequence[Sequence[str]], scores: Sequence[float], labels: Sequence[int]) -> Judged:
        """Judge one hour; its labels are known LABEL_DELAY hours later."""
        start = START + HOUR * hour
        self.waiting.append(Labelled(scores, labels, rows, hour_number(start)))
        due = self.waiting.pop(0) if len(self.waiting) > LABEL_DELAY else Labelled()
        summary = summarise_window(self.watch.baseline, rows, scores)
        return self.watch.judge(WindowData(start=start, summary=summary, labelled=due, files=1))


class Trainer:
    """Trains on the newest labelled rows, always as many as the first training had."""

    def __init__(self, stream: Stream, algorithm: str, days: int, split: str = "rows") -> None:
        self.stream, self.algorithm, self.days, self.split = stream, algorithm, days, split
        self.folds, self.bounds = stream.block_folds() if split == "blocks" else stream.folds(), stream.hours()

    def train(self, labelled: int) -> Model | None:
        """A model of the days before row `labelled`, None when they hold one label alone."""
        train, validation, _ = self._parts(labelled)
        labels = self.stream.labels
        if len(set(labels[train])) < 2:
            return None
        estimator = _estimator(self.algorithm).fit(self.stream.matrix[train], labels[train])
        model = Model(estimator, None)  # type: ignore[arg-type]
        scores = model.score(self.stream.matrix[validation])
        texts = [self.stream.texts[row] for row in validation]
        baseline = build_baseline(self.stream.schema, texts, scores.tolist(), labels[validation].tolist())
        return replace(model, baseline=baseline)

    def data(self, hour: int, newest: int) -> retraining.TrainingData:
        """What a training at this hour would find, the last one having seen rows before `newest`."""
        labelled = int(self.bounds[hour - LABEL_DELAY])
        rows = min(labelled, self.days * self.stream.day_rows)
        return retraining.TrainingData("s3://raw/", rows, START + HOUR * hour, fresh_rows=min(rows, labelled - newest))

    def better(self, challenger: Model, champion: Model, labelled: int) -> bool:
        """The pipeline's own comparison on test rows that neither was trained on."""
        test = self._parts(labelled)[TEST]
        labels = self.stream.labels[test].astype(float)
        if len(set(labels)) < 2:
            return False
        inputs = self.stream.matrix[test]
        ours, theirs = challenger.score(inputs), champion.score(inputs)
        paired, loss = paired_gain(labels, ours, theirs), paired_loss(labels, ours, theirs)
        compared = acceptance.Comparison(
            gain=paired.gain,
            p_no_gain=paired.p_no_gain,
            champion_profit=0.0,
            champion_brier=float(((theirs - labels) ** 2).mean()),
            brier_increase=loss.difference,
            brier_increase_low=loss.low,
            brier_increase_high=loss.high,
        )
        evidence = acceptance.Evidence(
            auc=auc_interval(labels, ours).auc, profit=0.0, comparison=compared, latency_milliseconds=0.0
        )
        return acceptance.accept(evidence, acceptance.AcceptanceSettings(minimum_auc=0.5)).accepted

    def _parts(self, labelled: int) -> list[np.ndarray]:
        """Rows to train on, to validate with and to test with, of the newest days."""
        rows = np.arange(max(0, labelled - self.days * self.stream.day_rows), labelled)
        if self.split == "latest":
            return np.split(rows, [int(0.6 * len(rows)), int(0.8 * len(rows))])
        return [rows[self.folds[rows] == fold] for fold in (TRAIN, VALIDATION, TEST)]


def _estimator(algorithm: str) -> Any:
    if algorithm == "logistic":
        return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500))
    return HistGradientBoostingClassifier(max_iter=100, learning_rate=0.06, max_leaf_nodes=8, random_state=0)


class Policy:
    """The retraining policy at work: what it remembers."""

    def __init__(self, settings: retraining.RetrainingSettings) -> None:
        self.settings, self.state = settings, retraining.RetrainingState()

    def asks(self, verdict: str, sentence: str, hour: int, data: retraining.TrainingData) -> bool:
        """Whether a verdict starts a training now; every verdict is remembered for a while, as its event is."""
        now = START + HOUR * (hour + 1)
        trigger = retraining.Trigger(verdict, f"{verdict}:{hour}", now, sentence)
        alarms = tuple(alarm for alarm in self.state.alarms if alarm[1] > now - timedelta(days=1))
        self.state = replace(self.state, alarms=(*alarms, (verdict, now)))
        if retraining.decide(trigger, self.state, data, self.settings).action != "start":
            return False
        starts = tuple(start for start in self.state.starts if start > now - timedelta(days=31))
        self.state = replace(self.state, starts=(*starts, now), last_data_as_of=data.as_of)
        return True

    def outcome(self, gained: bool) -> None:
        """Note how the run ended."""
        runs = 0 if gained else self.state.runs_without_gain + 1
        self.state = replace(self.state, runs_without_gain=runs)


def play_fixed(stream: Stream, trainer: Trainer, first: Model, name: str, hours: list[int]) -> Played:
    """Train at these hours; a challenger that is no better does not serve."""
    bounds, model = stream.hours(), first
    played = Played(name, np.full(bounds[-1], np.nan))
    for hour in range(FIRST_DAYS * HOURS, DAYS * HOURS):
        if hour in hours:
            model = _challenge(trainer, model, hour, played)
        part = slice(bounds[hour], bounds[hour + 1])
        played.scores[part] = model.score(stream.matrix[part])
    return played


def play_watched(stream: Stream, trainer: Trainer, first: Model, name: str, triggers: tuple[str, ...]) -> Played:
    """The monitor judges every hour; its verdict goes to the policy, as the verdict event does."""
    bounds, model = stream.hours(), first
    policy = Policy(retraining.RetrainingSettings(triggers=triggers))
    monitor, newest = Monitor(model.baseline), int(bounds[FIRST_DAYS * HOURS])
    played = Played(name, np.full(bounds[-1], np.nan))
    for hour in range(FIRST_DAYS * HOURS, DAYS * HOURS):
        part = slice(bounds[hour], bounds[hour + 1])
        played.scores[part] = model.score(stream.matrix[part])
        judged = monitor.see(hour, stream.texts[part], played.scores[part].tolist(), stream.labels[part].tolist())
        decision = judged.decision
        played.incidents.append({incident.condition for incident in decision.incidents})
        data = trainer.data(hour + 1, newest)
        if policy.asks(decision.verdict, decision.sentence, hour, data):
            newest = int(bounds[hour + 1 - LABEL_DELAY])
            before, model = model, _challenge(trainer, model, hour + 1, played)
            policy.outcome(model is not before)
            monitor = monitor if model is before else Monitor(model.baseline)
    return played


def _challenge(trainer: Trainer, champion: Model, hour: int, played: Played) -> Model:
    labelled = int(trainer.bounds[hour - LABEL_DELAY])
    played.trainings += 1
    challenger = trainer.train(labelled)
    if challenger is None or not trainer.better(challenger, champion, labelled):
        return champion
    played.promoted += 1
    return challenger


def figures(stream: Stream, played: Played) -> dict[str, float]:
    """Accuracy, mean of the days' AUC, and Brier loss of all rows after the first days."""
    known = np.flatnonzero(np.isfinite(played.scores))
    scores, labels = played.scores[known], stream.labels[known]
    days = np.array_split(np.arange(len(known)), DAYS - FIRST_DAYS)
    areas = [estimate_auc(scores[day].tolist(), labels[day].tolist()) for day in days]
    return {
        "accuracy": float(((scores >= 0.5) == labels).mean()),
        "auc": float(np.mean([area.area for area in areas if area])),
        "brier": float(((scores - labels) ** 2).mean()),
    }


def spread(count: int) -> list[int]:
    """As many hours, evenly spread over the days after the first."""
    return [round(hour) for hour in np.linspace(FIRST_DAYS * HOURS, DAYS * HOURS, count + 2)[1:-1]]


def play(stream: Stream, algorithm: str, split: str) -> tuple[Model, list[Played]]:
    """The first model and all strategies on one stream; the last only watches that model."""
    trainer = Trainer(stream, algorithm, FIRST_DAYS, split)
    start = FIRST_DAYS * HOURS
    first = trainer.train(int(trainer.bounds[start]))
    if first is None:
        raise ValueError(f"{stream.name}: the first days hold one label alone")
    never = play_fixed(stream, trainer, first, NEVER, [])
    daily = play_fixed(stream, trainer, first, DAILY, list(range(start + HOURS, DAYS * HOURS, HOURS)))
    loss = play_watched(stream, trainer, first, LOSS, ("quality_loss",))
    evenly = play_fixed(stream, trainer, first, "as often, evenly spread", spread(loss.trainings))
    drift = play_watched(stream, trainer, first, "monitor: input drift", ("drift",))
    return first, [never, daily, loss, evenly, drift, play_watched(stream, trainer, first, "watched", ())]


def harm(stream: Stream, never: Played, daily: Played) -> np.ndarray:
    """Days on which the first model's Brier loss was above that of the model trained daily, by a paired test at 5 %."""
    told = []
    for rows in _days(stream):
        labels = stream.labels[rows]
        worse = (never.scores[rows] - labels) ** 2 - (daily.scores[rows] - labels) ** 2
        told.append(worse.mean() > NORMAL_95 * worse.std() / np.sqrt(len(worse)))
    return np.array(told)


def above_limit(stream: Stream, never: Played, first: Model) -> np.ndarray:
    """Days on which the first model's loss was above one of the limits that a page of quality loss goes by."""
    limits = MonitorLimits()
    state = QualityState.fresh(first.baseline.quality, limits.loss_tolerance, limits.auc_tolerance)
    told = []
    for rows in _days(stream):
        sums = LossSums.of(never.scores[rows].tolist(), stream.labels[rows].tolist())
        lost = sums.brier > state.brier.limit * sums.rows
        told.append(lost or bool(state.ranking and sums.misordered > state.ranking.limit * sums.pairs))
    return np.array(told)


def _days(stream: Stream) -> list[np.ndarray]:
    size = stream.day_rows
    return [np.arange(day * size, (day + 1) * size) for day in range(FIRST_DAYS, DAYS)]


def print_stream(stream: Stream, algorithm: str, split: str) -> bool:
    """Print the stream's table; whether a training for a loss gained at least what a daily one did."""
    print(f"\n{stream.name}: {len(stream.labels):,} rows, {len(stream.schema.features)} features, ", end="")
    print(f"{stream.labels.mean():.0%} {stream.positive}, a day is {stream.day_rows} rows; {algorithm}")
    print(
        f"{'retraining':<26}{'trainings':>10}{'promoted':>10}{'accuracy':>10}{'AUC':>8}{'Brier':>8}{'points/training':>17}"
    )
    first, (*strategies, watched) = play(stream, algorithm, split)
    told = {played.name: figures(stream, played) for played in strategies}
    gains = {}
    for played in strategies:
        gains[played.name] = gain = _gain(told[NEVER], told[played.name], played.trainings)
        shown = "-" if gain is None else f"{gain:+.3f}"
        line = "".join(
            f"{told[played.name][name]:>{width}.4f}" for name, width in (("accuracy", 10), ("auc", 8), ("brier", 8))
        )
        print(f"{played.name:<26}{played.trainings:>10}{played.promoted:>10}{line}{shown:>17}", flush=True)
    never, daily, *_ = strategies
    _print_harm(watched, harm(stream, never, daily), above_limit(stream, never, first))
    return gains[LOSS] is None or gains[LOSS] >= (gains[DAILY] or 0.0)


def _gain(never: dict[str, float], told: dict[str, float], trainings: int) -> float | None:
    """Percentage points of accuracy gained for each training."""
    return (told["accuracy"] - never["accuracy"]) / trainings * 100 if trainings else None


def _print_harm(watched: Played, harmed: np.ndarray, lost: np.ndarray) -> None:
    print(f"  first model: {harmed.mean():.0%} of {len(harmed)} days harmed, {lost.mean():.0%} above a limit of loss")
    for condition, words in (("drift", "tickets of drift"), ("quality_loss", "pages of quality loss")):
        hours = np.array([condition in open_now for open_now in watched.incidents])
        opened = int(np.sum(hours[1:] & ~hours[:-1]) + hours[0])
        days = hours.reshape(-1, HOURS).any(axis=1)
        shares = f", of them {harmed[days].mean():.0%} harmed, {lost[days].mean():.0%} above" if opened else ""
        print(f"  {words}: {opened} opened, open on {int(days.sum())} days{shares}")


def print_splits(stream: Stream, algorithm: str) -> None:
    """How true a validated loss is of the five days that follow, for models trained each day, by what is held out."""
    for split in SPLITS:
        trainer, told = Trainer(stream, algorithm, FIRST_DAYS, split), []
        for day in range(FIRST_DAYS, DAYS):
            labelled = int(trainer.bounds[day * HOURS - (LABEL_DELAY if day > FIRST_DAYS else 0)])
            if (model := trainer.train(labelled)) is not None:
                rows = slice(*trainer.bounds[[day * HOURS, min(day + FIRST_DAYS, DAYS) * HOURS]])
                later = float(((model.score(stream.matrix[rows]) - stream.labels[rows]) ** 2).mean())
                quality = model.baseline.quality
                limit = QualityState.fresh(quality, MonitorLimits().loss_tolerance, 0.0).brier.limit
                told.append((quality.brier, later, later / quality.brier, later > limit))
        validated, later, _, above = np.mean(told, axis=0)
        ratio = np.median([item[2] for item in told])
        line = f"{validated:>12.4f}{later:>12.4f}{ratio:>10.2f}{above:>10.0%}"
        print(f"{stream.name if split == SPLITS[0] else '':<50}{split:>8}{line}", flush=True)


def print_kpis(series: list[kpi.Series]) -> None:
    """Alarms, delays and false alarms on metrics with labelled anomalies."""
    print(
        "\nmetrics with labelled anomalies, watched as one input each: told spans, median delay in hours, false alarms"
    )
    print(f"{'series':<40}{'days':>6}{'spans':>7}{'monitor':>20}{'beyond 3 deviations':>24}")
    for one in series:
        scores = [kpi.score(one, watch(one)) for watch in (kpi.watched, kpi.beyond)]
        cells = [
            f"{len(item.delays)} ({np.median(item.delays):.0f} h), {item.false_alarms}"
            if item.delays
            else f"0, {item.false_alarms}"
            for item in scores
        ]
        print(f"{one.name:<40}{scores[0].days:>6.0f}{scores[0].spans:>7}{cells[0]:>20}{cells[1]:>24}", flush=True)


def main() -> int:
    """Print the tables; 1 when a training for a loss gained less than a daily one on some stream."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SEATRIAL_DATA"), help="folder with drift/ and kpi/nab/"
    )
    parser.add_argument("--stream", type=Path, action="append", default=[], help="a CSV in order of time (.gz or not)")
    parser.add_argument("--split", choices=SPLITS, default=SPLITS[0], help="what is held out")
    parser.add_argument("--splits", action="store_true", help="only how true validation is with each split")
    parser.add_argument("--model", choices=("boosting", "logistic"), default="boosting")
    options = parser.parse_args()
    if not options.stream and options.data is None:
        print("skipped: no data; name a folder with --data or SEATRIAL_DATA, or a file with --stream")
        return 0
    files: list[Path] = options.stream
    series: list[kpi.Series] = []
    if not files:
        folder = Path(options.data)
        files = sorted((folder / "drift").glob("*.csv*"))
        series = kpi.read_series(folder / "kpi" / "nab") if (folder / "kpi" / "nab").is_dir() else []
    streams = [*map(read_stream, files), *map(kpi.forecast, series)]
    if options.splits:
        head = f"{'validated':>12}{'next days':>12}{'ratio':>10}{'above':>10}"
        print(f"Brier loss validated and of the next five days{'held out':>12}{head}")
        for stream in streams:
            print_splits(stream, options.model)
        return 0
    missed = [stream.name for stream in streams if not print_stream(stream, options.model, options.split)]
    if series and options.split == SPLITS[0]:
        print_kpis(series)
    less = ", ".join(missed) or "none"
    print(f"\n{len(streams)} streams; a training for a loss gained less than a daily one on: {less}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
