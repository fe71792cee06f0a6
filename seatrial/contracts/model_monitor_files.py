"""Reads statistics.json and constraints.json as any version of Model Monitor's analyzer wrote them.

Shapes after the SageMaker developer guide, "Schema for Statistics" and "Schema for Constraints", and the SageMaker
Python SDK's classes. Read leniently: of what a feature lacks nothing is made up, and keys of older files
(`enable_comparisons`, overrides within `string_constraints`) mean what they meant.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.contracts.model_monitor import InferredType

ON = frozenset({"enabled", "true", "1"})
TYPES: Mapping[str, InferredType] = {"integral": "Integral", "fractional": "Fractional", "string": "String"}


class ModelMonitorFileError(ValueError):
    """The document is not what its name says; the text tells the path within it and what was found there."""


@dataclass(frozen=True, kw_only=True)
class FeatureStatistics:
    """One feature of statistics.json; None for what the file does not say.

    `buckets` are (lower bound, upper bound, count), `sketch` are the KLL sketch's (value, rows that it stands for),
    `categories` the counts by value.
    """

    name: str
    type: InferredType
    present: int
    missing: int
    mean: float | None = None
    std_dev: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    distinct: int | None = None
    buckets: tuple[tuple[float, float, float], ...] = ()
    sketch: tuple[tuple[float, int], ...] = ()
    categories: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Statistics:
    """The whole of statistics.json."""

    rows: int
    features: tuple[FeatureStatistics, ...]


@dataclass(frozen=True, kw_only=True)
class FeatureConstraint:
    """One feature of constraints.json; `evaluated` is False where an override switches its constraints off."""

    completeness: float | None = None
    is_non_negative: bool | None = None
    domain: tuple[str, ...] | None = None
    evaluated: bool = True


@dataclass(frozen=True)
class Constraints:
    """The whole of constraints.json; `comparison_threshold` is None where distributions are not to be compared."""

    features: Mapping[str, FeatureConstraint] = field(default_factory=dict)
    comparison_threshold: float | None = None


def parse_statistics(document: Any) -> Statistics:
    """Read statistics.json; raises `ModelMonitorFileError`.

    >>> common = {"common": {"num_present": 2, "num_missing": 1}}
    >>> feature = {"name": "plan", "inferred_type": "String", "string_statistics": common}
    >>> parse_statistics({"dataset": {"item_count": 3}, "features": [feature]}).features[0].missing
    1
    """
    features = tuple(_feature(item, f"features[{index}]") for index, item in enumerate(_features(document)))
    if not features:
        raise ModelMonitorFileError("features: must hold at least one feature, got none")
    rows = _mapping(document.get("dataset")).get("item_count")
    return Statistics(int(rows or max(feature.present + feature.missing for feature in features)), features)


def parse_constraints(document: Any) -> Constraints:
    """Read constraints.json; raises `ModelMonitorFileError`."""
    features = {_name(item, f"features[{index}]"): item for index, item in enumerate(_features(document))}
    config = _mapping(document.get("monitoring_config"))
    comparison = _mapping(config.get("distribution_constraints"))
    enabled = _on(comparison.get("perform_comparison", comparison.get("enable_comparisons", comparison != {})))
    return Constraints(
        {name: _constraint(item, config) for name, item in features.items()},
        _number(comparison.get("comparison_threshold")) if enabled else None,
    )


def _features(document: Any) -> list[Any]:
    if not isinstance(document, Mapping) or not isinstance(document.get("features"), list):
        raise ModelMonitorFileError("must be an object with a list of features")
    return document["features"]


def _name(item: Any, path: str) -> str:
    name = _mapping(item).get("name")
    if not isinstance(name, str) or not name:
        raise ModelMonitorFileError(f"{path}.name: must be a text, got {name!r}")
    return name


def _feature(item: Any, path: str) -> FeatureStatistics:
    name = _name(item, path)
    kind = TYPES.get(str(item.get("inferred_type", "")).lower(), "Unknown")
    numbers, texts = _mapping(item.get("numerical_statistics")), _mapping(item.get("string_statistics"))
    common = _mapping((numbers or texts).get("common"))
    distribution = _mapping((numbers or texts).get("distribution"))
    kll = _mapping(distribution.get("kll"))
    distinct = _number(texts.get("distinct_count"))
    return FeatureStatistics(
        name=name,
        type=kind,
        present=_count(common.get("num_present"), f"{path}.num_present"),
        missing=_count(common.get("num_missing"), f"{path}.num_missing"),
        mean=_number(numbers.get("mean")),
        std_dev=_number(numbers.get("std_dev")),
        minimum=_number(numbers.get("min")),
        maximum=_number(numbers.get("max")),
        distinct=None if distinct is None else int(distinct),
        buckets=_buckets(kll.get("buckets")),
        sketch=_sketch(_mapping(kll.get("sketch")).get("data")),
        categories=_categories(_mapping(distribution.get("categorical")).get("buckets")),
    )


def _buckets(items: Any) -> tuple[tuple[float, float, float], ...]:
    found = [
        tuple(_number(_mapping(item).get(key)) for key in ("lower_bound", "upper_bound", "count"))
        for item in items or ()
    ]
    return tuple((low, high, count) for low, high, count in found if None not in (low, high, count))  # pyrefly: ignore


def _sketch(levels: Any) -> tuple[tuple[float, int], ...]:
    """Values of the compactors; one of level l stands for 2**l rows (Karnin, Lang and Liberty, 2016)."""
    found = [
        (_number(value), 1 << level)
        for level, values in enumerate(levels or ())
        for value in (values if isinstance(values, list) else ())
    ]
    return tuple((value, weight) for value, weight in found if value is not None)


def _categories(items: Any) -> dict[str, int]:
    found = [(_mapping(item).get("value"), _number(_mapping(item).get("count"))) for item in items or ()]
    return {str(value): int(count) for value, count in found if value is not None and count is not None}


def _constraint(item: Mapping[str, Any], config: Mapping[str, Any]) -> FeatureConstraint:
    numbers, texts = _mapping(item.get("num_constraints")), _mapping(item.get("string_constraints"))
    overrides = [
        _mapping(part.get("monitoring_config_overrides"))
        for part in (item, numbers, texts)
        if isinstance(part, Mapping)
    ]
    settings = {key: value for part in (config, *overrides) for key, value in part.items()}
    domain = texts.get("domains")
    return FeatureConstraint(
        completeness=_number(item.get("completeness")),
        is_non_negative=numbers.get("is_non_negative"),
        domain=tuple(map(str, domain)) if isinstance(domain, list) else None,
        evaluated=_on(settings.get("evaluate_constraints", "Enabled")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _on(value: Any) -> bool:
    return str(value).lower() in ON


def _count(value: Any, path: str) -> int:
    number = _number(value)
    if number is None or number < 0:
        raise ModelMonitorFileError(f"{path}: must be a count, got {value!r}")
    return int(number)


def _number(value: Any) -> float | None:
    """A finite number, also one written as text; None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
