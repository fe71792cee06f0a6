"""Plans a flow of data jobs: which dates it runs for, and whether another execution runs for one of them."""

import os
from typing import Any

from adapters import Aws
from aws_lambda_powertools import Logger
from parse import Configuration, Request
from store import Claims

from seatrial.decisions.flow_dates import plan_dates

logger = Logger(service="flow_dates")
aws = Aws()


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the plan, see `FlowPlan.to_dict`; an input that cannot be raises `FlowInputError`."""
    return run(event, Configuration.from_environment(os.environ), aws)


def run(event: dict[str, Any], configuration: Configuration, aws: Aws) -> dict[str, Any]:
    """Plan, claim the dates; `held` and `owner` tell a date that another execution has claimed, and which one."""
    request = Request.from_event(event)
    plan = plan_dates(
        request.input,
        maximum_days=configuration.maximum_days,
        lookback_days=configuration.lookback_days,
        stage_count=configuration.stage_count,
    )
    claims = Claims(aws, configuration.table, configuration.flow_name)
    held, owner = claims.claim(plan.claimed, request.execution, request.ended)
    facts = {"input": request.input, "days": len(plan.dates), "first": plan.dates[0].isoformat(), "owner": owner}
    logger.info("flow planned", extra=facts)
    return {**plan.to_dict(), "held": held, "owner": owner}
