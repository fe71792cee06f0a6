"""The false-alarm simulator: the monitor's own tests watch made-up traffic with a customer's settings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

from seatrial.statistics.alarm_budget import log_threshold
from seatrial.statistics.baseline import QualityBaseline
from seatrial.statistics.distribution_check import Distribution, DriftLimits
from seatrial.statistics.drift_state import DriftState
from seatrial.statistics.monitor import tests_of
from seatrial.statistics.quality_check import QualityState, check_quality
from seatrial.statistics.rhythm import CALIBRATED_DAYS, UNKNOWN_WINDOW_DEVIATION, Rhythm
from seatrial.statistics.rhythm_estimate import learn_rhythms
from seatrial.statistics.rhythm_learning import Learning
from seatrial.statistics.simulation.alarm_rate import AlarmRate
from seatrial.statistics.simulation.drift_watch import DriftWatch
from seatrial.statistics.simulation.traffic import AMPLITUDES, REGIMES, Change, FeatureStream, Regime, Window, labelled

DAYS_PER_YEAR = 365.25
QUIET_WINDOWS = 48
PATIENCE_DAYS = 4
NOISES = (0.1, 0.3, 1.0)
CHANGES: Mapping[str, Change] = {
    "one feature moves by 0.1 sd": Change(0.1),
    "one feature moves by 0.3 sd": Change(0.3),
    "one feature moves by 1 sd": Change(1.0),
    "one feature moves to 1 sd within two days": Change(1.0, 48),
}


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """Settings of a monitor, the traffic that it watches, and how long to simulate.

    `streams` features are watched for `days` each; rates are told for all `features`. The baseline is `baseline_rows`
    rows without times, or with `baseline_days` so many days of the traffic itself, whose rhythm is then known from the
    first window. `amplitude` is how far a mean wanders in the regimes "jitter" and "seasonal", in standard deviations;
    None for the regime's own.
    """

    features: int = 28
    rows_per_window: int = 200
    windows_per_day: int = 24
    baseline_rows: int = 2000
    baseline_days: int = 0
    alarm_budget_per_year: float = 1.0
    minimum_effect: float = 0.05
    unknown_rhythm: float = UNKNOWN_WINDOW_DEVIATION
    null_rows: float = 10_000.0
    loss_tolerance: float = 0.1
    auc_tolerance: float = 0.02
    regime: Regime = "independent"
    amplitude: float | None = None
    days: int = 30
    streams: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        whole = ("features", "rows_per_window", "windows_per_day", "baseline_rows", "days", "streams")
        for name in whole:
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)!r}")
        if self.baseline_days < 0:
            raise ValueError(f"baseline_days: must be at least 0, got {self.baseline_days!r}")
        if self.regime not in REGIMES:
            raise ValueError(f"regime: must be one of {', '.join(REGIMES)}, got {self.regime!r}")

    @property
    def log_threshold(self) -> float:
        """What the monitor derives from the budget for this many features."""
        windows = round(self.windows_per_day * DAYS_PER_YEAR)
        return log_threshold(tests_of(self.features), self.alarm_budget_per_year, windows)

    @property
    def stream(self) -> FeatureStream:
        """One feature's traffic."""
        amplitude = AMPLITUDES[self.regime] if self.amplitude is None else self.amplitude
        return FeatureStream(self.regime, self.rows_per_window, self.windows_per_day, amplitude)

    def years(self, days: float) -> float:
        """Years of one stream that this many days of all streams are."""
        return days * self.streams / DAYS_PER_YEAR


@dataclass(frozen=True)
class Delay:
    """How soon a change is told: the share of streams where it was within four days, and windows."""

    change: str
    detected_share: float
    median_windows: float | None
    """From the first window of the change, 1 being that one; None when half of the streams never told."""


@dataclass(frozen=True, kw_only=True)
class SimulationResult:
    """False tickets (input drift) and pages (loss of labelled quality) a year, and delays of true changes.

    `first_week` are false tickets of the first 7 days, while the traffic's rhythm is being learned, of the streams
    watched; `false_tickets` is the rate after them (of all days with a baseline that brings the rhythm). Drift is told
    at the end of the simulated days, of quality from the start.
    """

    regime: Regime
    first_week: int
    false_tickets: AlarmRate
    false_pages: AlarmRate
    drift_delays: tuple[Delay, ...]
    quality_delays: tuple[Delay, ...]

    @property
    def sentence(self) -> str:
        """What the settings cost."""
        pages, tickets = self.false_pages, self.false_tickets
        return (
            f"{self.regime}: expect {pages.per_year:.1f} false pages a year (at most {pages.at_most_per_year:.1f}) "
            f"and {tickets.per_year:.1f} false tickets (at most {tickets.at_most_per_year:.1f}), "
            f"from {tickets.years:.1f} simulated years of a feature; {self.first_week} while the rhythm was learned"
        )


