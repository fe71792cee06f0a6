"""Whether a challenger may be registered: quality, gain, probabilities, profit, fairness, latency, leakage."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class AcceptanceSettings:
    """What an engagement asks of a new model; `training.acceptance` and `training.leakage` in its file."""

    minimum_auc: float = 0.65
    minimum_gain: float = 0.0
    significance: float = 0.05
    maximum_brier_increase: float = 0.05
    minimum_profit_gain: float = 0.0
    minimum_segment_auc: float = 0.5
    maximum_latency_milliseconds: float = 250.0
    maximum_shared_share: float = 0.05
    maximum_single_feature_auc: float = 0.98


@dataclass(frozen=True, kw_only=True)
class SegmentQuality:
    """AUC of the challenger within one category, with its 95 % interval."""

    feature: str
    value: str
    rows: int
    auc: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Challenger against champion on the same rows; `failure` says why they could not be compared.

    `p_no_gain` is the chance of such a gain, or a larger one, if there were none; profits are for a subscriber.
    `brier_increase` is the challenger's mean squared error of probabilities less the champion's,
    `brier_increase_low` and `brier_increase_high` are its one-sided 95 % bounds.
    """

    failure: str | None = None
    gain: Any = None
    gain_low: float = math.nan
    gain_high: float = math.nan
    p_no_gain: Any = None
    champion_profit: Any = None
    champion_brier: Any = None
    brier_increase: Any = None
    brier_increase_low: Any = None
    brier_increase_high: Any = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was measured; values may be anything, and what is not a finite number objects."""

    auc: Any
    auc_low: float = math.nan
    auc_high: float = math.nan
    profit: Any = None
    comparison: Comparison | None = None
    """None while no champion serves."""
    segments: Sequence[SegmentQuality] = ()
    latency_milliseconds: Any = None
    shared_ids: int = 0
    shared_churners: Any = 0.0
    shared_others: Any = 0.0
    telling_features: Sequence[tuple[str, float]] = ()
    """Every feature with the AUC that it reaches alone."""


@dataclass(frozen=True)
class Acceptance:
    """`beats_champion` is False also where the comparison failed; `remarks` hold what was in order."""

    accepted: bool
    beats_champion: bool
    objections: tuple[str, ...]
    remarks: tuple[str, ...] = field(default=())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Objections first: a message that is cut short loses what was in order."""
        return (*self.objections, *self.remarks)


def accept(evidence: Evidence, settings: AcceptanceSettings) -> Acceptance:
    """Apply every rule; one objection is enough, all are told.

    >>> accept(Evidence(auc=0.8, profit=2.0, latency_milliseconds=3.0), AcceptanceSettings()).reasons
    ('no champion serves yet',)
    >>> accept(Evidence(auc=float("nan"), profit=2.0, latency_milliseconds=3.0), AcceptanceSettings()).objections
    ('ROC AUC must be a finite number, got nan',)
    """
    against = tuple(_comparison(evidence, settings))
    before = [sentence for rule in (_leakage, _quality) for sentence in rule(evidence, settings)]
    after = [sentence for rule in (_segments, _latency) for sentence in rule(evidence, settings)]
    objections = (*before, *against, *after)
    return Acceptance(not objections, not against, objections, tuple(_remarks(evidence)))


def _quality(evidence: Evidence, settings: AcceptanceSettings) -> Iterator[str]:
    auc = evidence.auc
    if (problem := _problem("ROC AUC", auc)) is not None:
        yield problem
    elif auc < settings.minimum_auc:
        interval = f"({evidence.auc_low:.4f} to {evidence.auc_high:.4f})"
        yield f"ROC AUC {auc:.4f} {interval} misses the minimum {settings.minimum_auc:.4f}"


def _comparison(evidence: Evidence, settings: AcceptanceSettings) -> Iterator[str]:
    compared = evidence.comparison
    if compared is None:
        return
    if compared.failure is not None:
        yield f"champion: not comparable, so the challenger is not accepted: {compared.failure}"
        return
    if (problem := _problem("gain in AUC", compared.gain)) is not None:
        yield problem
    elif compared.gain < settings.minimum_gain:
        yield f"{_gain(compared)} misses the minimum {settings.minimum_gain:+.4f}"
    if settings.significance < 1:
        yield from _doubtful(compared, settings.significance)
    if settings.maximum_brier_increase < 1:
        yield from _calibration(compared, settings.maximum_brier_increase)
    yield from _profit(evidence.profit, compared.champion_profit, settings.minimum_profit_gain)


def _doubtful(compared: Comparison, significance: float) -> Iterator[str]:
    if (problem := _problem("p-value of the gain", compared.p_no_gain)) is not None:
        yield problem
    elif compared.p_no_gain > significance:
        chance = f"p = {compared.p_no_gain:.3f}, at most {significance:g} is asked"
        yield f"the gain may be chance: {chance} (DeLong's paired test on the same rows)"


