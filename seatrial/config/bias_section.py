"""The part of the engagement file that declares facets; the text below each key is its reference documentation."""

from typing import Annotated, Literal

from pydantic import Field

from seatrial.config.values import Section, Share, Text

BiasMetric = Literal[
    "CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL",
    "AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE",
]  # fmt: skip


def _limits() -> dict[BiasMetric, float]:
    return {"AD": 0.1, "DPPL": 0.1, "RD": 0.1}


class FacetSection(Section):
    """One group that the model is watched over for: rows with one of `values`, or with a number above `above`."""

    column: Text
    """A feature of the model."""
    values: tuple[Text, ...] = ()
    """Values that make a row one of the group."""
    above: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Instead of values: the number above which a row is one of the group."""


class BiasSection(Section):
    """Fairness of the model towards groups, in Clarify's metrics; without facets nothing is computed."""

    facets: tuple[FacetSection, ...] = ()
    """The groups; each is compared with all other rows."""
    group: Text | None = None
    """Feature on whose values demographic disparity is conditioned (CDDL, CDDPL)."""
    probability_threshold: Share = 0.5
    """From this probability on a prediction counts as positive."""
    limits: dict[BiasMetric, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(default_factory=_limits)
    """How much farther from fair than at validation a metric may be in a window before it is told; others are only
    reported."""
