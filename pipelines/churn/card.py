"""The model card that is registered with each churn model: what is known when the pipeline is defined.

Schema: AWS's model card JSON schema in the form for model packages, which leaves out `model_package_details`
and the technical part of `model_overview` (API reference, `ModelPackageModelCard`).
"""

import json

from seatrial.contracts.dataset import DatasetSpec

_MOST_NAMES = 20
_LINEAR = "Log loss with L2 regularization."
_OBJECTIVES = {
    "xgboost": "Log loss with early stopping on validation AUC.",
    "sparkml-gbt": "Log loss, boosted trees of a fixed number.",
}


def model_card(algorithm: str, dataset: DatasetSpec) -> str:
    """The card's content as JSON text; figures of one training stand in the registered evaluation.json."""
    return json.dumps(
        {
            "business_details": _business_details(dataset),
            "intended_uses": _intended_uses(dataset),
            "training_details": _training_details(algorithm, dataset),
            "evaluation_details": [_evaluation_details()],
            "additional_information": _additional_information(dataset),
        },
        sort_keys=True,
    )


def _business_details(dataset: DatasetSpec) -> dict[str, str]:
    details = {
        "business_problem": "Which subscribers are likely to leave, so that retention offers reach them in time.",
        "business_stakeholders": "Retention marketing; customer care; the machine learning platform's owner.",
    }
    return details | ({"line_of_business": "Telecommunications"} if dataset.kind == "telecom" else {})


def _intended_uses(dataset: DatasetSpec) -> dict[str, str]:
    return {
        "purpose_of_model": f"Ranks subscribers by their probability of {dataset.label!r} being {_positive(dataset)}.",
        "intended_uses": "Choosing whom to offer a retention measure. Not for pricing, credit or refusal of service.",
        "factors_affecting_model_efficiency": "Inputs that change their meaning, offers on the market, feed outages, "
        "late labels.",
        "risk_rating": "Medium",
        "explanations_for_risk_rating": "A wrong score costs an offer or a lost subscriber; it refuses nobody service.",
    }


def _training_details(algorithm: str, dataset: DatasetSpec) -> dict[str, object]:
    function = {"function": "Minimize", "facet": "Loss", "condition": _OBJECTIVES.get(algorithm, _LINEAR)}
    return {
        "objective_function": {"function": function, "notes": f"Algorithm: {algorithm}. No resampling of classes."},
        "training_observations": f"Data set {dataset.name!r}, split 60/20/20 by a hash of {_identity(dataset)}.",
    }


def _evaluation_details() -> dict[str, object]:
    return {
        "name": "Held-out test split, champion and challenger on the same rows",
        "evaluation_observation": "ROC AUC with DeLong interval, PR AUC, log loss, Brier score, calibration, segments.",
    }


def _additional_information(dataset: DatasetSpec) -> dict[str, object]:
    return {
        "ethical_considerations": f"{_inputs(dataset)} Watch the AUC by segment in evaluation.json.",
        "caveats_and_recommendations": "Promote only through the promotion state machine; watch labelled quality loss.",
        "custom_details": {"baseline": "statistics, constraints and smoke rows are registered with the package"},
    }


def _positive(dataset: DatasetSpec) -> str:
    return "1" if dataset.kind == "telecom" else repr(dataset.positive)


def _identity(dataset: DatasetSpec) -> str:
    if dataset.kind == "telecom":
        return "'subscriber_id': a subscriber is in one part only"
    if dataset.id is None:
        return "the row's content: equal rows are in one part only"
    return f"{dataset.id!r}: a subscriber is in one part only"


def _inputs(dataset: DatasetSpec) -> str:
    if dataset.kind == "telecom":
        return "Age band and region are inputs."
    names = list(dataset.columns)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    listed = ", ".join(name if len(name) <= 40 else f"{name[:37]}..." for name in names[:_MOST_NAMES])
    return f"Inputs are {listed}{more}; say here which of them stand for protected attributes."
