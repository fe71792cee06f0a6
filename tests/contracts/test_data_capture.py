"""Capture lines in every form that SageMaker's containers take and give; what cannot be used is counted by reason."""

import base64
import json

import pytest

from seatrial.contracts.data_capture import CaptureError, parse_capture, read_record
from seatrial.contracts.layout import hour_of_key

NAMES = ("tenure", "plan")


def part(data: str, encoding: str, content_type: str | None = None) -> dict:
    told = {"observedContentType": content_type} if content_type else {}
    return {**told, "data": data, "encoding": encoding}


def line(given: dict, answer: dict | None = None) -> str:
    captured = {"endpointInput": given, "endpointOutput": answer or part("0.5", "CSV")}
    return json.dumps({"captureData": captured, "eventMetadata": {"eventId": "e"}})


def packed(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.parametrize(
    "given",
    [
        part('{"tenure": 3, "plan": "a"}', "JSON"),
        part('{"plan": "a", "tenure": 3}\n', "JSON", "application/jsonlines"),
        part('{"instances": [{"plan": "a", "tenure": 3}]}', "JSON"),
        part('{"instances": [{"features": [3, "a"]}]}', "JSON"),
        part('{"features": [3, "a"]}', "JSON", "application/jsonlines"),
        part('[3, "a"]', "JSON"),
        part(packed('{"tenure": 3, "plan": "a"}'), "BASE64", "application/jsonlines"),
        part(packed("3,a\n"), "BASE64", "text/csv; charset=utf-8"),
        part("3,a\r\n", "CSV", "text/csv"),
        part("3,a", "csv"),
    ],
)
def test_the_same_row_comes_from_every_form(given: dict) -> None:
    assert read_record(line(given), NAMES).rows == (("3", "a"),)


@pytest.mark.parametrize(
    "answer",
    [
        part("0.1\n0.2\n", "CSV"),
        part("0.1,0.2", "CSV"),
        part("[0.1, 0.2]", "JSON"),
        part("[[0.1, 0.9], [0.2, 0.8]]", "JSON"),
        part('{"predictions": [{"score": 0.1}, {"score": 0.2}]}', "JSON"),
        part('{"predictions": [[0.1], [0.2]]}', "JSON"),
        part('{"score": 0.1, "predicted_label": 0}\n{"score": 0.2, "predicted_label": 0}\n', "JSON"),
        part(packed('{"predictions": [0.1, 0.2]}'), "BASE64", "application/json"),
    ],
)
def test_the_same_predictions_come_from_every_form(answer: dict) -> None:
    assert read_record(line(part("3,a\n4,b", "CSV"), answer)).predictions == (0.1, 0.2)


def test_several_rows_of_json_lines_keep_their_order_and_absent_values_are_missing() -> None:
    given = part('{"tenure": 3, "plan": "a"}\n{"plan": null, "tenure": 4.5}\n{"tenure": 5}', "JSON")

    record = read_record(line(given, part("1\n2\n3", "CSV")), NAMES)

    assert record.rows == (("3", "a"), ("4.5", ""), ("5", ""))


def test_a_value_that_the_model_does_not_know_makes_the_row_longer() -> None:
    record = read_record(line(part('{"tenure": 3, "plan": "a", "region": "north"}', "JSON")), NAMES)

    assert record.rows == (("3", "a", "north"),)


def test_content_type_and_encoding_may_change_from_line_to_line() -> None:
    lines = [
        line(part("3,a", "CSV", "text/csv")),
        line(part('{"tenure": 3, "plan": "a"}', "JSON", "application/json"), part('{"score": 0.5}', "JSON")),
        line(part(packed("3,a"), "BASE64", "application/octet-stream")),
    ]

    capture = parse_capture(lines, NAMES)

    assert [record.rows for record in capture.records] == [(("3", "a"),)] * 3
    assert capture.rejected == 0


def test_an_endpoint_that_captures_its_input_only_gives_rows_without_predictions() -> None:
    document = {"captureData": {"endpointInput": part("3,a", "CSV")}, "eventMetadata": {"eventId": "e"}}

    record = read_record(json.dumps(document))

    assert (record.rows, record.predictions) == ((("3", "a"),), ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"captureData": {', "line is no JSON"),
        ('{"captureData": {}}', "line has another form than data capture: KeyError"),
        ("[1]", "line has another form than data capture: TypeError"),
        (line(part("x", "PROTOBUF")), "unknown encoding 'PROTOBUF'"),
        (line(part("not base64!", "BASE64")), "payload is no BASE64"),
        (line(part(packed(b"\x89PNG\xff"), "BASE64", "image/png")), "binary data of type 'image/png'"),
        (line(part("a\0b", "CSV")), "binary data"),
        (line(part("{oops", "JSON")), "payload is no JSON"),
        (line(part('{"age": 3}', "JSON")), "JSON payload names none of the model's columns"),
        (line(part("3,a\n4,b", "CSV")), "rows and predictions are not equally many"),
        (line(part("3,a", "CSV"), part("high", "CSV")), "prediction is no number"),
    ],
)
def test_what_cannot_be_used_is_told_by_a_reason_without_values(text: str, reason: str) -> None:
    with pytest.raises(CaptureError) as raised:
        read_record(text, NAMES)

    assert str(raised.value) == reason


def test_named_values_need_the_models_names() -> None:
    capture = parse_capture([line(part('{"tenure": 3}', "JSON"))])

    assert capture.reasons == {"JSON payload names its values, which needs the model's column names": 1}


def test_rejected_lines_are_counted_by_reason_with_their_numbers() -> None:
    capture = parse_capture(["{", "", line(part("3,a", "CSV")), "{", line(part("x", "XML"))])

    assert capture.reasons == {"line is no JSON": 2, "unknown encoding 'XML'": 1}
    assert capture.rejections == ((1, "line is no JSON"), (4, "line is no JSON"), (5, "unknown encoding 'XML'"))


@pytest.mark.parametrize(
    "key", ["capture//churn/primary/2026/11/01/17/a.jsonl", "c/2026//11/01/17//a.jsonl", "2026/11/01/17/a.jsonl"]
)
def test_double_slashes_in_a_key_count_for_nothing(key: str) -> None:
    assert str(hour_of_key(key)) == "2026-11-01 17:00:00+00:00"
