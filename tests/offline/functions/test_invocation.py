import json

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import lambda_backends

from seatrial.offline import functions
from seatrial.offline.cloud import OfflineCloud
from seatrial.offline.functions import logs
from tests.offline.support import messages_of, put_function, put_recorder, zipped

MISBEHAVING = """
    import os, time

    def lambda_handler(event, context):
        if event.get("do") == "raise":
            raise KeyError("absent")
        if event.get("do") == "sleep":
            time.sleep(30)
        if event.get("do") == "exit":
            os._exit(3)
        if event.get("do") == "hoard":
            return len(b"x" * (200 * 1024 * 1024))
        return {"done": True}
"""


def test_runs_the_code_of_the_zip_and_returns_its_result(cloud: OfflineCloud) -> None:
    put_recorder(cloud, "plain")

    result = functions.invoke("plain", {"a": [1, "ü"]})

    assert result == {"received": {"a": [1, "ü"]}}


def test_keeps_the_process_warm_between_events(cloud: OfflineCloud) -> None:
    put_function(
        cloud,
        "counter",
        """
        count = 0

        def lambda_handler(event, context):
            global count
            count += 1
            return count
        """,
    )

    counts = [functions.invoke("counter", {}) for _ in range(3)]

    assert counts == [1, 2, 3]


def test_starts_anew_when_the_environment_changes(cloud: OfflineCloud) -> None:
    code = """
        import os

        def lambda_handler(event, context):
            return os.environ.get("COLOUR")
    """
    put_function(cloud, "coloured", code, Environment={"Variables": {"COLOUR": "red"}})
    before = functions.invoke("coloured", {})

    cloud.context.client("lambda").update_function_configuration(
        FunctionName="coloured", Environment={"Variables": {"COLOUR": "blue"}}
    )

    assert (before, functions.invoke("coloured", {})) == ("red", "blue")


def test_runs_new_code_after_an_update(cloud: OfflineCloud) -> None:
    put_function(cloud, "replaced", "def lambda_handler(event, context): return 1")
    functions.invoke("replaced", {})

    code = zipped("def lambda_handler(event, context): return 2")
    cloud.context.client("lambda").update_function_code(FunctionName="replaced", ZipFile=code)

    assert functions.invoke("replaced", {}) == 2


def test_gives_the_documented_context_and_environment(cloud: OfflineCloud) -> None:
    code = """
        import os

        def lambda_handler(event, context):
            names = ("function_name", "function_version", "memory_limit_in_mb", "invoked_function_arn")
            told = {name: getattr(context, name) for name in names}
            told["remaining"] = 0 < context.get_remaining_time_in_millis() <= 20_000
            told["variables"] = [os.environ["AWS_LAMBDA_FUNCTION_NAME"], os.environ["AWS_ENDPOINT_URL"]]
            return told
    """
    arn = put_function(cloud, "context", code, Timeout=20, MemorySize=256)

    told = functions.invoke("context", {})

    assert told == {
        "function_name": "context",
        "function_version": "$LATEST",
        "memory_limit_in_mb": "256",
        "invoked_function_arn": arn,
        "remaining": True,
        "variables": ["context", cloud.url],
    }


def test_tells_the_time_of_the_cloud(cloud: OfflineCloud) -> None:
    code = """
        import datetime, time

        def lambda_handler(event, context):
            now = datetime.datetime.now(datetime.UTC)
            assert isinstance(datetime.datetime(2026, 1, 1), datetime.datetime)
            return [now.timestamp(), time.time()]
    """
    put_function(cloud, "clock", code)
    functions.invoke("clock", {})

    cloud.clock.advance(86_400)

    told = functions.invoke("clock", {})
    assert told == pytest.approx([cloud.clock.now().timestamp()] * 2, abs=10)


def test_sees_layers_and_boto3_but_no_other_library_of_the_machine(cloud: OfflineCloud) -> None:
    client = cloud.context.client("lambda")
    layer = client.publish_layer_version(
        LayerName="tools", Content={"ZipFile": _layer({"python/tool.py": "ANSWER = 42\n"})}
    )["LayerVersionArn"]
    code = """
        import importlib.util
        import boto3, tool

        def lambda_handler(event, context):
            account = boto3.client("sts").get_caller_identity()["Account"]
            return [account, tool.ANSWER, importlib.util.find_spec("moto") is None]
    """
    put_function(cloud, "layered", code, Layers=[layer])

    assert functions.invoke("layered", {}) == ["111111111111", 42, True]


def test_an_unhandled_error_is_told_as_lambda_tells_it(cloud: OfflineCloud) -> None:
    put_function(cloud, "raising", MISBEHAVING)
    client = cloud.context.client("lambda")

    answer = client.invoke(FunctionName="raising", Payload=json.dumps({"do": "raise"}))

    document = json.loads(answer["Payload"].read())
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (document["errorType"], document["errorMessage"]) == ("KeyError", "'absent'")
    assert "lambda_handler" in document["stackTrace"][0]


