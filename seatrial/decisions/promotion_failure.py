"""What an update was rolled back for, and whether a later try may succeed without anybody's doing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["quota", "capacity", "busy", "other"]
PASSING: frozenset[Kind] = frozenset({"capacity", "busy"})
"""Kinds that pass by themselves: the hourly look tries again, for as long as the approval is valid."""
QUOTA = re.compile(
    r"service limit '(?P<name>[^']+)' is (?P<limit>\d+)\D*"
    r"current utilization of (?P<used>\d+)\D*request delta of (?P<delta>\d+)"
)
"""SageMaker's answer ResourceLimitExceeded, as it has been worded for years."""
SIGNS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("quota", ("resourcelimitexceeded", "servicelimitexceeded", "account-level service limit")),
    ("capacity", ("insufficientinstancecapacity", "insufficientcapacity", "capacityerror", "ml compute capacity")),
    ("busy", ("cannot update in-progress endpoint", "throttling", "rate exceeded")),
)
CONSEQUENCE = "cancelled"
"""Part of CloudFormation's reason for resources that were given up because another one failed."""


@dataclass(frozen=True)
class Failure:
    """Kind of a failure and what to tell people."""

    kind: Kind
    reason: str

    @property
    def passing(self) -> bool:
        """Whether a later try may succeed although nobody does anything."""
        return self.kind in PASSING


def explain(reasons: Sequence[str]) -> Failure:
    """Read the reasons of a roll back, the newest first.

    >>> limit = "The account-level service limit 'ml.m5.large for endpoint usage' is 4 Instances, with current "
    >>> limit += "utilization of 2 Instances and a request delta of 4 Instances. (Service: SageMaker)"
    >>> explain(["Resource update cancelled", limit]).reason[:78]
    "quota 'ml.m5.large for endpoint usage' of SageMaker is 4, but 6 are needed (2 "
    >>> explain(["CapacityError: Unable to provision requested ML compute capacity."]).passing
    True
    """
    told = next((reason for reason in reasons if CONSEQUENCE not in reason.lower()), "no reason was given")
    kind = _kind(told.lower())
    return Failure(kind, _WORDS[kind](told))


def _kind(told: str) -> Kind:
    for kind, signs in SIGNS:
        if any(sign in told for sign in signs):
            return kind
    return "other"


def _quota(told: str) -> str:
    found = QUOTA.search(told)
    if found is None:
        return f"a quota is exhausted: {told}; {RENEW}"
    limit, used, delta = (int(found[name]) for name in ("limit", "used", "delta"))
    need = (
        f"quota '{found['name']}' of SageMaker is {limit}, but {used + delta} are needed ({used} in use, {delta} more)"
    )
    query = f"Quotas[?QuotaName=='{found['name']}'].QuotaCode"
    code = f'aws service-quotas list-service-quotas --service-code sagemaker --query "{query}"'
    return f"{need}; its code: {code}; {RENEW}"


RENEW = "request an increase, then approve the model package anew: it is not tried again before"
_WORDS = {
    "quota": _quota,
    "capacity": lambda told: f"AWS has no capacity: {told}; the old fleet serves on, it is tried again every hour",
    "busy": lambda told: f"the endpoint was busy: {told}; it is tried again within the hour",
    "other": lambda told: told,
}
