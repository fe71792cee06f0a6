"""Clarify's files: AWS's own examples are read, and what we write is what they look like."""

import json
import math

import pytest

from seatrial.contracts.bias import BiasSettings, Facet
from seatrial.contracts.clarify import (
    Analysis,
    AnalysisError,
    Explanation,
    FacetMetrics,
    attribution_violation,
    bias_violation,
    violations_document,
)

CLARIFY = {
    "version": "1.0",
    "explanations": {
        "kernel_shap": {
            "label0": {
                "global_shap_values": {"feature_0": 0.0225, "feature_1": 0.0074, "feature_2": 0.0068},
                "expected_value": 0.508233428001,
            }
        }
    },
    "post_training_bias_metrics": {
        "label": "target",
        "label_value_or_threshold": "1",
        "facets": {
            "feature_2": [
                {
                    "value_or_threshold": "1",
                    "metrics": [
                        {"name": "DI", "description": "Disparate Impact (DI)", "value": "Infinity"},
                        {"name": "DPPL", "description": "Difference in ... (DPPL)", "value": 0.711340206185567},
                        {"name": "FT", "description": "Flip Test (FT)", "value": None, "error": "non-numeric columns"},
                    ],
                }
            ]
        },
    },
}
"""As in the developer guide, "Analysis results"."""


def test_a_file_of_clarify_s_is_read():
    analysis = Analysis.from_document(CLARIFY)

    assert analysis.label == "target"
    assert analysis.explanation.attributions == {"feature_0": 0.0225, "feature_1": 0.0074, "feature_2": 0.0068}
    assert analysis.explanation.method == "kernel_shap"
    (facet,) = analysis.facets
    assert (facet.facet, facet.value) == ("feature_2", "1")
    assert facet.metrics["DPPL"] == pytest.approx(0.711340206185567)
    assert facet.metrics["DI"] == math.inf
    assert math.isnan(facet.metrics["FT"])
    assert analysis.bias is None


def test_what_we_write_is_read_back_and_holds_clarify_s_names():
    settings = BiasSettings(facets=(Facet(column="age", above=65.0),), group="region")
    facets = (FacetMetrics("age", "65", {"CI": 0.5, "DI": math.inf}), FacetMetrics("age", "80", {"CI": 0.7, "DI": 1.1}))
    explanation = Explanation(
        attributions={"age": 0.5}, expected_value=-1.0, method="tree_shap", unit="log_odds", rows=9
    )
    analysis = Analysis(label="churned", facets=facets, explanation=explanation, bias=settings)

    text = json.dumps(analysis.to_document(), allow_nan=False)

    assert Analysis.from_document(json.loads(text)) == analysis
    document = json.loads(text)
    assert [entry["value_or_threshold"] for entry in document["pre_training_bias_metrics"]["facets"]["age"]] == [
        "65",
        "80",
    ]
    told = document["post_training_bias_metrics"]["facets"]["age"][0]["metrics"]
    assert told == [{"name": "DI", "description": "Disparate Impact (DI)", "value": "Infinity"}]
    assert document["explanations"]["kernel_shap"]["label0"]["global_shap_values"] == {"age": 0.5}


def test_a_metric_that_is_no_number_is_null_with_a_word_why():
    analysis = Analysis(label="y", facets=(FacetMetrics("g", "1", {"KL": math.nan}),))

    (told,) = analysis.to_document()["pre_training_bias_metrics"]["facets"]["g"][0]["metrics"]

    assert (told["value"], told["error"]) == (None, "could not be computed")


@pytest.mark.parametrize(
    "document", [[], {"explanations": {"kernel_shap": {"label0": {}}}}, {"post_training_bias_metrics": {}}]
)
def test_another_file_is_refused(document):
    with pytest.raises(AnalysisError, match="is no analysis file of Clarify's"):
        Analysis.from_document(document)


def test_violations_have_the_fields_of_either_monitor():
    bias = bias_violation("Age", "40", "CI", "Value 0.0751544567666083 does not meet the constraint requirement")

    document = violations_document([bias, attribution_violation(0.7639720923277322)])

    assert document["version"] == "1.0"
    assert document["violations"][0].keys() == {
        "facet", "facet_value", "metric_name", "constraint_check_type", "description",
    }  # fmt: skip
    assert document["violations"][1] == {
        "label": "label0",
        "metric_name": "shap",
        "constraint_check_type": "feature_attribution_drift_check",
        "description": "Feature attribution drift 0.7639720923277322 exceeds threshold 0.9",
    }
