"""Baselines of Model Monitor's analyzer, of several ages, become baselines that judge windows."""

import json
import random
from itertools import pairwise

import pytest

from seatrial import cli
from seatrial.contracts.model_monitor_files import (
    Constraints,
    ModelMonitorFileError,
    parse_constraints,
    parse_statistics,
)
from seatrial.monitoring.model_monitor_baseline import convert
from seatrial.statistics.bins import Categories, NumericBins
from tests.monitoring.made_capture import baseline, traffic, write_lines

SOURCE = random.Random(4)
VALUES = sorted(SOURCE.gauss(30, 8) for _ in range(4096))


def numeric(name: str = "charge", **changes: object) -> dict:
    """A numeric feature as the analyzer writes it: a KLL sketch of two levels, and ten buckets."""
    width = (VALUES[-1] - VALUES[0]) / 10
    bounds = [VALUES[0] + width * index for index in range(11)]
    counts = [sum(low <= value < high for value in VALUES) for low, high in pairwise(bounds)]
    counts[-1] += 1  # the last bucket holds its upper bound too
    buckets = [
        {"lower_bound": low, "upper_bound": high, "count": float(count)}
        for low, high, count in zip(bounds, bounds[1:], counts, strict=False)
    ]
    sketch = {"parameters": {"c": 0.64, "k": 2048.0}, "data": [VALUES[:96], [], VALUES[98::4]]}
    statistics = {
        "common": {"num_present": 4096, "num_missing": 4},
        "mean": 30.0,
        "sum": 122880.0,
        "std_dev": 8.0,
        "min": VALUES[0],
        "max": VALUES[-1],
        "distribution": {"kll": {"buckets": buckets, "sketch": sketch}},
    }
    return {"name": name, "inferred_type": "Fractional", "numerical_statistics": {**statistics, **changes}}


def text(name: str = "plan", buckets: dict | None = None) -> dict:
    counts = {"prepaid": 3000, "family": 1100} if buckets is None else buckets
    distribution = {"categorical": {"buckets": [{"value": value, "count": count} for value, count in counts.items()]}}
    common = {"num_present": 4100, "num_missing": 0}
    return {
        "name": name,
        "inferred_type": "String",
        "string_statistics": {"common": common, "distinct_count": 2.0, "distribution": distribution},
    }


def statistics(*features: dict) -> dict:
    return {"version": 0.0, "dataset": {"item_count": 4100}, "features": [*features]}


COMMON = {"num_present": 5, "num_missing": 1}
OLD_CONSTRAINTS = {  # the keys of the first releases: enable_comparisons, min_domain_mass, overrides within the feature
    "version": 0.0,
    "features": [
        {
            "name": "plan",
            "inferred_type": "String",
            "completeness": 1.0,
            "string_constraints": {
                "domains": ["prepaid", "family", "gold"],
                "monitoring_config_overrides": {"evaluate_constraints": "Disabled", "emit_metrics": "Enabled"},
            },
        },
        {
            "name": "charge",
            "inferred_type": "Fractional",
            "completeness": 1.0,
            "num_constraints": {"is_non_negative": True},
        },
    ],
    "monitoring_config": {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "distribution_constraints": {"enable_comparisons": True, "min_domain_mass": 1.0, "comparison_threshold": 0.2},
    },
}


def test_the_sketch_gives_ten_cells_of_about_equal_weight() -> None:
    feature = convert(parse_statistics(statistics(numeric())), Constraints()).baseline.features[0]

    counts = feature.summary.counts
    assert isinstance(feature.cells, NumericBins)
    assert feature.cells.size == 10
    assert sum(counts) == 4096
    assert max(counts) < 1.25 * min(counts)
    assert (feature.summary.missing, feature.summary.moments.mean) == (4, 30.0)
    assert feature.inferred_type == "Fractional"


def test_without_a_sketch_the_ten_buckets_are_the_cells_and_a_note_tells_it() -> None:
    found = numeric()
    del found["numerical_statistics"]["distribution"]["kll"]["sketch"]

    converted = convert(parse_statistics(statistics(found)), Constraints())

    buckets = found["numerical_statistics"]["distribution"]["kll"]["buckets"]
    feature = converted.baseline.features[0]
    assert list(feature.summary.counts[:-1]) == [int(bucket["count"]) for bucket in buckets[:-1]]
    assert feature.cells.cell(buckets[3]["upper_bound"]) == 4
    assert converted.notes == (
        "charge: the baseline has no sketch of it, ten buckets of equal width see less of a change",
    )


