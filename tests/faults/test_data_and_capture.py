"""F34 to F46: each fault of data and capture is injected, and what the operator sees of it is looked at.

docs/reference/monitor-faults.md lists them; tests/faults/test_monitor_faults_table.py holds the list to these names.
"""

import base64
import json
import math
import random
import resource
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.contracts import layout
from seatrial.contracts.ground_truth import ground_truth_line
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.decisions.monitor_form import FormLimits
from seatrial.decisions.retraining import RetrainingSettings, RetrainingState, Trigger
from seatrial.decisions.retraining import decide as decide_retraining
from seatrial.monitoring.capture_reader import CaptureReader
from seatrial.statistics.baseline import Baseline, build_baseline
from seatrial.statistics.monitor import Labelled, MonitorLimits, MonitorState, evaluate
from seatrial.statistics.window import summarise_window
from tests.lambdas.harbour import BASELINE, Harbour, at, capture_line, monitor

ROOT = Path(__file__).parents[2]
LIMITS = MonitorLimits()
SCHEMA = FeatureSchema(
    (
        Feature("tenure_months", "numeric"),
        Feature("plan", "categorical"),
        Feature("data_mb", "numeric"),
        Feature("region", "categorical"),
        Feature("drop_rate", "numeric"),
    )
)


@pytest.fixture
def harbour(cloud: None) -> Harbour:
    return Harbour()


def rows_of(seed: int, count: int) -> list[list[str]]:
    source = random.Random(seed)
    return [
        [
            f"{source.gauss(30, 8):.1f}",
            source.choice(["prepaid", "postpaid", "family"]),
            f"{math.exp(source.gauss(7, 1)):.1f}",
            source.choice(["north", "south"]),
            f"{source.betavariate(1, 40):.5f}",
        ]
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    source = random.Random(3)
    scores = [source.betavariate(2, 6) for _ in range(800)]
    return build_baseline(SCHEMA, rows_of(1, 800), scores, [int(source.random() < score) for score in scores])


def look(baseline: Baseline, rows: list[list[str]], scores: list[float] | None = None):
    """One window's evaluation, from a fresh start."""
    source = random.Random(4)
    said = scores if scores is not None else [source.betavariate(2, 6) for _ in rows]
    summary = summarise_window(baseline, rows, said, ids=[str(number) for number in range(len(rows))])
    return evaluate(baseline, MonitorState.fresh(baseline, LIMITS), summary, Labelled(), LIMITS)[0]


def metrics_of(text: str, name: str) -> list[float]:
    documents = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    return [document[name][0] for document in documents if name in document]


def test_f34_a_capture_gap_is_missing_data_with_the_number_of_requests_never_ok(
    harbour: Harbour, capsys: pytest.CaptureFixture
) -> None:
    harbour.traffic(0)
    harbour.invoked(1, 37)

    harbour.run(0)
    harbour.run(1)

    event = harbour.events[-1]
    assert (event["verdict"], event["severity"], event["incident_state"]) == ("missing_data", "ticket", "opened")
    assert event["sentence"] == "missing_data: there were 37 requests but no data capture files for this hour"
    assert metrics_of(capsys.readouterr().out, "MissingData") == [0.0, 1.0]


def test_f34_capture_that_stops_within_the_hour_is_told_by_the_age_of_its_newest_request(harbour: Harbour) -> None:
    lines = [capture_line(f"0-{n}", "24.0,prepaid", 0.35, "2026-11-01T00:05:00Z") for n in range(60)]
    harbour.capture(0, lines)
    harbour.invoked_at(at(0) + timedelta(minutes=40), 500)

    harbour.run(0)

    finding = harbour.events[0]["findings"][0]
    assert (finding["kind"], finding["value"]) == ("freshness", 55.0)
    assert harbour.events[0]["severity"] == "ticket"
    assert "though 500 requests came after it" in harbour.events[0]["sentence"]


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(0, 60 * 330), noise=st.binary(max_size=40))
def test_f35_a_file_cut_at_any_byte_loses_its_broken_lines_alone(baseline: Baseline, cut: int, noise: bytes) -> None:
    whole = "\n".join(capture_line(f"id-{n}", ",".join(row), 0.2) for n, row in enumerate(rows_of(5, 60))).encode()
    rest = (whole[:cut] + noise).decode(errors="replace").split("\n")
    reader = CaptureReader("2026-11-01T00:00:00Z", baseline, count=lambda *block: summarise_window(*block[:3]))

    reader.read(rest)

    assert reader.requests + reader.reasons.total() == sum(1 for line in rest if line.strip())
    assert reader.requests >= cut // 400 - 1
    assert reader.finish().rows == reader.requests