def _calibration(compared: Comparison, share: float) -> Iterator[str]:
    """The challenger has to show that its probabilities are not worse than the champion's by more than a margin.

    A test of non-inferiority (Blackwelder, Controlled Clinical Trials 3, 1982) of the mean Brier loss (Brier, 1950),
    which is least for the true probabilities: the order of scores, which AUC and profit go by, says nothing about them.
    A model trained with class weights or on resampled classes (XGBoost's `scale_pos_weight`) orders well and claims too
    much: it is refused here while a calibrated one serves. A share of churners that changed since the champion was
    trained counts against the champion, as it should: both are measured on the rows of now. Whoever acts on ranks alone
    sets `maximum_brier_increase` to 1.
    """
    if problems := _problems({"champion's Brier loss": compared.champion_brier, **_brier_increase(compared)}):
        yield from problems
    elif compared.brier_increase_high > (allowed := share * compared.champion_brier):
        told = f"Brier loss {_brier(compared)} against the champion's {compared.champion_brier:.4f}"
        found = "is proven" if compared.brier_increase_low > allowed else "cannot be ruled out"
        yield f"{told}: an increase above {allowed:.4f} ({share:.0%}) {found}, so its probabilities may mislead"


def _profit(ours: Any, theirs: Any, minimum: float) -> Iterator[str]:
    if problems := _problems({"challenger's profit": ours, "champion's profit": theirs}):
        yield from problems
    elif ours - theirs < minimum:
        pair = f"{ours:.2f} a subscriber against the champion's {theirs:.2f}"
        yield f"the campaign's expected profit, {pair}, misses the minimum gain {minimum:+.2f}"


def _segments(evidence: Evidence, settings: AcceptanceSettings) -> Iterator[str]:
    """Only what is proven to lie below the floor objects: small segments are noisy."""
    for segment in evidence.segments:
        name = f"{segment.feature} = {segment.value}"
        if (problem := _problem(f"ROC AUC of {name}", segment.auc)) is not None:
            yield problem
        elif not segment.high >= settings.minimum_segment_auc:
            interval = f"({segment.low:.4f} to {segment.high:.4f}, {segment.rows} rows)"
            yield f"{name}: ROC AUC {segment.auc:.4f} {interval} is below the floor {settings.minimum_segment_auc:.4f}"


def _latency(evidence: Evidence, settings: AcceptanceSettings) -> Iterator[str]:
    measured, limit = evidence.latency_milliseconds, settings.maximum_latency_milliseconds
    if (problem := _problem("latency", measured)) is not None:
        yield problem
    elif measured > limit:
        yield f"a single row takes {measured:.1f} ms (95th percentile), at most {limit:g} ms are allowed"


def _leakage(evidence: Evidence, settings: AcceptanceSettings) -> Iterator[str]:
    if evidence.shared_ids:
        yield f"leakage: {evidence.shared_ids} subscribers of the test split are in the training data as well"
    yield from _shared(evidence.shared_churners, evidence.shared_others, settings.maximum_shared_share)
    for feature, area in evidence.telling_features:
        if not area <= settings.maximum_single_feature_auc:
            told = f"{feature!r} alone reaches ROC AUC {area:.4f}"
            yield f"leakage: {told}, above {settings.maximum_single_feature_auc:.4f}: it knows the answer; leave it out"


def _shared(churners: Any, others: Any, limit: float) -> Iterator[str]:
    shares = {"share of churners seen in training": churners, "share of others seen in training": others}
    if problems := _problems(shares):
        yield from problems
    elif max(churners, others) > limit:
        told = f"{churners:.1%} of the churners and {others:.1%} of the others in the test split"
        allowed = f"at most {limit:.1%} is allowed"
        yield f"leakage: {told} stand in the training data under other ids ({allowed}): were rows resampled?"


def _remarks(evidence: Evidence) -> Iterator[str]:
    compared = evidence.comparison
    if compared is None:
        yield "no champion serves yet"
    elif compared.failure is None and _problem("", compared.gain) is None:
        yield f"{_gain(compared)} on the same rows"
        if not _problems(_brier_increase(compared)):
            yield f"Brier loss {_brier(compared)} against the champion's"


def _gain(compared: Comparison) -> str:
    return f"gain in AUC {compared.gain:+.4f} ({compared.gain_low:+.4f} to {compared.gain_high:+.4f})"


def _brier(compared: Comparison) -> str:
    return f"{compared.brier_increase:+.4f} ({compared.brier_increase_low:+.4f} to {compared.brier_increase_high:+.4f})"


def _brier_increase(compared: Comparison) -> dict[str, Any]:
    return {
        "increase of the Brier loss": compared.brier_increase,
        "lower bound of the Brier loss's increase": compared.brier_increase_low,
        "upper bound of the Brier loss's increase": compared.brier_increase_high,
    }


def _problems(measured: Mapping[str, Any]) -> list[str]:
    return [text for name, value in measured.items() if (text := _problem(name, value)) is not None]


def _problem(name: str, value: Any) -> str | None:
    """NaN, infinity, text or nothing at all never pass a gate: comparisons with NaN are false both ways."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{name} must be a finite number, got {value!r}"
    return None
