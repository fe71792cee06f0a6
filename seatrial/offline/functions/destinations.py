"""Where the outcome of an asynchronous invocation goes: dead-letter queue, on-success and on-failure destination."""

import json
from typing import Any

from moto.awslambda.models import LambdaFunction

from seatrial.offline.context import CloudContext
from seatrial.offline.functions.service import Invocation


def event_invoke_config(function: LambdaFunction) -> dict[str, Any]:
    """The function's EventInvokeConfig, empty when it has none; the last one put counts."""
    return function.event_invoke_config[-1].config if function.event_invoke_config else {}


def send_success(
    context: CloudContext, function: LambdaFunction, rules: dict[str, Any], event: str, invocation: Invocation
) -> None:
    """Send the record of a success to the OnSuccess destination, if there is one."""
    arn = rules.get("DestinationConfig", {}).get("OnSuccess", {}).get("Destination")
    if arn:
        record = _record(context, function, event, "Success", 1)
        _send(context, arn, {**record, "responsePayload": json.loads(invocation.payload)}, function)


def send_failure(
    context: CloudContext,
    function: LambdaFunction,
    rules: dict[str, Any],
    event: str,
    *,
    condition: str,
    tries: int,
    error: Any,
) -> None:
    """Send the event to the dead-letter queue, and its record to the OnFailure destination."""
    dead_letter = (getattr(function, "dead_letter_config", None) or {}).get("TargetArn")
    if dead_letter:
        _dead_letter(context, dead_letter, event, error)
    arn = rules.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if arn:
        record = _record(context, function, event, condition, tries)
        _send(context, arn, {**record, "responsePayload": error}, function)


def _record(context: CloudContext, function: LambdaFunction, event: str, condition: str, tries: int) -> dict[str, Any]:
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    arn = f"{function.function_arn}:$LATEST"
    return {
        "version": "1.0",
        "timestamp": context.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "requestContext": {"functionArn": arn, "condition": condition, "approximateInvokeCount": tries},
        "requestPayload": json.loads(event),
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            **({} if condition == "Success" else {"functionError": "Unhandled"}),
        },
    }


def _dead_letter(context: CloudContext, arn: str, event: str, error: Any) -> None:
    message = str(error.get("errorMessage", "")) if isinstance(error, dict) else str(error)
    attributes = {
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": message[:1024] or "none"},
    }
    if ":sns:" in arn:
        context.client("sns").publish(TopicArn=arn, Message=event, MessageAttributes=attributes)
    else:
        context.client("sqs").send_message(
            QueueUrl=queue_url(context, arn), MessageBody=event, MessageAttributes=attributes
        )


def _send(context: CloudContext, arn: str, record: dict[str, Any], function: LambdaFunction) -> None:
    service = arn.split(":")[2]
    body = json.dumps(record)
    if service == "sqs":
        context.client("sqs").send_message(QueueUrl=queue_url(context, arn), MessageBody=body)
    elif service == "sns":
        context.client("sns").publish(TopicArn=arn, Message=body)
    elif service == "lambda":
        context.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=body)
    elif service == "events":
        outcome = "Success" if record["requestContext"]["condition"] == "Success" else "Failure"
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {outcome}",
            "Detail": body,
            "Resources": [function.function_arn],
            "EventBusName": arn,
        }
        context.client("events").put_events(Entries=[entry])
    else:
        raise NotImplementedError(f"a destination {arn!r} of a function: use SQS, SNS, Lambda or EventBridge")


def queue_url(context: CloudContext, arn: str) -> str:
    """URL of the queue with this ARN."""
    account, name = arn.split(":")[4:6]
    return f"{context.url}/{account}/{name}"
