"""Training sets of the lake: labels of past periods only, each version once, the pointer last."""

import json
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.contracts.snapshot import folder_digest
from seatrial.spark.errors import DataError
from tests.pipelines.lake import load_job, moment

pytestmark = pytest.mark.slow

FIRST, SECOND = date(2026, 5, 1), date(2026, 5, 31)
TOLD = FIRST + timedelta(days=33)
KNOWN_BY = TOLD + timedelta(days=1)
ARROW = {"string": pa.string(), "double": pa.float64(), "int32": pa.int32()}
FEATURES = pa.schema([(field.name, ARROW[field.kind]) for field in CHURN_FEATURES.fields])
LABELS = pa.schema(
    [
        ("subscriber_id", pa.string()),
        ("as_of", pa.date32()),
        ("churned", pa.int32()),
        ("known_at", pa.timestamp("us", "UTC")),
    ]
)


def label(subscriber, churned, as_of=FIRST, known="06-02 00:00"):
    return {"subscriber_id": subscriber, "as_of": as_of, "churned": churned, "known_at": moment(known)}


def publish_features(lake, day, subscribers, calls=1):
    """Features as of a day with their account, as usage_features leaves them."""
    folder, accounts = lake.root / "features/telecom/churn", lake.root / "features/telecom/accounts/churn_features"
    target = folder / f"as_of={day}" / "part-00000.parquet"
    for place in (target.parent, accounts):
        place.mkdir(parents=True, exist_ok=True)
    empty = {field.name: None if field.nullable else 0 for field in CHURN_FEATURES.fields}
    rows = [empty | {"subscriber_id": name, "voice_calls_30d": calls, "region": "north"} for name in subscribers]
    pq.write_table(pa.Table.from_pylist(rows, schema=FEATURES), target)
    account = {"rows": len(rows), "files": [f"file:{target}"], "checksum": f"{day}-{calls}"}
    (accounts / f"as_of={day}.json").write_text(json.dumps(account))


def make(lake, known_by=KNOWN_BY, *arguments):
    places = ["--raw", str(lake.root / "raw"), "--features", str(lake.root / "features")]
    return lake.job("churn/steps/training_set", *places, "--known-by", str(known_by), *arguments)


def pointer(lake):
    path = lake.root / "features/telecom/latest.json"
    return json.loads(path.read_text()) if path.exists() else None


def rows_of(lake, version):
    """Label by snapshot and subscriber, from the files."""
    found = {}
    for path in (lake.root / "features/telecom/training" / version).rglob("snapshot=*/table/*.parquet"):
        for row in pq.ParquetFile(path).read().to_pylist():
            found[path.parents[1].name.removeprefix("snapshot="), row["subscriber_id"]] = row["churned"]
    return found


def test_features_of_a_day_meet_the_labels_about_the_days_after_it_and_the_pointer_follows(lake):
    publish_features(lake, FIRST, "abc")
    lake.extract("labels", [label("a", 1, known="05-20 00:00"), label("b", 0)], TOLD, schema=LABELS)

    made = make(lake)

    assert made["snapshots"] == {"2026-05-01": {"rows": 3, "labelled": 2, "churners": 1}}
    assert rows_of(lake, made["version"]) == {
        ("2026-05-01", "a"): 1,
        ("2026-05-01", "b"): 0,
        ("2026-05-01", "c"): None,
    }
    found = pointer(lake)
    folder = lake.root / "features/telecom/training" / made["version"]
    assert found["uri"] == f"file:{folder}"
    assert (found["labelled_rows"], found["fresh_rows"], found["as_of"]) == (2, 2, "2026-06-04T00:00:00Z")
    assert found["digest"] == folder_digest(folder)


def test_a_period_that_is_not_over_is_left_out_though_leavers_are_known_already(lake):
    publish_features(lake, FIRST, "ab")
    lake.extract("labels", [label("a", 1, known="05-20 00:00")], date(2026, 5, 20), schema=LABELS)

    early = make(lake, FIRST + timedelta(days=29))
    over = make(lake, FIRST + timedelta(days=30))

    assert (early["made"], early["why"]) == (False, "no label's period was over and told by 2026-05-30")
    assert (over["made"], pointer(lake)["labelled_rows"]) == (True, 1)