def test_invoke_raises_with_the_message_of_the_function(cloud: OfflineCloud) -> None:
    put_function(cloud, "raising-too", MISBEHAVING)

    with pytest.raises(functions.FunctionError, match="function raising-too: KeyError: 'absent'"):
        functions.invoke("raising-too", {"do": "raise"})


def test_ends_a_function_that_takes_too_long(cloud: OfflineCloud) -> None:
    put_function(cloud, "slow", MISBEHAVING, Timeout=1)

    with pytest.raises(functions.FunctionError, match=r"Task timed out after 1\.00 seconds"):
        functions.invoke("slow", {"do": "sleep"})

    assert functions.invoke("slow", {}) == {"done": True}


def test_tells_that_a_process_has_exited(cloud: OfflineCloud) -> None:
    put_function(cloud, "leaving", MISBEHAVING)

    with pytest.raises(functions.FunctionError, match="exit status 3"):
        functions.invoke("leaving", {"do": "exit"})


def test_refuses_more_memory_than_the_function_has(cloud: OfflineCloud) -> None:
    put_function(cloud, "hungry", MISBEHAVING, MemorySize=128)

    with pytest.raises(functions.FunctionError, match=r"Runtime\.OutOfMemory"):
        functions.invoke("hungry", {"do": "hoard"})


def test_tells_a_handler_that_cannot_be_imported(cloud: OfflineCloud) -> None:
    put_function(cloud, "unimportable", "import pandas_is_not_in_this_zip")

    with pytest.raises(functions.FunctionError, match=r"Runtime\.ImportModuleError: Unable to import module 'handler'"):
        functions.invoke("unimportable", {})


def test_throttles_a_function_without_concurrency(cloud: OfflineCloud) -> None:
    put_recorder(cloud, "closed")
    client = cloud.context.client("lambda")
    client.put_function_concurrency(FunctionName="closed", ReservedConcurrentExecutions=0)

    with pytest.raises(ClientError) as caught:
        client.invoke(FunctionName="closed", Payload="{}")

    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"


def test_writes_start_lines_end_and_report_to_the_log(cloud: OfflineCloud) -> None:
    code = """
        import logging

        def lambda_handler(event, context):
            print("from print")
            logging.getLogger().warning("from logging")
    """
    put_function(cloud, "logging", code)

    functions.invoke("logging", {})

    start, printed, logged, end, report = messages_of(cloud, "logging")
    assert start.startswith("START RequestId: ")
    assert printed == "from print"
    assert logged.startswith("[WARNING]\t")
    assert logged.endswith("\tfrom logging")
    assert end.startswith("END RequestId: ")
    assert "Max Memory Used: " in report


def test_a_function_that_is_deleted_while_it_runs_makes_no_log_group_anew(cloud: OfflineCloud) -> None:
    put_function(cloud, "departing", "def handle(event, context): return 1")
    api, groups = cloud.context.client("lambda"), cloud.context.client("logs")
    running = lambda_backends[cloud.context.account][cloud.context.region].get_function("departing")
    group = logs.group_of(running)
    logs.write(cloud.context, running, ["while it is there"], (), "1")
    found = groups.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    api.delete_function(FunctionName="departing")
    groups.delete_log_group(logGroupName=group)

    logs.write(cloud.context, running, ["its last words"], (), "2")

    assert [one["logGroupName"] for one in found] == [group]
    assert groups.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_metrics_in_the_log_reach_cloudwatch_at_their_own_time(cloud: OfflineCloud) -> None:
    code = """
        import json

        def lambda_handler(event, context):
            print(json.dumps({
                "_aws": {"Timestamp": event["milliseconds"], "CloudWatchMetrics": [{
                    "Namespace": "Seatrial", "Dimensions": [["EndpointName"]],
                    "Metrics": [{"Name": "WindowRows", "Unit": "Count"}]}]},
                "EndpointName": "churn", "WindowRows": [120, 30]}))
    """
    put_function(cloud, "measuring", code)
    start = cloud.clock.now().replace(minute=0, second=0, microsecond=0)

    functions.invoke("measuring", {"milliseconds": int(start.timestamp() * 1000)})

    points = cloud.context.client("cloudwatch").get_metric_statistics(
        Namespace="Seatrial",
        MetricName="WindowRows",
        Dimensions=[{"Name": "EndpointName", "Value": "churn"}],
        StartTime=start,
        EndTime=cloud.clock.now(),
        Period=3600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    assert [(point["Timestamp"], point["Sum"], point["SampleCount"]) for point in points] == [(start, 150.0, 2.0)]


def test_no_process_outlives_the_functions(cloud: OfflineCloud) -> None:
    code = """
        import os

        def lambda_handler(event, context):
            return os.getpid()
    """
    put_function(cloud, "mortal", code)
    process = functions.invoke("mortal", {})

    cloud.context.client("lambda").delete_function(FunctionName="mortal")

    with pytest.raises(ProcessLookupError):
        _signal_nothing(process)


def _signal_nothing(process: int) -> None:
    import os

    os.kill(process, 0)


def _layer(files: dict[str, str]) -> bytes:
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
