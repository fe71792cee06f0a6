"""IAM principals, typed as the interface: jsii's classes name a parameter differently, which type checkers refuse."""

from collections.abc import Mapping
from typing import Any, cast

import aws_cdk.aws_iam as iam


def service(name: str, conditions: Mapping[str, Any] | None = None) -> iam.IPrincipal:
    """An AWS service, under conditions when it assumes a role."""
    return cast(iam.IPrincipal, iam.ServicePrincipal(name, conditions=dict(conditions or {})))


def anybody() -> iam.IPrincipal:
    """Everybody: for denials only."""
    return cast(iam.IPrincipal, iam.AnyPrincipal())
