"""Reads a fitted Spark pipeline (indexers, encoders, imputers, assembler, classifier) as a plan for the ONNX export.

A stage, setting or split that the export does not reproduce exactly is refused by name; nothing is approximated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyspark.ml import PipelineModel

from seatrial.spark.errors import DataError
from seatrial.spark.onnx_export import Boosted, Branch, Leaf, Logistic, NumberColumn, Plan, TextColumn

Row = tuple[float, ...]


@dataclass(frozen=True)
class Source:
    """Where an assembled value comes from: an input column and, of a category, what each index becomes."""

    column: str
    values: Row | None = None


@dataclass
class _Reading:
    """What is known of the columns while the stages are read in order."""

    fills: dict[str, float] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    vectors: dict[str, list[Source]] = field(default_factory=dict)
    scorer: Any = None

    def sources(self, name: str) -> list[Source]:
        """The values of a column; one that no stage made is a number of the input."""
        return self.vectors.get(name) or [Source(name)]


def read(model: PipelineModel) -> Plan:
    """The plan of a fitted pipeline; raises `DataError` for what cannot be exported."""
    found = _Reading()
    for stage in model.stages:
        reader = _READERS.get(type(stage).__name__)
        if reader is None:
            raise DataError(f"{type(stage).__name__}: no such stage can be exported; use one of {sorted(_READERS)}")
        reader(found, stage)
    if found.scorer is None:
        raise DataError("the pipeline has no classifier at its end")
    sources = found.vectors.get(found.scorer.getFeaturesCol())
    if not sources:
        raise DataError(f"the classifier reads {found.scorer.getFeaturesCol()!r}, which no VectorAssembler made")
    return _plan(found, sources)


def _read_imputer(found: _Reading, stage: Any) -> None:
    if not math.isnan(stage.getMissingValue()):
        raise DataError(f"Imputer: missingValue must be NaN, got {stage.getMissingValue()!r}")
    values = stage.surrogateDF.first()
    for column, output in _columns(stage):
        found.fills[column] = float(values[column])
        found.vectors[output] = [Source(column)]


def _read_indexer(found: _Reading, stage: Any) -> None:
    if stage.getHandleInvalid() != "keep":
        raise DataError(f"StringIndexer: handleInvalid must be 'keep', got {stage.getHandleInvalid()!r}")
    for (column, output), labels in zip(_columns(stage), stage.labelsArray, strict=True):
        found.labels[column] = tuple(map(str, labels))
        found.vectors[output] = [Source(column, tuple(map(float, range(len(labels) + 1))))]


def _read_encoder(found: _Reading, stage: Any) -> None:
    if stage.getHandleInvalid() != "error":
        raise DataError(f"OneHotEncoder: handleInvalid must be 'error', got {stage.getHandleInvalid()!r}")
    for (column, output), size in zip(_columns(stage), stage.categorySizes, strict=True):
        (source,) = found.sources(column)
        if source.values is None or len(source.values) != size:
            raise DataError(f"OneHotEncoder: {column!r} must come from a StringIndexer of {size} indices")
        slots = size - 1 if stage.getDropLast() else size
        found.vectors[output] = [
            Source(source.column, tuple(float(value == slot) for value in source.values)) for slot in range(slots)
        ]


def _read_assembler(found: _Reading, stage: Any) -> None:
    sources = [source for name in stage.getInputCols() for source in found.sources(name)]
    found.vectors[stage.getOutputCol()] = sources


def _read_classifier(found: _Reading, stage: Any) -> None:
    if stage.numClasses != 2:
        raise DataError(f"{type(stage).__name__}: must have 2 classes, got {stage.numClasses}")
    found.scorer = stage


_READERS = {
    "ImputerModel": _read_imputer,
    "StringIndexerModel": _read_indexer,
    "OneHotEncoderModel": _read_encoder,
    "VectorAssembler": _read_assembler,
    "LogisticRegressionModel": _read_classifier,
    "GBTClassificationModel": _read_classifier,
}


def _columns(stage: Any) -> list[tuple[str, str]]:
    if stage.isSet("inputCol"):
        return [(stage.getInputCol(), stage.getOutputCol())]
    return list(zip(stage.getInputCols(), stage.getOutputCols(), strict=True))


@dataclass(frozen=True)
class _Split:
    """A branch whose column is not placed yet."""

    source: Source
    threshold: float
    left: _Split | Leaf
    right: _Split | Leaf


def _plan(found: _Reading, sources: list[Source]) -> Plan:
    model = found.scorer
    if type(model).__name__ == "LogisticRegressionModel":
        layout = _Layout(found, sources)
        weights = [0.0] * layout.width
        for source, weight in zip(sources, model.coefficients.toArray().tolist(), strict=True):
            weights[layout.place(source)] += weight
        return Plan(layout.numbers(), layout.texts(), Logistic(tuple(weights), float(model.intercept)))
    roots = zip(model.trees, model.treeWeights, strict=True)
    trees = [_tree(tree._call_java("rootNode"), weight, sources) for tree, weight in roots]
    layout = _Layout(found, [*sources, *(source for tree in trees for source in _split_sources(tree))])
    return Plan(layout.numbers(), layout.texts(), Boosted(tuple(_placed(tree, layout) for tree in trees)))


class _Layout:
    """The export's matrix: numbers first, then the values of each category."""

    def __init__(self, found: _Reading, sources: Iterable[Source]) -> None:
        self._found = found
        self._numbers: list[Source] = []
        self._texts: dict[str, list[Source]] = {}
        for source in dict.fromkeys(sources):
            (self._numbers if source.values is None else self._texts.setdefault(source.column, [])).append(source)
        ordered = [*self._numbers, *(source for group in self._texts.values() for source in group)]
        self._places = {source: place for place, source in enumerate(ordered)}
        self.width = len(ordered)

    def place(self, source: Source) -> int:
        """The matrix column of a value."""
        return self._places[source]

    def numbers(self) -> tuple[NumberColumn, ...]:
        """Columns that are numbers, with what fills their gaps."""
        fills = self._found.fills
        return tuple(NumberColumn(one.column, fills.get(one.column, math.nan)) for one in self._numbers)

    def texts(self) -> tuple[TextColumn, ...]:
        """Columns that are categories, with one table row for each index."""
        return tuple(
            TextColumn(
                column, self._found.labels[column], tuple(zip(*(one.values or () for one in group), strict=True))
            )
            for column, group in self._texts.items()
        )


