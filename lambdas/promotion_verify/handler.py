"""After a promotion: compares what the endpoint really runs with what was asked, and lets it answer smoke rows."""

import os
from typing import Any

from adapters import Aws
from aws_lambda_powertools import Logger
from parse import Configuration, wanted_package

from seatrial.contracts.serving import find_serving
from seatrial.decisions.promotion import Observation, Verification, verify

logger = Logger(service="promotion-verify")
aws = Aws()


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Verify the promotion that the state machine has carried out."""
    return run(event, Configuration.from_environment(os.environ), aws)


def run(event: dict[str, Any], configuration: Configuration, aws: Aws) -> dict[str, Any]:
    """Parse, observe, decide; the answer goes to the state machine."""
    verification = _verify(wanted_package(event), configuration, aws)
    logger.info("promotion verified", extra={"ok": verification.ok, "reason": verification.reason})
    return {"ok": verification.ok, "reason": verification.reason}


def _verify(wanted: str, configuration: Configuration, aws: Aws) -> Verification:
    serving = find_serving(aws.sagemaker, configuration.endpoint_name)
    if serving is None:
        return Verification(False, f"endpoint {configuration.endpoint_name} does not serve a registered model")
    expected, answers = [], []
    if serving.package_arn == wanted and serving.status == "InService":
        expected, answers = aws.smoke_test(configuration.endpoint_name, serving)
    observation = Observation(
        wanted_arn=wanted,
        serving_arn=serving.package_arn,
        endpoint_status=serving.status,
        failure=serving.failure,
        approval=serving.approval,
        expected=expected,
        answers=answers,
    )
    return verify(observation)
