"""The WebHDFS protocol, spoken by hand: redirects, chunks, errors, and writers that die."""

import http.client
import json
import socket
import time

import pytest

from seatrial.offline.spark.gateway import Gateway
from seatrial.offline.spark.objects import View


class Client:
    """Asks for paths of the tests' bucket, following redirects as Hadoop's client does."""

    def __init__(self, gateway, token, bucket):
        self.uri = gateway.uri(token, bucket)
        self.port = int(self.uri.split(":")[2].split("/")[0])
        self.root = f"/webhdfs/v1/{token}/{bucket}"

    def ask(self, method, path, **parameters):
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, f"{self.root}{path}?{query}")
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def json(self, method, path, **parameters):
        status, _, body = self.ask(method, path, **parameters)
        return status, json.loads(body)

    def location(self, method, path, **parameters):
        status, headers, _ = self.ask(method, path, **parameters)
        assert status == 307
        return headers["Location"].partition(str(self.port))[2]


@pytest.fixture
def client(bench, tmp_path):
    gateway = Gateway()
    yield Client(gateway, gateway.open(View(bench.cloud.context, tmp_path / "uploads")), bench.bucket)
    gateway.stop()


def send(client, location, *, chunks, finished):
    """Write in chunks; a writer that dies leaves out the last, empty one."""
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        head = f"PUT {location} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
        connection.sendall(head.encode() + body + (b"0\r\n\r\n" if finished else b""))
        return connection.recv(100) if finished else b""


def test_an_object_is_written_in_chunks_and_read_back_from_an_offset(bench, client):
    location = client.location("PUT", "/gateway/a.txt", op="CREATE", overwrite="true")

    answer = send(client, location, chunks=[b"hello ", b"world"], finished=True)
    back = client.location("GET", "/gateway/a.txt", op="OPEN", offset=6)
    connection = http.client.HTTPConnection("127.0.0.1", client.port)
    connection.request("GET", back)

    assert answer.startswith(b"HTTP/1.1 201")
    assert bench.get("gateway/a.txt") == b"hello world"
    assert connection.getresponse().read() == b"world"


def test_an_object_whose_writer_dies_never_appears(bench, client):
    location = client.location("PUT", "/gateway/half.txt", op="CREATE")

    send(client, location, chunks=[b"half of "], finished=False)
    time.sleep(0.2)

    assert "gateway/half.txt" not in bench.keys("gateway/")


def test_what_is_not_there_is_java_s_file_not_found(client):
    status, body = client.json("GET", "/gateway/absent", op="GETFILESTATUS")

    assert status == 404
    assert body["RemoteException"]["javaClassName"] == "java.io.FileNotFoundException"


def test_an_existing_object_is_not_overwritten_unless_asked(bench, client):
    bench.put("gateway/kept", "1")

    status, body = client.json("PUT", "/gateway/kept", op="CREATE", overwrite="false")

    assert status == 403
    assert body["RemoteException"]["exception"] == "FileAlreadyExistsException"


def test_appending_is_refused_as_on_s3(bench, client):
    bench.put("gateway/log", "1")

    status, body = client.json("POST", "/gateway/log", op="APPEND")

    assert status == 400
    assert body["RemoteException"]["exception"] == "UnsupportedOperationException"


def test_keys_with_characters_of_partitions_survive_the_way(bench, client):
    bench.put("gateway/date=2026-11-01/part 1%2F+.txt", "x")

    _, body = client.json("GET", "/gateway/date%3D2026-11-01", op="LISTSTATUS")

    assert [entry["pathSuffix"] for entry in body["FileStatuses"]["FileStatus"]] == ["part 1%2F+.txt"]


def test_a_view_that_has_ended_answers_nothing(bench, tmp_path):
    gateway = Gateway()
    token = gateway.open(View(bench.cloud.context, tmp_path / "uploads"))
    client = Client(gateway, token, bench.bucket)

    gateway.close(token)
    status, _ = client.json("GET", "/", op="LISTSTATUS")

    assert status == 404
    gateway.stop()
