"""The simulator tells what settings cost: rates within the budget, delays that shrink with the size of a change."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from seatrial.statistics.simulation.alarm_rate import AlarmRate
from seatrial.statistics.simulation.simulator import SimulationSettings, simulate
from seatrial.statistics.simulation.traffic import Change, FeatureStream, cell_shares, labelled


@pytest.mark.parametrize("alarms", [0, 1, 7])
def test_limits_of_rates_are_exact(alarms):
    assert AlarmRate(alarms, 2.0, 3.0).at_most_per_year == pytest.approx(
        stats.chi2.ppf(0.95, 2 * (alarms + 1)) / 2 * 1.5
    )


@pytest.fixture(scope="module")
def quiet():
    return simulate(SimulationSettings(days=3, streams=2, rows_per_window=300, baseline_days=8, seed=1))


def test_a_quiet_stream_alarms_no_one(quiet):
    assert quiet.false_tickets.alarms == quiet.false_pages.alarms == quiet.first_week == 0
    assert quiet.sentence.startswith("independent: expect 0.0 false pages a year (at most ")


def test_larger_changes_are_told_sooner(quiet):
    small, medium, large, ramp = quiet.drift_delays

    assert large.detected_share == medium.detected_share == ramp.detected_share == 1
    assert large.median_windows == 1 <= medium.median_windows < ramp.median_windows
    assert small.median_windows is None or small.median_windows > medium.median_windows
    assert quiet.quality_delays[0].detected_share <= quiet.quality_delays[-1].detected_share == 1


def test_without_a_rhythm_a_strong_season_is_told_at_first_and_learned_after_two_days():
    settings = SimulationSettings(days=9, streams=2, rows_per_window=300, regime="seasonal", seed=3)

    result = simulate(settings)

    assert result.first_week > 0
    assert result.false_tickets.alarms == 0
    assert simulate(replace(settings, unknown_rhythm=0.3)).first_week == 0


def test_a_smaller_budget_makes_the_monitor_no_faster():
    loose, strict = (
        simulate(SimulationSettings(days=1, streams=2, rows_per_window=100, alarm_budget_per_year=budget))
        for budget in (100.0, 0.01)
    )

    pairs = zip(loose.quality_delays, strict.quality_delays, strict=True)
    assert all((a.median_windows or 1e9) <= (b.median_windows or 1e9) for a, b in pairs)


def test_traffic_has_the_regime_that_it_is_named_after():
    rng = np.random.default_rng(1)
    shares = cell_shares(0.5)
    seasonal = FeatureStream("seasonal", 5000, 24, 0.5)
    windows = [counts for _, counts in seasonal.windows(rng, 24, Change())]

    assert shares == pytest.approx(
        np.diff([0, *stats.norm.cdf(stats.norm.ppf(np.arange(1, 10) / 10) - 0.5), 1]), abs=1e-6
    )
    assert sum(windows[6][5:]) > 0.6 * 5000 > 0.4 * 5000 > sum(windows[18][5:])
    assert sum(seasonal.validation(rng, 1234)) == 1234


def test_labels_come_from_the_predictions_unless_they_are_noise():
    rng = np.random.default_rng(2)
    honest, noisy = (np.corrcoef(*labelled(rng, 20_000, noise))[0, 1] for noise in (0.0, 1.0))

    assert honest > 0.5
    assert abs(noisy) < 0.03


def test_settings_without_sense_are_refused():
    with pytest.raises(ValueError, match="features: must be at least 1, got 0"):
        SimulationSettings(features=0)
    with pytest.raises(ValueError, match="regime: must be one of independent, jitter, seasonal, got 'odd'"):
        SimulationSettings(regime="odd")
