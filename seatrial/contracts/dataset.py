"""The dataset specification that travels from the engagement file to the features step as a JSON file."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

Kind = Literal["telecom", "table"]
ColumnType = Literal["numeric", "categorical"]
SNAPSHOT_COLUMN = "snapshot"
TIME_TEXT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
"""Texts of a time column: ISO 8601 to the second; a time without a zone is UTC."""
TIME_ADVICE = "must be a time such as 2026-11-01T08:30:00Z (UTC where it names no zone)"


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
    time_column: str | None = None
    """Column of a "table" dataset that says when a row came; no feature. The baseline learns the traffic's rhythm."""

    def to_json(self) -> str:
        """Serialize with sorted keys, so that equal specs give equal bytes; `columns` keeps its order."""
        fields = asdict(self)
        fields["columns"] = [[name, kind] for name, kind in self.columns.items()]
        if self.time_column is None:  # an asset's name is its content's: data sets without times keep theirs
            del fields["time_column"]
        return json.dumps(fields, sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "DatasetSpec":
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        fields["columns"] = dict(fields["columns"])
        return cls(**fields)


def is_time(text: str) -> bool:
    """Whether a text can stand in a time column.

    >>> is_time("2026-11-01 08:30:00+01:00"), is_time("2026-11-01"), is_time("2026-02-30T00:00:00")
    (True, False, False)
    """
    if not re.match(TIME_TEXT, text):
        return False
    try:
        datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        return False
    return True
