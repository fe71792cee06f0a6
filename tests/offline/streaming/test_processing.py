import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.offline.functions import FunctionError
from seatrial.offline.streaming import processing
from seatrial.offline.streaming.processing import ProcessorError, Processors
from seatrial.offline.streaming.records import Failed, Keyed, Record

ARN = "arn:aws:firehose:eu-central-1:111111111111:deliverystream/d"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def processor(kind: str, **parameters: str) -> dict[str, Any]:
    return {"Type": kind, "Parameters": [{"ParameterName": k, "ParameterValue": v} for k, v in parameters.items()]}


def parsed(*processors: dict[str, Any], dynamic: bool = True) -> Processors:
    return processing.parse({"Enabled": True, "Processors": list(processors)}, dynamic=dynamic)[0]


def run(processors: Processors, *records: bytes, invoke: Any = None) -> list[Keyed | Failed]:
    return list(processors.run([Record(record, NOW) for record in records], invoke, ARN))


def extraction(query: str) -> dict[str, Any]:
    return processor("MetadataExtraction", MetadataExtractionQuery=query)


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("{id: .customer.id}", {"id": "7"}),
        ('{day: (.at | strftime("%Y-%m-%d")), name}', {"day": "2026-11-01", "name": "a"}),
        (
            '{"up": (.name | ascii_upcase), odd: (if .customer.id % 2 == 1 then "odd" else "even" end)}',
            {"up": "A", "odd": "odd"},
        ),
    ],
)
def test_partition_keys_come_from_jq(query: str, keys: dict[str, str]) -> None:
    record = json.dumps({"customer": {"id": 7}, "at": 1793491200, "name": "a"}).encode()

    (result,) = run(parsed(extraction(query)), record)

    assert isinstance(result, Keyed)
    assert dict(result.keys) == keys
    assert processing.parse({"Enabled": True, "Processors": [extraction(query)]}, dynamic=True)[1] == set(keys)


@pytest.mark.parametrize("query", [".id", "{id: .id | nosuch}", "{id: "])
def test_a_query_that_makes_no_keys_is_refused(query: str) -> None:
    with pytest.raises(ProcessorError, match="MetadataExtractionQuery"):
        parsed(extraction(query))


@pytest.mark.parametrize("record", [b"nope", b"{}", b'{"id": ""}', b'{"id": [1]}', b'"text"'])
def test_a_record_without_its_keys_fails(record: bytes) -> None:
    (result,) = run(parsed(extraction("{id: .id}")), record)

    assert isinstance(result, Failed)
    assert (result.kind, result.code) == ("processing-failed", "DynamicPartitioning.MetadataExtractionFailed")


def test_aggregated_records_are_separated() -> None:
    by_json = parsed(processor("RecordDeAggregation", SubRecordType="JSON"), extraction("{id: .id}"))
    mark = base64.b64encode(b"##").decode()
    by_mark = parsed(processor("RecordDeAggregation", SubRecordType="DELIMITED", Delimiter=mark), dynamic=False)

    objects = [result.keys[0][1] for result in run(by_json, b'{"id":1}{"id":2}\n{"id":3}') if isinstance(result, Keyed)]
    parts = [result.record.data for result in run(by_mark, b"a##b")]

    assert objects == ["1", "2", "3"]
    assert parts == [b"a", b"b"]


def test_a_delimiter_is_appended() -> None:
    (result,) = run(parsed(processor("AppendDelimiterToRecord", Delimiter="\\n"), dynamic=False), b"a")

    assert result.record.data == b"a\n"


def answer(*results: str) -> dict[str, Any]:
    data = base64.b64encode(b"changed").decode()
    return {"records": [{"recordId": str(n), "result": result, "data": data} for n, result in enumerate(results)]}


def test_a_function_changes_drops_and_fails_records() -> None:
    processors = parsed(processor("Lambda", LambdaArn="arn:f"), dynamic=False)

    results = run(
        processors, b"a", b"b", b"c", b"d", invoke=lambda name, event: answer("Ok", "Dropped", "ProcessingFailed")
    )

    assert [type(result) for result in results] == [Keyed, Failed, Failed]
    assert results[0].record.data == b"changed"
    assert [result.code for result in results if isinstance(result, Failed)] == [
        "Lambda.ProcessingFailedStatus",
        "Lambda.MissingRecordId",
    ]


def test_a_function_that_fails_fails_its_records() -> None:
    def fail(name: str, event: dict[str, Any]) -> None:
        raise FunctionError(name, {"errorMessage": "no"}, ())

    (result,) = run(parsed(processor("Lambda", LambdaArn="arn:f"), dynamic=False), b"a", invoke=fail)

    assert isinstance(result, Failed)
    assert json.loads(result.document(NOW)) == {
        "attemptsMade": 4,
        "arrivalTimestamp": 1793491200000,
        "errorCode": "Lambda.FunctionError",
        "errorMessage": "function arn:f: Error: no",
        "attemptEndingTimestamp": 1793491200000,
        "rawData": "YQ==",
        "lambdaArn": "arn:f",
    }


def test_a_processor_that_is_not_emulated_is_refused() -> None:
    with pytest.raises(ProcessorError, match="Decompression is not emulated"):
        parsed(processor("Decompression", CompressionFormat="GZIP"))
