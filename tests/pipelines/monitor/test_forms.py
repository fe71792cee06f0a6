"""One window, three forms: what the function counts, a processing job and Spark count too, to the last bit."""

import dataclasses
import hashlib
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.contracts.ground_truth import ground_truth_line
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.contracts.volume import HourFiles, ReadingRequest, ReadingResult
from seatrial.monitoring.capture_reader import CaptureReader
from seatrial.monitoring.volume import new_labels
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.monitor import Labelled, MonitorLimits, MonitorState, evaluate
from seatrial.statistics.window import WindowSummary, summarise_window
from tests.pipelines.lake import load_job, spark_session

WINDOW, EARLIER = "2026-11-01T07:00:00Z", "2026-11-01T05:00:00Z"
SCHEMA = FeatureSchema((Feature("tenure", "numeric"), Feature("usage", "numeric"), Feature("plan", "categorical")))
ODD = ("", " 3 ", "nan", "inf", "+7", "twelve", "1_0", "NULL", "1e400", "-.5e1")


def row(chance, shift=0.0):
    return [
        f"{chance.gauss(24 + shift, 6):.1f}",
        repr(chance.lognormvariate(shift / 10, 1)),
        chance.choice(["a", "b", "ü"]),
    ]


def line(event, data, scores, minute, *, hour=7, call=None):
    document = {
        "captureData": {
            "endpointInput": {"data": data, "encoding": "CSV"},
            "endpointOutput": {"data": "\n".join(map(str, scores)), "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": event, "inferenceTime": f"2026-11-01T{hour:02}:{minute:02}:00Z"},
    }
    document["eventMetadata"] |= {"inferenceId": call} if call else {}
    return json.dumps(document, ensure_ascii=False)


def captured(chance, file, shift=2.0):
    """Three hundred requests of one file, with all that can be wrong with them."""
    lines = []
    for number in range(300):
        values = row(chance, shift)
        values[number % 2] = chance.choice(ODD) if number % 11 == 0 else values[number % 2]
        call = f"caller-{file}-{number // 2}" if number % 5 == 0 else None
        lines.append(line(f"{file}-{number}", ",".join(values), [chance.random()], number % 60, call=call))
    lines[5] = '{"captureData": broken'
    lines[6] = line(f"{file}-6", "tenure,usage,plan\n1,2,a", [0.5, 0.5], 1)
    lines[7] = line(f"{file}-7", "1,2", [0.5], 1)
    lines[8] = lines[9]
    lines[10] = line(f"{file}-10", '"1","2,5",b\n3,4,"a"', [0.25, 0.75], 1)
    return lines


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """Files of the window, of the hour after and of an earlier hour with labels, and the request that names them."""
    chance, root = random.Random(3), tmp_path_factory.mktemp("capture")
    rows = [row(chance) for _ in range(1000)]
    baseline = build_baseline(SCHEMA, rows, [chance.random() for _ in rows], [int(chance.random() < 0.3) for _ in rows])
    text = baseline.to_json()
    (root / "baseline.json").write_text(text)
    files = {name: captured(chance, name) for name in ("00-a", "20-b", "40-c")}
    files["20-b"] += files["00-a"][20:25]  # delivered twice, in another file
    following = [line("late", "1,2,a", [0.9], 59), line("next", "1,2,a", [0.9], 1, hour=8)]
    labels = [ground_truth_line(f"20-b-{number}", [number % 2]) for number in range(1, 200, 2)]
    labels += [ground_truth_line("00-a-21", [1]), ground_truth_line("nobody", [1])]
    earlier = [line(f"e-{number}", "5,6,b", [number / 50], 10, hour=5) for number in range(50)]
    first = [ground_truth_line(f"e-{number}", [0]) for number in range(10)]
    again = [ground_truth_line(f"e-{number}", [1]) for number in range(30)]
    hours = {WINDOW: "2026/11/01/07", "next": "2026/11/01/08", EARLIER: "2026/11/01/05"}
    keys = {f"data-capture/churn/primary/{hours[WINDOW]}/{name}.jsonl": lines for name, lines in files.items()}
    keys |= {f"data-capture/churn/primary/{hours['next']}/00-x.jsonl": following}
    keys |= {f"data-capture/churn/primary/{hours[EARLIER]}/00-e.jsonl": earlier}
    keys |= {f"ground-truth/churn/{hours[WINDOW]}/l.jsonl": labels}
    keys |= {f"ground-truth/churn/{hours[EARLIER]}/{name}": item for name, item in (("a", first), ("b", again))}
    for key, lines in keys.items():
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text("\n".join(lines) + "\n", encoding="utf-8")
    own, following, before, new, used, fresh = (
        tuple(key for key in keys if part in key)
        for part in ("primary/2026/11/01/07", "primary/2026/11/01/08", "primary/2026/11/01/05", "07/l", "05/a", "05/b")
    )
    return (
        root,
        baseline,
        ReadingRequest(
            window=WINDOW,
            bucket="capture",
            baseline_uri=str(root / "baseline.json"),
            baseline_digest=hashlib.sha256(text.encode()).hexdigest(),
            hours={
                WINDOW: HourFiles(own=own, next_hour=following, new_labels=new),
                EARLIER: HourFiles(own=before, new_labels=fresh, used_labels=used),
            },
        ),
    )


def by_function(root, baseline, request):
    """What the function reads: its blocks, its counting, one file after another."""
    readers = {}
    for hour, files in request.hours.items():
        labels = new_labels(files, lambda key: (root / key).read_text().split("\n"))
        count = (lambda *block: summarise_window(*block[:3], ids=block[3])) if hour == WINDOW else None
        readers[hour] = CaptureReader(hour, baseline, labels=labels, count=count)
        for keys, following in ((files.own, False), (files.next_hour, True)):
            for key in keys:
                readers[hour].read((root / key).read_text().split("\n"), next_hour=following)
    summary = dataclasses.replace(readers[WINDOW].finish(), **readers[WINDOW].facts)
    return summary, {hour: reader.matched.to_json() for hour, reader in readers.items()}


def by_processing(root, request, folder):
    """The script as the container runs it."""
    for name in ("request", "baseline"):
        (folder / name).mkdir()
    (folder / "request" / "request.json").write_text(request.to_json())
    (folder / "baseline" / "baseline.json").write_bytes((root / "baseline.json").read_bytes())
    places = {"request": folder / "request", "baseline": folder / "baseline", "capture": root, "output": folder / "out"}
    load_job("monitor/steps/read_window").main(
        [part for name, place in places.items() for part in (f"--{name}", str(place))]
    )
    return ReadingResult.from_json((folder / "out" / "reading.json").read_text())


def without_rounding(summary):
    """Everything that is judged; means, deviations and quantiles are told in statistics.json alone."""
    features = tuple(dataclasses.replace(item, moments=None) for item in summary.features)
    predictions = dataclasses.replace(summary.predictions, moments=None)
    return dataclasses.replace(summary, features=features, predictions=predictions, sketches=())


def judged(baseline, summary, matched):
    pairs = [
        (score, label)
        for hour in sorted(matched)
        for score, label in zip(matched[hour]["predictions"], matched[hour]["labels"], strict=True)
    ]
    labelled = Labelled([score for score, _ in pairs], [label for _, label in pairs])
    limits = MonitorLimits()
    return evaluate(baseline, MonitorState.fresh(baseline, limits), summary, labelled, limits, hour=493_000)


def test_a_processing_job_counts_what_the_function_counts_and_judges_the_same(window, tmp_path):
    root, baseline, request = window

    result = by_processing(root, request, tmp_path)

    summary, matched = by_function(root, baseline, request)
    found = WindowSummary.from_json(result.summary)
    assert without_rounding(found) == without_rounding(summary)
    assert result.matched == matched
    assert result.labels == {WINDOW: 102, EARLIER: 20}
    assert judged(baseline, found, result.matched) == judged(baseline, summary, matched)
    assert (found.repeated, found.unreadable, found.rows) == (summary.repeated, 3, summary.rows)


def test_what_only_the_statistics_file_tells_is_within_the_stated_tolerance(window, tmp_path):
    root, baseline, request = window

    found = WindowSummary.from_json(by_processing(root, request, tmp_path).summary)

    summary, _ = by_function(root, baseline, request)
    for mine, theirs, known in zip(found.features[:2], summary.features[:2], baseline.features, strict=False):
        spread = (
            known.sketch.points[len(known.sketch.points) * 3 // 4] - known.sketch.points[len(known.sketch.points) // 4]
        )
        assert mine.moments.mean == pytest.approx(theirs.moments.mean, abs=1e-6 * spread)
        assert mine.moments.std_dev == pytest.approx(theirs.moments.std_dev, rel=1e-6)
        assert (mine.moments.minimum, mine.moments.maximum) == (theirs.moments.minimum, theirs.moments.maximum)


def test_spark_in_any_number_of_partitions_gives_the_processing_job_s_result(window, tmp_path):
    root, _, request = window
    job, spark = load_job("monitor/steps/read_window_spark"), spark_session()

    found = [job.read(spark, request, str(root), partitions) for partitions in (3,)]

    expected = dataclasses.replace(by_processing(root, request, tmp_path), form="spark")
    assert found[0].summary == expected.summary
    assert found[0].matched == expected.matched
    assert found[0] == expected


def test_a_baseline_of_another_digest_and_objects_that_did_not_arrive_end_the_job_with_a_sentence(window, tmp_path):
    root, _, request = window
    other = dataclasses.replace(request, baseline_digest="0" * 64)
    absent = dataclasses.replace(request, hours={WINDOW: HourFiles(own=("data-capture/gone.jsonl",))})

    with pytest.raises(SystemExit, match="a baseline is never replaced"):
        by_processing(root, other, tmp_path)
    (tmp_path / "second").mkdir()
    with pytest.raises(SystemExit, match=r"1 of 1 objects have not arrived, among them data-capture/gone.jsonl"):
        by_processing(root, absent, tmp_path / "second")


def test_a_table_counts_as_its_values_texts_would_in_a_request_by_one_process_and_by_spark(window, tmp_path):
    _, baseline, _ = window
    chance = random.Random(5)
    rows = [[chance.gauss(30, 6), chance.choice([None, 3, 40]), chance.choice(["a", "z", None])] for _ in range(900)]
    rows += [[float("nan"), 1, "a"], [float("inf"), 2, "b"], [1e200, 3, "ü"]]
    scores = [chance.random() for _ in rows]
    columns = {name: [item[index] for item in rows] for index, name in enumerate(SCHEMA.names)}
    (tmp_path / "table").mkdir()
    pq.write_table(pa.table({**columns, "prediction": scores}), tmp_path / "table" / "a.parquet", row_group_size=250)
    (tmp_path / "baseline.json").write_text(baseline.to_json())
    job, spark = load_job("monitor/steps/read_table_spark"), spark_session()

    places = ("--baseline", str(tmp_path), "--table", str(tmp_path / "table"), "--output", str(tmp_path / "out"))
    load_job("monitor/steps/read_table").main(places)
    by_spark = job.count(spark.read.parquet(str(tmp_path / "table")).repartition(3), baseline)

    found = WindowSummary.from_json((tmp_path / "out" / "window.json").read_text())
    texts = [["" if value is None else str(value) for value in item] for item in rows]
    expected = summarise_window(baseline, texts, scores)
    assert without_rounding(found) == dataclasses.replace(without_rounding(expected), sample=found.sample)
    assert by_spark.summary() == found
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["rows"] == 903
