"""The feature schema: written by the features step, read by training, baseline, endpoint and monitor."""

import json
from dataclasses import dataclass

from seatrial.contracts.dataset import ColumnType

ID_COLUMN = "subscriber_id"
LABEL_COLUMN = "label"
"""Column names of the features step's CSV files: id, label (0 or 1, empty when unknown), then the features."""


@dataclass(frozen=True)
class Feature:
    """One model input."""

    name: str
    type: ColumnType


@dataclass(frozen=True)
class FeatureSchema:
    """The features in the order in which the endpoint receives them."""

    features: tuple[Feature, ...]
    version: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in order."""
        return tuple(feature.name for feature in self.features)

    def to_json(self) -> str:
        """Serialize as `{"version": 1, "features": [{"name", "type"}, ...]}`."""
        features = [{"name": feature.name, "type": feature.type} for feature in self.features]
        return json.dumps({"version": self.version, "features": features}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "FeatureSchema":
        """Read what `to_json` wrote."""
        data = json.loads(text)
        return cls(tuple(Feature(item["name"], item["type"]) for item in data["features"]), data["version"])
