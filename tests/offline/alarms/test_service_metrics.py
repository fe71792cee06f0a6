import json
from typing import Any

import pytest

from seatrial.offline import alarms, functions
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ROLE, bodies_of, put_function, put_queue


def put_alarm(cloud: OfflineCloud, namespace: str, metric: str, dimensions: dict[str, str]) -> None:
    cloud.context.client("cloudwatch").put_metric_alarm(
        AlarmName=metric,
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def test_an_error_of_a_function_raises_its_alarm(cloud: OfflineCloud) -> None:
    put_function(cloud, "faulty", "def lambda_handler(event, context): return 1 / event['n']")
    put_alarm(cloud, "AWS/Lambda", "Errors", {"FunctionName": "faulty"})

    functions.invoke("faulty", {"n": 1})
    cloud.clock.advance(60)
    before = alarms.state(cloud.context, "Errors")
    with pytest.raises(functions.FunctionError):
        functions.invoke("faulty", {"n": 0})
    cloud.clock.advance(60)

    assert (before, alarms.state(cloud.context, "Errors")) == ("OK", "ALARM")


def test_a_failed_execution_raises_its_alarm(cloud: OfflineCloud) -> None:
    client = cloud.context.client("stepfunctions")
    definition: dict[str, Any] = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "x"}}}
    made = client.create_state_machine(name="failing", definition=json.dumps(definition), roleArn=ROLE)
    put_alarm(cloud, "AWS/States", "ExecutionsFailed", {"StateMachineArn": made["stateMachineArn"]})

    client.start_execution(stateMachineArn=made["stateMachineArn"])
    functions.settle()
    cloud.clock.advance(60)

    assert alarms.state(cloud.context, "ExecutionsFailed") == "ALARM"


def test_a_waiting_message_raises_the_alarm_of_its_queue_until_it_is_taken(cloud: OfflineCloud) -> None:
    put_queue(cloud, "dead")
    name = "ApproximateNumberOfMessagesVisible"
    put_alarm(cloud, "AWS/SQS", name, {"QueueName": "dead"})
    url = cloud.context.client("sqs").get_queue_url(QueueName="dead")["QueueUrl"]

    cloud.context.client("sqs").send_message(QueueUrl=url, MessageBody="lost event")
    cloud.clock.advance(120)
    waiting = alarms.state(cloud.context, name)
    bodies_of(cloud, "dead")
    cloud.clock.advance(600)

    assert (waiting, alarms.state(cloud.context, name)) == ("ALARM", "OK")
