"""Labelled drift built into a customer's own rows: pure functions from table to table.

Nothing is invented: rows are chosen, labels exchanged, feeds blanked. Rows are never drawn twice.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.contracts.dataset import DatasetSpec
from seatrial.rehearsal.frames import labels_of, preprocessor, to_frame

COVARIATE_SHARE = 0.35
COVARIATE_TILT = 3.0
PRIOR_FACTOR = 2.0
HIGHEST_PRIOR = 0.6


def covariate(table: pa.Table, spec: DatasetSpec, seed: int) -> pa.Table:
    """Choose rows that are high on the main direction of the inputs: p(x) changes, p(label | x) does not.

    The chance of a row grows as exp(tilt * score), its score being the standardised first principal component of
    the numeric features (of the categories, when there are none). Weighted sampling without replacement:
    Efraimidis and Spirakis 2006.
    """
    score = _main_direction(table, spec)
    weight = np.exp(COVARIATE_TILT * (score - score.max()))
    uniform = np.random.default_rng([seed, 1]).random(table.num_rows)
    keys = np.log(uniform) / np.maximum(weight, 1e-300)
    chosen = np.argsort(-keys, kind="stable")[: max(1, round(table.num_rows * COVARIATE_SHARE))]
    return table.take(pa.array(np.random.default_rng([seed, 2]).permutation(chosen)))


def prior(table: pa.Table, spec: DatasetSpec, seed: int, *, factor: float = PRIOR_FACTOR) -> pa.Table:
    """Choose rows by label so that churners are `factor` times as frequent: p(label) changes, p(x | label) does not."""
    rng = np.random.default_rng([seed, 3])
    churned = labels_of(table, spec)
    rate = min(churned.mean() * factor, max(HIGHEST_PRIOR, churned.mean()))
    churners, stayers = rng.permutation(np.flatnonzero(churned == 1)), rng.permutation(np.flatnonzero(churned == 0))
    size = int(min(len(churners) / rate, len(stayers) / (1 - rate)))
    positives = round(size * rate)
    return table.take(pa.array(rng.permutation(np.concatenate([churners[:positives], stayers[: size - positives]]))))


def concept(table: pa.Table, spec: DatasetSpec, reference: pa.Table) -> pa.Table:
    """Turn the relation of inputs to label upside down: p(label | x) changes, p(x) and the churn rate do not.

    Rows are ranked by the churn score of a logistic regression fitted to `reference`; the row at the top receives
    the label of the row at the bottom, and so on.
    """
    order = np.argsort(_churn_score(table, spec, reference), kind="stable")
    source = np.empty_like(order)
    source[order] = order[::-1]
    index = table.schema.get_field_index(spec.label)
    return table.set_column(index, spec.label, table.column(spec.label).take(pa.array(source)))


def broken_feed(table: pa.Table, spec: DatasetSpec) -> pa.Table:
    """The feed of the most telling column stops (nulls); the next one is stuck at its most frequent value."""
    names = _most_telling(table, spec)
    blank = pa.nulls(table.num_rows, pa.string())
    broken = table.set_column(table.schema.get_field_index(names[0]), names[0], blank)
    if len(names) > 1:
        values = [value for value in table.column(names[1]).to_pylist() if value is not None]
        common = max(sorted(set(values)), key=values.count) if values else ""
        stuck = pa.array([common] * table.num_rows, pa.string())
        broken = broken.set_column(table.schema.get_field_index(names[1]), names[1], stuck)
    return broken


def _main_direction(table: pa.Table, spec: DatasetSpec) -> NDArray[np.float64]:
    """Standardised first principal component, positive towards larger values of its main column."""
    numeric = [name for name, kind in spec.columns.items() if kind == "numeric"]
    matrix = preprocessor(spec).fit_transform(to_frame(table, spec))
    matrix = matrix[:, : len(numeric)] if numeric else matrix
    loadings = np.linalg.svd(matrix - matrix.mean(axis=0), full_matrices=False)[2][0]
    score = matrix @ loadings * np.sign(loadings[np.argmax(np.abs(loadings))])
    return (score - score.mean()) / (score.std() or 1.0)


def _churn_score(table: pa.Table, spec: DatasetSpec, reference: pa.Table) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(preprocessor(spec), LogisticRegression(max_iter=2000))
    model.fit(to_frame(reference, spec), labels_of(reference, spec))
    return np.asarray(model.decision_function(to_frame(table, spec)), dtype=np.float64)


def _most_telling(table: pa.Table, spec: DatasetSpec) -> list[str]:
    """Feature names, numeric first, each kind by how well it tells churners from the others."""
    churned = labels_of(table, spec)

    def strength(name: str) -> float:
        values = to_frame(table, spec)[name]
        if spec.columns[name] == "categorical":
            rates = {value: churned[(values == value).to_numpy()].mean() for value in values.unique()}
            values = values.map(rates)
        numbers = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(numbers)
        if known.sum() < 2 or np.ptp(numbers[known]) == 0:
            return 0.0
        return float(abs(np.corrcoef(numbers[known], churned[known])[0, 1]))

    return sorted(spec.columns, key=lambda name: (spec.columns[name] != "numeric", -strength(name)))
