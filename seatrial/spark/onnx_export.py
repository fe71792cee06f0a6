"""A fitted churn scorer as ONNX, in doubles throughout, so that no row falls on another side of a split than in Spark.

It takes a plan of plain data; reading one from a fitted Spark pipeline is left to `seatrial.spark.onnx_pipeline`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onnx import TensorProto, checker, helper

NUMBERS, TEXTS, PROBABILITY = "numbers", "texts", "probability"
ONNX_OPSET, TREE_OPSET, IR_VERSION = 17, 5, 10
"""TreeEnsemble of ai.onnx.ml 5 compares doubles with doubles; its predecessors give the sum as a float.

ONNX Runtime runs it from 1.23 on (1.20 refuses to load it); https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
"""
BRANCH_LEQ, SUM, NO_TRANSFORM = 0, 1, 0
LEAF_SCALE = 2.0
"""Spark's GBT gives 1 / (1 + exp(-2 margin)): `GBTClassificationModel.raw2probabilityInPlace`, logistic loss."""


@dataclass(frozen=True)
class NumberColumn:
    """A number; `fill` stands in for a missing one, NaN leaves it missing."""

    name: str
    fill: float


@dataclass(frozen=True)
class TextColumn:
    """A category: `table` has one row for each label and a last one for every other text; a row is what the scorer
    sees of it (its index, its one-hot slots, on which side of a split it goes)."""

    name: str
    labels: tuple[str, ...]
    table: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Leaf:
    """What a tree adds to the margin."""

    value: float


@dataclass(frozen=True)
class Branch:
    """Left where the matrix column is at most the threshold, else (also when missing) right."""

    column: int
    threshold: float
    left: Branch | Leaf
    right: Branch | Leaf


@dataclass(frozen=True)
class Logistic:
    """1 / (1 + exp(-(matrix @ weights + intercept)))."""

    weights: tuple[float, ...]
    intercept: float


@dataclass(frozen=True)
class Boosted:
    """1 / (1 + exp(-2 sum)) of the trees' leaves, which are weighted already."""

    trees: tuple[Branch | Leaf, ...]


@dataclass(frozen=True)
class Plan:
    """The matrix has the numbers in order, then each text column's table row; the scorer's columns count from 0."""

    numbers: tuple[NumberColumn, ...]
    texts: tuple[TextColumn, ...]
    scorer: Logistic | Boosted

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.numbers) + sum(len(text.table[0]) for text in self.texts)


def export(plan: Plan) -> bytes:
    """The model: `numbers` (rows, numbers) of double, NaN when missing, and `texts` (rows, texts) to `probability`.

    An input without columns is left out. Raises `ValueError` for a plan that fits no model.
    """
    _check(plan)
    graph = _Graph()
    margin, scale = _margin(graph, plan.scorer, _matrix(graph, plan))
    graph.call("Mul", [margin, graph.scalar(-scale)], "negated")
    graph.call("Exp", ["negated"], "odds")  # infinite odds give 0, as in the JVM
    graph.call("Add", ["odds", graph.scalar(1.0)], "total")
    graph.call("Reciprocal", ["total"], "ratio")
    graph.call("Reshape", ["ratio", graph.integers([-1])], PROBABILITY)
    model = graph.model(plan)
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _check(plan: Plan) -> None:
    for text in plan.texts:
        if len(text.table) != len(text.labels) + 1 or len({len(row) for row in text.table}) != 1 or not text.table[0]:
            raise ValueError(f"column {text.name!r}: the table needs {len(text.labels) + 1} rows of equal width")
    if not plan.width:
        raise ValueError("a model needs at least one column")
    if isinstance(plan.scorer, Logistic) and len(plan.scorer.weights) != plan.width:
        raise ValueError(f"weights: expected {plan.width}, got {len(plan.scorer.weights)}")


def _matrix(graph: _Graph, plan: Plan) -> str:
    blocks = []
    if plan.numbers:
        fills = graph.doubles([column.fill for column in plan.numbers], [1, len(plan.numbers)])
        graph.call("IsNaN", [NUMBERS], "missing")
        blocks.append(graph.call("Where", ["missing", fills, NUMBERS], "filled"))
    for place, text in enumerate(plan.texts):
        blocks.append(_looked_up(graph, place, text))
    return graph.call("Concat", blocks, "matrix", axis=1)


