"""The ONNX export against a plain evaluation of the same plan: splits exactly, sums to their rounding."""

import math
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.spark.errors import DataError
from seatrial.spark.onnx_export import Boosted, Branch, Leaf, Logistic, NumberColumn, Plan, TextColumn, export
from seatrial.spark.parity import Parity

NUMBERS = (NumberColumn("minutes", 2.5), NumberColumn("drops", math.nan))
PLAN = TextColumn("plan", ("prepaid", 'flat, "big"', "Ünï"), ((0.0, 1.0), (1.0, 0.0), (2.0, 0.0), (3.0, 1.0)))
TREE = Branch(0, 0.1 + 0.2, Leaf(0.25), Branch(3, 0.5, Leaf(-1 / 3), Leaf(0.125)))


def served(plan, numbers, texts):
    """Probabilities by ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(export(plan), options, providers=["CPUExecutionProvider"])
    inputs = {"numbers": np.array(numbers, dtype=float), "texts": np.array(texts, dtype=object)}
    return session.run(None, {one.name: inputs[one.name] for one in session.get_inputs()})[0].tolist()


def evaluated(plan, numbers, texts):
    """Probabilities by Python's own doubles."""
    results = []
    for values, words in zip(numbers, texts, strict=True):
        row = [column.fill if math.isnan(v) else v for column, v in zip(plan.numbers, values, strict=True)]
        for column, word in zip(plan.texts, words, strict=True):
            row += column.table[column.labels.index(word) if word in column.labels else -1]
        results.append(_probability(plan.scorer, row))
    return results


def _probability(scorer, row):
    if isinstance(scorer, Logistic):
        margin = math.fsum(w * v for w, v in zip(scorer.weights, row, strict=True)) + scorer.intercept
    else:
        margin = 2 * sum(_leaf(tree, row) for tree in scorer.trees)
    return 1 / (1 + math.exp(-margin)) if margin > -700 else 0.0


def _leaf(node, row):
    while isinstance(node, Branch):
        node = node.left if row[node.column] <= node.threshold else node.right
    return node.value


leaves = st.floats(-2, 2).map(Leaf)


@st.composite
def boosted(draw):
    """Trees over two numbers and a category, and the thresholds at which rows may flip."""
    thresholds = draw(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5))
    split = st.tuples(st.integers(0, 3), st.sampled_from(thresholds))
    nodes = st.recursive(
        leaves, lambda inner: st.builds(lambda at, left, right: Branch(*at, left, right), split, inner, inner)
    )
    trees = draw(st.lists(nodes, max_size=4))
    return Plan(NUMBERS, (PLAN,), Boosted((*trees, TREE))), thresholds


@given(boosted(), st.data())
@settings(max_examples=40, deadline=None)
def test_trees_split_as_doubles_do_also_at_the_threshold_itself(drawn, data):
    plan, thresholds = drawn
    near = [beside for t in thresholds for beside in (math.nextafter(t, -math.inf), t, math.nextafter(t, math.inf))]
    value = st.one_of(st.sampled_from([*near, math.nan, 0.1 + 0.2, 0.3]), st.floats(-1e150, 1e150))
    numbers = data.draw(st.lists(st.tuples(value, value), min_size=1, max_size=8))
    texts = [(data.draw(st.sampled_from([*PLAN.labels, "", "never seen", "(missing)"])),) for _ in numbers]

    np.testing.assert_allclose(served(plan, numbers, texts), evaluated(plan, numbers, texts), rtol=0, atol=1e-13)


@given(
    st.tuples(*[st.floats(-5, 5)] * 4),
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.one_of(st.just(math.nan), st.floats(-1e3, 1e3))), min_size=1),
)
@settings(max_examples=25, deadline=None)
def test_regression_fills_gaps_and_sums_in_doubles(weights, numbers):
    plan = Plan((NUMBERS[0], NumberColumn("drops", -1.0)), (PLAN,), Logistic(weights, 0.5))
    texts = [("prepaid",) if index % 2 else ("?",) for index in range(len(numbers))]

    np.testing.assert_allclose(served(plan, numbers, texts), evaluated(plan, numbers, texts), rtol=0, atol=1e-11)


def test_a_float_would_have_flipped_these_rows():
    threshold = 0.1 + 0.2
    plan = Plan(NUMBERS[:1], (), Boosted((Branch(0, threshold, Leaf(1.0), Leaf(-1.0)),)))

    low, high = served(plan, [[threshold], [math.nextafter(threshold, 1)]], [(), ()])

    assert np.float32(threshold) == np.float32(math.nextafter(threshold, 1))
    assert (low, high) == pytest.approx((1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2))), abs=1e-15)


@pytest.mark.parametrize("margin", [1e308, -1e308, 800.0, -800.0])
def test_odds_beyond_a_double_are_certain(margin):
    plan = Plan(NUMBERS[:1], (), Logistic((margin,), 0.0))

    assert served(plan, [[1.0]], [()]) == [float(margin > 0)]


def test_equal_plans_give_equal_bytes():
    plan = Plan(NUMBERS, (PLAN,), Boosted((TREE, Leaf(0.5))))

    assert export(plan) == export(replace(plan))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan((), (), Logistic((), 0.0)), "at least one column"),
        (Plan(NUMBERS, (), Logistic((1.0,), 0.0)), "expected 2, got 1"),
        (Plan(NUMBERS, (), Boosted((Leaf(0.1),))), "no tree has a split"),
        (Plan((), (replace(PLAN, table=PLAN.table[:-1]),), Logistic((1.0, 1.0), 0.0)), "needs 4 rows"),
    ],
)
def test_refuses_a_plan_that_fits_no_model(plan, message):
    with pytest.raises(ValueError, match=message):
        export(plan)


def test_one_changed_leaf_is_found_by_the_gate():
    good = Plan(NUMBERS, (PLAN,), Boosted((TREE,)))
    wrong = replace(good, scorer=Boosted((replace(TREE, left=Leaf(0.2500001)),)))
    numbers, texts = [(0.1, 0.0), (7.0, 0.0)], [("prepaid",), ("prepaid",)]
    parity = Parity(1e-9)

    parity.compare(evaluated(good, numbers, texts), served(wrong, numbers, texts))

    with pytest.raises(DataError, match="1 of 2 held-out rows are scored otherwise"):
        parity.require()


@pytest.mark.parametrize(
    ("expected", "given_back", "message"),
    [([], [], "no held-out rows"), ([0.5], [math.nan], "1 of 1"), ([math.nan], [0.5], "1 of 1")],
)
def test_the_gate_lets_nothing_through_unproven(expected, given_back, message):
    parity = Parity(1e-9)
    parity.compare(expected, given_back)

    with pytest.raises(DataError, match=message):
        parity.require()


def test_the_gate_counts_the_rows_that_came_back():
    with pytest.raises(DataError, match="2 rows were sent, 1 scores came back"):
        Parity(1e-9).compare([0.1, 0.2], [0.1])
