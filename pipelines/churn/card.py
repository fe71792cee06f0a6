"""The model card that is registered with each churn model: what is known when the pipeline is defined.

Schema: AWS's model card JSON schema in the form for model packages, which leaves out `model_package_details`
and the technical part of `model_overview` (API reference, `ModelPackageModelCard`).
"""

import json


def model_card(algorithm: str) -> str:
    """The card's content as JSON text; figures of one training stand in the registered evaluation.json."""
    return json.dumps(
        {
            "business_details": _business_details(),
            "intended_uses": _intended_uses(),
            "training_details": _training_details(algorithm),
            "evaluation_details": [_evaluation_details()],
            "additional_information": _additional_information(),
        },
        sort_keys=True,
    )


def _business_details() -> dict[str, str]:
    return {
        "business_problem": "Which subscribers are likely to leave, so that retention offers reach them in time.",
        "business_stakeholders": "Retention marketing; customer care; the machine learning platform's owner.",
        "line_of_business": "Consumer telecommunications",
    }


def _intended_uses() -> dict[str, str]:
    return {
        "purpose_of_model": "Ranks subscribers by their probability of churn in the coming period.",
        "intended_uses": "Choosing whom to offer a retention measure. Not for pricing, credit or refusal of service.",
        "factors_affecting_model_efficiency": "Changes of tariffs, competitors' offers, feed outages, late labels.",
        "risk_rating": "Medium",
        "explanations_for_risk_rating": "A wrong score costs an offer or a lost subscriber; it refuses nobody service.",
    }


def _training_details(algorithm: str) -> dict[str, object]:
    function = {"function": "Minimize", "facet": "Loss", "condition": "Log loss with early stopping on validation AUC."}
    if algorithm != "xgboost":
        function["condition"] = "Log loss with L2 regularization."
    return {
        "objective_function": {"function": function, "notes": f"Algorithm: {algorithm}. No resampling of classes."},
        "training_observations": "Split 60/20/20 by a hash of the subscriber id: a subscriber is in one part only.",
    }


def _evaluation_details() -> dict[str, object]:
    return {
        "name": "Held-out test split, champion and challenger on the same rows",
        "evaluation_observation": "ROC AUC with DeLong interval, PR AUC, log loss, Brier score, calibration, segments.",
    }


def _additional_information() -> dict[str, object]:
    return {
        "ethical_considerations": "Age band and region are inputs; watch the AUC by segment in evaluation.json.",
        "caveats_and_recommendations": "Promote only through the promotion state machine; watch labelled quality loss.",
        "custom_details": {"baseline": "statistics, constraints and smoke rows are registered with the package"},
    }
