"""The dataset specification that travels from the engagement file to the features step as a JSON file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

Kind = Literal["telecom", "table"]
ColumnType = Literal["numeric", "categorical"]
SNAPSHOT_COLUMN = "snapshot"


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """What the raw data looks like and which of it is the label.

    `kind` "telecom": the tables of the telecom generator (crm, cdr, billing, care, network_kpi, labels).
    `kind` "table": one table named "table" with one row a subscriber, mapped by `columns`.

    >>> DatasetSpec.from_json(DatasetSpec(name="churn", kind="telecom").to_json()).label
    'churned'
    """

    name: str
    kind: Kind
    id: str | None = "subscriber_id"
    """Column that names the subscriber; None when the table has none (a hash of the row's content is used)."""
    label: str = "churned"
    positive: str = "1"
    """Value of the label column, as text, that means churn; every other non-missing value means no churn."""
    columns: Mapping[str, ColumnType] = field(default_factory=dict)
    """Feature columns of a "table" dataset, in the order in which the endpoint receives them."""

    def to_json(self) -> str:
        """Serialize with sorted keys, so that equal specs give equal bytes; `columns` keeps its order."""
        fields = asdict(self)
        fields["columns"] = [[name, kind] for name, kind in self.columns.items()]
        return json.dumps(fields, sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "DatasetSpec":
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        fields["columns"] = dict(fields["columns"])
        return cls(**fields)
