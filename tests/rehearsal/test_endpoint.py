"""The client of live traffic: what it sends, and what it makes of the answers."""

import json
from collections.abc import Iterator

import pytest

from seatrial.offline.server import LoopbackServer
from seatrial.rehearsal.endpoint import Answer, EndpointClient


class Runtime:
    """Stands for the runtime API: answers as told and keeps each request."""

    def __init__(self):
        self.answer = ("200 OK", b"0.25\n")
        self.seen = []

    def __call__(self, environ, start_response):
        self.seen.append((environ, environ["wsgi.input"].read()))
        start_response(self.answer[0], [("Content-Type", "application/json")])
        return [self.answer[1]]


@pytest.fixture
def runtime():
    return Runtime()


@pytest.fixture
def client(runtime) -> Iterator[EndpointClient]:
    server = LoopbackServer(runtime)
    server.start()
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    yield EndpointClient({"AWS_ENDPOINT_URL": server.url, "AWS_REGION": "eu-central-1", **keys})
    server.stop()


def test_a_row_goes_signed_to_its_endpoint(client, runtime):
    answer = client.invoke("churn", "1,2", "quiet-1")

    environ, body = runtime.seen[0]
    assert answer == Answer(200, "0.25\n")
    assert (environ["PATH_INFO"], body) == ("/endpoints/churn/invocations", b"1,2")
    assert environ["HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID"] == "quiet-1"
    assert "/eu-central-1/sagemaker/aws4_request" in environ["HTTP_AUTHORIZATION"]


def test_requests_share_one_connection(client, runtime):
    for number in range(3):
        client.invoke("churn", "1,2", f"quiet-{number}")

    assert len({environ["REMOTE_PORT"] for environ, _ in runtime.seen}) == 1


@pytest.mark.parametrize(
    ("status", "content", "answer"),
    [
        (
            "424 Failed Dependency",
            {"Message": "Received server error (500)", "OriginalStatusCode": 500},
            Answer(500, "Received server error (500)"),
        ),
        ("400 Bad Request", {"Message": "Endpoint churn not found."}, Answer(400, "Endpoint churn not found.")),
        ("501 Not Implemented", {"message": "not emulated"}, Answer(501, "not emulated")),
    ],
)
def test_an_error_is_told_with_the_models_own_status(client, runtime, status, content, answer):
    runtime.answer = (status, json.dumps(content).encode())

    assert client.invoke("churn", "1,2", "quiet-1") == answer
