"""A function's cold start is its imports: they must cost little more than what none of them can do without."""

import subprocess
import sys

import pytest

from tests.lambdas.fakes import ROOT

ALLOWED_RATIO = 1.3
FLOOR = "import boto3\nfrom aws_lambda_powertools import Logger\nboto3.client('s3', region_name='eu-central-1')"
MEASURE = "\nimport time\nprint(time.process_time())"


def cpu_seconds(code: str, folder: str = ".") -> float:
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = [{folder!r}, {str(ROOT)!r}]\n{code}{MEASURE}"]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(3)]
    return min(float(run.stdout) for run in runs)


@pytest.mark.parametrize(
    "name", ["monitor", "retraining", "promotion_select", "promotion_verify", "warehouse_migrations", "kpi_consumer"]
)
def test_a_handler_imports_within_the_allowance(name: str) -> None:
    floor = cpu_seconds(FLOOR)

    cost = cpu_seconds("import handler", str(ROOT / "lambdas" / name))

    assert cost <= floor * ALLOWED_RATIO
