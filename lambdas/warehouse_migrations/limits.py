"""The daily limit of Redshift Serverless: CloudFormation has no type for it, so the function keeps it as configured."""

from typing import Any

from parse import Configuration

USAGE_TYPE, PERIOD, BREACH_ACTION = "serverless-compute", "daily", "deactivate"


def keep_usage_limit(client: Any, configuration: Configuration) -> str:
    """Create, change or leave the limit of the workgroup; returns what was done in a sentence."""
    amount, arn = configuration.usage_limit_rpu_hours, configuration.workgroup_arn
    if amount is None or arn is None:
        return "no usage limit is configured"
    limits = client.list_usage_limits(resourceArn=arn, usageType=USAGE_TYPE)["usageLimits"]
    daily = [limit for limit in limits if limit["period"] == PERIOD]
    wanted = f"{amount} RPU-hours a day, then {BREACH_ACTION}"
    if not daily:
        client.create_usage_limit(
            resourceArn=arn, usageType=USAGE_TYPE, period=PERIOD, amount=amount, breachAction=BREACH_ACTION
        )
        return f"created: {wanted}"
    (limit, *_) = daily
    if (limit["amount"], limit["breachAction"]) == (amount, BREACH_ACTION):
        return f"kept: {wanted}"
    done = f"changed from {limit['amount']} RPU-hours, then {limit['breachAction']}, to {wanted}"
    client.update_usage_limit(usageLimitId=limit["usageLimitId"], amount=amount, breachAction=BREACH_ACTION)
    return done
