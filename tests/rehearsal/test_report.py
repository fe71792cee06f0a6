"""The report: complete, self-contained, honest about what is missing, readable by machines and without sight."""

import itertools
import json
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from seatrial.rehearsal import charts, report
from seatrial.rehearsal.record import (
    CrossValidation,
    DataRecord,
    Interval,
    LeakCheck,
    ModelScore,
    Movement,
    Reconciled,
    ReconciledCheck,
    Statistic,
    TimePart,
)
from tests.rehearsal.made_up_record import failed_record, made_up_record

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and collects what the tests look at."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.labels, self.text, self.links = [], [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.labels += (found.get("aria-labelledby") or "").split()
        self.links += [found[name] for name in ("href", "src") if name in found]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def passed():
    return read(report.page(made_up_record()))


@pytest.fixture(scope="module")
def failed():
    return read(report.page(failed_record()))


def test_writes_the_page_and_its_facts(tmp_path):
    page = report.render(made_up_record(), tmp_path / "new" / "folder")

    assert page == tmp_path / "new" / "folder" / "report.html"
    assert sorted(path.name for path in page.parent.iterdir()) == ["report.html", "report.json"]
    assert page.stat().st_size < 300_000
    facts = json.loads((page.parent / "report.json").read_text())
    assert facts["outcome"] == "passed"
    assert facts["sightings"][0]["scenario"] == "covariate"
    assert facts["windows"][0]["start"] == "2026-11-02T08:00:00+00:00"


def test_the_same_record_gives_the_same_page():
    assert report.page(made_up_record()) == report.page(made_up_record())


def test_the_page_needs_nothing_outside_of_itself(passed):
    assert not [tag for tag, _ in passed.tags if tag in {"script", "link", "img", "iframe", "object"}]
    assert all(link.startswith("#") for link in passed.links)
    assert "url(" not in report.page(made_up_record())
    assert "@import" not in report.page(made_up_record())


def test_every_link_and_label_has_its_target(passed):
    assert len(passed.ids) == len(set(passed.ids))
    assert {link[1:] for link in passed.links} <= set(passed.ids)
    assert set(passed.labels) <= set(passed.ids)


def test_every_drawing_has_a_title_and_a_description(passed):
    drawings = [attrs for tag, attrs in passed.tags if tag == "svg"]

    assert len(drawings) >= 6
    assert all(attrs["role"] == "img" and len(attrs["aria-labelledby"].split()) == 2 for attrs in drawings)


