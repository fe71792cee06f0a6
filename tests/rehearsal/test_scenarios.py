"""Each labelled scenario changes what its name says and leaves alone what it must."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from seatrial.contracts.dataset import DatasetSpec
from seatrial.rehearsal import scenarios
from seatrial.rehearsal.frames import labels_of, preprocessor, to_frame


def rows_of(table):
    return set(map(tuple, zip(*table.to_pydict().values(), strict=True)))


def model_of(table, spec):
    return make_pipeline(preprocessor(spec), LogisticRegression(max_iter=1000)).fit(
        to_frame(table, spec), labels_of(table, spec)
    )


def auc_of(model, table, spec):
    return roc_auc_score(labels_of(table, spec), model.decision_function(to_frame(table, spec)))


def test_covariate_moves_several_inputs_by_most_of_a_standard_deviation(table, spec):
    moved = to_frame(scenarios.covariate(table, spec, 3), spec)
    before = to_frame(table, spec)

    shift = [
        abs(moved[name].mean() - before[name].mean()) / before[name].std() for name in ("tenure", "charges", "noise")
    ]
    assert max(shift) > 0.5


def test_covariate_chooses_rows_once_and_changes_none(table, spec):
    moved = scenarios.covariate(table, spec, 3)

    assert len(rows_of(moved)) == moved.num_rows
    assert rows_of(moved) < rows_of(table)


def test_covariate_leaves_the_rule_as_it_was(table, spec):
    model = model_of(table, spec)
    moved = scenarios.covariate(table, spec, 3)

    predicted = model.predict_proba(to_frame(moved, spec))[:, 1]
    assert abs(predicted.mean() - labels_of(moved, spec).mean()) < 0.04


def test_prior_doubles_the_churners_without_drawing_a_row_twice(table, spec):
    enriched = scenarios.prior(table, spec, 3)

    assert abs(labels_of(enriched, spec).mean() - 2 * labels_of(table, spec).mean()) < 0.01
    assert len(rows_of(enriched)) == enriched.num_rows
    assert rows_of(enriched) < rows_of(table)


def test_prior_leaves_the_looks_of_each_class_as_they_were(table, spec):
    enriched = scenarios.prior(table, spec, 3)

    for label in (0, 1):
        before = to_frame(table, spec)[labels_of(table, spec) == label]["charges"]
        after = to_frame(enriched, spec)[labels_of(enriched, spec) == label]["charges"]
        assert abs(after.mean() - before.mean()) < 0.15 * before.std()


def test_concept_turns_the_rule_with_the_same_inputs_and_churn_rate(table, spec):
    history, live = table.slice(0, 2000), table.slice(2000)
    model = model_of(history, spec)

    turned = scenarios.concept(live, spec, history)

    assert turned.drop(["left"]).equals(live.drop(["left"]))
    assert labels_of(turned, spec).sum() == labels_of(live, spec).sum()
    assert auc_of(model, live, spec) > 0.75
    assert auc_of(model, turned, spec) < 0.35


def test_a_model_trained_after_the_concept_shift_beats_the_old_one(table, spec):
    history, first, second = table.slice(0, 1000), table.slice(1000, 1000), table.slice(2000)
    challenger = model_of(scenarios.concept(first, spec, history), spec)
    holdout = scenarios.concept(second, spec, history)

    assert auc_of(challenger, holdout, spec) > auc_of(model_of(history, spec), holdout, spec) + 0.3


def test_broken_feed_blanks_one_column_and_freezes_another(table, spec):
    broken = scenarios.broken_feed(table, spec)

    assert broken["charges"].null_count == broken.num_rows or broken["tenure"].null_count == broken.num_rows
    stuck = [name for name in spec.columns if len(set(broken[name].to_pylist())) == 1]
    assert sorted(stuck) == ["charges", "tenure"]
    assert broken.drop(["charges", "tenure"]).equals(table.drop(["charges", "tenure"]))


def test_scenarios_work_on_categories_alone(table, spec):
    plain = DatasetSpec(**{**vars(spec), "columns": {"plan": "categorical"}})

    assert scenarios.covariate(table, plain, 1).num_rows == 1050
    assert scenarios.broken_feed(table, plain)["plan"].null_count == table.num_rows
    assert labels_of(scenarios.concept(table, plain, table), plain).sum() == labels_of(table, plain).sum()


def test_the_same_seed_chooses_the_same_rows(table, spec):
    for scenario in (scenarios.covariate, scenarios.prior):
        assert scenario(table, spec, 3).equals(scenario(table, spec, 3))
        assert not scenario(table, spec, 3).equals(scenario(table, spec, 4))


def test_row_order_tells_nothing(table, spec):
    for chosen in (scenarios.covariate(table, spec, 3), scenarios.prior(table, spec, 3)):
        half = chosen.num_rows // 2
        rates = labels_of(chosen.slice(0, half), spec).mean(), labels_of(chosen.slice(half), spec).mean()

        assert np.ptp(rates) < 0.1
