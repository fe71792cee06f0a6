"""During a promotion: sends the canary requests, compares what runs with what was asked, puts failures into words."""

import os
from datetime import timedelta
from typing import Any

from adapters import Aws
from aws_lambda_powertools import Logger
from parse import Configuration, Request

from seatrial.contracts.serving import Serving, find_serving
from seatrial.decisions.promotion import Observation, Verification, verify
from seatrial.decisions.promotion_canary import chosen, objection, overdue_at
from seatrial.decisions.promotion_failure import explain

logger = Logger(service="promotion-verify")
aws = Aws()
SLACK = timedelta(minutes=5)
"""What SageMaker takes beyond the times that it is told, and what metrics are late."""


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do what the state machine asks for."""
    return run(event, Configuration.from_environment(os.environ), aws)


def run(event: dict[str, Any], configuration: Configuration, aws: Aws) -> dict[str, Any]:
    """Parse, do one task; the answer goes to the state machine."""
    request = Request.from_event(event)
    tasks = {"verify": _verify, "probe": _probe, "explain": _explain}
    answer = tasks[request.task](request, configuration, aws)
    logger.info("promotion", extra={"task": request.task, **answer})
    return answer


def _verify(request: Request, configuration: Configuration, aws: Aws) -> dict[str, Any]:
    verification = _verification(request, configuration, aws)
    return {
        "ok": verification.ok,
        "reason": verification.reason,
        "overdueAt": overdue_at(request.now, configuration.update_seconds),
    }


def _probe(request: Request, configuration: Configuration, aws: Aws) -> dict[str, Any]:
    """Requests with the new model's smoke rows, once its fleet gets traffic: their answers are the alarms' concern."""
    if not aws.is_shifting(configuration.endpoint_name):
        return {"sent": 0, "answered": 0}
    rows = chosen(aws.smoke_rows(request.model_package_arn), request.count, request.now, configuration.poll_seconds)
    return {"sent": len(rows), "answered": sum(aws.probe(configuration.endpoint_name, row) for row in rows)}


def _explain(request: Request, configuration: Configuration, aws: Aws) -> dict[str, Any]:
    failure = explain(request.reasons)
    told = f"the stack update of {request.model_package_arn} was rolled back: {failure.reason}"
    return {"kind": failure.kind, "passing": failure.passing, "reason": told}


def _verification(request: Request, configuration: Configuration, aws: Aws) -> Verification:
    serving = find_serving(aws.sagemaker, configuration.endpoint_name)
    if serving is None:
        return Verification(False, f"endpoint {configuration.endpoint_name} does not serve a registered model")
    expected, answers, canary = [], [], None
    if serving.package_arn == request.model_package_arn and serving.status == "InService":
        canary = _canary(request, serving, configuration, aws)
        expected, answers = aws.smoke_test(configuration.endpoint_name, serving)
    observation = Observation(
        wanted_arn=request.model_package_arn,
        serving_arn=serving.package_arn,
        endpoint_status=serving.status,
        failure=serving.failure,
        approval=serving.approval,
        expected=expected,
        answers=answers,
        canary=canary,
    )
    return verify(observation)


def _canary(request: Request, serving: Serving, configuration: Configuration, aws: Aws) -> str | None:
    """The first endpoint has no canary, and going back to a package that has served needs none."""
    if request.previous_arn in {"", request.model_package_arn}:
        return None
    end = min(request.now, serving.modified_at or request.now) + SLACK
    start = end - timedelta(seconds=configuration.bake_seconds) - 2 * SLACK
    seen = aws.requests(configuration.endpoint_name, configuration.variant_name, start, end)
    return objection(seen, configuration.canary_percent)
