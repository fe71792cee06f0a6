"""Options of an engagement, what excludes what, and rows in which every pair that is possible occurs.

Rows are made greedily, pair by pair (Cohen et al. 1997, "The AETG system"), and are the same every time.
"""

import copy
import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, str]
"""Option to choice."""
Choice = tuple[str, str]
BOUNDARY = "arn:aws:iam::111111111111:policy/boundary"
EXISTING = {
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": [f"subnet-0123456789abcdef{zone}" for zone in range(3)],
    "availability_zones": [f"eu-central-1{zone}" for zone in "abc"],
    "security_group_id": "sg-0123456789abcdef0",
}
NIGHTS = {"pause_schedule": "cron(0 20 * * ? *)", "resume_schedule": "cron(0 6 * * ? *)"}
TABLE = {"name": "table", "kind": "table", "columns": {"tenure": "numeric", "plan": "categorical"}}
OPTIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "catalog": {
        "off": {},
        "on": {"lake": {"catalog": {"enabled": True}}},
        "Lake Formation": {"lake": {"catalog": {"enabled": True, "lake_formation": True, "inventory": "none"}}},
    },
    "engine": {
        "none": {},
        "emr": {"processing": {"engine": "emr"}},
        "emr-serverless": {"processing": {"engine": "emr-serverless"}},
    },
    "warehouse": {
        "none": {},
        "serverless": {"warehouse": {"kind": "serverless"}},
        "provisioned": {"warehouse": {"kind": "provisioned"}},
    },
    "streaming": {
        "none": {},
        "on-demand": {"streaming": {"mode": "on-demand"}},
        "provisioned": {"streaming": {"mode": "provisioned"}},
    },
    "features": {
        "off": {},
        "offline": {"feature_store": {"enabled": True, "online": False}},
        "online": {"feature_store": {"enabled": True}},
    },
    "network": {
        "two zones": {},
        "three zones": {"network": {"max_azs": 3}},
        "NAT": {"network": {"max_azs": 3, "nat_gateways": 1}},
        "existing": {"network": {"existing": EXISTING}},
    },
    "triggers": {
        "quality and schedule": {},
        "drift": {"retraining": {"triggers": ["drift"]}},
        "none": {"retraining": {"triggers": []}},
    },
    "release": {"Spark 3.5": {}, "Spark 4.0": {"processing": {"release": "emr-spark-8.0.0"}}},
    "architecture": {"arm64": {}, "x86_64": {"processing": {"architecture": "x86_64"}}},
    "Python": {"EMR's": {}, "own": {"processing": {"python_environment": "libraries.tar.gz"}}},
    "daily flow": {"off": {}, "on": {"processing": {"schedule": "cron(30 3 * * ? *)"}}},
    "workers": {"cold": {}, "warm": {"processing": {"serverless": {"pre_initialized_drivers": 1}}}},
    "spectrum": {"off": {}, "on": {"warehouse": {"spectrum": True}}},
    "ML": {"off": {}, "on": {"warehouse": {"redshift_ml": True}}},
    "pauses": {
        "never": {},
        "nights": {
            "warehouse": {
                "provisioned": {"pause_schedule": "cron(0 20 * * ? *)", "resume_schedule": "cron(0 6 * * ? *)"}
            }
        },
    },
    "usage limit": {"on": {}, "off": {"warehouse": {"serverless": {"usage_limit_rpu_hours_per_day": None}}}},
    "IoT": {"off": {}, "on": {"streaming": {"iot": True}}},
    "data": {
        "telecom": {},
        "table": {"training": {"dataset": TABLE}},
        "lake": {"training": {"dataset": {"kind": "lake"}}},
    },
    "algorithm": {
        "xgboost": {},
        "scikit-learn": {"training": {"algorithm": "scikit-learn"}},
        "SparkML": {"training": {"algorithm": "sparkml-gbt", "serving_wheels": ["onnxruntime.whl"]}},
    },
    "tuning": {"off": {}, "on": {"training": {"tuning": {"max_jobs": 4}}}},
    "retraining schedule": {"weekly": {}, "never": {"training": {"schedule": None}}},
    "capture": {"all": {}, "none": {"serving": {"capture_percent": 0}}},
    "largest windows": {"shared Spark": {}, "own Spark": {"monitoring": {"volume": {"spark": "own"}}}},
    "removal": {"keep": {}, "destroy": {"removal": {"destroy_data": True}}},
    "boundary": {"none": {}, "set": {"permissions_boundary": BOUNDARY}},
}
"""Each option's choices as parts of an engagement file; the first is the default."""


