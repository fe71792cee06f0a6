"""One kept-alive HTTP/1.1 connection to a server of ours on this machine; anybody else's is for `http.client`.

Live traffic is thousands of requests of a few bytes: `http.client` reads each answer's headers as an e-mail, which
costs more than everything else that this side has to do.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

HOST = "127.0.0.1"


class WireError(OSError):
    """The server closed the connection or answered what this module does not read."""


@dataclass(frozen=True)
class Reply:
    """An answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A connection that takes one request at a time; raises OSError, TimeoutError among them, and is then of no use."""

    def __init__(self, port: int, *, timeout_seconds: float) -> None:
        self._host = f"{HOST}:{port}"
        self._socket = socket.create_connection((HOST, port), timeout_seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")

    def get(self, path: str) -> Reply:
        """GET."""
        return self._exchange("GET", path, b"", {})

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """POST; headers as they are to be sent, `Host` and `Content-Length` are added where they are missing."""
        return self._exchange("POST", path, body, headers)

    def close(self) -> None:
        """End the connection."""
        self._answers.close()
        self._socket.close()

    def _exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        fields = {"Host": self._host, **headers, "Content-Length": str(len(body))}
        if any(mark in value for value in (path, *fields.values()) for mark in "\r\n"):
            raise ValueError("a header of the request holds a line break")
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body)
        return self._read()

    def _read(self) -> Reply:
        status = self._answers.readline().split(b" ", 2)
        if len(status) < 2:
            raise WireError("the server closed the connection")
        headers: dict[str, str] = {}
        while (line := self._answers.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if "content-length" not in headers:
            raise WireError("the answer has no Content-Length")
        length = int(headers["content-length"])
        body = self._answers.read(length)
        if len(body) < length:
            raise WireError("the server closed the connection within an answer")
        return Reply(int(status[1]), headers, body)
