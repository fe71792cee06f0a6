"""Trains and asks the models of CREATE MODEL: scikit-learn and XGBoost on a query's rows, without SageMaker.

Autopilot's search for a model is not here: each model type is one learner with fixed settings. All is seeded.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

REGRESSION, BINARY, MULTICLASS, CLUSTERS = "regression", "binary_classification", "multiclass_classification", "kmeans"
METRICS = {REGRESSION: "mse", BINARY: "f1", MULTICLASS: "accuracy", CLUSTERS: "msd"}
"""What is measured on held-out rows; of clusters the mean squared distance to their centres."""
MOST_CATEGORIES = 100
HELD_OUT = 5
"""Every fifth row, in an order drawn once, is for the measure."""
NUMBER, TEXT, TIME = "number", "text", "time"
Array = np.ndarray[Any, Any]


@dataclass
class Encoder:
    """Columns to numbers: one column a category of the most frequent texts; nulls stay NaN, an unknown text is none."""

    kinds: tuple[str, ...]
    categories: dict[int, list[str]] = field(default_factory=dict)

    def learn(self, rows: Sequence[Sequence[Any]]) -> "Encoder":
        """Find the categories of the text columns."""
        for index, kind in enumerate(self.kinds):
            if kind == TEXT:
                values, counts = np.unique(
                    [str(row[index]) for row in rows if row[index] is not None], return_counts=True
                )
                order = np.lexsort((values, -counts))[:MOST_CATEGORIES]
                self.categories[index] = [str(one) for one in values[order]]
        return self

    def encode(self, rows: Sequence[Sequence[Any]]) -> Array:
        """Rows as an array of floats."""
        columns: list[Array] = []
        for index, kind in enumerate(self.kinds):
            values = [row[index] for row in rows]
            if kind == TEXT:
                texts = np.array([None if one is None else str(one) for one in values], dtype=object)
                columns += [(texts == category).astype(float) for category in self.categories[index]]
            else:
                columns.append(np.array([_number(one, kind) for one in values], dtype=float))
        return np.column_stack(columns) if columns else np.zeros((len(rows), 0))


def _number(value: Any, kind: str) -> float:
    """Times as seconds, of the epoch or of the day; they come as objects when trained, as text when asked."""
    if value is None:
        return float("nan")
    if kind != TIME:
        return float(value)
    if isinstance(value, str):
        value = time.fromisoformat(value) if value[2:3] == ":" else datetime.fromisoformat(value)
    if isinstance(value, time):
        return value.hour * 3600.0 + value.minute * 60 + value.second + value.microsecond / 1e6
    whole = value if isinstance(value, datetime) else datetime.combine(value, time())
    return (whole if whole.tzinfo else whole.replace(tzinfo=UTC)).timestamp()


@dataclass
class Learned:
    """A trained model: `labels` are the classes' values as text, empty for numbers and clusters."""

    encoder: Encoder
    estimator: Any
    problem: str
    labels: list[str]
    score: float = float("nan")

    def ask(self, rows: Sequence[Sequence[Any]]) -> list[str]:
        """The prediction for each row as text."""
        found = self.estimator(self.encoder.encode(rows))
        if self.problem in (BINARY, MULTICLASS):
            return [self.labels[int(one)] for one in found]
        return [repr(int(one) if self.problem == CLUSTERS else float(one)) for one in found]


@dataclass(frozen=True)
class Order:
    """What is to be trained: `kinds` of the input columns; `parameters` are XGBoost's or k-means' own, as text."""

    learner: str
    problem: str
    kinds: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)


def train(order: Order, rows: Sequence[Sequence[Any]], targets: Sequence[Any]) -> Learned:
    """Train on four fifths of the rows, measure on the rest; the model is the measured one."""
    labels = sorted({as_text(one) for one in targets}) if order.problem in (BINARY, MULTICLASS) else []
    places = {label: index for index, label in enumerate(labels)}
    shuffled = np.random.default_rng(0).permutation(len(rows))
    held = shuffled[::HELD_OUT]
    learned = np.setdiff1d(shuffled, held)
    encoder = Encoder(order.kinds).learn([rows[index] for index in learned])
    inputs = encoder.encode(rows)
    wanted = np.array([places[as_text(one)] if labels else _target(one) for one in targets], dtype=float)
    estimator = _LEARNERS[order.learner](order, inputs[learned], wanted[learned], len(labels))
    model = Learned(encoder, estimator, order.problem, labels)
    model.score = _score(order.problem, estimator(inputs[held]), wanted[held], inputs[held])
    return model


