"""What must hold between the keys of monitoring.bias; same form as rules.py, which asks them with its own."""

from collections.abc import Callable, Iterator, Mapping

from seatrial.config.document import Path
from seatrial.config.engagement import Engagement

Finding = tuple[Path, str]
_FACETS: Path = ("monitoring", "bias", "facets")
_GROUP: Path = ("monitoring", "bias", "group")
_LIMITS: Path = ("monitoring", "bias", "limits")
_CONDITIONAL = frozenset({"CDDL", "CDDPL"})


def _one_criterion(engagement: Engagement) -> Iterator[Finding]:
    for place, facet in enumerate(engagement.monitoring.bias.facets):
        if bool(facet.values) == (facet.above is not None):
            got = "both" if facet.values else "neither"
            yield (*_FACETS, place), f"must have either values or above, got {got}"


def _features(engagement: Engagement) -> Iterator[Finding]:
    dataset, bias = engagement.training.dataset, engagement.monitoring.bias
    asked = [((*_FACETS, place, "column"), facet.column) for place, facet in enumerate(bias.facets)]
    asked += [(_GROUP, bias.group)] if bias.group else []
    for path, name in asked:
        if dataset.kind == "table" and name not in dataset.columns:
            known = ", ".join(dataset.columns)
            yield path, f"must be a feature of the model, one of training.dataset.columns ({known}), got {name!r}"


def _condition(engagement: Engagement) -> Iterator[Finding]:
    bias = engagement.monitoring.bias
    asked = sorted(_CONDITIONAL & bias.limits.keys())
    if asked and bias.group is None:
        yield _GROUP, f"must be set, got None, because monitoring.bias.limits has {', '.join(asked)}"


BIAS_RULES: Mapping[Callable[[Engagement], Iterator[Finding]], tuple[Path, ...]] = {
    _one_criterion: (_FACETS,),
    _condition: (_GROUP, _LIMITS),
    _features: (_FACETS, _GROUP, ("training", "dataset")),
}
"""Each rule with the keys it reads."""
