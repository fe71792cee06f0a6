"""Data capture of one's own, for serving programs of endpoints that have none: serverless and asynchronous ones.

Writes what SageMaker's capture writes (see data_capture), so that the monitor reads both alike. Standard library only
and free of imports from the project: the file can be copied beside a serving program as it is.
"""

import base64
import json
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

INFERENCE_ID_HEADER = "X-Amzn-SageMaker-Inference-Id"
MOST_WAITING = 10_000
"""Requests kept in memory while they cannot be written; what comes beyond is lost and counted."""

RETRY_SECONDS = 60.0
"""Pause after an attempt to write that failed: requests must not wait for a store that is away."""

Put = Callable[[str, bytes], None]


def capture_line(
    request: tuple[bytes | str, str],
    answer: tuple[bytes | str, str],
    *,
    event_id: str,
    inference_time: str,
    inference_id: str | None = None,
) -> str:
    """One line of a capture file; `request` and `answer` are (body, content type), the time is ISO 8601 UTC.

    >>> line = capture_line(("1,a", "text/csv"), ("0.5", "text/csv"), event_id="e", inference_time="t")
    >>> json.loads(line)["captureData"]["endpointInput"]["encoding"]
    'CSV'
    """
    metadata = {"eventId": event_id, "inferenceTime": inference_time}
    document = {
        "captureData": {"endpointInput": _payload("INPUT", *request), "endpointOutput": _payload("OUTPUT", *answer)},
        "eventMetadata": {**metadata, "inferenceId": inference_id} if inference_id else metadata,
        "eventVersion": "0",
    }
    return json.dumps(document, separators=(",", ":"))


def _payload(mode: str, body: bytes | str, content_type: str) -> dict[str, str]:
    """Text as CSV or JSON by its type, anything else in BASE64, as SageMaker does."""
    told = content_type.lower()
    raw = body if isinstance(body, bytes) else body.encode()
    encoding = "CSV" if "csv" in told else "JSON" if "json" in told else "BASE64"
    try:
        data = base64.b64encode(raw).decode() if encoding == "BASE64" else raw.decode()
    except UnicodeDecodeError:
        encoding, data = "BASE64", base64.b64encode(raw).decode()
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


@dataclass
class CaptureWriter:
    """Collects captured requests and writes them as objects below `prefix`, which names endpoint and variant.

    `put` stores (key, bytes); what it raises never reaches the caller of the model: the lines wait for the next
    attempt. Lines are written when `most_lines` wait, when the oldest is `longest_seconds` old, and when the hour
    changes. A serverless endpoint sleeps between requests, so both are looked at with every request only: call `flush`
    at its end, or set `longest_seconds` to 0 where a lost minute of quiet traffic matters.
    """

    put: Put
    prefix: str
    percent: float = 100.0
    most_lines: int = 500
    longest_seconds: float = 60.0
    clock: Callable[[], float] = time.time
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    lost: int = 0
    """Requests that could not be kept or written."""
    _lines: list[str] = field(default_factory=list, repr=False)
    _first: float = 0.0
    _retry_at: float = 0.0
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def add(self, request: tuple[bytes | str, str], answer: tuple[bytes | str, str], inference_id: str | None) -> None:
        """Capture one request with its answer, both as (body, content type), if it falls into the sample."""
        event_id, now = self.new_id(), self.clock()
        if (zlib.crc32(event_id.encode()) % 10_000) / 100 >= self.percent:
            return
        when = _stamp(now, "%Y-%m-%dT%H:%M:%SZ")
        line = capture_line(request, answer, event_id=event_id, inference_time=when, inference_id=inference_id)
        with self._lock:
            before = (
                self._take() if self._lines and _hour(self._first) != _hour(now) and now >= self._retry_at else None
            )
            self._keep(line, now)
            old = len(self._lines) >= self.most_lines or now - self._first >= self.longest_seconds
            due = self._take() if old and now >= self._retry_at else None
        for batch in (before, due):
            self._write(batch)

    def flush(self) -> None:
        """Write everything that waits."""
        with self._lock:
            batch = self._take()
        self._write(batch)

    def _keep(self, line: str, now: float) -> None:
        if len(self._lines) >= MOST_WAITING:
            self.lost += 1
            return
        self._first = self._first if self._lines else now
        self._lines.append(line)

    def _take(self) -> tuple[float, list[str]] | None:
        """Everything that waits, and since when; nothing waits any more."""
        batch = (self._first, self._lines) if self._lines else None
        self._lines = []
        return batch

    def _write(self, batch: tuple[float, list[str]] | None) -> None:
        """Lines as one object, without holding others up; of a store that cannot be reached they wait for a minute."""
        if batch is None:
            return
        first, lines = batch
        key = f"{self.prefix.strip('/')}/{_stamp(first, '%Y/%m/%d/%H/%M-%S')}-{self.new_id()}.jsonl"
        try:
            self.put(key, ("\n".join(lines) + "\n").encode())
        except Exception:  # whatever a store raises, the model's caller must get his answer
            with self._lock:
                kept = (lines + self._lines)[:MOST_WAITING]
                self.lost += len(lines) + len(self._lines) - len(kept)
                self._lines, self._first = kept, first
                self._retry_at = self.clock() + RETRY_SECONDS


def captured(functions: Mapping[str, Callable[..., Any]], writer: CaptureWriter) -> Callable[..., Any]:
    """The `transform_fn` of SageMaker's inference toolkit that serves with `functions` and captures what they did.

    `functions` are input_fn, predict_fn and output_fn. Requests that fail are not captured, as SageMaker does it.
    """

    def transform_fn(model: Any, body: Any, content_type: str, accept: str, context: Any = None) -> Any:
        scored = functions["predict_fn"](functions["input_fn"](body, content_type), model)
        result = functions["output_fn"](scored, accept)
        answer = result if isinstance(result, tuple) else (result, accept)
        writer.add((body, content_type), answer, _inference_id(context))
        return result

    return transform_fn


def _inference_id(context: Any) -> str | None:
    """The caller's own id, which the model server hands over as a header of the request."""
    if context is None:
        return None
    properties = context.request_processor[0].get_request_properties()
    return next((value for name, value in properties.items() if name.lower() == INFERENCE_ID_HEADER.lower()), None)


def _stamp(moment: float, form: str) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime(form)


def _hour(moment: float) -> int:
    return int(moment) // 3600
