"""The false-alarm simulator: the monitor's own tests watch made-up traffic with a customer's settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import numpy as np

from seatrial.statistics.alarm_budget import log_threshold
from seatrial.statistics.baseline import QualityBaseline
from seatrial.statistics.distribution_check import Distribution, DriftLimits, check_distribution
from seatrial.statistics.distribution_detector import History
from seatrial.statistics.quality_check import QualityState, check_quality
from seatrial.statistics.simulation.alarm_rate import AlarmRate
from seatrial.statistics.simulation.traffic import REGIMES, FeatureStream, Regime, labelled

DAYS_PER_YEAR = 365.25
QUIET_WINDOWS = 48
PATIENCE_DAYS = 4
SHIFTS = (0.1, 0.3, 1.0)
NOISES = (0.1, 0.3, 1.0)


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """Settings of a monitor, the traffic that it watches, and how long to simulate.

    `streams` features are watched for `days` each; rates are told for all `features`. `amplitude` is how far a mean
    wanders in the regimes "jitter" and "seasonal", in standard deviations.
    """

    features: int = 28
    rows_per_window: int = 200
    windows_per_day: int = 24
    baseline_rows: int = 2000
    alarm_budget_per_year: float = 1.0
    minimum_effect: float = 0.1
    null_rows: float = 1000.0
    loss_tolerance: float = 0.1
    auc_tolerance: float = 0.02
    regime: Regime = "independent"
    amplitude: float = 0.1
    days: int = 30
    streams: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        whole = ("features", "rows_per_window", "windows_per_day", "baseline_rows", "days", "streams")
        for name in whole:
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)!r}")
        if self.regime not in REGIMES:
            raise ValueError(f"regime: must be one of {', '.join(REGIMES)}, got {self.regime!r}")

    @property
    def log_threshold(self) -> float:
        """What the monitor derives from the budget for this many features."""
        windows = round(self.windows_per_day * DAYS_PER_YEAR)
        return log_threshold(4 * self.features + 4, self.alarm_budget_per_year, windows)

    @property
    def simulated_years(self) -> float:
        """Years of one stream."""
        return self.days * self.streams / DAYS_PER_YEAR


@dataclass(frozen=True)
class Delay:
    """How soon a change of this size is told: the share of streams where it was within four days, and windows."""

    size: float
    detected_share: float
    median_windows: float | None
    """From the first window of the change, 1 being that one; None when half of the streams never told."""


@dataclass(frozen=True, kw_only=True)
class SimulationResult:
    """False tickets (input drift) and pages (loss of labelled quality) a year, and delays of true changes.

    `drift_delays` are by shift of one feature in standard deviations, `quality_delays` by the share of labels that
    no longer have to do with the prediction.
    """

    false_tickets: AlarmRate
    false_pages: AlarmRate
    drift_delays: tuple[Delay, ...]
    quality_delays: tuple[Delay, ...]

    @property
    def sentence(self) -> str:
        """What the settings cost."""
        pages, tickets = self.false_pages, self.false_tickets
        return (
            f"expect {pages.per_year:.1f} false pages a year (at most {pages.at_most_per_year:.1f}) "
            f"and {tickets.per_year:.1f} false tickets (at most {tickets.at_most_per_year:.1f}), "
            f"from {tickets.years:.1f} simulated years of a feature"
        )


def simulate(settings: SimulationSettings) -> SimulationResult:
    """Let the monitor watch; equal settings give equal results.

    An incident begins the stream anew, as when it clears. Rates add the streams up as if their incidents never
    overlapped, so they err to the high side. Schema violations are not simulated: they count alike in all regimes.

    >>> result = simulate(SimulationSettings(days=2, streams=1, rows_per_window=100))
    >>> result.false_tickets.alarms, result.drift_delays[-1].detected_share
    (0, 1.0)
    """
    seeds = np.random.SeedSequence(settings.seed).spawn(settings.streams)
    streams = [np.random.default_rng(seed) for seed in seeds]
    tickets = sum(_false_tickets(settings, rng) for rng in streams)
    pages = sum(_false_pages(settings, rng) for rng in streams)
    return SimulationResult(
        false_tickets=AlarmRate(tickets, settings.simulated_years, settings.features),
        false_pages=AlarmRate(pages, settings.simulated_years),
        drift_delays=tuple(_delay(shift, [_drift_delay(settings, rng, shift) for rng in streams]) for shift in SHIFTS),
        quality_delays=tuple(_delay(noise, [_page_delay(settings, rng, noise) for rng in streams]) for noise in NOISES),
    )


def _false_tickets(settings: SimulationSettings, rng: np.random.Generator) -> int:
    count = settings.days * settings.windows_per_day
    return len(list(_tickets(settings, rng, count, shift_at=count, shift=0.0)))


def _drift_delay(settings: SimulationSettings, rng: np.random.Generator, shift: float) -> int | None:
    """Windows from the shift to the first ticket after it; a false one before counts as no detection of this."""
    count = QUIET_WINDOWS + PATIENCE_DAYS * settings.windows_per_day
    told = (window for window in _tickets(settings, rng, count, QUIET_WINDOWS, shift) if window >= QUIET_WINDOWS)
    return next((window - QUIET_WINDOWS + 1 for window in told), None)


def _tickets(
    settings: SimulationSettings, rng: np.random.Generator, count: int, shift_at: int, shift: float
) -> Iterable[int]:
    """Windows at which a drift incident opens."""
    stream = FeatureStream(settings.regime, settings.rows_per_window, settings.windows_per_day, settings.amplitude)
    watched = Distribution("x", "input_drift", stream.baseline(rng, settings.baseline_rows), ordered=True)
    limits = DriftLimits(settings.log_threshold, settings.minimum_effect, settings.null_rows)
    history = History()
    for window, counts in enumerate(stream.windows(rng, count, shift_at, shift)):
        history = history.push(counts)
        if check_distribution(watched, history, limits).drifted:
            history = History()
            yield window


def _false_pages(settings: SimulationSettings, rng: np.random.Generator) -> int:
    count = settings.days * settings.windows_per_day
    return len(list(_pages(settings, rng, count, noise_at=count, noise=0.0)))


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


def _delay(size: float, told: list[int | None]) -> Delay:
    seen = [windows for windows in told if windows is not None]
    middle = float(median([windows if windows is not None else 10**9 for windows in told]))
    return Delay(size, len(seen) / len(told), middle if middle < 10**8 else None)
