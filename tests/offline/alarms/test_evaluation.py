import operator

import pytest

from seatrial.offline.alarms.evaluation import Plan, Watched, judge
from seatrial.offline.alarms.store import MetricKey, MetricStore, single

KEY = MetricKey.of("N", "m", {})
PERIOD = 60
NOW = 6_000.0


def state_of(points: str, treat_missing: str, needed: int = 3, before: str = "before") -> str:
    """The state after five periods, oldest first: "X" breaches, "0" does not, "-" is missing."""
    store = MetricStore()
    for age, point in enumerate(reversed(points.split())):
        if point != "-":
            store.add(KEY, single(NOW - PERIOD * (age + 0.5), 1.0 if point == "X" else 0.0, "None"))
    plan = Plan(
        metrics=(Watched("m", KEY, "Maximum", None),),
        expressions=(),
        result="m",
        period=PERIOD,
        evaluation_periods=3,
        datapoints_to_alarm=needed,
        threshold=0.5,
        breaches=operator.gt,
        missing=treat_missing,
    )
    return judge(plan, store, NOW, before).state


# After the tables of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
@pytest.mark.parametrize(
    ("points", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", "OK", "OK", "OK", "OK"),
        ("0 - - - -", "OK", "OK", "OK", "OK"),
        ("- - - - -", "INSUFFICIENT_DATA", "before", "ALARM", "OK"),
        ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("- - X - -", "ALARM", "before", "ALARM", "OK"),
    ],
)
def test_three_of_three(points: str, missing: str, ignore: str, breaching: str, not_breaching: str) -> None:
    ways = ("missing", "ignore", "breaching", "notBreaching")

    assert [state_of(points, way) for way in ways] == [missing, ignore, breaching, not_breaching]


@pytest.mark.parametrize(
    ("points", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("0 - X - -", "OK", "OK", "ALARM", "OK"),
        ("- - - - 0", "OK", "OK", "ALARM", "OK"),
        ("- - - X -", "ALARM", "before", "ALARM", "OK"),
    ],
)
def test_two_of_three(points: str, missing: str, ignore: str, breaching: str, not_breaching: str) -> None:
    ways = ("missing", "ignore", "breaching", "notBreaching")

    assert [state_of(points, way, needed=2) for way in ways] == [missing, ignore, breaching, not_breaching]