@dataclass(frozen=True)
class Exclusion:
    """Choices that exclude each other, and what the user reads who asks for both."""

    first: Choice
    second: Choice
    sentence: str


def _exclusions() -> Iterator[Exclusion]:
    off, why = ("catalog", "off"), "lake.catalog.enabled: must be true, got false, because "
    for engine in ("emr", "emr-serverless"):
        yield Exclusion(off, ("engine", engine), f"{why}processing.engine is '{engine}'")
    for mode in ("on-demand", "provisioned"):
        yield Exclusion(off, ("streaming", mode), f"{why}streaming.mode is '{mode}'")
    for store in ("offline", "online"):
        yield Exclusion(off, ("features", store), f"{why}feature_store.enabled is true")
    yield Exclusion(off, ("spectrum", "on"), f"{why}warehouse.spectrum is true")
    for key, option in (("spectrum", "spectrum"), ("redshift_ml", "ML")):
        sentence = f"warehouse.{key}: must be false, got true, while warehouse.kind is 'none'"
        yield Exclusion(("warehouse", "none"), (option, "on"), sentence)
    sentence = "streaming.iot: must be false, got true, while streaming.mode is 'none'"
    yield Exclusion(("streaming", "none"), ("IoT", "on"), sentence)
    for key, choice in (("schedule", ("daily flow", "on")), ("python_environment", ("Python", "own"))):
        sentence = f"processing.{key}: must be null, got "
        yield Exclusion(("engine", "none"), choice, sentence)
    for network in ("two zones", "three zones"):
        sentence = "network.nat_gateways: must be at least 1, got 0, because processing.engine is 'emr'"
        yield Exclusion(("engine", "emr"), ("network", network), sentence)
    sentence = "network.max_azs: must be 3, got 2, because warehouse.kind is 'serverless'"
    yield Exclusion(("warehouse", "serverless"), ("network", "two zones"), sentence)
    sparkml = ("algorithm", "SparkML")
    why = "training.algorithm: must be 'xgboost' or 'scikit-learn', got 'sparkml-gbt'"
    for engine in ("none", "emr"):
        yield Exclusion(sparkml, ("engine", engine), f"{why}, while processing.engine is '{engine}'")
    sentence = "training.dataset.kind: must be 'telecom' or 'table', got 'lake', while processing.engine is 'none'"
    yield Exclusion(("data", "lake"), ("engine", "none"), sentence)
    sentence = "processing.python_environment: must be set (or processing.serverless.custom_image), got None, because "
    yield Exclusion(sparkml, ("Python", "EMR's"), sentence)
    yield Exclusion(sparkml, ("tuning", "on"), "training.tuning.max_jobs: must be 0, got 4, because ")
    sentence = "processing.python_environment: must be set (or processing.serverless.custom_image), got None, because "
    yield Exclusion(("largest windows", "own Spark"), ("Python", "EMR's"), f"{sentence}monitoring.volume.spark is")
    sentence = "training.schedule: must be set, got None, because retraining.triggers names 'schedule'"
    yield Exclusion(("triggers", "quality and schedule"), ("retraining schedule", "never"), sentence)
    sentence = "serving.capture_percent: must be at least 1, got 0, because retraining.triggers names "
    for triggers in ("quality and schedule", "drift"):
        yield Exclusion(("triggers", triggers), ("capture", "none"), sentence)


EXCLUSIONS = tuple(_exclusions())
CHOICES: tuple[Choice, ...] = tuple((option, choice) for option, those in OPTIONS.items() for choice in those)
"""Every choice; sets of them are the bits of a number, for there are thousands to compare."""
_BIT = {choice: 1 << number for number, choice in enumerate(CHOICES)}
_OPTION_BITS = [[_BIT[option, choice] for choice in those] for option, those in OPTIONS.items()]
_EXCLUDED = {_BIT[choice]: 0 for choice in CHOICES}
for _one in EXCLUSIONS:
    _EXCLUDED[_BIT[_one.first]] |= _BIT[_one.second]
    _EXCLUDED[_BIT[_one.second]] |= _BIT[_one.first]


