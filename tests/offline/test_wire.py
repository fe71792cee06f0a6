"""The kept-alive connection between servers of ours, and the server's own reading of HTTP."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from seatrial.offline.server import LoopbackServer
from seatrial.offline.wire import Wire, WireError


class Recorder:
    """A WSGI application that answers with the request's body and keeps each environment."""

    def __init__(self):
        self.seen = []

    def __call__(self, environ, start_response):
        self.seen.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Said", environ.get("HTTP_X_SAY", ""))])
        return [environ["wsgi.input"].read()]


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def port(recorder) -> Iterator[int]:
    server = LoopbackServer(recorder)
    server.start()
    yield int(server.url.rpartition(":")[2])
    server.stop()


@contextlib.contextmanager
def answering(raw: bytes) -> Iterator[int]:
    """A server that answers its first request with these bytes and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def say(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_requests_share_one_connection(port, recorder):
    with contextlib.closing(Wire(port, timeout_seconds=5)) as wire:
        first, second = wire.post("/a", b"one", {"X-Say": "hello"}), wire.get("/b")

    assert (first.status, first.headers["x-said"], first.body) == (200, "hello", b"one")
    assert second.body == b""
    assert [environ["PATH_INFO"] for environ in recorder.seen] == ["/a", "/b"]
    assert len({environ["REMOTE_PORT"] for environ in recorder.seen}) == 1


def test_a_header_with_a_line_break_is_not_sent(port, recorder):
    with contextlib.closing(Wire(port, timeout_seconds=5)) as wire, pytest.raises(ValueError, match="line break"):
        wire.post("/a", b"", {"X-Say": "hello\r\nX-More: no"})

    assert recorder.seen == []


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "closed the connection within an answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "no Content-Length"),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(raw, sentence):
    with (
        answering(raw) as port,
        contextlib.closing(Wire(port, timeout_seconds=5)) as wire,
        pytest.raises(WireError, match=sentence),
    ):
        wire.get("/")


def test_the_server_joins_a_header_that_is_repeated(port, recorder):
    answer = say(port, b"GET / HTTP/1.1\r\nx-say: a\r\nX-Say: b\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    assert recorder.seen[0]["HTTP_X_SAY"] == "a,b"


def test_the_server_closes_when_the_client_asks_for_it(port):
    answer = say(port, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n")

    assert answer.count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("request_text", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nX-Say: a\r\n folded\r\n\r\n"])
def test_the_server_refuses_what_is_no_http(port, recorder, request_text):
    answer = say(port, request_text)

    assert b" 400 " in answer.splitlines()[0]
    assert recorder.seen == []
