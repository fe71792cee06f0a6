"""The loopback HTTP server: one thread a connection, kept alive between requests (werkzeug's own closes each)."""

import io
import socket
import threading
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer

from seatrial.offline.routes import WsgiApp


class KeepAliveHandler(MotoRequestHandler):
    """Reads the whole request, writes the whole response, and leaves the connection open.

    Werkzeug's handler waits 10 ms after each response for more input and then closes; a deployment makes
    hundreds of small calls, so this saves most of their time.
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

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's signature
        """Say nothing: the journal tells what happened."""

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
