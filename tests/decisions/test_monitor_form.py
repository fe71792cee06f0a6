"""The form of the monitor follows from the volume alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.decisions.monitor_form import FormLimits, choose_form

LIMITS = FormLimits(lambda_bytes=1000, lambda_rows=10, processing_bytes=100_000, processing_rows=1000)
ALL = ("lambda", "processing", "spark")


@pytest.mark.parametrize(
    ("size", "rows", "form"),
    [(1000, 10, "lambda"), (1001, 10, "processing"), (500, 11, "processing"), (100_001, 10, "spark")],
)
def test_the_smallest_form_that_reads_the_whole_window_is_taken(size: int, rows: int, form: str) -> None:
    decision = choose_form(size, rows, available=ALL, limits=LIMITS)

    assert (decision.form, decision.sampled_share) == (form, 1.0)


def test_what_no_form_reads_in_full_is_sampled_by_the_largest_and_said_so() -> None:
    decision = choose_form(4000, 20, available=("lambda",), limits=LIMITS)

    assert (decision.form, decision.sampled_share) == ("lambda", 0.25)
    assert decision.reason.startswith("sampled: ")


def test_refuses_to_choose_from_nothing() -> None:
    with pytest.raises(ValueError, match="name at least one of lambda, processing, spark"):
        choose_form(1, available=())


@given(st.integers(0, 10**13), st.none() | st.integers(0, 10**10), st.sets(st.sampled_from(ALL), min_size=1))
def test_a_share_is_a_share_and_only_the_function_and_the_job_ever_sample(size, rows, available) -> None:
    decision = choose_form(size, rows, available=available)

    assert 0 < decision.sampled_share <= 1
    assert decision.form in available
    assert decision.sampled_share == 1 or decision.form != "spark"
