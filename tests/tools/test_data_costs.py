"""Costs at terabytes: the line, the exponent, hours and dollars by hand-made runs; the page is what the runs give."""

import json
import sys

import pyarrow as pa
import pytest

from benchmarks import spark_features
from tools import data_costs
from tools.data_costs import Choice, Line, Model, Run

PRICES = json.loads(data_costs.PRICES.read_text())


def run(millions, cpu_seconds, engine="spark", size=40):
    events = round(millions * 1e6)
    return Run(engine=engine, events=events, bytes=events * size, rows=10, cpu_seconds=cpu_seconds, peak_mib=100.0)


def test_a_line_is_found_again():
    line = data_costs.fit([run(millions, 32 + 5.2 * millions) for millions in (1, 10, 50)])

    assert (line.fixed, line.per_million) == pytest.approx((32, 5.2))
    assert line.residual == pytest.approx(0, abs=1e-9)
    assert line.at(100e6) == pytest.approx(552)


def test_the_residual_tells_that_a_line_does_not_fit():
    line = data_costs.fit([run(millions, millions**2) for millions in (1, 2, 10)])

    assert line.residual > 0.2


@pytest.mark.parametrize("power", [0.5, 1.0, 1.3])
def test_a_power_is_found_again(power):
    runs = [run(millions, 3 * millions**power) for millions in (1, 10, 50)]

    assert data_costs.exponent(runs) == pytest.approx(power)


def test_a_bend_above_one_is_a_row_that_costs_more_in_larger_data():
    assert data_costs.bend([run(50, 210), run(1, 10), run(10, 46)]) == pytest.approx((164 / 40) / (36 / 9))
    assert data_costs.bend([run(1, 10), run(10, 46)]) is None


def test_one_size_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"needs at least two sizes, got \[1000000\]; measure more with --sizes"):
        data_costs.fit([run(1, 10), run(1, 11)])


def test_the_cluster_is_held_against_one_process_by_what_a_row_costs():
    one = [run(1, 40 + 5), run(10, 40 + 50), run(50, 900)]
    two = [run(1, 80 + 6, data_costs.TWO_WORKERS), run(10, 80 + 60, data_costs.TWO_WORKERS)]

    assert data_costs.cluster_factor([*one, *two]) == pytest.approx(1.2)
    assert data_costs.cluster_factor([*one, two[0]]) is None


def test_more_machines_shorten_the_work_and_pay_more_for_the_start():
    choice = Choice(name="a", engine="spark", usd_a_vcpu_hour=0.1, startup_minutes=6)
    work = 1000 * 3600 * data_costs.UTILISATION

    few, many = (data_costs.estimate(choice, work, vcpus) for vcpus in (100, 1000))

    assert (few.hours, few.usd) == pytest.approx((10.1, 101))
    assert (many.hours, many.usd) == pytest.approx((1.1, 110))


def test_a_start_that_is_waited_for_is_not_paid():
    choice = Choice(name="a", engine="spark", usd_a_vcpu_hour=0.1, startup_minutes=6, paid_startup=False)

    one = data_costs.estimate(choice, 3600 * data_costs.UTILISATION, 10)

    assert (one.hours, one.usd) == pytest.approx((0.2, 0.1))


def test_redshift_lies_between_duckdb_and_spark_on_a_cluster():
    model = Model({"spark": Line(0, 8, 0), "duckdb": Line(0, 1, 0)}, 40, cluster=2.0)

    assert model.work("spark", 1e6) == 16
    assert model.work("redshift", 1e6) == 4


def test_prices_a_vcpu_hour_follow_from_the_table():
    offers = {one.name: one.usd_a_vcpu_hour for one in data_costs.choices(_usd(PRICES))}

    assert offers["EMR Serverless, arm64"] == pytest.approx(0.042094 + 4 * 0.004628)
    assert offers["EMR on EC2, r7g.4xlarge, on-demand"] == pytest.approx(0.8568 * 1.25 / 16)
    assert offers["EMR on EC2, r7g.4xlarge, spot"] == pytest.approx(0.8568 * (data_costs.SPOT_SHARE + 0.25) / 16)
    assert offers["Redshift Serverless, SQL"] == pytest.approx(0.375 / data_costs.VCPUS_A_RPU)


def _usd(prices):
    return {name: one["usd"] for name, one in prices["items"].items()}


def test_the_table_tells_hours_dollars_and_their_range():
    model = Model({"spark": Line(0, 7.2, 0), "duckdb": Line(0, 1, 0)}, 40, cluster=1.0)
    choice = Choice(name="here", engine="spark", usd_a_vcpu_hour=0.1, startup_minutes=0)

    table = data_costs.cost_table(model, [choice])

    # 1 TB is 25,000 million events: 50 vCPU-hours of work, paid for 50 / 0.7.
    assert table[2].startswith("| here | 1.12 h, $7.1 (3.6 to 18) | 2.79 h, $71 (36 to 180) |")


def test_what_two_results_do_not_agree_in_is_told():
    one = pa.table({"id": ["a", "b"], "x": [1.0, 3.0]})
    last_bit = pa.table({"id": ["a", "b"], "x": [1.0, 3.0000000000000004]})
    missing = pa.table({"id": ["a", "b"], "x": [1.0, None]})

    assert spark_features.differences(one, last_bit, exact=True) == ["x"]
    assert spark_features.differences(one, last_bit, exact=False) == []
    assert spark_features.differences(one, missing, exact=False) == ["x"]
    assert spark_features.differences(one, one.slice(1), exact=True) == ["2 and 1 rows"]


def test_cpu_time_of_children_and_of_what_they_leave_behind_is_counted(tmp_path):
    program = "import time\nwhile time.process_time() < 0.3: pass"
    both = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])\n{program}"

    used = spark_features.measure([sys.executable, "-c", both])

    assert 0.55 < used.cpu_seconds < 3
    assert used.peak_mib > 5


def test_a_program_that_fails_ends_the_benchmark_with_its_last_words():
    with pytest.raises(SystemExit, match="ended with 1:\nno input"):
        spark_features.measure([sys.executable, "-c", "raise SystemExit('no input')"])


def test_the_page_is_what_the_runs_and_prices_give(tmp_path):
    assert data_costs.main([str(tmp_path)]) == 0

    written = (data_costs.ROOT / "docs" / "reference" / data_costs.PAGE).read_text()
    assert (tmp_path / data_costs.PAGE).read_text() == written, "run make reference"
