"""Which groups a model is compared between, and how far a metric may move: what an engagement declares about bias."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

LARGEST_MOVES = {"AD": 0.1, "DPPL": 0.1, "RD": 0.1}
"""By default: differences in accuracy, in the share predicted positive and in recall may grow by this much."""
PART_CHARACTERS = 240


@dataclass(frozen=True, kw_only=True)
class Facet:
    """One grouping: rows whose `column` holds one of `values`, or a number above `above`, are the group watched over.

    Clarify's facet d ("disadvantaged"); all other rows are facet a. Rows without a value belong to neither.
    """

    column: str
    values: tuple[str, ...] = ()
    above: float | None = None

    @property
    def value(self) -> str:
        """`value_or_threshold` in Clarify's files.

        >>> Facet(column="region", values=("north", "east")).value, Facet(column="age", above=65.0).value
        ('north,east', '65')
        """
        return ",".join(self.values) if self.above is None else f"{self.above:g}"


@dataclass(frozen=True, kw_only=True)
class BiasSettings:
    """The facets, what is a positive prediction, and the metrics that are judged with the largest move of each.

    `group` is the column on which CDDL and CDDPL are conditioned, None for neither.
    """

    facets: tuple[Facet, ...] = ()
    group: str | None = None
    probability_threshold: float = 0.5
    limits: dict[str, float] = field(default_factory=lambda: dict(LARGEST_MOVES))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is needed."""
        return (*(facet.column for facet in self.facets), *([self.group] if self.group else []))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    def to_json(self) -> str:
        """One line of JSON, with sorted keys."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def parts(self) -> list[str]:
        """The JSON in pieces that fit a job's arguments, which hold 256 characters each."""
        text = self.to_json()
        return [text[start : start + PART_CHARACTERS] for start in range(0, len(text), PART_CHARACTERS)]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "BiasSettings":
        """Read what `to_dict` wrote.

        >>> settings = BiasSettings(facets=(Facet(column="age_band", values=("65+",)),), group="region")
        >>> BiasSettings.from_dict(json.loads(settings.to_json())) == settings
        True
        """
        facets: list[dict[str, Any]] = [{**facet, "values": tuple(facet["values"])} for facet in data["facets"]]
        fields: dict[str, Any] = {**data, "facets": tuple(Facet(**facet) for facet in facets)}
        return cls(**fields)
