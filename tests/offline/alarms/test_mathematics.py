import pytest

from seatrial.offline.alarms.mathematics import ExpressionError, Values, evaluate, names_in

METRICS: dict[str, Values] = {"e": [None, 2.0, 4.0], "n": [10.0, 0.0, 8.0], "z": [None, None, None]}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("e", [None, 2.0, 4.0]),
        ("e / n * 100", [None, None, 50.0]),
        ("FILL(e, 0) / n", [0.0, None, 0.5]),
        ("IF(n > 0, FILL(e, 0) / n * 100, 0)", [0.0, 0.0, 50.0]),
        ("SUM([e, n])", [10.0, 2.0, 12.0]),
        ("MAX([e, n])", [10.0, 2.0, 8.0]),
        ("SUM(METRICS())", [10.0, 2.0, 12.0]),
        ("n - SUM(e)", [4.0, -6.0, 2.0]),
        ("AVG([e, z])", [None, 2.0, 4.0]),
        ("FILL(e, REPEAT)", [None, 2.0, 4.0]),
        ("n > 1 AND n < 9", [0.0, 0.0, 1.0]),
        ("n == 10 || n == 8", [1.0, 0.0, 1.0]),
        ("-ABS(e) ^ 2", [None, -4.0, -16.0]),
        ("n / PERIOD(n)", [10 / 60, 0.0, 8 / 60]),
    ],
)
def test_works_out_an_expression_for_each_period(expression: str, expected: Values) -> None:
    assert evaluate(expression, METRICS, 3, 60) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("e /", "metric math expression 'e /'"),
        ("m9 + 1", "there is no metric with the id 'm9'"),
        ("ANOMALY_DETECTION_BAND(e, 2)", "ANOMALY_DETECTION_BAND is not emulated"),
        ("e.real", "Attribute is not understood"),
    ],
)
def test_refuses_what_it_does_not_know(expression: str, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem):
        evaluate(expression, METRICS, 3, 60)


def test_names_the_metrics_of_an_expression() -> None:
    assert names_in("IF(a > 1, SUM(METRICS()), b)") == {"a", "b", "*"}
