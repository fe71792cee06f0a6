"""Acknowledged findings of cdk-nag: one helper for whole rules, one plugin for single wildcards in policies."""

import datetime
import json
from typing import Any, ClassVar

import aws_cdk as cdk
import jsii
from constructs import IConstruct

from seatrial.constructs.errors import ConstructError

PACKS = ("AwsSolutions", "NIST.800.53.R5")
METADATA_TYPE = "seatrial:justification"
MINIMUM_REASON_CHARACTERS = 40
NEXT_REVIEW = "2027-11-30"
"""When everything that is acknowledged without a date of its own is due to be looked at again."""


def justify(
    construct: IConstruct, rule: str, reason: str, *, owner: str = "platform security", until: str = NEXT_REVIEW
) -> None:
    """Acknowledge one cdk-nag rule on one construct: what is (the rule) and why it is right (the reason).

    `rule` is the full id, such as "AwsSolutions-S1"; `until` a date "YYYY-MM-DD" after which the review is due
    again. The validation report tells reason, owner and date. Raises `ConstructError` on a rule of no known pack, a
    thin reason or a date that is none.
    """
    pack = next((pack for pack in PACKS if rule.startswith(f"{pack}-")), None)
    if pack is None:
        raise ConstructError(f"justify: rule {rule!r} belongs to none of the packs {', '.join(PACKS)}")
    if len(reason) < MINIMUM_REASON_CHARACTERS:
        raise ConstructError(f"justify {rule}: {reason!r} is too thin, say in a sentence why the finding is right here")
    _require_date(rule, until)
    record = {"rule": rule, "reason": reason, "owner": owner, "until": until}
    construct.node.add_metadata(METADATA_TYPE, record)
    cdk.Validations.of(construct).acknowledge(
        cdk.Acknowledgment(id=f"{pack}::{rule}", reason=f"{reason} ({owner}, until {until})")
    )


def justify_all(construct: IConstruct, reasons: dict[str, str]) -> None:
    """Acknowledge several rules on one construct, rule to reason."""
    for rule, reason in reasons.items():
        justify(construct, rule, reason)


def _require_date(rule: str, until: str) -> None:
    try:
        datetime.date.fromisoformat(until)
    except ValueError as error:
        raise ConstructError(f"justify {rule}: until is {until!r}, a date YYYY-MM-DD is needed") from error


@jsii.implements(cdk.IPolicyValidationPlugin)
class JustifiedWildcards:
    """Acknowledges each wildcard resource that a `ServiceRole` was given together with its reason.

    cdk-nag names such a finding by the resolved ARN, which is known only once references between stacks have been
    resolved, that is when validation runs. Add this plugin before the packs.
    """

    RULE: ClassVar[str] = "AwsSolutions-IAM5"

    def __init__(self, app: cdk.App) -> None:
        self._app = app

    @property
    def name(self) -> str:
        """Name in the validation report."""
        return "SeatrialWildcards"

    @property
    def version(self) -> str:
        """Version in the validation report."""
        return "1"

    @property
    def rule_ids(self) -> list[str]:
        """No rules of its own."""
        return []

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Acknowledge; never finds anything itself."""
        for construct in self._app.node.find_all():
            for policy, resource, reason in getattr(construct, "wildcards", ()):
                finding = f"{self.RULE}[Resource::{flatten(cdk.Stack.of(policy).resolve(resource))}]"
                justify(policy, finding, reason)
        return cdk.PolicyValidationPluginReport(success=True, violations=[])


def flatten(reference: Any) -> str:
    """The resolved CloudFormation value as cdk-nag writes it into a finding's id.

    >>> flatten({"Fn::Join": ["", [{"Fn::GetAtt": ["Raw", "Arn"]}, "/*"]]})
    '<Raw.Arn>/*'
    """
    if isinstance(reference, str):
        return reference.replace("${", "<").replace("}", ">")
    match reference:
        case {"Fn::Join": [delimiter, items]}:
            return delimiter.join(flatten(item) for item in items)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{flatten(resource)}.{flatten(attribute)}>"
        case {"Fn::ImportValue": value} | {"Fn::Sub": value}:
            return flatten(value)
        case {"Ref": name}:
            return f"<{name}>"
    return json.dumps(reference, separators=(",", ":"))
