import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.offline.streaming import iot_sql
from seatrial.offline.streaming.iot_functions import Message, NotEmulatedFunctionError, SqlError
from seatrial.offline.streaming.iot_values import UNDEFINED

COLOR = {"color": {"red": 255, "green": 0}, "temperature": 50, "name": "Cell", "list": [1, 2, 3], "ten": 10.0}


def message(payload: Any = None, topic: str = "cells/7/kpi") -> Message:
    raw = payload if isinstance(payload, bytes) else json.dumps(COLOR if payload is None else payload).encode()
    return Message(topic, raw, "111111111111", datetime(2026, 11, 1, 12, tzinfo=UTC))


def result(select: str, payload: Any = None) -> Any:
    return iot_sql.parse(select).result(message(payload))


@pytest.mark.parametrize(
    ("select", "selected"),
    [
        ("SELECT *", COLOR),
        ("SELECT temperature AS t", {"t": 50}),
        ("SELECT *, 15 AS speed", {**COLOR, "speed": 15}),
        ("SELECT VALUE name", "Cell"),
        ("SELECT color.red", {"red": 255}),
        ("SELECT absent, name", {"name": "Cell"}),
        ("SELECT (temperature - 32) * 5 / 9 AS celsius, upper(name) AS n", {"celsius": 10, "n": "CELL"}),
        ("SELECT {'a': list[1], 'b': [name, 1]} AS o", {"o": {"a": 2, "b": ["Cell", 1]}}),
        ("SELECT CASE temperature WHEN 1 THEN 'a' WHEN 50 THEN 'b' ELSE 'c' END AS v", {"v": "b"}),
        ("SELECT topic(2), timestamp() AS ts", {"topic": "7", "ts": 1793534400000}),
    ],
)
def test_the_select_clause(select: str, selected: Any) -> None:
    assert result(f"{select} FROM 'cells/+/kpi'") == selected


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("5 / 2", 2),
        ("-5 / 2", -2),
        ("5 / 2.5", 2.0),
        ("-7 % 3", -1),
        ("1 + '2'", "12"),
        ("'6' * 2", 12.0),
        ("'x' * 2", UNDEFINED),
        ("1 / 0", UNDEFINED),
        ("1 = '1'", False),
        ("1 <> absent", UNDEFINED),
        ("'3' > 2", True),
        ("'true' AND true", True),
        ("1 AND true", UNDEFINED),
        ("NOT false OR false", True),
        ("2 + 3 * 4 - 1", 13),
        ("2 IN list", True),
        ("ten", 10.0),
        ("ten / 4", 2),
        ("concat('a', 1, null)", "a1null"),
        ("substring('012345', 0, 2)", "01"),
        ("substring('012345', 2)", "2345"),
        ("indexof('abcd', 'cd')", 2),
        ("cast('7.9' AS int)", 7),
        ("cast(true as decimal)", 1.0),
        ("round(2.5)", 3),
        ("floor(-1.5)", -2),
        ("trunc(1.239, 2)", 1.23),
        ("abs('x')", UNDEFINED),
        ("coalesce(absent, null, 5)", 5),
        ("isUndefined(absent)", True),
        ("isNull(null)", True),
        ("regexp_substr('hihihello', '(hi)+')", "hihi"),
        ("regexp_matches('aaaa', 'a{2,}')", True),
        ("encode('hi', 'base64')", "aGk="),
        ("decode('aGk=', 'base64')", "hi"),
        ("get(list, 0)", 1),
        ("length('hey')", 3),
        ("parse_time('yyyy-MM-dd HH:mm', timestamp())", "2026-11-01 12:00"),
        ("parse_time('HH', timestamp(), 'Asia/Tokyo')", "21"),
        ("time_to_epoch('2026-11-01', 'yyyy-MM-dd')", 1793491200000),
        ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("accountid()", "111111111111"),
        ("clientid()", "n/a"),
    ],
)
def test_an_expression_has_the_documented_value(expression: str, value: Any) -> None:
    assert result(f"SELECT VALUE {expression} FROM 'a'") == value


@pytest.mark.parametrize(
    ("where", "passes"),
    [
        ("temperature > 40", True),
        ("temperature > 60", False),
        ("absent > 1", False),
        ("color.red = 255 AND name = 'Cell'", True),
    ],
)
def test_the_where_clause(where: str, passes: bool) -> None:
    assert (result(f"SELECT * FROM 'a' WHERE {where}") is not UNDEFINED) == passes


def test_a_binary_payload_passes_as_it_is_or_encoded() -> None:
    assert result("SELECT * FROM 'a'", b"\x00\x01") == b"\x00\x01"
    assert result("SELECT encode(*, 'base64') AS data FROM 'a'", b"\x00") == {"data": base64.b64encode(b"\0").decode()}


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matches"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/c/d", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("#", "x/y", True),
        ("a/b", "a/B", False),
        ("+", "a/b", False),
    ],
)
def test_a_topic_filter(topic_filter: str, topic: str, matches: bool) -> None:
    assert iot_sql.topic_matches(topic_filter, topic) == matches


def test_substitution_templates_are_filled_in() -> None:
    filled = iot_sql.template("x/${topic(2)}/${parse_time('yyyy', timestamp())}/${absent}/${color.red + 1}")

    assert filled(message()) == "x/7/2026//256"


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELECT * FROM a", "topic filter in quotes"),
        ("SELECT * FROM 'a/b#'", "stand alone"),
        ("SELECT nosuch(1) FROM 'a'", "there is no function nosuch"),
        ("SELECT topic(1, 2) FROM 'a'", "takes 0 to 1 arguments"),
        ("SELECT 1 + 1 FROM 'a'", "needs a name"),
        ("SELECT * FROM 'a' GROUP BY x", "unexpected 'GROUP'"),
        ("SELECT a FROM 'a' WHERE", "ends too early"),
        ("SELECT \"a\" FROM 'a'", "unexpected"),
        ("SELECT", "ends too early"),
    ],
)
def test_sql_that_aws_refuses_is_refused(sql: str, sentence: str) -> None:
    with pytest.raises(SqlError, match=sentence):
        iot_sql.parse(sql)


@pytest.mark.parametrize(
    "sql", ["SELECT aws_lambda('f', 1) AS x FROM 'a'", "SELECT (SELECT v FROM list) AS x FROM 'a'"]
)
def test_what_the_offline_cloud_lacks_is_told(sql: str) -> None:
    with pytest.raises(NotEmulatedFunctionError):
        iot_sql.parse(sql)
