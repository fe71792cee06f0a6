from datetime import UTC, datetime

import pytest

from seatrial.offline.streaming.prefixes import PrefixError, Prefixes, java_time

WHEN = datetime(2026, 8, 27, 22, 5, tzinfo=UTC)
ERRORS = "failures/!{firehose:error-output-type}/"


@pytest.mark.parametrize(
    ("prefix", "errors", "delivered", "failed"),
    [
        ("", "", "2026/08/27/22/", "processing-failed/2026/08/27/22/"),
        ("mine/", "", "mine/2026/08/27/22/", "mine/processing-failed/2026/08/27/22/"),
        ("mine/y=!{timestamp:yyyy}/", ERRORS, "mine/y=2026/", "failures/processing-failed/"),
        ("mine/!{timestamp:yyyy-MM-dd'T'HH}/", ERRORS, "mine/2026-08-27T22/", "failures/processing-failed/"),
    ],
)
def test_a_prefix_is_evaluated_as_documented(prefix: str, errors: str, delivered: str, failed: str) -> None:
    prefixes = Prefixes(prefix, errors)

    prefixes.check(frozenset(), dynamic=False)

    assert prefixes.of_delivered(WHEN, {}) == delivered
    assert prefixes.of_failed(WHEN, "processing-failed") == failed


def test_a_custom_time_zone_moves_the_hour() -> None:
    assert Prefixes("", "", "Asia/Tokyo").of_delivered(WHEN, {}) == "2026/08/28/07/"


def test_each_random_string_is_another_one() -> None:
    one, other = (
        Prefixes("!{firehose:random-string}/!{firehose:random-string}", ERRORS).of_delivered(WHEN, {}).split("/")
    )

    assert (len(one), len(other)) == (11, 11)
    assert one != other


@pytest.mark.parametrize(
    ("prefix", "errors", "dynamic", "sentence"),
    [
        ("!{firehose:error-output-type}/", ERRORS, False, "Prefix must not contain"),
        ("!{timestamp:yyyy}/", "failures/", False, "ErrorOutputPrefix must contain"),
        ("!{partitionKeyFromQuery:day}/", ERRORS, True, "no key 'day'"),
        ("!{partitionKeyFromQuery:date}/", ERRORS, False, "must be enabled"),
        ("mine/", ERRORS, True, "Prefix must contain !{partitionKeyFromQuery"),
        ("!{nothing:x}/", ERRORS, False, "must be one of timestamp, firehose"),
        ("!{timestamp:qqqq}/", ERRORS, False, "'qqqq' is not emulated"),
    ],
)
def test_a_prefix_that_firehose_refuses_is_refused(prefix: str, errors: str, dynamic: bool, sentence: str) -> None:
    with pytest.raises(PrefixError, match=sentence.replace("{", r"\{").replace("!", r"\!")):
        Prefixes(prefix, errors).check(frozenset({"date"}), dynamic=dynamic)


def test_quoted_letters_of_a_time_pattern_stay() -> None:
    assert java_time("yyyy'Y'M''d", WHEN) == "2026Y8'27"
