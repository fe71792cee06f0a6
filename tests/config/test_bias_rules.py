"""Facets of an engagement: what cannot be meant is told with its path."""

import pytest

from seatrial.config import EngagementError, load
from seatrial.contracts.bias import BiasSettings

GIVEN = """\
name: bias-trial
owner: owner@example.com
environments:
  dev: {account: "111111111111", region: eu-central-1}
training:
  dataset: {name: trial, kind: table, label: churn, columns: {age: numeric, plan: categorical}}
monitoring:
  bias:
"""


@pytest.fixture
def told(tmp_path):
    def load_with(bias):
        file = tmp_path / "engagement.yaml"
        file.write_text(GIVEN + "".join(f"    {line}\n" for line in bias))
        return load(file)

    return load_with


def test_facets_by_value_and_by_threshold_are_read(told):
    bias = told(["facets: [{column: plan, values: [basic]}, {column: age, above: 65.0}]"]).monitoring.bias

    assert [facet.column for facet in bias.facets] == ["plan", "age"]
    assert bias.limits == BiasSettings().limits


@pytest.mark.parametrize(
    ("bias", "sentence"),
    [
        (["facets: [{column: age}]"], "must have either values or above, got neither"),
        (["facets: [{column: age, values: [x], above: 1.0}]"], "must have either values or above, got both"),
        (["facets: [{column: sex, values: [f]}]"], "must be a feature of the model"),
        (["group: sex"], "one of training.dataset.columns (age, plan), got 'sex'"),
        (["limits: {CDDPL: 0.1}"], "must be set, got None, because monitoring.bias.limits has CDDPL"),
        (["limits: {DDPL: 0.1}"], "monitoring.bias.limits"),
    ],
)
def test_what_cannot_be_meant_is_told(told, bias, sentence):
    with pytest.raises(EngagementError) as caught:
        told(bias)

    assert sentence in str(caught.value)