def simulate(settings: SimulationSettings) -> SimulationResult:
    """Let the monitor watch; equal settings give equal results.

    An incident begins the stream anew when it clears. Rates add the streams up as if their incidents never
    overlapped, so they err to the high side. Schema violations are not simulated: they count alike in all regimes.

    >>> result = simulate(SimulationSettings(days=2, streams=1, rows_per_window=100))
    >>> result.false_tickets.alarms, result.drift_delays[2].detected_share
    (0, 1.0)
    """
    seeds = np.random.SeedSequence(settings.seed).spawn(settings.streams)
    streams = [np.random.default_rng(seed) for seed in seeds]
    watch = _watch(settings, streams)
    learned = 0 if settings.baseline_days else min(CALIBRATED_DAYS, settings.days)
    opened = _opened(settings, watch, streams)
    early = sum(day < learned for day in opened)
    watched_days = settings.days - learned or settings.days
    pages = sum(_false_pages(settings, rng) for rng in streams)
    return SimulationResult(
        regime=settings.regime,
        first_week=early if settings.days > learned else 0,
        false_tickets=AlarmRate(
            len(opened) - (early if settings.days > learned else 0), settings.years(watched_days), settings.features
        ),
        false_pages=AlarmRate(pages, settings.years(settings.days)),
        drift_delays=tuple(_drift_delay(settings, watch.branch(), streams, name) for name in CHANGES),
        quality_delays=tuple(_quality_delay(settings, streams, noise) for noise in NOISES),
    )


def _watch(settings: SimulationSettings, streams: list[np.random.Generator]) -> DriftWatch:
    """The monitor before its first window."""
    limits = DriftLimits(settings.log_threshold, settings.minimum_effect, settings.null_rows, settings.unknown_rhythm)
    if not settings.baseline_days:
        counts = [settings.stream.validation(rng, settings.baseline_rows) for rng in streams]
        return DriftWatch(_distributions(counts), limits, DriftState())
    count = settings.baseline_days * settings.windows_per_day
    days = [list(settings.stream.windows(rng, count, Change())) for rng in streams]
    watched = _distributions([tuple(np.sum([cells for _, cells in windows], axis=0).tolist()) for windows in days])
    return DriftWatch(watched, limits, DriftState(rhythms=_rhythms(watched, days)))


def _distributions(counts: list[tuple[int, ...]]) -> list[Distribution]:
    return [Distribution(f"x{number}", "input_drift", item, ordered=True) for number, item in enumerate(counts)]


def _rhythms(watched: list[Distribution], days: list[list[Window]]) -> dict[str, Rhythm]:
    scores = {item.name: item.scores for item in watched}
    learned = {item.name: Learning.of(item.scores, windows) for item, windows in zip(watched, days, strict=True)}
    return learn_rhythms(scores, learned)


def _opened(settings: SimulationSettings, watch: DriftWatch, streams: list[np.random.Generator]) -> list[int]:
    """The days on which an incident opened although nothing happened."""
    count = settings.days * settings.windows_per_day
    traffic = [settings.stream.windows(rng, count, Change()) for rng in streams]
    opened: list[int] = []
    for number, windows in enumerate(zip(*traffic, strict=True)):
        opened += [number // settings.windows_per_day] * len(watch.see(*_by_name(watch, windows)))
    return opened


def _by_name(watch: DriftWatch, windows: Iterable[Window]) -> tuple[int, dict[str, tuple[int, ...]]]:
    held = list(windows)
    return held[0][0], {item.name: counts for item, (_, counts) in zip(watch.watched, held, strict=True)}


def _drift_delay(
    settings: SimulationSettings, watch: DriftWatch, streams: list[np.random.Generator], name: str
) -> Delay:
    """Windows to the first ticket after the change, which comes after two quiet days; a false one before is none."""
    count, first = QUIET_WINDOWS + PATIENCE_DAYS * settings.windows_per_day, settings.days * settings.windows_per_day
    change_at = first + QUIET_WINDOWS
    traffic = [settings.stream.windows(rng, count, CHANGES[name], first=first, change_at=change_at) for rng in streams]
    told: dict[str, int] = {}
    for number, windows in enumerate(zip(*traffic, strict=True)):
        for feature in watch.see(*_by_name(watch, windows)):
            if number >= QUIET_WINDOWS:
                told.setdefault(feature, number - QUIET_WINDOWS + 1)
        if len(told) == len(streams):
            break
    return _delay(name, [told.get(item.name) for item in watch.watched])


def _false_pages(settings: SimulationSettings, rng: np.random.Generator) -> int:
    count = settings.days * settings.windows_per_day
    return len(list(_pages(settings, rng, count, noise_at=count, noise=0.0)))


def _quality_delay(settings: SimulationSettings, streams: list[np.random.Generator], noise: float) -> Delay:
    return _delay(f"{noise:.0%} of the labels become noise", [_page_delay(settings, rng, noise) for rng in streams])


def _page_delay(settings: SimulationSettings, rng: np.random.Generator, noise: float) -> int | None:
    count = QUIET_WINDOWS + PATIENCE_DAYS * settings.windows_per_day
    told = (window for window in _pages(settings, rng, count, QUIET_WINDOWS, noise) if window >= QUIET_WINDOWS)
    return next((window - QUIET_WINDOWS + 1 for window in told), None)


def _pages(
    settings: SimulationSettings, rng: np.random.Generator, count: int, noise_at: int, noise: float
) -> Iterable[int]:
    """Windows at which an incident of quality opens; every row gets its label."""
    baseline = QualityBaseline.of(*labelled(rng, settings.baseline_rows))
    fresh = QualityState.fresh(baseline, settings.loss_tolerance, settings.auc_tolerance)
    state = fresh
    for window in range(count):
        rows = labelled(rng, settings.rows_per_window, noise if window >= noise_at else 0.0)
        report, state = check_quality(state, *rows, settings.log_threshold)
        if report.findings:
            state = fresh
            yield window


def _delay(change: str, told: list[int | None]) -> Delay:
    seen = [windows for windows in told if windows is not None]
    middle = float(median([windows if windows is not None else 10**9 for windows in told]))
    return Delay(change, len(seen) / len(told), middle if middle < 10**8 else None)