def test_what_was_known_by_a_day_leaves_out_later_labels_and_never_moves_the_pointer_back(lake):
    publish_features(lake, FIRST, "ab")
    lake.extract("labels", [label("a", 1), label("b", 0)], TOLD, schema=LABELS)
    lake.extract("labels", [label("b", 1, known="06-10 00:00")], date(2026, 6, 10), schema=LABELS)

    newest, older = make(lake, date(2026, 6, 11)), make(lake, KNOWN_BY)

    assert rows_of(lake, newest["version"])["2026-05-01", "b"] == 1  # of corrections the one known last counts
    assert rows_of(lake, older["version"])["2026-05-01", "b"] == 0
    assert (older["made"], older["pointed"]) == (True, False)
    assert pointer(lake)["uri"].endswith(newest["version"])


def test_labels_that_nobody_can_have_known_then_are_not_believed(lake):
    publish_features(lake, FIRST, "abcde")
    guessed, before = label("b", 1, known="06-05 00:00"), label("c", 1, known="04-30 12:00")
    stays = label("e", 0, known="05-30 23:00")  # an hour before the period is over
    lake.extract("labels", [label("a", 0), guessed, before, stays, label("d", 2)], TOLD, schema=LABELS)

    made = make(lake, KNOWN_BY, "--maximum-quarantined-share", "0.5")

    told = {name: churned for (_, name), churned in rows_of(lake, made["version"]).items()}
    assert told == dict.fromkeys("bcde") | {"a": 0}
    assert made["early_labels"] == 2
    assert lake.account(TOLD, "curate_labels")["quarantined"] == {"churned_range": 1, "known_at_future": 1}


def test_a_rerun_makes_nothing_one_after_a_death_the_same_and_a_new_month_a_new_version_with_its_fresh_rows(lake):
    publish_features(lake, FIRST, [f"s{number}" for number in range(40)])
    lake.extract("labels", [label(f"s{number}", number % 2) for number in range(40)], TOLD, schema=LABELS)
    first = make(lake)
    before = lake.tree("features")

    again = make(lake, KNOWN_BY + timedelta(days=1))
    (lake.root / "features/telecom/latest.json").unlink()  # as if the job had died before the end
    (lake.root / f"features/telecom/accounts/training_set/{first['version']}.json").unlink()
    anew = make(lake)

    assert (again["made"], again["version"]) == (False, first["version"])
    assert (anew["made"], anew["version"]) == (True, first["version"])
    assert lake.tree("features") == before
    publish_features(lake, SECOND, ["s1"])
    lake.extract("labels", [label("s1", 1, SECOND, "06-20 00:00")], date(2026, 7, 3), schema=LABELS)
    second = make(lake, date(2026, 7, 4))
    assert list(second["snapshots"]) == ["2026-05-01", "2026-05-31"]
    assert (pointer(lake)["fresh_rows"], pointer(lake)["labelled_rows"]) == (1, 41)
    assert {name for name in before if "/training/" in name} <= set(lake.tree("features"))


def test_a_label_without_features_makes_nothing_and_says_which_day_is_missing(lake):
    lake.extract("labels", [label("a", 1)], TOLD, schema=LABELS)

    made = make(lake)

    assert (made["made"], made["why"]) == (False, "there are no features of 2026-05-01")
    assert pointer(lake) is None


def test_a_history_shorter_than_a_label_is_refused():
    given = ["--raw", "r", "--curated", "c", "--features", "f", "--dataset", "d", "--known-by", "2026-06-01"]

    with pytest.raises(DataError, match=r"--history-days: must be more than 30, the days of a label, got 30"):
        load_job("churn/steps/training_set").parse([*given, "--history-days", "30"])
