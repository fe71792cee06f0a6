"""Each replacement of a part of moto, seen without it: a test fails once moto no longer needs the replacement."""

import base64
import io
import json
import os
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.core import utils
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import StreamShard
from moto.kinesis.models import Stream, kinesis_backends
from moto.sqs.models import Queue, sqs_backends

from seatrial.offline import functions, patches
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ACCOUNT, REGION, ROLE, events_of, put_function, put_queue, put_recorder


def specification(name: str) -> dict[str, object]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", "def lambda_handler(event, context): pass")
    queue = {"TargetArn": "arn:aws:sqs:eu-central-1:111111111111:q"}
    code = {"ZipFile": base64.b64encode(buffer.getvalue()).decode()}
    return {"FunctionName": name, "Role": ROLE, "Handler": "handler.x", "Code": code, "DeadLetterConfig": queue}


def test_moto_stamps_with_the_time_of_the_machine(cloud: OfflineCloud) -> None:
    cloud.clock.advance(86_400)

    with patches.without(utils, "utcnow"):
        plain = utils.utcnow()

    assert abs((utils.utcnow() - cloud.clock.now().replace(tzinfo=None)).total_seconds()) < 5
    assert abs((plain - utils.utcnow()).total_seconds()) > 3600


def test_moto_cannot_run_code_without_docker(cloud: OfflineCloud) -> None:
    put_function(cloud, "docker", "def lambda_handler(event, context): return 41 + 1")
    function = lambda_backends[ACCOUNT][REGION].get_function("docker")

    with patches.without(LambdaFunction, "_invoke_lambda"):
        try:
            result, failed, _ = function._invoke_lambda(event="{}")
        except Exception as error:
            result, failed = str(error), True

    assert failed
    assert result != "42"


def test_moto_answers_an_event_only_after_it_has_run(cloud: OfflineCloud) -> None:
    put_recorder(cloud, "motos-event")

    with patches.without(LambdaResponse, "invoke"):
        cloud.context.client("lambda").invoke(FunctionName="motos-event", InvocationType="Event", Payload="{}")

        assert events_of(cloud, "motos-event") == [{}]


def test_moto_calls_every_error_handled(cloud: OfflineCloud) -> None:
    put_function(cloud, "motos-error", "def lambda_handler(event, context): raise ValueError('x')")

    with patches.without(LambdaResponse, "invoke"):
        answer = cloud.context.client("lambda").invoke(FunctionName="motos-error", Payload="{}")

    assert answer["FunctionError"] == "Handled"


def test_moto_runs_the_old_asynchronous_api_before_it_answers(cloud: OfflineCloud) -> None:
    put_recorder(cloud, "motos-async")

    with patches.without(LambdaResponse, "invoke_async"):
        cloud.context.client("lambda").invoke_async(FunctionName="motos-async", InvokeArgs="{}")

        assert events_of(cloud, "motos-async") == [{}]


def test_moto_forgets_the_dead_letter_queue_of_a_function(cloud: OfflineCloud) -> None:
    with patches.without(LambdaFunction, "__init__"):
        function = LambdaFunction(ACCOUNT, specification("forgetful"), REGION)

    assert not hasattr(function, "dead_letter_config")


def test_moto_does_not_answer_the_dead_letter_queue_of_a_function(cloud: OfflineCloud) -> None:
    function = LambdaFunction(ACCOUNT, specification("unanswered"), REGION)

    with patches.without(LambdaFunction, "get_configuration"):
        plain = function.get_configuration()

    assert "DeadLetterConfig" not in plain
    assert "DeadLetterConfig" in function.get_configuration()


def test_moto_cannot_change_the_dead_letter_queue_of_a_function(cloud: OfflineCloud) -> None:
    function = LambdaFunction(ACCOUNT, specification("unchanged"), REGION)

    with patches.without(LambdaFunction, "update_configuration"):
        function.update_configuration({"DeadLetterConfig": {"TargetArn": "other"}})

    assert function.get_configuration()["DeadLetterConfig"]["TargetArn"] != "other"


def test_moto_leaves_the_process_of_a_deleted_function_alone(cloud: OfflineCloud) -> None:
    put_function(cloud, "orphan", "import os\ndef lambda_handler(event, context): return os.getpid()")
    process = functions.invoke("orphan", {})

    with patches.without(LambdaBackend, "delete_function"):
        cloud.context.client("lambda").delete_function(FunctionName="orphan")

    os.kill(process, 0)


def test_moto_runs_functions_while_a_message_is_being_sent(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "motos-queue")
    put_recorder(cloud, "motos-consumer")
    backend = lambda_backends[ACCOUNT][REGION]

    with patches.without(LambdaBackend, "create_event_source_mapping"), patches.without(Queue, "add_message"):
        backend.create_event_source_mapping({"FunctionName": "motos-consumer", "EventSourceArn": queue})
        sqs_backends[ACCOUNT][REGION].send_message("motos-queue", "hello")

        assert len(events_of(cloud, "motos-consumer")) == 1


def test_moto_does_not_poll_when_a_mapping_is_enabled_or_deleted(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "motos-poll")
    put_recorder(cloud, "motos-poller")
    client = cloud.context.client("lambda")
    names = ("update_event_source_mapping", "delete_event_source_mapping")
    with patches.without(LambdaBackend, names[0]), patches.without(LambdaBackend, names[1]):
        mapping = client.create_event_source_mapping(FunctionName="motos-poller", EventSourceArn=queue, Enabled=False)
        url = cloud.context.client("sqs").get_queue_url(QueueName="motos-poll")["QueueUrl"]
        cloud.context.client("sqs").send_message(QueueUrl=url, MessageBody="hello")

        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
        functions.settle()

        attributes = cloud.context.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "1"


def test_moto_gives_stream_records_another_region_and_no_source(cloud: OfflineCloud) -> None:
    cloud.context.client("dynamodb").create_table(
        TableName="motos-table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )

    with patches.without(StreamShard, "add"):
        cloud.context.client("dynamodb").put_item(TableName="motos-table", Item={"pk": {"S": "a"}})

    shard = dynamodb_backends[ACCOUNT][REGION].get_table("motos-table").stream_shard
    assert shard is not None
    record = shard.items[0].to_json()
    assert record["awsRegion"] == "us-east-1"
    assert "eventSourceARN" not in record


def test_moto_runs_functions_while_a_record_is_being_put(cloud: OfflineCloud) -> None:
    cloud.context.client("kinesis").create_stream(StreamName="motos-stream", ShardCount=1)
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/motos-stream"
    put_recorder(cloud, "motos-reader")
    backend = lambda_backends[ACCOUNT][REGION]

    with patches.without(LambdaBackend, "create_event_source_mapping"), patches.without(Stream, "put_record"):
        backend.create_event_source_mapping({"FunctionName": "motos-reader", "EventSourceArn": arn})
        kinesis_backends[ACCOUNT][REGION].streams["motos-stream"].put_record("p", "", "aGk=")

        assert json.dumps(events_of(cloud, "motos-reader")).count("aGk=") == 1


def test_a_function_that_is_deleted_while_it_runs_leaves_no_process(cloud: OfflineCloud) -> None:
    code = "import os, time\ndef lambda_handler(event, context): time.sleep(1.0); return os.getpid()"
    put_function(cloud, "deleted-at-work", code)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(functions.invoke, "deleted-at-work", {})
        while not functions.service.current().is_busy():
            time.sleep(0.01)
        cloud.context.client("lambda").delete_function(FunctionName="deleted-at-work")
        process = running.result()

    assert not Path(f"/proc/{process}").exists()
