"""First state of a promotion: re-reads registry, endpoint and alarms, and says whether and with what to go on."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from adapters import Aws
from aws_lambda_powertools import Logger
from parse import Configuration, Request

from seatrial.contracts.serving import Serving, find_serving, package_version
from seatrial.decisions.promotion import REJECTED, Approval, Approved, PromotionDecision, PromotionRequest, select
from seatrial.decisions.promotion_canary import overdue_at, probes

logger = Logger(service="promotion-select")
aws = Aws()


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Decide on the promotion that an approval asks for."""
    return run(event, Configuration.from_environment(os.environ), aws)


def run(event: dict[str, Any], configuration: Configuration, aws: Aws) -> dict[str, Any]:
    """Parse, decide, act; the answer goes to the state machine."""
    request = Request.from_event(event)
    decision = decide(request, configuration, aws)
    if decision.proceed and not aws.claim(configuration, decision.arn, request):
        decision = PromotionDecision(
            False,
            f"{decision.arn}: another promotion has just begun",
            decision.arn,
            decision.previous_arn,
            quiet=request.reconciling,
        )
    if decision.drifted and request.reconciling:
        decision = replace(decision, quiet=not aws.first_told(configuration, decision.reason))
    if not decision.quiet and not decision.later:
        aws.record(configuration, request, decision)
    logger.info("promotion decided", extra={"proceed": decision.proceed, "reason": decision.reason})
    now = _time(request)
    return {
        "proceed": decision.proceed,
        "reason": decision.reason,
        "modelPackageArn": decision.arn,
        "previousModelPackageArn": decision.previous_arn,
        "quiet": decision.quiet,
        "later": decision.later,
        "probes": _probes(decision, configuration, now, aws),
        "overdueAt": overdue_at(now, configuration.update_seconds),
    }


def _probes(decision: PromotionDecision, configuration: Configuration, now: datetime, aws: Aws) -> int:
    """Requests that the promotion makes at each look at the update, if it has a canary that must prove anything."""
    if not decision.proceed or decision.previous_arn in {"", decision.arn}:
        return 0
    rate = aws.requests_a_minute(configuration, now)
    return probes(rate, configuration.canary_percent, configuration.poll_seconds)


def _time(request: Request) -> datetime:
    return datetime.fromisoformat(request.now or request.started or request.time).astimezone(UTC)


def decide(request: Request, configuration: Configuration, aws: Aws) -> PromotionDecision:
    """Gather the facts and apply the policy."""
    serving = find_serving(aws.sagemaker, configuration.endpoint_name)
    approved = [Approved(arn, package_version(arn)) for arn in aws.approved(configuration.model_package_group)]
    newest = max(approved, key=lambda package: package.version, default=None)
    facts = PromotionRequest(
        event_id=request.id,
        time=request.time,
        now=request.started,
        reconciling=request.reconciling,
        place=aws.place(configuration, request),
        requested_arn=request.model_package_arn,
        approval=request.approval,
        approved=approved,
        serving=Approved(serving.package_arn, package_version(serving.package_arn)) if serving else None,
        guard_alarms=aws.alarm_states(configuration.rollback_alarm_names),
        serving_model_uri=serving.model_data_uri if serving else None,
        serving_rejected=serving is not None and serving.approval == REJECTED,
        attempts=aws.attempts(configuration, [newest.arn] if newest else []),
        approvals=_approvals(newest, serving, aws),
        proven=aws.champions(configuration),
        barred_roles=configuration.barred_roles,
        approval_valid_hours=configuration.approval_valid_hours,
    )
    return select(facts)


def _approvals(newest: Approved | None, serving: Serving | None, aws: Aws) -> dict[str, Approval]:
    """Of the newest approved package alone, and only when it does not serve: its files may be large."""
    if newest is None or (serving and serving.package_arn == newest.arn):
        return {}
    return {newest.arn: aws.approval(newest.arn)}