def test_headings_do_not_skip_a_level(passed):
    levels = [int(tag[1]) for tag, _ in passed.tags if re.fullmatch("h[1-6]", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_table_names_its_columns(passed):
    headers = [attrs for tag, attrs in passed.tags if tag == "th"]

    assert headers
    assert all(attrs.get("scope") in {"col", "row"} for attrs in headers)


def test_tells_the_verdict_the_reasons_and_every_decision(passed):
    record = made_up_record()

    for sentence in (*record.reasons, *(decision.reason for decision in record.decisions)):
        assert sentence in passed.words


def test_tells_what_was_not_proven_and_how_to_prove_it(passed):
    for item in made_up_record().not_proven:
        assert item.subject in passed.words
        assert item.how_to_prove in passed.words


def test_a_failed_rehearsal_says_not_measured_and_never_a_good_word(failed):
    assert failed.words.count("not measured") >= 5
    for word in ("no scenario was injected", "no window was monitored", "the endpoint never served a model"):
        assert word in failed.words
    assert "clean" not in failed.words
    assert "0 leaks" not in failed.words
    assert "within" not in failed.words


def test_text_of_others_is_never_markup(failed):
    assert "rolled back <b>& said why</b>" in failed.words
    assert "b" not in {tag for tag, _ in failed.tags[:12]}


def test_text_of_others_in_a_drawing_is_never_markup():
    record = made_up_record()
    stage = replace(record.stages[0], title='<script>alert("x")</script>', detail="a & b < c")

    page = read(report.page(replace(record, stages=(stage,))))

    assert "script" not in {tag for tag, _ in page.tags}
    assert '<script>alert("x")</script>' in page.words


def test_facts_hold_no_number_that_json_does_not_know(tmp_path):
    record = made_up_record()
    broken = Statistic(name="input drift", value=float("nan"), threshold=float("inf"))
    window = replace(record.windows[0], statistics=(broken,))

    page = report.render(replace(record, windows=(window,), sightings=()), tmp_path)

    facts = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert facts["windows"][0]["statistics"][0] == {
        "name": "input drift",
        "value": None,
        "threshold": None,
        "feature": None,
    }
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+", "", read(page.read_text()).words.lower())


def test_a_scenario_nobody_detected_is_told_as_such():
    record = made_up_record()
    missed = replace(record.sightings[3], detected=None, told_as=None, sentence="")

    page = read(report.page(replace(record, sightings=(*record.sightings[:3], missed))))

    assert "3 of 4" in page.words
    assert "concept shift injected 03 Nov 18:00, not detected" in page.words


def test_a_scenario_told_as_another_is_no_success():
    record = made_up_record()
    confused = replace(record.sightings[0], told_as="quality_loss")

    page = read(report.page(replace(record, sightings=(confused,))))

    assert "0 of 1" in page.words
    assert "told as another" in page.words
    assert "quality loss expected drift" in page.words


def test_counts_alarms_only_of_quiet_windows_before_the_first_injection():
    record = made_up_record()
    loud = replace(record.windows[3], severity="page", verdict="quality_loss")

    windows = (*record.windows[:3], loud, *record.windows[4:])

    assert report.false_alarms(record) == 0
    assert report.false_alarms(replace(record, windows=windows)) == 1
    assert report.false_alarms(replace(record, windows=())) is None


def test_overhead_is_what_passed_outside_of_the_steps_processes():
    parts = (TimePart(name="a", seconds=3.0, own_process=True), TimePart(name="b", seconds=1.0, own_process=False))

    assert report.overhead_share(parts) == 0.25
    assert report.overhead_share(()) is None


def test_overhead_above_the_aim_is_marked_so():
    parts = (TimePart(name="a", seconds=1.0, own_process=True), TimePart(name="b", seconds=1.0, own_process=False))

    page = read(report.page(replace(made_up_record(), time_parts=parts)))

    assert "50.0 % of" in page.words
    assert "above" in page.words


def test_leaks_are_listed():
    page = read(report.page(replace(made_up_record(), leak_check=LeakCheck(leftovers=("endpoint lost-one",)))))

    assert "1 leaks" in page.words
    assert "endpoint lost-one" in page.words
    assert "clean" not in page.words


def test_shows_the_cross_validation_with_its_intervals():
    score = ModelScore("xgboost", Interval(0.848, 0.839, 0.858), (0.85, 0.84, 0.85, 0.85, 0.85))
    result = CrossValidation(
        3150, 314, 0.157, score, replace(score, name="logistic regression"), Interval(0.003, 0, 0.006)
    )

    page = read(report.page(replace(made_up_record(), cross_validation=result)))

    assert "0.839 to 0.858" in page.words
    assert "314 repeated rows stay in the fold of their twin" in page.words


def test_a_window_without_a_value_breaks_the_curve():
    record = made_up_record()

    curves = str(charts.drift_chart(record)).count("<polyline")

    gone = replace(record.windows[20], statistics=())
    without = replace(record, windows=(*record.windows[:20], gone, *record.windows[21:]))
    assert str(charts.drift_chart(without)).count("<polyline") == curves + 2


def test_injection_and_detection_are_marked_once_each():
    drawing = str(charts.drift_chart(made_up_record()))

    assert drawing.count('class="injection"') == 4
    assert drawing.count('class="detection"') == 4
    assert drawing.count('class="threshold"') == 2


def test_detection_is_drawn_at_the_end_of_its_window():
    record = made_up_record()
    windows = record.windows[:10]
    sighting = replace(record.sightings[0], injected=windows[0].start, detected=windows[-1].start)

    drawing = str(charts.drift_chart(replace(record, windows=windows, sightings=(sighting,))))

    right = re.search(r'x1="([\d.]+)"[^/]*class="detection"', drawing)
    assert right is not None
    assert float(right[1]) == pytest.approx(charts.RIGHT)


def test_runs_of_one_stretch_are_joined_and_gaps_are_not():
    windows = made_up_record().windows[:4]
    late = replace(windows[3], start=windows[3].start + timedelta(hours=5))

    assert len(charts.runs_of_stretches(windows)) == 1
    assert len(charts.runs_of_stretches((*windows[:3], late))) == 2


def test_no_shape_leaves_its_drawing(passed):
    for tag, attrs in passed.tags:
        if tag == "rect":
            assert 0 <= float(attrs["x"]) <= float(attrs["x"]) + float(attrs["width"]) <= charts.WIDTH + 1


@pytest.mark.parametrize("hours", [1, 7, 30, 200, 3000])
def test_a_trial_of_any_length_has_a_readable_time_axis(hours):
    record = made_up_record()
    first = record.windows[0]
    windows = (first, replace(first, start=first.start + timedelta(hours=hours)))

    drawing = str(charts.drift_chart(replace(record, windows=windows, sightings=())))

    assert 1 <= len(re.findall(r">\d\d:\d\d</text>", drawing)) <= 10


def test_a_drawing_without_anything_to_show_is_left_out():
    assert charts.stage_chart(()) == ""
    assert charts.version_chart((), None) == ""
    assert charts.metric_chart("ROC AUC", ()) == ""


def data_record(difference: int) -> DataRecord:
    line = Reconciled(
        source="batch", kind="events", generated=1234, landed=1234, read=1234 - difference, used=1200, late=14,
        duplicate=10, too_late=4, quarantined={"kind_invalid": 6}, difference=difference,
    )  # fmt: skip
    check = ReconciledCheck(
        subject="features", expected=300, expected_by="Spark", found=300, found_by="SQL", difference=difference
    )
    return DataRecord(
        period="2026-06-01 to 2026-06-30", features_as_of="2026-07-01", streamed=0, streamed_cells=0, published=0,
        reconciliation=(line,), checks=(check,), movements=(Movement(name="COPY", rows=1000, real_seconds=2.0),),
    )  # fmt: skip


@pytest.mark.parametrize(("difference", "badges"), [(0, 0), (1, 2)])
def test_a_data_layer_is_told_row_by_row_in_the_place_of_the_loop(difference, badges):
    page = report.page(replace(made_up_record(), data=data_record(difference), executions=()))

    seen = read(page)
    assert {"data", "time"} <= set(seen.ids)
    assert {"drift", "model", "runs"} & set(seen.ids) == set()
    assert page.count('badge failed">1<') == badges
    assert "6 kind invalid" in page
    assert "500" in page


def test_a_model_that_was_trained_on_the_lake_is_told_beside_its_data():
    page = report.page(replace(made_up_record(), data=data_record(0)))

    seen = read(page)
    assert {"data", "model", "decisions", "versions", "runs"} <= set(seen.ids)
    assert "drift" not in seen.ids


def test_a_data_layer_that_was_not_reconciled_is_not_called_accounted_for():
    page = report.page(replace(made_up_record(), data=replace(data_record(0), reconciliation=(), checks=())))

    assert "did not get as far as the reconciliation" in page
