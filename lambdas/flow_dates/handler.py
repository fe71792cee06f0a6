"""Plans a flow of data jobs: which dates it runs for; Step Functions has no arithmetic of dates."""

import os
from typing import Any

from aws_lambda_powertools import Logger

from seatrial.contracts import environment as names
from seatrial.decisions.flow_dates import plan_dates

logger = Logger(service="flow_dates")


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the plan, see `FlowPlan.to_dict`; an input that cannot be raises `FlowInputError`."""
    plan = plan_dates(
        event,
        maximum_days=int(os.environ[names.MAXIMUM_DAYS]),
        lookback_days=int(os.environ[names.LOOKBACK_DAYS]),
    )
    logger.info("flow planned", extra={"input": event, "days": len(plan.dates), "first": plan.dates[0].isoformat()})
    return plan.to_dict()
