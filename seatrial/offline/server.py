"""The loopback HTTP server: one thread a connection, kept alive between requests (werkzeug's own closes each)."""

import io
import socket
import threading
from collections.abc import ItemsView, KeysView
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer

from seatrial.offline.routes import WsgiApp

LONGEST_LINE = 1 << 16
"""Bytes of a header line, as the standard library's server has it."""


class Headers:
    """A request's headers, read as HTTP; a repeated one is joined with commas (RFC 9110, section 5.3)."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        """Append a field."""
        name = self._names.setdefault(name.lower(), name)
        self._values[name] = f"{self._values[name]},{value}" if name in self._values else value

    def get(self, name: str, default: str | None = None) -> str | None:
        """A field's value; case does not matter."""
        return self._values.get(self._names.get(name.lower(), name), default)

    def keys(self) -> KeysView[str]:
        """Names as they were sent."""
        return self._values.keys()

    def items(self) -> ItemsView[str, str]:
        """Names and values."""
        return self._values.items()


class KeepAliveHandler(MotoRequestHandler):
    """Reads the whole request, writes the whole response, and leaves the connection open.

    Werkzeug's handler waits 10 ms after each response for more input and then closes; a deployment makes
    hundreds of small calls, so this saves most of their time. The standard library reads a request's headers as an
    e-mail, which costs more than all the rest of a small request.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        """Remember the connection, so that the server can end it."""
        super().setup()
        self.server.connections.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        """Forget the connection."""
        self.server.connections.discard(self.connection)  # type: ignore[attr-defined]
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def parse_request(self) -> bool:
        """Read the request line and the headers; False, and an error answered, when they are no HTTP/1.x."""
        words = self.raw_requestline.decode("latin-1").split()
        if len(words) != 3 or words[2] not in {"HTTP/1.0", "HTTP/1.1"}:
            self.close_connection = True
            self.requestline, self.request_version, self.command = " ".join(words), "HTTP/1.0", ""
            self.send_error(400, "Bad request line")
            return False
        self.requestline = " ".join(words)
        self.command, self.path, self.request_version = words
        headers = self._read_headers()
        if headers is None:
            self.close_connection = True
            self.send_error(400, "Bad header")
            return False
        self.headers = headers  # type: ignore[assignment]
        connection = (headers.get("Connection") or "").lower()
        self.close_connection = connection == "close" or (words[2] == "HTTP/1.0" and connection != "keep-alive")
        expects = (headers.get("Expect") or "").lower() == "100-continue"
        return self.handle_expect_100() if expects and words[2] == "HTTP/1.1" else True

    def handle_expect_100(self) -> bool:
        """Ask for the body at once."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        """Answer one request."""
        environ = self.make_environ()
        content = self._read_body(environ)
        environ["wsgi.input"] = io.BytesIO(content)
        environ["wsgi.input_terminated"] = True
        environ["CONTENT_LENGTH"] = str(len(content))
        status, headers, body = _call(self.server.app, environ)
        self._write(status, headers, body, head=environ["REQUEST_METHOD"] == "HEAD")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the journal tells what happened."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's signature
        """Say nothing here either."""

    def _read_headers(self) -> Headers | None:
        headers = Headers()
        while (line := self.rfile.readline(LONGEST_LINE + 1)) not in {b"\r\n", b"\n", b""}:
            name, colon, value = line.decode("latin-1").partition(":")
            # Folded lines are obsolete, and nothing that talks to AWS sends them.
            if not colon or not name or name[0] in " \t" or len(line) > LONGEST_LINE:
                return None
            headers.add(name, value.strip())
        return headers

    def _read_body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):
            return environ["wsgi.input"].read()
        return self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))

    def _write(self, status: str, headers: list[tuple[str, str]], body: bytes, *, head: bool) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() != "content-length" or head:
                self.send_header(name, value)
        if not head:
            self.send_header("Content-Length", str(len(body)))
        elif "content-length" not in names:
            self.send_header("Content-Length", "0")
        self.end_headers()
        if not head:
            self.wfile.write(body)
        self.wfile.flush()


def _call(app: WsgiApp, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    started: dict[str, Any] = {"status": "500 Internal Server Error", "headers": []}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started.update(status=status, headers=headers)

    try:
        pieces = app(environ, start_response)
        body = b"".join(pieces)
        if hasattr(pieces, "close"):
            pieces.close()  # type: ignore[attr-defined]
    except Exception as error:
        return "500 Internal Server Error", [("Content-Type", "text/plain")], repr(error).encode()
    return started["status"], started["headers"], body


class LoopbackServer:
    """Listens on 127.0.0.1; the port is known before the server serves."""

    def __init__(self, app: WsgiApp, port: int = 0) -> None:
        self._server: BaseWSGIServer = _Server("127.0.0.1", port, app, KeepAliveHandler)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self._server.serve_forever, name="cloud", daemon=True)

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Start to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and end every connection."""
        self._server.shutdown()
        for connection in list(self._server.connections):  # type: ignore[attr-defined]
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._server.server_close()
        self._thread.join(timeout=5)


class _Server(ThreadedWSGIServer):
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's signature
        pass
