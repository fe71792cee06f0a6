"""Data capture in Model Monitor's format: buffered while requests run, written to S3 by minute of the cloud's time."""

import base64
import json
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seatrial.offline.sagemaker import storage
from seatrial.offline.sagemaker.fleet import Answer
from seatrial.offline.sagemaker.service import Service


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer, where it went, and the capture settings that were in force there."""

    endpoint: str
    variant: str
    settings: Mapping[str, Any] | None
    body: bytes
    content_type: str
    answer: Answer
    inference_id: str | None
    custom_attributes: str | None


@dataclass(frozen=True)
class _Target:
    uri: str
    kms_key: str | None
    endpoint: str
    variant: str
    minute: datetime


class Capture:
    """The buffer of one cloud."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lines: dict[_Target, list[str]] = defaultdict(list)
        self._lock = threading.Lock()
        self._random = random.Random(0)

    def add(self, exchange: Exchange) -> None:
        """Buffer one exchange, if the settings sample it."""
        settings = exchange.settings
        if not settings or not settings.get("EnableCapture") or not self._sampled(settings):
            return
        now = self._service.now()
        line = json.dumps(_line(settings, exchange, now), separators=(",", ":"))
        minute = now.replace(second=0, microsecond=0)
        target = _Target(
            settings["DestinationS3Uri"], settings.get("KmsKeyId"), exchange.endpoint, exchange.variant, minute
        )
        with self._lock:
            self._lines[target].append(line)

    def flush(self) -> None:
        """Write everything buffered."""
        with self._lock:
            pending, self._lines = self._lines, defaultdict(list)
        for target, lines in pending.items():
            self._write(target, lines)

    def _sampled(self, settings: Mapping[str, Any]) -> bool:
        percentage = settings["InitialSamplingPercentage"]
        return percentage >= 100 or self._random.random() * 100 < percentage

    def _write(self, target: _Target, lines: list[str]) -> None:
        when = target.minute
        name = f"{when:%M-%S}-000-{uuid.uuid4()}.jsonl"
        uri = storage.join_uri(target.uri, target.endpoint, target.variant, f"{when:%Y/%m/%d/%H}", name)
        bucket, key = storage.parse_uri(uri)
        content = "\n".join(lines) + "\n"
        try:
            storage.put(self._service.context.client("s3"), bucket, key, content.encode(), target.kms_key)
        except storage.StorageError as error:
            # As on AWS: capture that cannot be written is lost, and the endpoint goes on.
            self._service.context.journal.record(
                "endpoint", name=target.endpoint, status="CaptureFailed", reason=str(error)
            )


def _line(settings: Mapping[str, Any], exchange: Exchange, now: datetime) -> dict[str, Any]:
    modes = {option["CaptureMode"] for option in settings["CaptureOptions"]}
    data: dict[str, Any] = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side(settings, "INPUT", exchange.body, exchange.content_type)
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _side(settings, "OUTPUT", exchange.answer.body, exchange.answer.content_type)
    metadata: dict[str, Any] = {"eventId": str(uuid.uuid4()), "inferenceTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if exchange.inference_id:
        metadata["inferenceId"] = exchange.inference_id
    if exchange.custom_attributes:
        metadata["customAttributes"] = [exchange.custom_attributes]
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _side(settings: Mapping[str, Any], mode: str, content: bytes, content_type: str) -> dict[str, Any]:
    headers = settings.get("CaptureContentTypeHeader", {})
    plain = content_type.partition(";")[0].strip().lower()
    if plain in {item.lower() for item in headers.get("CsvContentTypes", ())}:
        data, encoding = content.decode(errors="replace"), "CSV"
    elif plain in {item.lower() for item in headers.get("JsonContentTypes", ())}:
        data, encoding = content.decode(errors="replace"), "JSON"
    else:
        data, encoding = base64.b64encode(content).decode("ascii"), "BASE64"
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}