def test_f35_unreadable_lines_are_counted_kept_and_make_the_result_partial(harbour: Harbour) -> None:
    lines, _ = harbour.requests(0, 100)
    harbour.capture(0, [*lines, *(line[: 40 + n] for n, line in enumerate(lines[:4]))])

    harbour.run(0)

    event = harbour.events[0]
    assert (event["rows"], event["unreadable"], event["partial"]) == (100, 4, True)
    assert "partial: 4 captured lines cannot be read (line is no JSON: 4) and are in quarantine" in event["sentence"]
    assert harbour.file(0, layout.QUARANTINE_FILE).splitlines()[0] == lines[0][:40]


def test_f36_a_doubled_slash_in_the_capture_prefix_is_read_over(harbour: Harbour) -> None:
    lines, _ = harbour.requests(0, 60)
    key = layout.capture_hour_prefix("churn", "primary", at(0)).replace("/", "//", 1) + "00.jsonl"
    harbour.put(key, lines)

    harbour.run(0)

    assert (harbour.events[0]["verdict"], harbour.events[0]["rows"]) == ("ok", 60)


def test_f36_captures_of_another_variant_are_named_instead_of_an_empty_result(harbour: Harbour) -> None:
    lines, _ = harbour.requests(0, 60)
    harbour.put(layout.capture_hour_prefix("churn", "AllTraffic", at(0)) + "00.jsonl", lines)
    harbour.invoked(0, 60)

    harbour.run(0)

    assert harbour.events[0]["verdict"] == "missing_data"
    assert harbour.events[0]["sentence"].endswith(
        "data-capture/churn/ has captures of variant AllTraffic, not only of primary"
    )


def test_f37_each_record_is_decoded_by_its_own_encoding_and_unknown_ones_are_set_aside(harbour: Harbour) -> None:
    row, table = "24.5,prepaid", {"instances": [{"features": ["24.5", "prepaid"]}]}
    encoded = base64.b64encode(row.encode()).decode()
    payloads = [(row, "CSV"), (json.dumps(table), "JSON"), (encoded, "BASE64"), (row, "AVRO")] * 20
    lines = [recoded(capture_line(f"0-{n}", data, 0.35), encoding) for n, (data, encoding) in enumerate(payloads)]
    harbour.capture(0, lines)

    harbour.run(0)

    event = harbour.events[0]
    assert (event["rows"], event["unreadable"], event["partial"]) == (60, 20, True)
    assert "unknown encoding 'AVRO': 20" in event["sentence"]


def recoded(line: str, encoding: str) -> str:
    document = json.loads(line)
    document["captureData"]["endpointInput"]["encoding"] = encoding
    return json.dumps(document)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(5)))
def test_f38_reordered_columns_are_a_schema_violation_and_no_drift(baseline: Baseline, order: list[int]) -> None:
    rows = [[row[place] for place in order] for row in rows_of(7, 200)]

    evaluation = look(baseline, rows)

    moved = {SCHEMA.names[place] for place, source in enumerate(order) if place != source}
    told = {finding.feature for finding in evaluation.schema}
    assert evaluation.drift == ()
    assert bool(told) == bool(moved)
    assert told <= moved


@settings(max_examples=10, deadline=None)
@given(place=st.integers(0, 4))
def test_f38_a_removed_or_added_column_is_named_by_its_values(baseline: Baseline, place: int) -> None:
    rows = rows_of(8, 200)

    removed = look(baseline, [[*row[:place], *row[place + 1 :]] for row in rows])
    added = look(baseline, [[*row[:place], "x9", *row[place:]] for row in rows])

    assert (removed.schema[0].kind, removed.schema[0].feature) == ("missing_column", SCHEMA.names[place])
    assert added.schema[0].kind == "extra_column"
    assert f"the new one is column {place + 1}" in added.schema[0].sentence
    assert removed.drift == added.drift == ()


def test_f38_a_renamed_column_is_told_by_the_header(baseline: Baseline) -> None:
    header = ["tenure", *SCHEMA.names[1:]]
    rows = [one for row in rows_of(9, 100) for one in (header, row)]

    evaluation = look(baseline, rows)

    assert [finding.kind for finding in evaluation.schema] == ["renamed_column"]
    assert "tenure instead of tenure_months" in evaluation.schema[0].sentence
    assert evaluation.rows == 100