def _looked_up(graph: _Graph, place: int, text: TextColumn) -> str:
    other = len(text.labels)
    graph.call("Gather", [TEXTS, graph.integer(place)], f"text_{place}", axis=1)
    graph.call(
        "LabelEncoder",
        [f"text_{place}"],
        f"index_{place}",
        domain="ai.onnx.ml",
        keys_strings=list(text.labels) or [""],  # without any label every text is another one
        values_int64s=list(range(other)) or [other],
        default_int64=other,
    )
    flat = [value for row in text.table for value in row]
    table = graph.doubles(flat, [other + 1, len(text.table[0])])
    return graph.call("Gather", [table, f"index_{place}"], f"columns_{place}", axis=0)


def _margin(graph: _Graph, scorer: Logistic | Boosted, matrix: str) -> tuple[str, float]:
    """Name of the margin (rows, 1), and what it is multiplied with."""
    if isinstance(scorer, Logistic):
        graph.call("MatMul", [matrix, graph.doubles(scorer.weights, [len(scorer.weights), 1])], "product")
        return graph.call("Add", ["product", graph.scalar(scorer.intercept)], "margin"), 1.0
    grown = [tree for tree in scorer.trees if isinstance(tree, Branch)]
    constant = sum(tree.value for tree in scorer.trees if isinstance(tree, Leaf))
    if not grown:  # TreeEnsemble has no encoding for trees of one leaf
        raise ValueError("no tree has a split: these columns tell nothing about the label")
    graph.call("TreeEnsemble", [matrix], "sum", domain="ai.onnx.ml", **_ensemble(grown))
    return graph.call("Add", ["sum", graph.scalar(constant)], "margin"), LEAF_SCALE


def _ensemble(trees: Sequence[Branch]) -> dict[str, Any]:
    """Attributes of TreeEnsemble: branches and leaves in two lists, children as places in one or the other."""
    branches: list[Branch] = []
    children: list[list[tuple[int, int]]] = []
    leaves: list[float] = []

    def placed(node: Branch | Leaf) -> tuple[int, int]:
        if isinstance(node, Leaf):
            leaves.append(node.value)
            return len(leaves) - 1, 1
        here = len(branches)
        branches.append(node)
        children.append([])
        children[here] = [placed(node.left), placed(node.right)]
        return here, 0

    roots = [placed(tree)[0] for tree in trees]
    count = len(branches)
    return {
        "n_targets": 1,
        "aggregate_function": SUM,
        "post_transform": NO_TRANSFORM,
        "tree_roots": roots,
        "nodes_featureids": [branch.column for branch in branches],
        "nodes_modes": helper.make_tensor("modes", TensorProto.UINT8, [count], [BRANCH_LEQ] * count),
        "nodes_splits": _tensor("splits", [branch.threshold for branch in branches], [count]),
        "nodes_truenodeids": [left[0] for left, _ in children],
        "nodes_trueleafs": [left[1] for left, _ in children],
        "nodes_falsenodeids": [right[0] for _, right in children],
        "nodes_falseleafs": [right[1] for _, right in children],
        "leaf_targetids": [0] * len(leaves),
        "leaf_weights": _tensor("weights", leaves, [len(leaves)]),
    }


def _tensor(name: str, values: Sequence[float], shape: Sequence[int]) -> Any:
    return helper.make_tensor(name, TensorProto.DOUBLE, shape, values)


class _Graph:
    """Nodes and constants in the order in which they were made, so that equal plans give equal bytes."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def call(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node with one output; gives the output's name."""
        self._nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def doubles(self, values: Sequence[float], shape: Sequence[int]) -> str:
        """Add a constant; gives its name."""
        return self._constant(_tensor(f"constant_{len(self._constants)}", list(values), shape))

    def scalar(self, value: float) -> str:
        """Add one double."""
        return self.doubles([value], [])

    def integers(self, values: Sequence[int]) -> str:
        """Add a list of integers."""
        name = f"constant_{len(self._constants)}"
        return self._constant(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))

    def integer(self, value: int) -> str:
        """Add one integer."""
        name = f"constant_{len(self._constants)}"
        return self._constant(helper.make_tensor(name, TensorProto.INT64, [], [value]))

    def _constant(self, tensor: Any) -> str:
        self._constants.append(tensor)
        return str(tensor.name)

    def model(self, plan: Plan) -> Any:
        """The finished model; its metadata names the columns of each input."""
        kinds = ((NUMBERS, TensorProto.DOUBLE, plan.numbers), (TEXTS, TensorProto.STRING, plan.texts))
        inputs = [helper.make_tensor_value_info(name, kind, ["rows", len(has)]) for name, kind, has in kinds if has]
        outputs = [helper.make_tensor_value_info(PROBABILITY, TensorProto.DOUBLE, ["rows"])]
        graph = helper.make_graph(self._nodes, "churn", inputs, outputs, self._constants)
        opsets = [helper.make_opsetid("", ONNX_OPSET), helper.make_opsetid("ai.onnx.ml", TREE_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="seatrial")
