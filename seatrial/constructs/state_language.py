"""Pieces of Amazon States Language: retries, texts with values of the run in them, encrypted state machines."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import aws_cdk as cdk
import aws_cdk.aws_kms as kms
import aws_cdk.aws_logs as logs
import aws_cdk.aws_stepfunctions as stepfunctions
from constructs import Construct

from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole

State = dict[str, Any]
LOG_DELIVERY = (
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
)  # fmt: skip
TRANSIENT = [
    "States.Timeout",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.SdkClientException",
]
"""Errors of Lambda invocations that pass by themselves."""
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
"""A value that CloudFormation fills in later, as CDK writes it into texts."""
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


def retry(errors: list[str], *, attempts: int = 4, first_seconds: int = 2, longest_seconds: int = 30) -> State:
    """Try again `attempts` times, with exponential pauses and full jitter."""
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": first_seconds,
        "MaxAttempts": attempts,
        "BackoffRate": 2,
        "MaxDelaySeconds": longest_seconds,
        "JitterStrategy": "FULL",
    }


def array_of(texts: Iterable[str], values: Mapping[str, str]) -> str:
    """An intrinsic function that makes a list of texts; `{name}` in one is replaced by the value at a path.

    Raises `ConstructError` for a placeholder that has no value and for a text that cannot be quoted.

    >>> array_of(["--date", "{date}", "--to", "s3://b/{date}/"], {"date": "$.date"})
    "States.Array('--date', $.date, '--to', States.Format('s3://b/{}/', $.date))"
    """
    return f"States.Array({', '.join(_text(text, values) for text in texts)})"


def _text(text: str, values: Mapping[str, str]) -> str:
    names = _PLACEHOLDER.findall(text)
    unknown = [name for name in names if name not in values]
    if unknown:
        raise ConstructError(f"argument {text!r}: {{{unknown[0]}}} is none of {', '.join(values)}")
    if set(_PLACEHOLDER.sub("", _TOKEN.sub("", text))) & set("'\\{}"):
        raise ConstructError(f"argument {text!r}: must not hold quotes, backslashes or braces of its own")
    if not names:
        return f"'{text}'"
    paths = ", ".join(values[name] for name in names)
    return (
        values[names[0]] if text == f"{{{names[0]}}}" else f"States.Format('{_PLACEHOLDER.sub('{}', text)}', {paths})"
    )


def allow_machine_logs(role: ServiceRole) -> None:
    """What every state machine does besides its work: deliver its log and its trace."""
    role.allow_unscoped(*LOG_DELIVERY, "xray:PutTelemetryRecords", "xray:PutTraceSegments")


def encrypted_machine(
    scope: Construct,
    construct_id: str,
    *,
    definition: State,
    role: ServiceRole,
    group: logs.LogGroup,
    key: kms.IKey,
    name: str | None = None,
) -> stepfunctions.CfnStateMachine:
    """A standard state machine under the customer's key, traced, whose log has every event and no data."""
    machine = stepfunctions.CfnStateMachine
    destination = machine.LogDestinationProperty(
        cloud_watch_logs_log_group=machine.CloudWatchLogsLogGroupProperty(log_group_arn=group.log_group_arn)
    )
    return machine(
        scope,
        construct_id,
        state_machine_name=name,
        role_arn=role.role_arn,
        definition_string=cdk.Stack.of(scope).to_json_string(definition),
        logging_configuration=machine.LoggingConfigurationProperty(
            level="ALL", include_execution_data=False, destinations=[destination]
        ),
        tracing_configuration=machine.TracingConfigurationProperty(enabled=True),
        encryption_configuration=machine.EncryptionConfigurationProperty(
            type="CUSTOMER_MANAGED_KMS_KEY", kms_key_id=key.key_arn, kms_data_key_reuse_period_seconds=300
        ),
    )
