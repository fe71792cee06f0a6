"""The WebHDFS protocol over the cloud's S3, on a loopback port of its own: how Spark's own jars reach `s3://`.

Hadoop's ViewFileSystemOverloadScheme maps `s3://bucket` to `webhdfs://127.0.0.1:port/view/bucket`, both classes are
in pyspark's jars. Format: hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""

import json
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

from seatrial.offline.spark.objects import NoSuchPathError, PathExistsError, Status, View

ROOT = "/webhdfs/v1"
HOST = "127.0.0.1"
BLOCK_BYTES = 128 << 20
SEND_BUFFER_BYTES = 1 << 17
_PATH = re.compile(rf"{ROOT}/(?P<token>[^/]+)/(?P<bucket>[^/]+)/*(?P<key>.*?)/*")
_EXCEPTIONS: dict[type[Exception], tuple[int, str]] = {
    NoSuchPathError: (404, "java.io.FileNotFoundException"),
    PathExistsError: (403, "org.apache.hadoop.fs.FileAlreadyExistsException"),
    PermissionError: (403, "org.apache.hadoop.security.AccessControlException"),
    NotImplementedError: (400, "java.lang.UnsupportedOperationException"),
    Exception: (500, "java.io.IOException"),
}


class Gateway:
    """Serves the views of running jobs."""

    def __init__(self) -> None:
        self._server = _Server((HOST, 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="spark-s3", daemon=True)
        self._thread.start()

    def open(self, view: View) -> str:
        """Serve a view; returns the token that names it in URIs."""
        token = secrets.token_hex(8)
        self._server.views[token] = view
        return token

    def close(self, token: str) -> None:
        """Stop serving a view and drop what its job did not commit."""
        view = self._server.views.pop(token, None)
        if view is not None:
            view.close()

    def uri(self, token: str, bucket: str) -> str:
        """Where Hadoop finds a bucket."""
        return f"webhdfs://{HOST}:{self._server.server_port}/{token}/{bucket}"

    def stop(self) -> None:
        """Stop serving; every view is dropped."""
        self._server.shutdown()
        self._server.server_close()
        for token in list(self._server.views):
            self.close(token)
        self._thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self.views: dict[str, View] = {}
        super().__init__(*arguments)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that has seen enough closes its connection: nothing to tell."""


class _Call:
    """One request: the view, the path and the parameters (WebHDFS ignores the case of their names)."""

    def __init__(self, handler: "_Handler") -> None:
        parts = urlsplit(handler.path)
        match = _PATH.fullmatch(unquote(parts.path))
        view = handler.gateway.views.get(match["token"]) if match else None
        if match is None or view is None:
            raise NoSuchPathError(f"{parts.path}: no bucket of a job that runs")
        self.view: View = view
        self.bucket, self.key = match["bucket"], match["key"]
        self.token = match["token"]
        self.parameters = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
        self.operation = self.parameters.get("op", "").upper()

    def flag(self, name: str) -> bool:
        """A boolean parameter."""
        return self.parameters.get(name, "false") == "true"