@pytest.mark.parametrize(
    "feature",
    [
        numeric(distribution={}),
        text(buckets={}),
        {**numeric(), "inferred_type": "Unknown"},
        {
            "name": "x",
            "inferred_type": "Integral",
            "numerical_statistics": {"common": {"num_present": 5, "num_missing": 1}},
        },
    ],
)
def test_a_feature_without_a_distribution_is_judged_by_its_missing_values_alone(feature: dict) -> None:
    converted = convert(parse_statistics(statistics(feature)), Constraints())

    assert "only missing values are judged" in converted.notes[0]
    assert sum(converted.baseline.features[0].summary.cells[:-1]) == converted.baseline.features[0].summary.present


def test_categories_are_closed_by_their_domain_only() -> None:
    known = parse_constraints(OLD_CONSTRAINTS)
    enabled = json.loads(json.dumps(OLD_CONSTRAINTS).replace("Disabled", "Enabled"))
    found = parse_statistics(statistics(text()))

    cells = [
        convert(found, item).baseline.features[0].cells for item in (Constraints(), known, parse_constraints(enabled))
    ]

    assert cells[0] == Categories(("prepaid", "family"), closed=False)
    assert cells[1] == Categories(("prepaid", "family", "gold"), closed=False)
    assert cells[2] == Categories(("prepaid", "family", "gold"), closed=True)


def test_the_keys_of_older_files_mean_what_they_meant() -> None:
    known = parse_constraints(OLD_CONSTRAINTS)
    switched_off = json.loads(json.dumps(OLD_CONSTRAINTS).replace("true", "false"))

    assert (known.comparison_threshold, known.features["charge"].is_non_negative) == (0.2, True)
    assert parse_constraints(switched_off).comparison_threshold is None


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "must be an object with a list of features"),
        ({"features": []}, "features: must hold at least one feature, got none"),
        ({"features": [{"inferred_type": "String"}]}, "features[0].name: must be a text, got None"),
        ({"features": [{"name": "a"}]}, "features[0].num_present: must be a count, got None"),
    ],
)
def test_what_is_no_statistics_file_is_told_by_its_path(document: object, sentence: str) -> None:
    with pytest.raises(ModelMonitorFileError) as raised:
        parse_statistics(document)

    assert str(raised.value) == sentence


def test_our_own_files_come_back_as_the_same_distributions() -> None:
    ours = baseline()

    found = convert(
        parse_statistics(ours.to_model_monitor_statistics()), parse_constraints(ours.to_model_monitor_constraints())
    ).baseline

    tenure, plan = found.features
    assert found.schema == ours.schema
    assert (found.rows, tenure.summary.present, tenure.summary.moments.mean) == (
        1000,
        1000,
        pytest.approx(ours.features[0].summary.moments.mean),
    )
    assert plan.summary.counts == ours.features[1].summary.counts
    assert all(abs(count - 100) < 15 for count in tenure.summary.counts)


def test_a_baseline_that_begins_with_the_label_is_judged_without_it(made, tmp_path, capsys) -> None:
    document = json.loads((made / "monitor/statistics.json").read_text())
    label = {**numeric("churned"), "inferred_type": "Integral"}
    (tmp_path / "statistics.json").write_text(json.dumps({**document, "features": [label, *document["features"]]}))
    table = ["tenure_months,plan_type", *(",".join(item.row) for item in traffic(3, 100))]
    window = write_lines(tmp_path / "rows.csv", table)
    arguments = ["monitor", "run", "--baseline", str(tmp_path), "--window", str(window), "--json"]

    without = cli.main(arguments), json.loads(capsys.readouterr().out)
    named = cli.main([*arguments, "--ignore", "churned"]), json.loads(capsys.readouterr().out)

    assert (without[0], without[1]["windows"][0]["verdict"]) == (1, "schema_violation")
    assert any("--ignore" in sentence for sentence in without[1]["meaning"])
    assert (named[0], named[1]["windows"][0]["verdict"]) == (0, "ok")
