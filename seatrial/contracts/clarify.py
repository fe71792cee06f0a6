"""Clarify's file formats: analysis.json, and the violations of its bias and its explainability monitor.

SageMaker developer guide (docs.aws.amazon.com/sagemaker/latest/dg/): clarify-processing-job-analysis-results.html,
clarify-model-monitor-bias-drift-violations.html, clarify-model-monitor-model-attribution-drift-violations.html.
An analysis.json of the training is also the baseline ("constraints") of both monitors.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.contracts.bias import BiasSettings

ANALYSIS_FILE = "analysis.json"
LOCAL_VALUES_FILE = "explanations_shap/out.csv"
VERSION = "1.0"
LABEL = "label0"
"""Clarify's name for the only output of a model without label headers."""
METHOD = "kernel_shap"
"""Clarify's only method; which one really made the values stands under `seatrial` in the file."""
ATTRIBUTION_LIMIT = 0.9
"""Clarify's: an nDCG below it is a violation."""
PRE_TRAINING = {
    "CI": "Class Imbalance (CI)",
    "DPL": "Difference in Positive Proportions in Labels (DPL)",
    "KL": "Kullback-Liebler Divergence (KL)",
    "JS": "Jensen-Shannon Divergence (JS)",
    "LP": "L-p Norm (LP)",
    "TVD": "Total Variation Distance (TVD)",
    "KS": "Kolmogorov-Smirnov Distance (KS)",
    "CDDL": "Conditional Demographic Disparity in Labels (CDDL)",
}
POST_TRAINING = {
    "AD": "Accuracy Difference (AD)",
    "CDDPL": "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
    "DAR": "Difference in Acceptance Rates (DAR)",
    "DCA": "Difference in Conditional Acceptance (DCA)",
    "DCR": "Difference in Conditional Rejection (DCR)",
    "DI": "Disparate Impact (DI)",
    "DPPL": "Difference in Positive Proportions in Predicted Labels (DPPL)",
    "DRR": "Difference in Rejection Rates (DRR)",
    "FT": "Flip Test (FT)",
    "GE": "Generalized Entropy (GE)",
    "RD": "Recall Difference (RD)",
    "SD": "Specificity Difference (SD)",
    "TE": "Treatment Equality (TE)",
}
"""Clarify's names of the metrics and its words for them."""
DESCRIPTIONS = PRE_TRAINING | POST_TRAINING
SECTIONS = {"pre_training_bias_metrics": PRE_TRAINING, "post_training_bias_metrics": POST_TRAINING}

Metrics = Mapping[str, float]


class AnalysisError(ValueError):
    """A file is no analysis.json, or lacks what is asked of it; the text says what."""


