"""What must hold between keys of an engagement: each rule yields the path it blames and the sentence about it."""

import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date

from seatrial.config.bias_rules import BIAS_RULES
from seatrial.config.data_rules import DATA_RULES
from seatrial.config.document import Path
from seatrial.config.engagement import Engagement
from seatrial.config.source_rules import SOURCE_RULES
from seatrial.config.training_rules import TRAINING_RULES
from seatrial.config.values import LOG_RETENTION_DAYS
from seatrial.config.warehouse_rules import WAREHOUSE_RULES

Finding = tuple[Path, str]
REQUIRED_TAGS = frozenset({"dataclassification", "engagement", "environment", "ownerteam"})
"""Keys, in lower case, of the tags that every resource carries whatever the engagement says."""
Rule = Callable[[Engagement], Iterator[Finding]]


def _network_range(engagement: Engagement) -> Iterator[Finding]:
    cidr = engagement.network.cidr
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        yield ("network", "cidr"), f"must be an IPv4 range, got {cidr!r}: {error}"
        return
    if not 16 <= network.prefixlen <= 24:
        yield ("network", "cidr"), f"must be between /16 and /24, got {cidr!r}"


def _flow_logs(engagement: Engagement) -> Iterator[Finding]:
    days = engagement.network.flow_log_retention_days
    if days not in LOG_RETENTION_DAYS:
        nearest = min(LOG_RETENTION_DAYS, key=lambda allowed: abs(allowed - days))
        allowed = ", ".join(map(str, LOG_RETENTION_DAYS))
        path = ("network", "flow_log_retention_days")
        yield path, f"must be one that CloudWatch Logs knows ({allowed}), got {days}; nearest is {nearest}"


def _nat_gateways(engagement: Engagement) -> Iterator[Finding]:
    network = engagement.network
    if network.nat_gateways > network.max_azs:
        path = ("network", "nat_gateways")
        yield path, f"must not exceed network.max_azs ({network.max_azs}), got {network.nat_gateways}"


def _break_glass(engagement: Engagement) -> Iterator[Finding]:
    lake = engagement.lake
    if lake.break_glass_roles and not lake.vpc_endpoint_ids:
        path = ("lake", "break_glass_roles")
        yield path, "is of no use without lake.vpc_endpoint_ids, which close the buckets to other ways; give those too"


def _existing_subnets(engagement: Engagement) -> Iterator[Finding]:
    existing = engagement.network.existing
    if existing is None:
        return
    subnets, zones = existing.subnet_ids, existing.availability_zones
    path: Path = ("network", "existing", "availability_zones")
    if len(subnets) != len(zones):
        yield path, f"must name one zone for each of the {len(subnets)} subnets in the same order, got {len(zones)}"
    regions = {environment.region for environment in engagement.environments.values()}
    for zone in zones:
        if zone[:-1] not in regions:
            yield path, f"must lie in the environments' region ({', '.join(sorted(regions))}), got {zone!r}"
    if len(set(subnets)) != len(subnets):
        yield ("network", "existing", "subnet_ids"), f"must not repeat a subnet, got {list(subnets)!r}"


def _columns_fit_kind(engagement: Engagement) -> Iterator[Finding]:
    dataset, path = engagement.training.dataset, ("training", "dataset", "columns")
    if dataset.kind != "table" and dataset.columns:
        why = f"when dataset.kind is {dataset.kind!r}, whose tables are known"
        yield path, f"must be left out {why}; or set kind: table"
    if dataset.kind != "table" and dataset.time_column is not None:
        text = f"must be null when dataset.kind is {dataset.kind!r}, whose rows are days, got {dataset.time_column!r}"
        yield ("training", "dataset", "time_column"), text
    if dataset.kind == "table" and not dataset.columns:
        yield path, "must name the feature columns when dataset.kind is 'table', such as {tenure: numeric}"