class _Handler(BaseHTTPRequestHandler):
    @property
    def gateway(self) -> "_Server":
        """The server that answers."""
        return cast(_Server, self.server)

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        """Keep little on the way: a reader of Parquet asks for an offset and hangs up when it has seen enough."""
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def do_GET(self) -> None:
        """Reads."""
        self._run()

    def do_PUT(self) -> None:
        """Writes."""
        self._run()

    def do_POST(self) -> None:
        """Appending and the like: S3 has none of it."""
        self._run()

    def do_DELETE(self) -> None:
        """Deletions."""
        self._run()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's signature
        """Say nothing: the journal tells what a job did."""

    def _run(self) -> None:
        try:
            if "op=GETHOMEDIRECTORY" in self.path:
                self.reply({"Path": "/user/hadoop"})
                return
            call = _Call(self)
            answer = _OPERATIONS.get((self.command, call.operation))
            if answer is None:
                raise NotImplementedError(f"S3 has no operation {call.operation} of a file system")
            answer(self, call)
        except ConnectionError:
            self.close_connection = True
        except Exception as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        kind = next(kind for kind in _EXCEPTIONS if isinstance(error, kind))
        code, java = _EXCEPTIONS[kind]
        body = {"exception": java.rpartition(".")[2], "javaClassName": java, "message": str(error)}
        self.close_connection = self.command != "GET"
        self.reply({"RemoteException": body}, code)

    def reply(self, document: Any, code: int = 200, **headers: str) -> None:
        """Answer with JSON, or with nothing."""
        content = b"" if document is None else json.dumps(document).encode()
        self._begin(code, len(content), "application/json", headers)
        self.wfile.write(content)
        self.wfile.flush()

    def stream(self, pieces: Iterator[bytes], length: int) -> None:
        """Answer with an object's bytes."""
        self._begin(200, length, "application/octet-stream", {})
        try:
            for piece in pieces:
                self.wfile.write(piece)
            self.wfile.flush()
        except Exception as error:
            # Half an answer is out: only the end of the connection still tells that something is wrong.
            raise ConnectionResetError(f"an object could not be read to its end: {error}") from error

    def redirect(self, call: _Call) -> None:
        """Send the client to the data node, which is this server too."""
        query = "&".join(f"{name}={quote(value)}" for name, value in call.parameters.items())
        path = quote(f"{ROOT}/{call.token}/{call.bucket}/{call.key}")
        self.reply(None, 307, Location=f"http://{HOST}:{self.gateway.server_port}{path}?{query}&datanode=true")

    def _begin(self, code: int, length: int, content_type: str, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": content_type, "Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def receive(self, file: BinaryIO) -> None:
        """Copy the request's body; raises `ConnectionError` when the writer died before its end."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            self._copy(file, int(self.headers.get("Content-Length") or 0))
            return
        while size := _chunk_size(bytes(self.rfile.readline())):
            if size < 0:
                raise ConnectionResetError("the writer died")
            self._copy(file, size)
            self.rfile.readline()
        self.rfile.readline()

    def _copy(self, file: BinaryIO, size: int) -> None:
        while size:
            piece = self.rfile.read(min(size, 1 << 20))
            if not piece:
                raise ConnectionResetError("the writer died")
            file.write(piece)
            size -= len(piece)


def _chunk_size(line: bytes) -> int:
    """Of a chunk's first line; -1 when the connection has ended instead."""
    return int(line.partition(b";")[0], 16) if line.strip() else -1


def _open(handler: _Handler, call: _Call) -> None:
    status = call.view.status(call.bucket, call.key)
    if status.is_folder:
        raise NoSuchPathError(f"s3://{call.bucket}/{call.key} is a folder")
    if not call.flag("datanode"):
        handler.redirect(call)
        return
    offset = int(call.parameters.get("offset", 0))
    length = min(int(call.parameters.get("length", status.size)), max(0, status.size - offset))
    handler.stream(call.view.read(call.bucket, call.key, offset, length), length)


def _create(handler: _Handler, call: _Call) -> None:
    if not call.flag("datanode"):
        _refuse_existing(call)
        handler.redirect(call)
        return
    file = call.view.new_file()
    try:
        with file.open("wb") as content:
            handler.receive(content)
    except (ConnectionError, ValueError):
        file.unlink(missing_ok=True)
        raise ConnectionResetError("an object that is not finished does not appear") from None
    call.view.finish(call.bucket, call.key, file)
    handler.reply(None, 201)


def _refuse_existing(call: _Call) -> None:
    try:
        status = call.view.status(call.bucket, call.key)
    except NoSuchPathError:
        call.view.make_folder(call.bucket, call.key.rpartition("/")[0])
        return
    if status.is_folder or call.parameters.get("overwrite", "true") == "false":
        raise PathExistsError(f"s3://{call.bucket}/{call.key} is there already")


def _status(handler: _Handler, call: _Call) -> None:
    status = call.view.status(call.bucket, call.key)
    handler.reply({"FileStatus": _json(status, "")})


def _list(handler: _Handler, call: _Call) -> None:
    handler.reply({"FileStatuses": {"FileStatus": _children(call)}})


def _list_batch(handler: _Handler, call: _Call) -> None:
    partial = {"FileStatuses": {"FileStatus": _children(call)}}
    handler.reply({"DirectoryListing": {"partialListing": partial, "remainingEntries": 0}})


def _children(call: _Call) -> list[dict[str, Any]]:
    entries = call.view.listing(call.bucket, call.key)
    # A listing of a file is the file itself, with no name below the path.
    return [_json(entry, "" if entry.key == call.key else entry.name) for entry in entries]


def _summary(handler: _Handler, call: _Call) -> None:
    files = call.view.below(call.bucket, call.key)
    size = sum(file.size for file in files)
    facts = {"directoryCount": 1, "fileCount": len(files), "length": size, "spaceConsumed": size}
    handler.reply({"ContentSummary": {**facts, "quota": -1, "spaceQuota": -1}})


def _blocks(handler: _Handler, call: _Call) -> None:
    status = call.view.status(call.bucket, call.key)
    location = {"hosts": ["localhost"], "names": ["localhost:9866"], "offset": 0, "length": status.size}
    extra = {"cachedHosts": [], "corrupt": False, "storageTypes": ["DISK"], "topologyPaths": ["/localhost"]}
    handler.reply({"BlockLocations": {"BlockLocation": [{**location, **extra}]}})


def _located(handler: _Handler, call: _Call) -> None:
    size = call.view.status(call.bucket, call.key).size
    facts = {"fileLength": size, "isLastBlockComplete": True, "isUnderConstruction": False}
    block = {"blockPoolId": "s3", "blockId": 0, "generationStamp": 0, "numBytes": size}
    place = {"block": block, "startOffset": 0, "isCorrupt": False, "locations": [], "cachedLocations": []}
    handler.reply({"LocatedBlocks": {**facts, "lastLocatedBlock": place, "locatedBlocks": [place] if size else []}})


def _make_folder(handler: _Handler, call: _Call) -> None:
    call.view.make_folder(call.bucket, call.key)
    handler.reply({"boolean": True})


def _rename(handler: _Handler, call: _Call) -> None:
    match = _PATH.fullmatch(ROOT + call.parameters["destination"])
    if match is None or match["bucket"] != call.bucket:
        raise NotImplementedError("S3 renames within one bucket only")
    handler.reply({"boolean": call.view.rename(call.bucket, call.key, match["key"])})


def _delete(handler: _Handler, call: _Call) -> None:
    handler.reply({"boolean": call.view.delete(call.bucket, call.key)})


def _nothing(handler: _Handler, call: _Call) -> None:
    """S3 has neither permissions nor times of its own to set."""
    handler.reply(None)


def _json(status: Status, suffix: str) -> dict[str, Any]:
    return {
        "pathSuffix": suffix,
        "type": "DIRECTORY" if status.is_folder else "FILE",
        "length": status.size,
        "modificationTime": int(status.modified * 1000),
        "accessTime": 0,
        "owner": "hadoop",
        "group": "hadoop",
        "permission": "755" if status.is_folder else "644",
        "blockSize": 0 if status.is_folder else BLOCK_BYTES,
        "replication": 0 if status.is_folder else 1,
        "childrenNum": 0,
        "fileId": 0,
        "storagePolicy": 0,
    }


_OPERATIONS: dict[tuple[str, str], Callable[[_Handler, _Call], None]] = {
    ("GET", "OPEN"): _open,
    ("GET", "GETFILESTATUS"): _status,
    ("GET", "LISTSTATUS"): _list,
    ("GET", "LISTSTATUS_BATCH"): _list_batch,
    ("GET", "GETCONTENTSUMMARY"): _summary,
    ("GET", "GETFILEBLOCKLOCATIONS"): _blocks,
    ("GET", "GET_BLOCK_LOCATIONS"): _located,
    ("PUT", "CREATE"): _create,
    ("PUT", "MKDIRS"): _make_folder,
    ("PUT", "RENAME"): _rename,
    ("PUT", "SETPERMISSION"): _nothing,
    ("PUT", "SETOWNER"): _nothing,
    ("PUT", "SETTIMES"): _nothing,
    ("DELETE", "DELETE"): _delete,
}
