"""Customer tables of strings as numbers and categories, for the scenarios and for cross-validation."""

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.contracts.dataset import DatasetSpec

if TYPE_CHECKING:
    import pandas as pd


def to_frame(table: pa.Table, spec: DatasetSpec) -> "pd.DataFrame":
    """Feature columns: float64 with NaN where missing, or text with "" where missing."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, kind in spec.columns.items():
        column = table.column(name)
        if kind == "numeric":
            columns[name] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        else:
            columns[name] = np.array(["" if value is None else value for value in column.to_pylist()], dtype=object)
    return pd.DataFrame(columns)


def labels_of(table: pa.Table, spec: DatasetSpec) -> NDArray[np.int64]:
    """1 where the label means churn, 0 elsewhere."""
    return np.array([value == spec.positive for value in table.column(spec.label).to_pylist()], dtype=np.int64)


def row_groups(table: pa.Table, spec: DatasetSpec) -> NDArray[np.int64]:
    """One number for all rows that must stay together: of one subscriber or, without an id, equal in every feature.

    Real tables hold repeated rows (300 of 3,150 in UCI 563); a copy in both training and test data flatters a model.
    """
    if spec.id:
        return _numbered(table.column(spec.id).to_pylist())
    rows = zip(*(table.column(name).to_pylist() for name in spec.columns), strict=True)
    return _numbered(rows)


def _numbered(keys: Iterable[Hashable]) -> NDArray[np.int64]:
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)


def preprocessor(spec: DatasetSpec, *, rare_below: int = 5) -> Any:
    """Untrained scikit-learn transformer: median and scale for numbers, one column a category that is not rare."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numeric = [name for name, kind in spec.columns.items() if kind == "numeric"]
    categorical = [name for name, kind in spec.columns.items() if kind == "categorical"]
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", min_frequency=rare_below, sparse_output=False)
    return ColumnTransformer([("numeric", numbers, numeric), ("categorical", categories, categorical)])
