"""A model's process behind an endpoint: AWS's inference toolkit runs the model's code, this file speaks HTTP."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

MODEL = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model"
CODE = MODEL.parent / "code"
BUILTIN_FILE = "xgboost-model"


# XGBoost wants these only for its estimators, at ten times the price of all the rest of this process's start.
COSTLY = ("sklearn", "pandas")
WANT_COSTLY = re.compile(r"sklearn|pandas|pickle|joblib|XGB(Classifier|Regressor|Ranker|RF|Model)")


class RequestContext:
    """What the toolkit wants to know of a request, and where it leaves the status and content type of the answer."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.system_properties = {"model_dir": str(MODEL), "gpu_id": None}
        self.request_processor = [self]
        self.headers = headers
        self.status = 200
        self.content_type: str | None = None

    def get_request_properties(self) -> dict[str, str]:
        """The request's headers, in the spelling that the toolkit looks for."""
        return self.headers

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Called by the toolkit when the model's code raised."""
        self.status = code

    def set_response_content_type(self, index: int, value: str) -> None:
        """Called by the toolkit with the answer's content type."""
        self.content_type = value


class Model:
    """The toolkit's transformer around the model's own code."""

    def __init__(self, family: str) -> None:
        from sagemaker_inference.transformer import Transformer

        self._transformer = Transformer(default_inference_handler=_defaults(family))
        self._transformer.validate_and_initialize(model_dir=str(MODEL), context=RequestContext({}))

    def answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Status, content type and body for one invocation."""
        context = RequestContext({"Content-Type": headers.get("content-type", ""), "Accept": headers.get("accept", "")})
        result = self._transformer.transform([{"body": body}], context)[0]
        content = result if isinstance(result, bytes) else str(result).encode()
        if context.status != 200:
            sys.stderr.write(f"{content.decode(errors='replace')}\n")
            content = content.splitlines()[0] if content else b""
        return context.status, context.content_type or "text/plain", content


def _defaults(family: str) -> Any:
    from sagemaker_inference import decoder, encoder
    from sagemaker_inference.default_inference_handler import DefaultInferenceHandler

    class Builtin(DefaultInferenceHandler):
        """What the images do when the model brings no code: XGBoost boosters, scikit-learn by model_fn."""

        def default_model_fn(self, model_dir: str, context: Any = None) -> Any:
            if family != "xgboost" or not Path(model_dir, BUILTIN_FILE).exists():
                raise NotImplementedError(f"no code/inference.py with model_fn, and no {BUILTIN_FILE}, in model.tar.gz")
            import xgboost

            return xgboost.Booster(model_file=str(Path(model_dir, BUILTIN_FILE)))

        def default_input_fn(self, input_data: Any, content_type: str, context: Any = None) -> Any:
            if family == "xgboost" and content_type.startswith("text/csv"):
                return _matrix(input_data)
            return decoder.decode(input_data, content_type)

        def default_predict_fn(self, data: Any, model: Any, context: Any = None) -> Any:
            return model.predict(data)

        def default_output_fn(self, prediction: Any, accept: str, context: Any = None) -> Any:
            if family == "xgboost" and accept in ("text/csv", "application/json", "*/*", ""):
                return ",".join(str(float(value)) for value in prediction.ravel()), "text/csv; charset=utf-8"
            return encoder.encode(prediction, accept), accept

    return Builtin()


def _matrix(text: str) -> Any:
    import numpy as np
    import xgboost

    rows = [
        [float(value) if value.strip() else np.nan for value in line.split(",")] for line in text.splitlines() if line
    ]
    return xgboost.DMatrix(np.array(rows, dtype=np.float32))


class Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection; requests are answered in order."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._buffer = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Remember where to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            length = int(headers.get("content-length", 0))
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._answer(head[0], headers, body)

    def _answer(self, line: str, headers: dict[str, str], body: bytes) -> None:
        path = line.split(" ")[1]
        if path == "/ping":
            status, kind, content = 200, "text/plain", b""
        else:
            status, kind, content = self._model.answer(body, headers)
        start = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
        self._transport.write(start.encode("latin-1") + content)


class _Absent:
    """While it is on `sys.meta_path`, the costly packages are as if they were not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Refuse the costly packages, leave others to the next finder."""
        if name.partition(".")[0] in COSTLY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def import_xgboost() -> None:
    """Import XGBoost without scikit-learn, unless the model's own code may want estimators."""
    files = [path for folder in (MODEL / "code", CODE) for path in folder.rglob("*.py")]
    code = "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
    if WANT_COSTLY.search(code):
        return
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        import xgboost  # noqa: F401
    except ImportError:
        return  # the model's own import of it will tell
    finally:
        sys.meta_path.remove(absent)


def install_requirements() -> None:
    """Install the model's requirements.txt as the image would, into a folder of this process."""
    for folder in (MODEL / "code", CODE):
        requirements = folder / "requirements.txt"
        if requirements.exists():
            target = str(MODEL.parent / "packages")
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", target, "-r", str(requirements)]
            subprocess.run(pip, check=True)
            sys.path.insert(0, target)


def main(descriptor: int, family: str) -> int:
    """Load the model, then serve on the socket that the parent opened; exit 1 when the model does not load."""
    try:
        install_requirements()
        sys.path[:0] = [str(MODEL / "code"), str(CODE)]
        if family == "xgboost":
            import_xgboost()
        model = Model(family)
    except BaseException:
        traceback.print_exc()
        return 1
    asyncio.run(serve(socket.socket(fileno=descriptor), model))
    return 0


async def serve(listener: socket.socket, model: Model) -> None:
    """Accept connections until the process is told to end."""
    listener.setblocking(False)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(model), sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
