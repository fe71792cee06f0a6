"""Capture of one's own: what it writes is read as SageMaker's is, and it never stands between caller and model."""

import importlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import boto3
from moto import mock_aws
from sagemaker_inference.transformer import Transformer

from seatrial.contracts import capture_writer
from seatrial.contracts.capture_writer import INFERENCE_ID_HEADER, MOST_WAITING, CaptureWriter, captured
from seatrial.contracts.data_capture import parse_capture
from seatrial.contracts.layout import hour_of_key

START = 1793527200.0  # 2026-11-01T10:00:00Z
CSV = "text/csv"


class Store:
    """Objects in memory; `broken` makes it refuse."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.broken = False
        self.attempts = 0

    def put(self, key: str, body: bytes) -> None:
        self.attempts += 1
        if self.broken:
            raise ConnectionError("no store")
        self.objects[key] = body

    def records(self) -> list:
        return [record for body in self.objects.values() for record in parse_capture(body.decode().split("\n")).records]


class Clock:
    """Seconds since 1970, set by the test."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def writer_of(store: Store, clock: Clock, **settings) -> CaptureWriter:
    ids = iter(range(10**9))
    return CaptureWriter(
        store.put, "data-capture/churn/primary", clock=clock, new_id=lambda: f"id-{next(ids)}", **settings
    )


def test_what_is_written_is_read_as_sagemakers_own_capture() -> None:
    store, clock = Store(), Clock()
    writer = writer_of(store, clock)

    writer.add((b"3,prepaid\n40,family\n", CSV), ("0.8\n0.1\n", CSV), "subscriber-7")
    writer.flush()

    record = store.records()[0]
    assert record.rows == (("3", "prepaid"), ("40", "family"))
    assert (record.predictions, record.join_id) == ((0.8, 0.1), "subscriber-7")
    assert record.inference_time == "2026-11-01T10:00:00Z"
    assert [str(hour_of_key(key)) for key in store.objects] == ["2026-11-01 10:00:00+00:00"]


def test_json_is_kept_as_json_and_other_types_in_base64() -> None:
    store, clock = Store(), Clock()
    writer = writer_of(store, clock)

    writer.add(('{"instances": [[3, "a"]]}', "application/json"), (b"0.5", "application/x-text"), None)
    writer.flush()

    line = json.loads(next(iter(store.objects.values())))["captureData"]
    assert (line["endpointInput"]["encoding"], line["endpointOutput"]["encoding"]) == ("JSON", "BASE64")
    assert store.records()[0].predictions == (0.5,)


def test_lines_are_written_when_many_wait_when_they_are_old_and_when_the_hour_changes() -> None:
    store, clock = Store(), Clock()
    writer = writer_of(store, clock, most_lines=3, longest_seconds=60)
    counts = []

    for second in (0, 1, 2, 10, 75, 3590, 3601):
        clock.now = START + second
        writer.add(("1", CSV), ("0.5", CSV), None)
        counts.append(len(store.objects))

    assert counts == [0, 0, 1, 1, 2, 2, 3]
    assert sorted(key.rpartition("/")[0][-2:] for key in store.objects) == ["10", "10", "10"]


def test_a_store_that_fails_never_fails_the_request_and_nothing_is_lost_when_it_comes_back() -> None:
    store, clock = Store(), Clock()
    writer = writer_of(store, clock, most_lines=2)
    store.broken = True

    for _ in range(4):
        writer.add(("1", CSV), ("0.5", CSV), None)
    store.broken = False
    writer.flush()

    assert (len(store.records()), writer.lost) == (4, 0)


def test_a_store_that_is_away_is_asked_once_a_minute_only() -> None:
    store, clock = Store(), Clock()
    writer = writer_of(store, clock, most_lines=2)
    store.broken = True

    for second in range(0, 150, 10):
        clock.now = START + second
        writer.add(("1", CSV), ("0.5", CSV), None)

    assert store.attempts == 3


def test_memory_is_bounded_while_the_store_is_away_and_the_loss_is_counted() -> None:
    store, clock = Store(), Clock()
    writer = writer_of(store, clock)
    store.broken = True

    for _ in range(MOST_WAITING + 7):
        writer.add(("1", CSV), ("0.5", CSV), None)

    assert writer.lost == 7


def test_a_sample_keeps_about_its_share() -> None:
    store, clock = Store(), Clock()
    writer = writer_of(store, clock, percent=20, most_lines=10**6)

    for _ in range(2000):
        writer.add(("1", CSV), ("0.5", CSV), None)
    writer.flush()

    assert 300 < len(store.records()) < 500


def test_a_serving_program_under_awss_toolkit_answers_as_before_and_is_captured() -> None:
    store, clock = Store(), Clock()
    functions = {
        "input_fn": lambda body, content_type: [line.split(",") for line in body.split()],
        "predict_fn": lambda rows, model: [model[row[1]] for row in rows],
        "output_fn": lambda scores, accept: ("".join(f"{score}\n" for score in scores), CSV),
    }
    writer = writer_of(store, clock)
    transform_fn = captured(functions, writer)
    context = SimpleNamespace(
        request_processor=[SimpleNamespace(get_request_properties=lambda: {INFERENCE_ID_HEADER.lower(): "call-1"})]
    )
    toolkit = Transformer()
    toolkit._context = context

    answer = toolkit._run_handler_function(transform_fn, {"a": 0.25}, "3,a", CSV, CSV)
    writer.flush()

    assert answer == ("0.25\n", CSV)
    assert [(record.join_id, record.predictions) for record in store.records()] == [("call-1", (0.25,))]


PAGE = Path(__file__).parents[2] / "docs/how-to/run-the-monitor.md"
SERVING = """
def model_fn(folder): return 0.25
def input_fn(body, content_type): return body.split()
def predict_fn(rows, model): return [model for _ in rows]
def output_fn(scores, accept): return "".join(f"{score}\\n" for score in scores), "text/csv"
"""


def test_the_how_to_s_module_serves_and_captures_into_the_bucket(tmp_path, monkeypatch) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    (tmp_path / "capture_inference.py").write_text(code)
    (tmp_path / "inference.py").write_text(SERVING)
    shutil.copy(capture_writer.__file__, tmp_path / "capture_writer.py")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CAPTURE_URI", "s3://ship/data-capture/churn/primary")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    before = {name: sys.modules.pop(name, None) for name in ("inference", "capture_writer", "capture_inference")}

    try:
        with mock_aws():
            where = {"LocationConstraint": os.environ["AWS_DEFAULT_REGION"]}
            boto3.client("s3").create_bucket(Bucket="ship", CreateBucketConfiguration=where)
            served = importlib.import_module("capture_inference")
            answer = served.transform_fn(served.model_fn("."), "3,a\n4,b\n", CSV, CSV)
            served.WRITER.flush()
            (found,) = boto3.client("s3").list_objects_v2(Bucket="ship")["Contents"]
            body = boto3.client("s3").get_object(Bucket="ship", Key=found["Key"])["Body"].read()
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module

    record = parse_capture(body.decode().split("\n")).records[0]
    assert answer == ("0.25\n0.25\n", CSV)
    assert (record.rows, record.predictions) == ((("3", "a"), ("4", "b")), (0.25, 0.25))
    assert hour_of_key(found["Key"]) is not None
