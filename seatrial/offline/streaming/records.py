"""What travels through a delivery stream: a record, its partition keys, and what is told about one that failed."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PROCESSING_FAILED = "processing-failed"
CONVERSION_FAILED = "format-conversion-failed"


@dataclass(frozen=True)
class Record:
    """One record of a delivery stream; the sequence number is that of the data stream it was read from."""

    data: bytes
    arrived: datetime
    sequence_number: str | None = None


@dataclass(frozen=True)
class Keyed:
    """A processed record and the partition it goes to."""

    record: Record
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Failed:
    """A record that goes to the error prefix; `kind` is the folder there, `more` are fields of its error document."""

    record: Record
    kind: str
    code: str
    message: str
    attempts: int = 1
    more: dict[str, Any] = field(default_factory=dict)

    def document(self, ended: datetime) -> str:
        """The line in the error object.

        Formats: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html and
        https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html
        """
        last = "last" if self.kind == CONVERSION_FAILED else ""
        code, message = ("lastErrorCode", "lastErrorMessage") if last else ("errorCode", "errorMessage")
        content = {
            "attemptsMade": self.attempts,
            "arrivalTimestamp": int(self.record.arrived.timestamp() * 1000),
            code: self.code,
            message: self.message,
            "attemptEndingTimestamp": int(ended.timestamp() * 1000),
            "rawData": base64.b64encode(self.record.data).decode(),
            **({"sequenceNumber": self.record.sequence_number, "subSequenceNumber": 0} if last else {}),
            **self.more,
        }
        return json.dumps(content)
