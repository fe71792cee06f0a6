"""A small made-up customer table, and the public ones when SEATRIAL_DATA names the folder that holds them."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seatrial.contracts.dataset import DatasetSpec


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Folder with ibm_telco_customer_churn.csv.gz and iranian_churn_uci563.csv.gz."""
    folder = Path(os.environ.get("SEATRIAL_DATA", "nowhere")) / "churn"
    if not folder.is_dir():
        pytest.skip("SEATRIAL_DATA does not name a folder with churn/*.csv.gz")
    return folder


@pytest.fixture(scope="session")
def spec() -> DatasetSpec:
    """Columns of the made-up table."""
    columns = {"tenure": "numeric", "charges": "numeric", "noise": "numeric", "plan": "categorical"}
    return DatasetSpec(name="made-up", kind="table", id="id", label="left", positive="yes", columns=columns)


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """3,000 subscribers; churn falls with tenure and grows with charges."""
    rng = np.random.default_rng(11)
    tenure, charges, noise = rng.exponential(20, 3000), rng.normal(50, 15, 3000), rng.normal(0, 1, 3000)
    plan = rng.integers(0, 3, 3000)
    drive = -2.1 - 0.06 * (tenure - 20) + 0.06 * (charges - 50) + 0.6 * (plan == 0)
    left = rng.random(3000) < 1 / (1 + np.exp(-drive))
    return pa.table(
        {
            "id": [f"c{row}" for row in range(3000)],
            "left": ["yes" if value else "no" for value in left],
            "tenure": [None if row % 97 == 0 else f"{value:.1f}" for row, value in enumerate(tenure)],
            "charges": [f"{value:.2f}" for value in charges],
            "noise": [f"{value:.3f}" for value in noise],
            "plan": ["abc"[value] for value in plan],
        }
    )