def _column_roles(engagement: Engagement) -> Iterator[Finding]:
    dataset, path = engagement.training.dataset, ("training", "dataset", "columns")
    for role in ("id", "label", "time_column"):
        column = getattr(dataset, role)
        if column in dataset.columns:
            yield (*path, column), f"must not be a feature: {column!r} is dataset.{role}"
    if dataset.id == dataset.label:
        yield ("training", "dataset", "label"), f"must not be the same column as dataset.id, got {dataset.label!r}"
    if dataset.time_column is not None and dataset.time_column in (dataset.id, dataset.label):
        text = f"must not be the column of dataset.id or dataset.label, got {dataset.time_column!r}"
        yield ("training", "dataset", "time_column"), text


TELECOM_CATEGORIES = ("plan_type", "contract", "region", "age_band", "device_tier")
"""The categorical features of the telecom tables, and of what the lake's jobs make of them."""


def _segments(engagement: Engagement) -> Iterator[Finding]:
    training = engagement.training
    columns = training.dataset.columns
    own = [name for name, kind in columns.items() if kind == "categorical"]
    known = own if training.dataset.kind == "table" else [*TELECOM_CATEGORIES]
    for index, name in enumerate(training.acceptance.segments):
        if name not in known:
            path: Path = ("training", "acceptance", "segments", index)
            yield path, f"must be a categorical feature ({', '.join(known) or 'none'}), got {name!r}"


def _telecom_columns(engagement: Engagement) -> Iterator[Finding]:
    dataset = engagement.training.dataset
    if dataset.kind == "table":
        return
    for key, fixed in (("id", "subscriber_id"), ("label", "churned"), ("positive", "1")):
        if getattr(dataset, key) != fixed:
            path = ("training", "dataset", key)
            yield path, f"must be {fixed!r} when dataset.kind is {dataset.kind!r}, got {getattr(dataset, key)!r}"


def _tuning(engagement: Engagement) -> Iterator[Finding]:
    tuning = engagement.training.tuning
    if 0 < tuning.max_jobs < tuning.max_parallel_jobs:
        path = ("training", "tuning", "max_parallel_jobs")
        yield path, f"must not exceed training.tuning.max_jobs ({tuning.max_jobs}), got {tuning.max_parallel_jobs}"


def _canary(engagement: Engagement) -> Iterator[Finding]:
    serving = engagement.serving
    if serving.instance_count < 2:
        path = ("serving", "instance_count")
        yield path, f"must be at least 2, got {serving.instance_count}: a canary needs an instance beside the old ones"
    if serving.maximum_instance_count < serving.instance_count:
        path = ("serving", "maximum_instance_count")
        least, got = serving.instance_count, serving.maximum_instance_count
        yield path, f"must be at least serving.instance_count ({least}), got {got}"


def _capture(engagement: Engagement) -> Iterator[Finding]:
    watching = [trigger for trigger in engagement.retraining.triggers if trigger != "schedule"]
    if engagement.serving.capture_percent == 0 and watching:
        path, names = ("serving", "capture_percent"), ", ".join(map(repr, watching))
        yield (
            path,
            f"must be at least 1, got 0, because retraining.triggers names {names}, which needs captured requests",
        )


def _budgets(engagement: Engagement) -> Iterator[Finding]:
    retraining = engagement.retraining
    if retraining.monthly_budget < retraining.daily_budget:
        path, least = ("retraining", "monthly_budget"), retraining.daily_budget
        yield path, f"must be at least retraining.daily_budget ({least}), got {retraining.monthly_budget}"
    if retraining.triggers and not retraining.daily_budget:
        yield ("retraining", "daily_budget"), "must be at least 1, got 0; to switch retraining off, set triggers: []"
    if len(set(retraining.triggers)) != len(retraining.triggers):
        yield ("retraining", "triggers"), f"must not repeat a trigger, got {list(retraining.triggers)!r}"