@dataclass(frozen=True)
class FacetMetrics:
    """All metrics of one facet, before and after training; `value` is Clarify's `value_or_threshold`.

    A metric that Clarify could not compute (null in its file) is NaN.
    """

    facet: str
    value: str
    metrics: Metrics


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Mean absolute SHAP values by feature, and how they were made.

    `method` is tree_shap, linear_shap or sampled_shapley (kernel_shap in Clarify's own files), `unit` log_odds or
    probability, `rows` the number of rows explained; None where a file does not say.
    """

    attributions: Metrics
    expected_value: float = 0.0
    method: str = METHOD
    unit: str | None = None
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The content of an analysis.json; positive labels are 1.

    >>> analysis = Analysis(label="churned", facets=(FacetMetrics("region", "north", {"CI": 0.2, "RD": 0.1}),))
    >>> analysis.to_document()["pre_training_bias_metrics"]["facets"]["region"][0]["metrics"]
    [{'name': 'CI', 'description': 'Class Imbalance (CI)', 'value': 0.2}]
    >>> Analysis.from_document(analysis.to_document()) == analysis
    True
    """

    label: str
    facets: tuple[FacetMetrics, ...] = ()
    explanation: Explanation | None = None
    bias: BiasSettings | None = None
    """What made `facets`; Clarify's own files do not say."""

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form; infinite metrics are texts, as Clarify writes them, unknown ones null with a word why."""
        document: dict[str, Any] = {"version": VERSION}
        for section, names in SECTIONS.items():
            if any(names.keys() & facet.metrics.keys() for facet in self.facets):
                document[section] = self._section(names)
        if self.explanation:
            values = {
                "global_shap_values": dict(self.explanation.attributions),
                "expected_value": self.explanation.expected_value,
            }
            document["explanations"] = {METHOD: {LABEL: values}}
        return document | {"seatrial": self._extras()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Analysis":
        """Read Clarify's file or ours; raises `AnalysisError` for any other."""
        try:
            parts = [document[section] for section in SECTIONS if section in document]
            own = document.get("seatrial", {})
            return cls(
                label=next((part["label"] for part in parts), own.get("label", LABEL)),
                facets=_read_facets(parts),
                explanation=_read_explanation(document, own),
                bias=BiasSettings.from_dict(own["bias"]) if own.get("bias") else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
            raise AnalysisError(f"analysis.json: is no analysis file of Clarify's: {error!r}") from error

    def _section(self, names: Mapping[str, str]) -> dict[str, Any]:
        facets: dict[str, list[Any]] = {}
        for facet in self.facets:
            told = [_metric(name, value) for name, value in sorted(facet.metrics.items()) if name in names]
            facets.setdefault(facet.facet, []).append({"value_or_threshold": facet.value, "metrics": told})
        return {"label": self.label, "label_value_or_threshold": "1", "facets": facets}

    def _extras(self) -> dict[str, Any]:
        made = self.explanation
        how = {"method": made.method, "unit": made.unit, "rows": made.rows} if made else None
        return {"label": self.label, "bias": self.bias.to_dict() if self.bias else None, "explanation": how}


def bias_violation(facet: str, value: str, metric: str, description: str) -> dict[str, str]:
    """One entry of the bias monitor's constraint_violations.json."""
    return {
        "facet": facet,
        "facet_value": value,
        "metric_name": metric,
        "constraint_check_type": "bias_drift_check",
        "description": description,
    }


def attribution_violation(score: float, limit: float = ATTRIBUTION_LIMIT) -> dict[str, str]:
    """One entry of the explainability monitor's constraint_violations.json, in its own words.

    >>> attribution_violation(0.76)["description"]
    'Feature attribution drift 0.76 exceeds threshold 0.9'
    """
    return {
        "label": LABEL,
        "metric_name": "shap",
        "constraint_check_type": "feature_attribution_drift_check",
        "description": f"Feature attribution drift {score} exceeds threshold {limit}",
    }


def violations_document(violations: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """The whole of either monitor's constraint_violations.json."""
    return {"version": VERSION, "violations": [dict(violation) for violation in violations]}


def _metric(name: str, value: float) -> dict[str, Any]:
    told = {"name": name, "description": DESCRIPTIONS[name], "value": value}
    if math.isinf(value):
        return told | {"value": "Infinity" if value > 0 else "-Infinity"}
    return told | {"value": None, "error": "could not be computed"} if math.isnan(value) else told


def _read_facets(parts: Iterable[Mapping[str, Any]]) -> tuple[FacetMetrics, ...]:
    found: dict[tuple[str, str], dict[str, float]] = {}
    for part in parts:
        for name, entries in part["facets"].items():
            for entry in entries:
                metrics = found.setdefault((name, str(entry["value_or_threshold"])), {})
                metrics |= {told["name"]: _number(told.get("value")) for told in entry["metrics"]}
    return tuple(FacetMetrics(*key, metrics) for key, metrics in found.items())


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _read_explanation(document: Mapping[str, Any], own: Mapping[str, Any]) -> Explanation | None:
    by_label = document.get("explanations", {}).get(METHOD)
    if not by_label:
        return None
    values = by_label.get(LABEL) or next(iter(by_label.values()))
    attributions = {name: float(value) for name, value in values["global_shap_values"].items()}
    how = own.get("explanation") or {}
    return Explanation(attributions=attributions, expected_value=float(values.get("expected_value") or 0.0), **how)