def _tree(node: Any, weight: float, sources: list[Source]) -> _Split | Leaf:
    """A tree by way of the JVM's own nodes; `Split.leftCategories` are those that go left, all others go right."""
    if node.subtreeDepth() == 0:
        return Leaf(float(node.prediction()) * weight)
    split = node.split()
    left, right = (_tree(child, weight, sources) for child in (node.leftChild(), node.rightChild()))
    source = sources[int(split.featureIndex())]
    if split.getClass().getSimpleName() == "ContinuousSplit":
        return _Split(source, float(split.threshold()), left, right)
    if source.values is None:
        raise DataError(f"column {source.column!r}: a number must not be marked as a category")
    goes_left = {float(value) for value in split.leftCategories()}
    sides = tuple(float(value not in goes_left) for value in source.values)
    return _Split(Source(source.column, sides), 0.5, left, right)


def _split_sources(tree: _Split | Leaf) -> Iterator[Source]:
    if isinstance(tree, _Split):
        yield tree.source
        yield from _split_sources(tree.left)
        yield from _split_sources(tree.right)


def _placed(tree: _Split | Leaf, layout: _Layout) -> Branch | Leaf:
    if isinstance(tree, Leaf):
        return tree
    left, right = _placed(tree.left, layout), _placed(tree.right, layout)
    return Branch(layout.place(tree.source), tree.threshold, left, right)
