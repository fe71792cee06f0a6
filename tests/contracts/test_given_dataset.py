"""From what an engagement names to what the features step reads."""

import doctest

import pytest

from seatrial.config.sections import Dataset
from seatrial.contracts import dataset, given_dataset
from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.contracts.dataset import DatasetSpec
from seatrial.contracts.given_dataset import dataset_spec


@pytest.mark.parametrize("module", [dataset, given_dataset])
def test_examples_in_the_documentation_hold(module):
    found = doctest.testmod(module)

    assert (found.attempted > 0, found.failed) == (True, 0)


def test_the_lake_is_a_table_of_every_feature_but_the_subscribers_name():
    spec = dataset_spec(Dataset(name="churn", kind="lake"))

    assert (spec.kind, spec.id, spec.label, spec.positive) == ("table", "subscriber_id", "churned", "1")
    assert ["subscriber_id", *spec.columns] == list(CHURN_FEATURES.names)
    assert spec.columns["plan_type"] == "categorical"
    assert spec.columns["autopay"] == "numeric"


@pytest.mark.parametrize("given", [Dataset(), Dataset(kind="table", columns={"b": "numeric", "a": "categorical"})])
def test_other_kinds_are_as_they_are_given(given):
    spec = dataset_spec(given)

    assert (spec.kind, list(spec.columns.items())) == (given.kind, list(given.columns.items()))
    assert "time_column" not in spec.to_json()


def test_the_time_column_reaches_the_features_step():
    given = Dataset(kind="table", columns={"a": "numeric"}, time_column="seen_at")

    assert DatasetSpec.from_json(dataset_spec(given).to_json()).time_column == "seen_at"