def _blackouts(engagement: Engagement) -> Iterator[Finding]:
    for index, text in enumerate(engagement.retraining.blackouts):
        if "/" not in text:
            continue
        path: Path = ("retraining", "blackouts", index)
        try:
            first, last = map(date.fromisoformat, text.split("/"))
        except ValueError as error:
            yield path, f"must be dates of the calendar, got {text!r}: {error}"
            continue
        if last < first:
            yield path, f"must end on or after the day it begins, got {text!r}"


def _confirmation(engagement: Engagement) -> Iterator[Finding]:
    retraining = engagement.retraining
    least, got = retraining.confirm_windows, retraining.confirm_within_hours
    if got < least:
        path: Path = ("retraining", "confirm_within_hours")
        yield path, f"must be at least {least} for {least} hourly windows (retraining.confirm_windows), got {got}"


def _schedule(engagement: Engagement) -> Iterator[Finding]:
    if "schedule" in engagement.retraining.triggers and engagement.training.schedule is None:
        path = ("training", "schedule")
        yield path, "must be set, got None, because retraining.triggers names 'schedule'; or take it out there"


def _tags(engagement: Engagement) -> Iterator[Finding]:
    for key, value in engagement.tags.items():
        if key.lower().startswith("aws:"):
            yield ("tags", key), f"must not start with 'aws:', which AWS reserves, got {key!r}"
        if key.lower() in REQUIRED_TAGS:
            yield ("tags", key), f"must not replace a tag that Seatrial sets itself, got {key!r}; choose another name"
        if len(key) > 128 or len(value) > 256:
            yield ("tags", key), "must have at most 128 characters in the key and 256 in the value"
    if len(engagement.tags) > 40:
        yield ("tags",), f"must be at most 40, got {len(engagement.tags)}: AWS allows 50 with Seatrial's own"


_DATASET: Path = ("training", "dataset")
_TIME: Path = ("training", "dataset", "time_column")
_EXISTING: Path = ("network", "existing")
_TRIGGERS: Path = ("retraining", "triggers")
RULES: Mapping[Rule, tuple[Path, ...]] = {
    _network_range: (("network", "cidr"),),
    _flow_logs: (("network", "flow_log_retention_days"),),
    _nat_gateways: (("network", "nat_gateways"), ("network", "max_azs")),
    _break_glass: (("lake", "break_glass_roles"), ("lake", "vpc_endpoint_ids")),
    _existing_subnets: ((*_EXISTING, "subnet_ids"), (*_EXISTING, "availability_zones"), ("environments",)),
    _columns_fit_kind: ((*_DATASET, "kind"), (*_DATASET, "columns"), _TIME),
    _column_roles: ((*_DATASET, "id"), (*_DATASET, "label"), _TIME),
    _telecom_columns: tuple((*_DATASET, key) for key in ("kind", "id", "label", "positive")),
    _segments: (("training", "acceptance", "segments"), (*_DATASET, "columns"), (*_DATASET, "kind")),
    _tuning: (("training", "tuning"),),
    _canary: (("serving", "instance_count"), ("serving", "maximum_instance_count")),
    _capture: (("serving", "capture_percent"), _TRIGGERS),
    _budgets: (("retraining", "daily_budget"), ("retraining", "monthly_budget"), _TRIGGERS),
    _confirmation: (("retraining", "confirm_windows"), ("retraining", "confirm_within_hours")),
    _blackouts: (("retraining", "blackouts"),),
    _schedule: (("training", "schedule"), _TRIGGERS),
    _tags: (("tags",),),
    **DATA_RULES,
    **WAREHOUSE_RULES,
    **TRAINING_RULES,
    **BIAS_RULES,
    **SOURCE_RULES,
}
"""Each rule with the keys it reads: it is not asked when one of them is in doubt."""


def broken_rules(engagement: Engagement, doubtful: Collection[Path] = ()) -> list[Finding]:
    """Every rule that does not hold, leaving out those that read a doubtful key."""
    asked = [rule for rule, reads in RULES.items() if not any(_overlap(a, b) for a in reads for b in doubtful)]
    return [finding for rule in asked for finding in rule(engagement)]


def _overlap(one: Path, other: Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
