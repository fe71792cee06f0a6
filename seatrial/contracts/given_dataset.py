"""From the data set that an engagement names to the specification that its features step reads."""

from collections.abc import Mapping
from typing import Literal, Protocol

from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.contracts.dataset import ColumnType, DatasetSpec

GivenKind = Literal["telecom", "table", "lake"]
"""What an engagement may say: `lake` is a table whose columns are the features that the data layer computes."""


class GivenDataset(Protocol):
    """What is needed of the engagement file's `training.dataset`."""

    @property
    def name(self) -> str:
        """Name of the data set."""
        ...

    @property
    def kind(self) -> GivenKind:
        """The operator's tables, a table of the customer's, or what the lake's jobs make of the operator's tables."""
        ...

    @property
    def id(self) -> str | None:
        """Column that names the subscriber."""
        ...

    @property
    def label(self) -> str:
        """Column that says who churned."""
        ...

    @property
    def positive(self) -> str:
        """Value of the label that means churn."""
        ...

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """Feature columns of a table."""
        ...

    @property
    def time_column(self) -> str | None:
        """Column of a table that says when a row came."""
        ...


def lake_columns() -> dict[str, ColumnType]:
    """The features of a training set from the lake, in the order in which the endpoint receives them.

    >>> list(lake_columns().items())[:2]
    [('tenure_months', 'numeric'), ('plan_type', 'categorical')]
    """
    given = [field for field in CHURN_FEATURES.fields if field.name not in CHURN_FEATURES.key]
    return {field.name: "categorical" if field.kind == "string" else "numeric" for field in given}


def dataset_spec(given: GivenDataset) -> DatasetSpec:
    """The specification of an engagement's data set as the features step reads it."""
    lake = given.kind == "lake"
    return DatasetSpec(
        name=given.name,
        kind="telecom" if given.kind == "telecom" else "table",
        id=given.id,
        label=given.label,
        positive=given.positive,
        columns=lake_columns() if lake else dict(given.columns),
        time_column=given.time_column,
    )
