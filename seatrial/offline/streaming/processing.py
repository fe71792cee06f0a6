"""Processors of a delivery stream, in Firehose's order: de-aggregation, function, partition keys, delimiter."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jq

from seatrial.offline.functions import FunctionError, NoSuchFunctionError, ThrottledError
from seatrial.offline.streaming.conversion import ConversionError, documents
from seatrial.offline.streaming.records import PROCESSING_FAILED, Failed, Keyed, Record

Invoke = Callable[[str, dict[str, Any]], Any]
MOST_SUBRECORDS = 500
_FUNCTION_BATCH_BYTES = 3 * 1024 * 1024
_DEFAULT_RETRIES = 3
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[$\w]+|\s+|.', re.DOTALL)
SUPPORTED = ("RecordDeAggregation", "Lambda", "MetadataExtraction", "AppendDelimiterToRecord")


class ProcessorError(Exception):
    """A processor that Firehose, or the offline cloud, does not take."""


@dataclass(frozen=True)
class Processors:
    """The processors of one destination; what is None is not there."""

    subrecords: str | None = None
    subrecord_delimiter: bytes = b""
    function: str | None = None
    function_retries: int = _DEFAULT_RETRIES
    query: Any = None
    delimiter: bytes = b""
    dynamic: bool = False

    def run(self, records: Iterable[Record], invoke: Invoke, stream_arn: str) -> Iterator[Keyed | Failed]:
        """Process records; each comes out with its partition keys or as a failure, one dropped by a function not."""
        for result in self._transformed(list(self._separate(records)), invoke, stream_arn):
            if isinstance(result, Failed):
                yield result
            else:
                yield self._delimited(self._partitioned(result))

    def _separate(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            parts = self._parts(record.data) if self.subrecords else [record.data]
            yield from (replace(record, data=part) for part in parts)

    def _parts(self, data: bytes) -> list[bytes]:
        if self.subrecords == "DELIMITED":
            return [part for part in data.split(self.subrecord_delimiter) if part][:MOST_SUBRECORDS]
        try:
            return [json.dumps(document).encode() for document in documents(data)][:MOST_SUBRECORDS]
        except ConversionError:
            return [data]  # what cannot be parsed fails where the partition keys are taken

    def _transformed(self, records: list[Record], invoke: Invoke, stream_arn: str) -> Iterator[Keyed | Failed]:
        if self.function is None:
            yield from (Keyed(record) for record in records)
            return
        for batch in _batches(records):
            yield from self._through_function(batch, invoke, stream_arn)

    def _through_function(self, batch: list[Record], invoke: Invoke, stream_arn: str) -> Iterator[Keyed | Failed]:
        # https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
        event = {
            "invocationId": str(id(batch)),
            "deliveryStreamArn": stream_arn,
            "region": stream_arn.split(":")[3],
            "records": [_function_record(str(number), record) for number, record in enumerate(batch)],
        }
        try:
            answer = self._invoke(invoke, event)
            results = {item["recordId"]: item for item in answer["records"]}
        except (FunctionError, NoSuchFunctionError, ThrottledError, TypeError, KeyError) as error:
            yield from (self._function_failure(record, "Lambda.FunctionError", str(error)) for record in batch)
            return
        for number, record in enumerate(batch):
            yield from self._result(record, results.get(str(number)))

    def _invoke(self, invoke: Invoke, event: dict[str, Any]) -> Any:
        for attempt in range(self.function_retries + 1):
            try:
                return invoke(str(self.function), event)
            except ThrottledError:
                if attempt == self.function_retries:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _result(self, record: Record, item: dict[str, Any] | None) -> Iterator[Keyed | Failed]:
        if item is None:
            yield self._function_failure(record, "Lambda.MissingRecordId", "the function did not return the record")
        elif item["result"] == "Ok":
            keys = (item.get("metadata") or {}).get("partitionKeys") or {}
            yield Keyed(replace(record, data=base64.b64decode(item["data"])), tuple(sorted(keys.items())))
        elif item["result"] != "Dropped":
            yield self._function_failure(
                record, "Lambda.ProcessingFailedStatus", "the function returned ProcessingFailed"
            )

    def _function_failure(self, record: Record, code: str, message: str) -> Failed:
        more = {"lambdaArn": self.function}
        return Failed(record, PROCESSING_FAILED, code, message, attempts=self.function_retries + 1, more=more)

    def _partitioned(self, keyed: Keyed | Failed) -> Keyed | Failed:
        if isinstance(keyed, Failed) or not self.dynamic:
            return keyed
        keys = dict(keyed.keys)
        if self.query is not None:
            try:
                keys.update(self.query.input_text(keyed.record.data.decode()).first())
            except (ValueError, StopIteration, TypeError) as error:
                return _no_keys(keyed.record, str(error))
        if not keys or any(value is None or value == "" for value in keys.values()):
            return _no_keys(keyed.record, "partitionKeys values must not be null or empty")
        if any(isinstance(value, list | dict) for value in keys.values()):
            return _no_keys(keyed.record, "partitionKeys values must be text, numbers or booleans")
        return replace(keyed, keys=tuple((name, _key_text(value)) for name, value in sorted(keys.items())))

    def _delimited(self, keyed: Keyed | Failed) -> Keyed | Failed:
        if isinstance(keyed, Failed) or not self.delimiter:
            return keyed
        return replace(keyed, record=replace(keyed.record, data=keyed.record.data + self.delimiter))


def parse(configuration: dict[str, Any] | None, *, dynamic: bool) -> tuple[Processors, frozenset[str]]:
    """Processors of a ProcessingConfiguration and the names of the keys its query extracts; raises `ProcessorError`."""
    settings: dict[str, Any] = {"dynamic": dynamic}
    names: frozenset[str] = frozenset()
    enabled = (configuration or {}).get("Enabled", False)
    for processor in (configuration or {}).get("Processors") or () if enabled else ():
        kind = processor["Type"]
        values = {item["ParameterName"]: item["ParameterValue"] for item in processor.get("Parameters") or ()}
        if kind not in SUPPORTED:
            known = ", ".join(SUPPORTED)
            raise ProcessorError(f"processor {kind} is not emulated by the offline cloud; there are {known}")
        if kind == "MetadataExtraction":
            settings["query"], names = _query(values)
        else:
            settings.update(_settings(kind, values))
    if dynamic and "query" not in settings and "function" not in settings:
        raise ProcessorError("dynamic partitioning needs a MetadataExtraction or a Lambda processor")
    return Processors(**settings), names


def _settings(kind: str, values: dict[str, str]) -> dict[str, Any]:
    if kind == "Lambda":
        retries = int(values.get("NumberOfRetries", _DEFAULT_RETRIES))
        return {"function": values["LambdaArn"], "function_retries": retries}
    if kind == "AppendDelimiterToRecord":
        return {"delimiter": values.get("Delimiter", "\\n").replace("\\n", "\n").replace("\\t", "\t").encode()}
    if values.get("SubRecordType") not in {"JSON", "DELIMITED"}:
        raise ProcessorError(f"SubRecordType: must be JSON or DELIMITED, got {values.get('SubRecordType')!r}")
    delimiter = base64.b64decode(values.get("Delimiter", ""))
    if values["SubRecordType"] == "DELIMITED" and not delimiter:
        raise ProcessorError("Delimiter: must be given, in base64, for SubRecordType DELIMITED")
    return {"subrecords": values["SubRecordType"], "subrecord_delimiter": delimiter}


def _query(values: dict[str, str]) -> tuple[Any, frozenset[str]]:
    if values.get("JsonParsingEngine", "JQ-1.6") != "JQ-1.6":
        raise ProcessorError(f"JsonParsingEngine: must be 'JQ-1.6', got {values['JsonParsingEngine']!r}")
    text = values.get("MetadataExtractionQuery", "")
    try:
        return jq.compile(text), _names(text)
    except ValueError as error:
        raise ProcessorError(f"MetadataExtractionQuery {text!r}: {error}") from error


def _names(query: str) -> frozenset[str]:
    """Keys of the object that a query constructs: a name after the opening brace and after each comma of its level."""
    text = query.strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise ProcessorError(f"MetadataExtractionQuery {query!r}: must construct an object, as {{key: .path}}")
    names: list[str] = []
    depth, expected = 0, False
    for match in _TOKEN.finditer(text):
        word = match.group()
        if expected and not word.isspace():
            names.append(word.strip('"$'))
            expected = False
        depth += (word in "{[(") - (word in "}])")
        if depth == 1 and word in "{,":
            expected = True
    return frozenset(names)


def _batches(records: list[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in records:
        if batch and size + len(record.data) > _FUNCTION_BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.data)
    if batch:
        yield batch


def _function_record(identifier: str, record: Record) -> dict[str, Any]:
    arrived = int(record.arrived.timestamp() * 1000)
    content = {"recordId": identifier, "approximateArrivalTimestamp": arrived}
    return {**content, "data": base64.b64encode(record.data).decode()}


def _no_keys(record: Record, message: str) -> Failed:
    return Failed(record, PROCESSING_FAILED, "DynamicPartitioning.MetadataExtractionFailed", message)


def _key_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