def test_f38_a_schema_violation_pages_and_blocks_automatic_retraining(harbour: Harbour) -> None:
    harbour.traffic(0)
    lines = [capture_line(f"1-{n}", ",".join(reversed(harbour.row()[0])), 0.3) for n in range(100)]
    harbour.capture(1, lines)
    harbour.run(0)
    harbour.run(1)

    event = harbour.events[-1]
    trigger = Trigger(event["verdict"], "k", datetime(2026, 11, 1, tzinfo=UTC), event["sentence"])
    decision = decide_retraining(trigger, RetrainingState(), None, RetrainingSettings())

    assert (event["verdict"], event["severity"]) == ("schema_violation", "page")
    assert "column 1 holds the values of plan_type where the model takes tenure_months" in event["sentence"]
    assert (decision.action, decision.rule) == ("refuse", "curable")


ODD = st.sampled_from(
    ["NaN", "inf", "-inf", "1e308", "-1e308", "", "N/A", "null", "twelve", "é漢字\U0001f600", "0x10", "1_000", " 5 "]
) | st.text(max_size=20)


@settings(max_examples=30, deadline=None)
@given(table=st.lists(st.lists(ODD, min_size=5, max_size=5), max_size=60), score=st.sampled_from([0.0, 1.0, math.nan]))
def test_f39_odd_values_are_counted_as_missing_or_invalid_and_every_figure_is_finite(
    baseline: Baseline, table: list[list[str]], score: float
) -> None:
    evaluation = look(baseline, table, [score] * len(table))

    figures = [evaluation.drift_statistic, evaluation.quality_loss_statistic, *(f.value for f in evaluation.schema)]
    assert all(math.isfinite(figure) for figure in figures)
    json.dumps([report.to_json() for report in evaluation.reports], allow_nan=False)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -3.0, 17.0])
def test_f39_predictions_that_are_no_probabilities_neither_blind_nor_poison_the_test_of_loss(
    baseline: Baseline, odd: float
) -> None:
    source, state = random.Random(11), MonitorState.fresh(baseline, LIMITS)
    quiet = summarise_window(baseline, [], [])
    _, state = evaluate(baseline, state, quiet, Labelled([odd, 0.2] * 30, [0, 1] * 30), LIMITS)

    for _ in range(4):
        scores = [source.random() for _ in range(200)]
        worse = Labelled(scores, [int(source.random() > score) for score in scores])
        evaluation, state = evaluate(baseline, state, quiet, worse, LIMITS)
    told = look(baseline, rows_of(1, 100), [odd] * 100).schema

    assert [finding.kind for finding in evaluation.losses][:1] == ["quality_loss"]
    assert {finding.feature for finding in told} == {"prediction"}


@pytest.mark.parametrize(
    "metadata",
    [{"eventId": ["x"]}, {"eventId": {"a": 1}}, {"eventId": "x", "inferenceTime": 5}, {"eventId": None}, {}, [], "x"],
)
def test_f39_event_metadata_of_any_kind_end_no_run(baseline: Baseline, metadata: object) -> None:
    line = json.loads(capture_line("x", ",".join(rows_of(1, 1)[0]), 0.2))
    reader = CaptureReader("2026-11-01T00:00:00Z", baseline, count=lambda *block: summarise_window(*block[:3]))

    reader.read([json.dumps({**line, "eventMetadata": metadata}), "null", "3", "[]", "{}"])

    assert reader.finish().rows == 0
    assert reader.reasons.total() == 5


def test_f39_a_text_of_ten_megabytes_does_no_harm(baseline: Baseline) -> None:
    row = rows_of(1, 1)[0]
    line = capture_line("big", ",".join([row[0], "x" * 10_000_000, *row[2:]]), 0.2)
    reader = CaptureReader("2026-11-01T00:00:00Z", baseline, count=lambda *block: summarise_window(*block[:3]))

    reader.read([line, "[" * 100_000])

    assert reader.finish().rows == 0
    assert reader.reasons.total() == 2
    assert sum(map(len, reader.quarantine)) < 10_000


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_f40_windows_too_small_to_judge_are_insufficient_and_say_how_small(harbour: Harbour, rows: int) -> None:
    harbour.traffic(0, rows=rows) if rows else harbour.capture(0, ["{}"])

    harbour.run(0)

    event = harbour.events[0]
    assert (event["verdict"], event["severity"], event["rows"]) == ("insufficient_data", "none", rows)
    assert f"{rows} rows are too few to judge" in event["sentence"]