def _target(value: Any) -> float:
    return 0.0 if value is None else float(value)


def as_text(value: Any) -> str:
    """A class's value as it is given back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def _score(problem: str, found: Array, wanted: Array, inputs: Array) -> float:
    from sklearn import metrics

    if problem == REGRESSION:
        return float(metrics.mean_squared_error(wanted, found))
    if problem == BINARY:
        return float(metrics.f1_score(wanted, found, zero_division=0))
    if problem == MULTICLASS:
        return float(metrics.accuracy_score(wanted, found))
    groups = [inputs[found == one] for one in np.unique(found)]
    return float(sum(((group - group.mean(axis=0)) ** 2).sum() for group in groups) / len(inputs))


def _boosted(order: Order, inputs: Array, wanted: Array, classes: int) -> Any:
    import xgboost

    given = {name: _value(text) for name, text in order.parameters.items()}
    objective = {REGRESSION: "reg:squarederror", BINARY: "binary:logistic", MULTICLASS: "multi:softmax"}[order.problem]
    settings = {"objective": objective, "max_depth": 6, "eta": 0.3, "seed": 0, "nthread": 1, **given}
    rounds = int(settings.pop("num_round", 100))
    if order.problem == MULTICLASS:
        settings["num_class"] = classes
    booster = xgboost.train(settings, xgboost.DMatrix(inputs, label=wanted), num_boost_round=rounds)
    threshold = 0.5 if order.problem == BINARY else None

    def estimate(rows: Array) -> Array:
        found = booster.predict(xgboost.DMatrix(rows))
        return found if threshold is None else (found >= threshold).astype(float)

    return estimate


def _value(text: str) -> Any:
    try:
        return float(text) if any(letter in text.lower() for letter in ".e") else int(text)
    except ValueError:
        return text


def _sklearn(kind: str, order: Order, inputs: Array, wanted: Array, classes: int) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    del classes
    makers = {
        ("linear", True): lambda: Ridge(random_state=0),
        ("linear", False): lambda: LogisticRegression(max_iter=1000, random_state=0),
        ("mlp", True): lambda: MLPRegressor((32,), max_iter=1000, tol=1e-3, random_state=0),
        ("mlp", False): lambda: MLPClassifier((32,), max_iter=1000, tol=1e-3, random_state=0),
    }
    learner = makers[kind, order.problem == REGRESSION]()
    return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), learner).fit(inputs, wanted).predict


def _clusters(order: Order, inputs: Array, wanted: Array, classes: int) -> Any:
    from sklearn.cluster import KMeans
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    del wanted, classes
    number = int(order.parameters["k"])
    return (
        make_pipeline(SimpleImputer(keep_empty_features=True), KMeans(number, n_init=4, random_state=0))
        .fit(inputs)
        .predict
    )


_LEARNERS: Mapping[str, Any] = {
    "xgboost": _boosted,
    "linear_learner": partial(_sklearn, "linear"),
    "mlp": partial(_sklearn, "mlp"),
    "kmeans": _clusters,
}


def answers(models: Mapping[str, Learned], keys: Sequence[str | None], rows: Sequence[str | None]) -> list[str | None]:
    """Predictions for rows given as JSON arrays, each by the model with its key; None for a row that is null."""
    found: list[str | None] = [None] * len(rows)
    for key in sorted({one for one in keys if one is not None}):
        places = [
            place for place, (own, row) in enumerate(zip(keys, rows, strict=True)) if own == key and row is not None
        ]
        if key not in models:
            raise ValueError("the model was trained in a warehouse that was restarted since: create it again")
        for place, answer in zip(places, models[key].ask([json.loads(str(rows[p])) for p in places]), strict=True):
            found[place] = answer
    return found


def install(connection: Any, models: Mapping[str, Learned]) -> None:
    """Teach a database `rs_predict(key, row)`; once for each."""
    import pyarrow as pa

    def predict(keys: Any, rows: Any) -> Any:
        return pa.array(answers(models, keys.to_pylist(), rows.to_pylist()), pa.string())

    connection.create_function(
        "rs_predict", predict, ["VARCHAR", "VARCHAR"], "VARCHAR", type="arrow", null_handling="special"
    )
