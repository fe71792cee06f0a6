"""The cloud as a whole: one server, admin routes, loud errors for what is not emulated, a clean end."""

import http.client
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from seatrial.offline import routes
from seatrial.offline.cloud import CloudError, OfflineCloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineCloud]:
    with OfflineCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


def read(url: str, body: bytes | None = None) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:
        return json.loads(answer.read())


def test_listens_on_the_loopback_alone(cloud: OfflineCloud) -> None:
    assert urlsplit(cloud.url).hostname == "127.0.0.1"


def test_belongs_to_the_account_and_region_asked_for(cloud: OfflineCloud) -> None:
    identity = cloud.context.client("sts").get_caller_identity()

    assert identity["Account"] == "111111111111"
    assert cloud.environment()["AWS_REGION"] == "eu-central-1"


def test_keeps_a_connection_open_between_requests(cloud: OfflineCloud) -> None:
    connection = http.client.HTTPConnection(urlsplit(cloud.url).netloc)
    sockets = set()

    for _ in range(3):
        connection.request("GET", "/_seatrial/clock")
        connection.getresponse().read()
        sockets.add(connection.sock)

    assert len(sockets) == 1
    assert None not in sockets


def test_the_clock_is_moved_over_http(cloud: OfflineCloud) -> None:
    before = cloud.clock.now()

    read(f"{cloud.url}/_seatrial/clock", b'{"advance_seconds": 3600}')

    assert (cloud.clock.now() - before).total_seconds() >= 3600


def test_the_journal_is_read_over_http(cloud: OfflineCloud) -> None:
    cloud.journal.record("step", name="features")

    entries = read(f"{cloud.url}/_seatrial/journal?kind=step")

    assert entries[-1]["name"] == "features"


def test_an_extension_s_route_goes_before_moto(cloud: OfflineCloud) -> None:
    routes.add("/fast/", lambda environ, start: routes.answer_json(start, {"path": environ["PATH_INFO"]}))

    assert read(f"{cloud.url}/fast/lane") == {"path": "/fast/lane"}


@pytest.mark.parametrize(
    ("service", "method", "name"),
    [
        ("cloudformation", "list_types", "cloudformation:ListTypes"),
        ("glue", "list_blueprints", "glue:ListBlueprints"),
        ("batch", "list_jobs", "batch POST /v1/listjobs"),
        ("cloudfront", "list_distributions", "cloudfront GET /2020-05-31/distribution"),
        ("rds", "describe_db_instances", "rds:DescribeDBInstances"),
    ],
)
def test_an_api_that_is_not_emulated_fails_loudly(cloud: OfflineCloud, service: str, method: str, name: str) -> None:
    with pytest.raises(ClientError, match=f"{name} is not emulated by the offline cloud") as caught:
        getattr(cloud.context.client(service), method)()

    assert caught.value.response["Error"]["Code"] == "NotEmulated"
    assert "seatrial/offline, or leave the resource out" in caught.value.response["Error"]["Message"]
    assert ".py" not in str(caught.value)


@pytest.mark.parametrize(
    ("service", "method", "request_"),
    [
        ("glue", "start_job_run", {"JobName": "nightly"}),
        ("glue", "start_crawler", {"Name": "nightly"}),
        ("athena", "create_notebook", {"WorkGroup": "primary", "Name": "look"}),
        ("redshift-serverless", "create_snapshot", {"namespaceName": "n", "snapshotName": "s"}),
        ("emr", "start_notebook_execution", {"ExecutionEngine": {"Id": "j-1"}, "ServiceRole": "role"}),
    ],
)
def test_work_that_nothing_would_do_is_refused(
    cloud: OfflineCloud, service: str, method: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="NotEmulated"):
        getattr(cloud.context.client(service), method)(**request_)


@pytest.mark.parametrize(
    ("service", "method", "answer"),
    [
        ("application-autoscaling", "describe_scalable_targets", "ScalableTargets"),
        ("cloudwatch", "describe_alarms", "MetricAlarms"),
        ("secretsmanager", "list_secrets", "SecretList"),
        ("resourcegroupstaggingapi", "get_tag_keys", "TagKeys"),
        ("stepfunctions", "list_state_machines", "stateMachines"),
    ],
)
def test_a_service_that_signs_with_another_name_or_is_seldom_asked_is_vouched_for(
    cloud: OfflineCloud, service: str, method: str, answer: str
) -> None:
    request = {"ServiceNamespace": "sagemaker"} if service == "application-autoscaling" else {}

    assert answer in getattr(cloud.context.client(service), method)(**request)


def test_a_fault_of_the_clouds_own_names_the_api_and_no_source_path(cloud: OfflineCloud) -> None:
    def fail(environ: Any, start: Any) -> Any:
        raise ZeroDivisionError("by accident")

    routes.add("/faulty/", fail)

    with pytest.raises(HTTPError) as caught:
        read(f"{cloud.url}/faulty/lane")

    message = caught.value.read().decode()
    assert "unknown service GET /faulty/lane: ZeroDivisionError('by accident')" in message
    assert ".py" not in message
    assert "by accident" in cloud.journal.entries("fault")[-1]["trace"]


def test_objects_go_through_unchanged(cloud: OfflineCloud) -> None:
    s3, body = cloud.context.client("s3"), bytes(range(256)) * 4096
    s3.create_bucket(Bucket="objects", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    s3.put_object(Bucket="objects", Key="ä ü/x+y", Body=body)

    assert s3.get_object(Bucket="objects", Key="ä ü/x+y")["Body"].read() == body
    assert s3.head_object(Bucket="objects", Key="ä ü/x+y")["ContentLength"] == len(body)


def test_two_clouds_in_one_process_are_refused(cloud: OfflineCloud, tmp_path: Path) -> None:
    assert cloud.url

    with pytest.raises(CloudError, match="an offline cloud runs in this process already"):
        OfflineCloud(tmp_path).start()


def test_what_is_left_is_named(cloud: OfflineCloud) -> None:
    cloud.context.client("sqs").create_queue(QueueName="forgotten")

    assert f"AWS::SQS::Queue {cloud.url}/111111111111/forgotten" in cloud.leftovers()
