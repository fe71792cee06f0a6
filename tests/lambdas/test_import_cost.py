"""A function's cold start is its imports: they must cost little more than what none of them can do without."""

import subprocess
import sys

import pytest

from tests.lambdas.fakes import ROOT

ALLOWED_RATIO = 1.3
RUNS = 6
FLOOR = "import boto3\nfrom aws_lambda_powertools import Logger\nboto3.client('s3', region_name='eu-central-1')"
MEASURE = "\nimport time\nprint(time.process_time())"


def cpu_seconds(code: str, folder: str = ".") -> float:
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = [{folder!r}, {str(ROOT)!r}]\n{code}{MEASURE}"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize(
    "name", ["monitor", "retraining", "promotion_select", "promotion_verify", "warehouse_migrations", "kpi_consumer"]
)
def test_a_handler_imports_within_the_allowance(name: str) -> None:
    folder = str(ROOT / "lambdas" / name)

    # In turns, so that both meet the same unrest of the machine; the lowest of each is the least disturbed.
    pairs = [(cpu_seconds(FLOOR), cpu_seconds("import handler", folder)) for _ in range(RUNS)]
    floor, cost = map(min, zip(*pairs, strict=True))

    assert cost <= floor * ALLOWED_RATIO