def engagement_of(row: Row, name: str = "matrix") -> str:
    """The row as an engagement file."""
    found: dict[str, Any] = {
        "name": name,
        "owner": "a@example.com",
        "environments": {"dev": {"account": "111111111111", "region": "eu-central-1"}},
    }
    for option, choice in row.items():
        _merge(found, OPTIONS[option][choice])
    return json.dumps(found)  # JSON is YAML


def _merge(into: dict[str, Any], part: Mapping[str, Any]) -> None:
    for key, value in part.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = copy.deepcopy(value)


def refused_row(one: Exclusion) -> Row:
    """Both choices of an exclusion, and nothing else that excludes another."""
    bits = _BIT[one.first] | _BIT[one.second]
    # SparkML wants a Python of its own, no engine wants none: without an engine no rule asks for one.
    return _row_of(_completed(bits) or _completed(bits | _BIT["Python", "EMR's"]))


def _completed(row: int) -> int:
    """The row with a choice of every option, none of which excludes one before it; 0 when there is no such row."""
    for options in _OPTION_BITS:
        if not any(row & bit for bit in options):
            fits = (row | bit for bit in options if not _EXCLUDED[bit] & row)
            return next((found for found in map(_completed, fits) if found), 0)
    return row


def possible_pairs() -> set[frozenset[Choice]]:
    """Every two choices of different options that some engagement can have."""
    pairs = [pair for pair in itertools.combinations(CHOICES, 2) if pair[0][0] != pair[1][0]]
    return {frozenset(pair) for pair in pairs if _can_be(_BIT[pair[0]] | _BIT[pair[1]])}


def pairs_of(row: Row) -> set[frozenset[Choice]]:
    """Every two choices of a row."""
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}


def covering_rows(tries: int = 6, seed: int = 8) -> list[Row]:
    """Rows in which every possible pair occurs; each is the best of so many tries."""
    luck, rows = random.Random(seed), []
    missing = dict.fromkeys(_BIT.values(), 0)
    for one, other in map(tuple, possible_pairs()):
        missing[_BIT[one]] |= _BIT[other]
        missing[_BIT[other]] |= _BIT[one]
    while any(missing.values()):
        best = max((_try(missing, luck) for _ in range(tries)), key=lambda bits: _gain(missing, bits))
        rows.append(_row_of(best))
        for bit in missing:
            missing[bit] &= ~best if bit & best else -1
    return rows


def fewest_with_every_choice(rows: Sequence[Row]) -> tuple[int, ...]:
    """Numbers of the fewest rows that together take every choice but the defaults."""
    wanted = {(option, choice) for option, those in OPTIONS.items() for choice in [*those][1:]}
    groups = (group for size in range(1, 6) for group in itertools.combinations(range(len(rows)), size))
    return next(group for group in groups if wanted <= {pair for number in group for pair in rows[number].items()})


def _gain(missing: Mapping[int, int], row: int) -> int:
    return sum((missing[bit] & row).bit_count() for bit in missing if bit & row)


def _try(missing: Mapping[int, int], luck: random.Random) -> int:
    """A row that begins with a missing pair; then, in any order, of each option what brings most missing pairs."""
    begin = max(missing, key=lambda bit: (missing[bit].bit_count(), luck.random()))
    partners = [bit for bit in missing if bit & missing[begin]]
    row = begin | luck.choice(partners)
    for options in luck.sample(_OPTION_BITS, len(_OPTION_BITS)):
        if not any(row & bit for bit in options):
            row |= max(
                (bit for bit in options if _can_be(row | bit)),
                key=lambda bit: ((missing[bit] & row).bit_count(), missing[bit].bit_count(), luck.random()),
            )
    return row


def _can_be(row: int) -> bool:
    """Whether the choices can be completed to an engagement."""
    if any(_EXCLUDED[bit] & row for bit in _EXCLUDED if bit & row):
        return False
    open_options = [options for options in _OPTION_BITS if not any(row & bit for bit in options)]
    return not open_options or any(_can_be(row | bit) for bit in open_options[0] if not _EXCLUDED[bit] & row)


def _row_of(bits: int) -> Row:
    return dict(choice for choice in CHOICES if _BIT[choice] & bits)