def test_f40_constant_features_and_one_class_alarm_nobody() -> None:
    schema = FeatureSchema((Feature("constant", "numeric"), Feature("country", "categorical")))
    table = [["7", "at"]] * 300
    baseline = build_baseline(schema, table, [0.1] * 300, [0] * 300)

    quiet = look(baseline, table[:100], [0.1] * 100)
    moved = look(baseline, [["8", "at"]] * 100, [0.1] * 100)

    assert (quiet.schema, quiet.drift, quiet.losses) == ((), (), ())
    assert quiet.estimate.estimate is None
    assert [finding.feature for finding in moved.drift] == ["constant"]


def test_f41_late_doubled_and_conflicting_labels_count_once_the_first_wins(harbour: Harbour) -> None:
    lines, truths = harbour.requests(0, 100)
    harbour.capture(0, lines)
    harbour.run(0)
    prefix = layout.ground_truth_hour_prefix("churn", at(0))
    harbour.put(prefix + "a.jsonl", [*truths[:80], *truths[:80]])
    harbour.put(prefix + "b.jsonl", [ground_truth_line(f"0-00-{n}", [1]) for n in range(80)])
    harbour.traffic(1, labels=False)

    harbour.run(1)

    event, labels = harbour.events[-1], json.loads(harbour.file(0, layout.LABELS_FILE))
    first = [json.loads(line)["groundTruthData"]["data"] for line in truths[:80]]
    inputs = json.loads(harbour.file(1, layout.INPUTS_FILE))
    assert (event["labelled_rows"], event["label_coverage"]) == (80, 0.8)
    assert Counter(map(str, inputs["labels"]["2026-11-01T00:00:00Z"]["labels"])) == Counter(first)
    assert (labels["label_coverage"], labels["labelled_rows"]) == (0.8, 80)


def test_f42_labels_of_unknown_requests_are_not_evaluated_and_the_join_rate_is_told(
    harbour: Harbour, capsys: pytest.CaptureFixture
) -> None:
    harbour.traffic(0, labels=False)
    prefix = layout.ground_truth_hour_prefix("churn", at(0))
    harbour.put(prefix + "labels.jsonl", [ground_truth_line(f"stranger-{n}", [n % 2]) for n in range(100)])

    harbour.run(0)

    event = harbour.events[0]
    assert (event["verdict"], event["severity"], event["labelled_rows"]) == ("schema_violation", "ticket", 0)
    assert "0 of 100 labels (0%) have the id of a captured request, at least 50% are needed" in event["sentence"]
    assert metrics_of(capsys.readouterr().out, "UnmatchedLabels") == [100.0]


def test_f42_labels_that_never_come_again_are_told_by_their_age(harbour: Harbour) -> None:
    harbour.configure(label_delay_hours=1, label_lookback_hours=2)
    for hour in range(6):
        harbour.traffic(hour, rows=60, labels=hour == 0)
        harbour.run(hour)

    finding = harbour.events[-1]["findings"][0]
    assert (finding["kind"], finding["statistic"], finding["value"]) == ("freshness", "label_age_hours", 4.0)
    assert [event["verdict"] for event in harbour.events[:5]] == ["ok"] * 5
    assert harbour.events[-1]["severity"] == "ticket"


@pytest.mark.parametrize(
    ("time", "window"),
    [
        ("2026-03-29T03:20:00+02:00", "2026-03-29T00:00:00Z"),
        ("2026-10-25T02:20:00+01:00", "2026-10-25T00:00:00Z"),
        ("2028-03-01T00:20:00Z", "2028-02-29T23:00:00Z"),
        ("2027-01-01T00:20:00Z", "2026-12-31T23:00:00Z"),
        ("2026-11-01T05:50:00+05:30", "2026-10-31T23:00:00Z"),
    ],
)
def test_f43_windows_are_utc_hours_through_dst_leap_days_and_odd_zones(
    harbour: Harbour, time: str, window: str
) -> None:
    found = monitor.parse.windows_to_judge({"time": time}, None, harbour.configuration)

    assert found == [window]


@settings(max_examples=10, deadline=None)
@given(skews=st.lists(st.integers(-300, 300), min_size=40, max_size=40))
def test_f43_skewed_clocks_never_count_a_request_twice_or_lose_it(baseline: Baseline, skews: list[int]) -> None:
    """Requests around a full hour, each in the folder of the time at which its file was written."""
    full = datetime(2026, 11, 1, 1, tzinfo=UTC)
    row = ",".join(rows_of(1, 1)[0])
    own: dict[int, list[str]] = {0: [], 1: []}
    for number, skew in enumerate(skews):
        time = full + timedelta(seconds=skew)
        written = time + timedelta(seconds=number % 2 * 240)
        own[int(written >= full)].append(capture_line(f"r{number}", row, 0.2, f"{time:%Y-%m-%dT%H:%M:%SZ}"))
    counts = []
    for hour in (0, 1):
        reader = CaptureReader(
            f"2026-11-01T0{hour}:00:00Z", baseline, count=lambda *block: summarise_window(*block[:3])
        )
        reader.read(own[hour])
        reader.read(own.get(hour + 1, []), next_hour=True)
        counts.append(reader.finish().rows)

    early = sum(1 for number, skew in enumerate(skews) if skew < 0)
    assert counts == [early, len(skews) - early]


