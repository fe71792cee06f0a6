"""The state machine that calls the migrations' function until the warehouse is up to date, or tells why it is not."""

from seatrial.constructs.state_language import State, retry

LONGEST_SECONDS = 6 * 3600
TRANSIENT = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]


def migration_machine(
    *, function_arn: str, topic_arn: str, warehouse: str, timeout_seconds: int, poll_seconds: int = 15
) -> State:
    """The definition in Amazon States Language; `timeout_seconds` is the function's.

    A failed migration is never tried again by itself: its transaction left nothing behind, and a person has to look.
    """
    return {
        "Comment": f"Migrates {warehouse}",
        "TimeoutSeconds": LONGEST_SECONDS,
        "StartAt": "Migrate",
        "States": {
            "Migrate": _migrate(function_arn, timeout_seconds),
            "Look": _look(),
            "Wait": {"Type": "Wait", "Seconds": poll_seconds, "Next": "Migrate"},
            "Done": {"Type": "Succeed"},
            "TellDeferred": _tell(topic_arn, f"{warehouse}: migrations wait", then="Done"),
            "TellBlocked": _tell(topic_arn, f"{warehouse}: migrations failed", then="Blocked"),
            "Blocked": {"Type": "Fail", "Error": "Blocked", "CausePath": "$.answer.reason"},
            "Broken": {
                "Type": "Pass",
                "Parameters": {"reason.$": "States.Format('the function failed: {}', $.error.Cause)"},
                "ResultPath": "$.answer",
                "Next": "TellBlocked",
            },
        },
    }


def _migrate(function_arn: str, timeout_seconds: int) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function_arn, "Payload": {}},
        "ResultSelector": {"status.$": "$.Payload.status", "reason.$": "$.Payload.reason"},
        "ResultPath": "$.answer",
        "TimeoutSeconds": timeout_seconds + 30,
        "Retry": [retry(TRANSIENT, attempts=8, longest_seconds=60)],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Broken"}],
        "Next": "Look",
    }


def _look() -> State:
    ways = {"done": "Done", "running": "Wait", "paused": "TellDeferred"}
    choices = [{"Variable": "$.answer.status", "StringEquals": status, "Next": to} for status, to in ways.items()]
    return {"Type": "Choice", "Choices": choices, "Default": "TellBlocked"}


def _tell(topic_arn: str, subject: str, *, then: str) -> State:
    """Publish; people not being told never changes the outcome."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": topic_arn, "Subject": subject[:100], "Message.$": "$.answer.reason"},
        "ResultPath": "$.told",
        "TimeoutSeconds": 60,
        "Retry": [retry(["States.ALL"])],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.told", "Next": then}],
        "Next": then,
    }
