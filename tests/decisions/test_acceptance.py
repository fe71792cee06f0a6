"""Acceptance: each rule with its sentence, and gates that stay closed whatever is put in place of a number."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.decisions.acceptance import AcceptanceSettings, Comparison, Evidence, SegmentQuality, accept

SETTINGS = AcceptanceSettings()
COMPARED = Comparison(
    gain=0.02,
    gain_low=0.005,
    gain_high=0.035,
    p_no_gain=0.01,
    champion_profit=4.0,
    champion_brier=0.12,
    brier_increase=-0.004,
    brier_increase_low=-0.007,
    brier_increase_high=-0.001,
)
GOOD = Evidence(auc=0.8, auc_low=0.77, auc_high=0.83, profit=4.2, comparison=COMPARED, latency_milliseconds=3.0)
SENIORS = SegmentQuality(feature="age_band", value="65+", rows=80, auc=0.41, low=0.34, high=0.48)
NO_NUMBERS = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, None, "0.99", "NaN", True, [0.9], {}]), st.text(max_size=5)
)


def test_a_challenger_that_is_better_in_everything_is_accepted_with_its_gain() -> None:
    found = accept(GOOD, SETTINGS)

    assert found.accepted
    assert found.reasons == (
        "gain in AUC +0.0200 (+0.0050 to +0.0350) on the same rows",
        "Brier loss -0.0040 (-0.0070 to -0.0010) against the champion's",
    )


def test_what_is_exactly_at_every_limit_is_accepted_and_what_is_beyond_one_is_not() -> None:
    at = replace(
        GOOD,
        auc=SETTINGS.minimum_auc,
        profit=COMPARED.champion_profit + SETTINGS.minimum_profit_gain,
        latency_milliseconds=SETTINGS.maximum_latency_milliseconds,
        shared_churners=SETTINGS.maximum_shared_share,
        telling_features=(("tenure", SETTINGS.maximum_single_feature_auc),),
        segments=(replace(SENIORS, high=SETTINGS.minimum_segment_auc),),
        comparison=replace(
            COMPARED,
            gain=SETTINGS.minimum_gain,
            p_no_gain=SETTINGS.significance,
            brier_increase_high=SETTINGS.maximum_brier_increase * COMPARED.champion_brier,
        ),
    )
    beyond = [
        replace(at, auc=at.auc - 1e-9),
        replace(at, profit=at.profit - 1e-9),
        replace(at, latency_milliseconds=at.latency_milliseconds + 1e-9),
        replace(at, shared_others=at.shared_churners + 1e-9),
        replace(at, telling_features=(("tenure", SETTINGS.maximum_single_feature_auc + 1e-9),)),
        replace(at, segments=(replace(SENIORS, high=SETTINGS.minimum_segment_auc - 1e-9),)),
        replace(at, comparison=replace(at.comparison, gain=SETTINGS.minimum_gain - 1e-9)),
        replace(at, comparison=replace(at.comparison, p_no_gain=SETTINGS.significance + 1e-9)),
        replace(at, comparison=replace(at.comparison, brier_increase_high=at.comparison.brier_increase_high + 1e-9)),
    ]

    objections = [accept(evidence, SETTINGS).objections for evidence in (at, *beyond)]

    assert [len(found) for found in objections] == [0, *[1] * len(beyond)]


def test_a_significance_of_one_asks_for_no_proof() -> None:
    unproven = replace(GOOD, comparison=replace(COMPARED, p_no_gain=math.nan))

    assert accept(unproven, replace(SETTINGS, significance=1.0)).accepted
    assert not accept(unproven, SETTINGS).accepted


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (replace(GOOD, auc=0.6), "ROC AUC 0.6000 (0.7700 to 0.8300) misses the minimum 0.6500"),
        (
            replace(GOOD, comparison=replace(COMPARED, gain=-0.01, p_no_gain=0.9)),
            "gain in AUC -0.0100 (+0.0050 to +0.0350) misses the minimum +0.0000",
        ),
        (
            replace(GOOD, comparison=replace(COMPARED, p_no_gain=0.2)),
            "the gain may be chance: p = 0.200, at most 0.05 is asked (DeLong's paired test on the same rows)",
        ),
        (
            replace(
                GOOD,
                comparison=replace(COMPARED, brier_increase=0.02, brier_increase_low=0.012, brier_increase_high=0.028),
            ),
            "Brier loss +0.0200 (+0.0120 to +0.0280) against the champion's 0.1200: an increase above 0.0060",
        ),
        (
            replace(
                GOOD,
                comparison=replace(
                    COMPARED, brier_increase=0.001, brier_increase_low=-0.007, brier_increase_high=0.009
                ),
            ),
            "an increase above 0.0060 (5%) cannot be ruled out, so its probabilities may mislead",
        ),
        (
            replace(GOOD, profit=3.9),
            "expected profit, 3.90 a subscriber against the champion's 4.00, misses the minimum gain +0.00",
        ),
        (
            replace(GOOD, comparison=Comparison(failure="it needs columns ['tariff']")),
            "champion: not comparable, so the challenger is not accepted: it needs columns ['tariff']",
        ),
        (
            replace(GOOD, segments=[SENIORS]),
            "age_band = 65+: ROC AUC 0.4100 (0.3400 to 0.4800, 80 rows) is below the floor 0.5000",
        ),
        (
            replace(GOOD, latency_milliseconds=900.0),
            "a single row takes 900.0 ms (95th percentile), at most 250 ms are allowed",
        ),
        (replace(GOOD, shared_ids=3), "leakage: 3 subscribers of the test split are in the training data as well"),
        (
            replace(GOOD, shared_churners=0.9),
            "leakage: 90.0% of the churners and 0.0% of the others in the test split stand in the training data under",
        ),
        (
            replace(GOOD, telling_features=[("closed_at", 0.999)]),
            "leakage: 'closed_at' alone reaches ROC AUC 0.9990, above 0.9800: it knows the answer; leave it out",
        ),
    ],
)
def test_one_objection_is_enough_and_says_why(evidence: Evidence, sentence: str) -> None:
    found = accept(evidence, SETTINGS)

    assert not found.accepted
    assert sentence in found.objections[0]


def test_a_small_segment_whose_interval_reaches_the_floor_does_not_object() -> None:
    assert accept(replace(GOOD, segments=[replace(SENIORS, high=0.51)]), SETTINGS).accepted


def test_without_a_champion_neither_gain_nor_profit_is_asked_for() -> None:
    assert accept(replace(GOOD, comparison=None), SETTINGS).reasons == ("no champion serves yet",)


def test_the_paired_test_can_be_left_out() -> None:
    compared = replace(COMPARED, p_no_gain=0.9)

    assert accept(replace(GOOD, comparison=compared), replace(SETTINGS, significance=1.0)).accepted


def test_calibration_can_be_left_out_where_only_ranks_count() -> None:
    compared = replace(COMPARED, brier_increase=0.2, brier_increase_low=0.1, brier_increase_high=0.3)

    assert accept(replace(GOOD, comparison=compared), replace(SETTINGS, maximum_brier_increase=1.0)).accepted


@given(NO_NUMBERS, st.sampled_from(["auc", "profit", "latency_milliseconds", "shared_churners", "shared_others"]))
def test_f19_what_is_no_finite_number_closes_the_gate(value: object, name: str) -> None:
    found = accept(replace(GOOD, **{name: value}), SETTINGS)

    assert not found.accepted
    assert f"must be a finite number, got {value!r}" in " ".join(found.objections)


@given(
    NO_NUMBERS,
    st.sampled_from(
        [
            "gain",
            "p_no_gain",
            "champion_profit",
            "champion_brier",
            "brier_increase",
            "brier_increase_low",
            "brier_increase_high",
        ]
    ),
)
def test_f19_nor_does_a_comparison_that_is_none(value: object, name: str) -> None:
    assert not accept(replace(GOOD, comparison=replace(COMPARED, **{name: value})), SETTINGS).accepted


@given(st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1), st.tuples(*[st.floats(0, 100)] * 2), st.floats(-0.3, 0.3))
def test_whoever_is_accepted_meets_every_bound(
    auc: float, gain: float, p: float, profits: tuple[float, float], brier: float
) -> None:
    ours, theirs = profits
    compared = replace(COMPARED, gain=gain, p_no_gain=p, champion_profit=theirs, brier_increase_high=brier)

    found = accept(replace(GOOD, auc=auc, profit=ours, comparison=compared), SETTINGS)

    assert found.accepted == (auc >= 0.65 and gain >= 0 and p <= 0.05 and ours >= theirs and brier <= 0.05 * 0.12)


@given(st.floats(0, 0.25), st.floats(-0.25, 0.25), st.floats(0, 0.1), st.floats(0, 0.99), st.floats(0, 0.99))
def test_a_wider_margin_never_refuses_whom_a_narrower_one_accepts(
    champion: float, increase: float, error: float, one: float, other: float
) -> None:
    bounds = {"brier_increase_low": increase - error, "brier_increase_high": increase + error}
    compared = replace(COMPARED, champion_brier=champion, brier_increase=increase, **bounds)

    narrow, wide = (
        accept(replace(GOOD, comparison=compared), replace(SETTINGS, maximum_brier_increase=share)).accepted
        for share in sorted((one, other))
    )

    assert wide or not narrow
