"""Metrics that AWS's services put by themselves: functions, state machines, queues; SageMaker puts its own."""

from moto.sqs.models import sqs_backends

from seatrial.offline import alarms
from seatrial.offline.context import CloudContext

STATES = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def count_invocation(context: CloudContext, function: str, *, failed: bool, seconds: float) -> None:
    """AWS/Lambda: one invocation."""
    values = {
        "Invocations": (1.0, "Count"),
        "Errors": (float(failed), "Count"),
        "Throttles": (0.0, "Count"),
        "Duration": (seconds * 1000, "Milliseconds"),
    }
    alarms.put_metrics(context, "AWS/Lambda", values, {"FunctionName": function})


def count_throttle(context: CloudContext, function: str) -> None:
    """AWS/Lambda: one event for which the function had no concurrency left."""
    alarms.put_metric(context, "AWS/Lambda", "Throttles", 1.0, {"FunctionName": function}, "Count")


def count_iterator_age(context: CloudContext, function: str, *, milliseconds: float) -> None:
    """AWS/Lambda: how long the oldest record of a batch from a stream has waited."""
    dimensions = {"FunctionName": function}
    alarms.put_metric(context, "AWS/Lambda", "IteratorAge", milliseconds, dimensions, "Milliseconds")


def count_execution(context: CloudContext, state_machine_arn: str, status: str) -> None:
    """AWS/States: an execution that started or ended."""
    alarms.put_metric(context, "AWS/States", STATES[status], 1.0, {"StateMachineArn": state_machine_arn}, "Count")


class QueueDepths:
    """AWS/SQS: how many messages wait, each minute in which that is not zero and once when it is zero again."""

    def __init__(self, context: CloudContext) -> None:
        self._context = context
        self._told: set[str] = set()

    def put(self) -> None:
        """Put the depths of this minute."""
        backend = sqs_backends[self._context.account][self._context.region]
        for queue in list(backend.queues.values()):
            depth = queue.approximate_number_of_messages
            if depth or queue.name in self._told:
                name = "ApproximateNumberOfMessagesVisible"
                alarms.put_metric(self._context, "AWS/SQS", name, float(depth), {"QueueName": queue.name}, "Count")
            self._told.discard(queue.name)
            if depth:
                self._told.add(queue.name)
