"""Clarify's analysis.json: bias metrics by facet and global attributions."""

import math
from collections.abc import Mapping
from typing import Any

from seatrial.statistics.bias import post_training, pre_training

VERSION = "1.0"
Metrics = Mapping[str, float]


def analysis_document(
    *,
    label: str,
    facet: str,
    facet_value: str,
    before: Metrics | None = None,
    after: Metrics | None = None,
    attributions: Metrics | None = None,
    expected_value: float = 0.0,
) -> dict[str, Any]:
    """The file's content; positive labels are 1. A metric that is no finite number is null with a word why.

    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-analysis-results.html

    >>> document = analysis_document(label="churned", facet="region", facet_value="north", before={"CI": 0.2})
    >>> document["pre_training_bias_metrics"]["facets"]["region"][0]["metrics"]
    [{'name': 'CI', 'description': 'Class Imbalance (CI)', 'value': 0.2}]
    """
    document: dict[str, Any] = {"version": VERSION}
    parts = (("pre_training_bias_metrics", before, pre_training), ("post_training_bias_metrics", after, post_training))
    for name, metrics, module in parts:
        if metrics is not None:
            told = [_metric(key, module.DESCRIPTIONS[key], value) for key, value in sorted(metrics.items())]
            facets = {facet: [{"value_or_threshold": facet_value, "metrics": told}]}
            document[name] = {"label": label, "label_value_or_threshold": "1", "facets": facets}
    if attributions is not None:
        values = {"global_shap_values": dict(attributions), "expected_value": expected_value}
        document["explanations"] = {"kernel_shap": {"label0": values}}
    return document


def read_attributions(document: Mapping[str, Any]) -> dict[str, float]:
    """Global SHAP values of an analysis.json, Clarify's or ours; raises `ValueError` when it holds none."""
    try:
        return dict(document["explanations"]["kernel_shap"]["label0"]["global_shap_values"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"analysis.json: has no explanations.kernel_shap.label0.global_shap_values: {error!r}"
        ) from error


def _metric(name: str, description: str, value: float) -> dict[str, Any]:
    told = {"name": name, "description": description, "value": value}
    return told if math.isfinite(value) else told | {"value": None, "error": f"the metric is {value}"}