SPIKE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (512 * 1024**2, 512 * 1024**2))
sys.path.insert(0, {root!r})
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.decisions.monitor_form import choose_form
from seatrial.monitoring.capture_reader import CaptureReader
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.window import summarise_window
schema = FeatureSchema(tuple(Feature(f"n{{n}}", "numeric") for n in range(20)))
rows = [[str((row * 7 + n) % 97) for n in range(20)] for row in range(100)]
baseline = build_baseline(schema, rows, [0.2] * 100, [0, 1] * 50)
texts = [",".join(row) for row in rows]
form = choose_form(3000 * 1024**2)
line = ('{{"captureData":{{"endpointInput":{{"data":"%s","encoding":"CSV"}},"endpointOutput":{{"data":"0.2",'
        '"encoding":"CSV"}}}},"eventMetadata":{{"eventId":"request-%d","inferenceTime":"2026-11-01T00:10:00Z"}}}}')
reader = CaptureReader("2026-11-01T00:00:00Z", baseline, form.sampled_share,
                       count=lambda *block: summarise_window(*block[:3], ids=block[3]))
reader.read(line % (texts[n % 100], n) for n in range({requests}))
summary = reader.finish()
peak = next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(summary.rows, reader.share, peak)
"""


def test_f44_a_hundredfold_volume_is_sampled_within_512_mebibytes_and_the_rate_is_known() -> None:
    requests = 150_000
    code = SPIKE.format(root=str(ROOT), requests=requests)

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    rows, share, peak = done.stdout.split()
    expected = requests * float(share)
    assert 0.02 < float(share) < 0.04
    assert abs(int(rows) - expected) < 5 * math.sqrt(expected)
    assert int(peak) < 120
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def test_f44_the_report_says_the_rate_at_which_a_window_was_read(harbour: Harbour) -> None:
    harbour.configuration = replace(harbour.configuration, form_limits=FormLimits(lambda_bytes=40_000))
    harbour.traffic(0, rows=400)

    harbour.run(0)

    event = harbour.events[0]
    share = event["sampled_share"]
    assert 0.2 < share < 0.6
    assert abs(event["rows"] - 400 * share) < 5 * math.sqrt(400 * share)
    told = f"read was a sample of {share:.1%} of the requests: monitoring.volume.larger names what reads larger windows"
    assert event["sentence"].endswith(f"{told} in full")
    assert event["label_coverage"] == 1.0


@pytest.mark.parametrize("fault", ["missing", "corrupt", "of another model"])
def test_f45_a_baseline_that_is_not_the_champions_own_is_refused(harbour: Harbour, fault: str) -> None:
    harbour.traffic(0)
    key = BASELINE.removeprefix("s3://artifacts/")
    body = harbour.s3.get_object(Bucket="artifacts", Key=key)["Body"].read()
    if fault == "missing":
        harbour.s3.delete_object(Bucket="artifacts", Key=key)
    else:
        other = body[:100] if fault == "corrupt" else body.replace(b"tenure_months", b"tenure_years")
        harbour.s3.put_object(Bucket="artifacts", Key=key, Body=other)

    with pytest.raises(monitor.adapters.BaselineError, match=r"cannot be read|is not the file whose digest"):
        harbour.run(0)

    assert harbour.events == []
    assert harbour.memory() is None


def test_f46_a_slow_poisoning_is_seen_against_the_frozen_baseline(harbour: Harbour) -> None:
    verdicts = []
    for hour in range(16):
        harbour.traffic(hour, rows=120, labels=False, shift=0.5 * hour)
        verdicts += harbour.run(hour).values()
        if verdicts[-1] == "drift":
            break

    event = harbour.events[-1]
    cause = event["root_cause"]
    assert verdicts[:2] == ["ok", "ok"]
    assert event["verdict"] == "drift"
    assert cause["features"][0]["feature"] == "tenure_months"
    assert cause["began_at"] < event["window_start"]
    assert f"it began at about {cause['began_at']}" in event["sentence"]
