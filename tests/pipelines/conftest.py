import importlib.util
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.churn.definition import ChurnSettings, Code, Images, JobSettings
from seatrial.contracts.dataset import DatasetSpec

ROOT = Path(__file__).parents[2]
STEPS = ROOT / "pipelines" / "churn" / "steps"


def load_step(name):
    """A step's script as a module, found by its file as a container would find it."""
    spec = importlib.util.spec_from_file_location(f"step_{name}", STEPS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(STEPS))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(STEPS))
    return module


def run_step(name, *arguments, environment=None):
    """A step as a plain process; gives the finished process with its output as text."""
    command = [sys.executable, str(STEPS / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )


def write_table(raw, rows, snapshot="a", table="table"):
    """A raw table of strings from a dict of columns."""
    folder = raw / f"snapshot={snapshot}" / table
    folder.mkdir(parents=True, exist_ok=True)
    columns = {name: pa.array(values, pa.string()) for name, values in rows.items()}
    pq.write_table(pa.table(columns), folder / "part-00000.parquet")


def write_split(folder, header, rows):
    """One CSV part with header in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    (folder / "part-00000.csv").write_text("\n".join(lines) + "\n")


def pack(model, folder):
    """The model folder as an input folder that holds model.tar.gz."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(model, arcname=".")
    return folder


def dataset_file(folder, **fields):
    """A DatasetSpec as the JSON file that the features step reads."""
    path = folder / "dataset.json"
    path.write_text(DatasetSpec(**{"name": "churn", "kind": "table", **fields}).to_json())
    return path


@pytest.fixture
def settings():
    """Settings of a churn pipeline as a stack would fill them in."""
    names = {"features": "f.py", "evaluate": "e.py", "baseline": "b.py", "training_source": "t.tar.gz"}
    names |= {"library": "l.zip", "dataset": "d.json"}
    code = {key: f"s3://assets/{name}" for key, name in names.items()}
    code |= {f"{key}_name": name for key, name in names.items()}
    return ChurnSettings(
        jobs=JobSettings(
            role_arn="arn:aws:iam::111111111111:role/pipeline",
            subnet_ids=("subnet-1", "subnet-2"),
            security_group_ids=("sg-1",),
            kms_key_arn="arn:aws:kms:eu-central-1:111111111111:key/1",
            max_runtime_seconds=3600,
        ),
        images=Images(spark="spark:1", xgboost="xgboost:1", scikit_learn="scikit-learn:1"),
        code=Code(**code, no_champion="s3://assets/none.json"),
        artifacts_bucket="artifacts",
        model_package_group="churn-dev",
        default_input_uri="s3://raw/churn/training/first",
        dataset=DatasetSpec(name="churn", kind="telecom"),
        algorithm="xgboost",
        hyperparameters={},
        instance_type="ml.m5.xlarge",
        features_instance_type="ml.m5.2xlarge",
        tuning_max_jobs=0,
        tuning_max_parallel_jobs=2,
        minimum_rows=500,
        maximum_duplicate_share=0.2,
        maximum_missing_label_share=0.05,
        minimum_auc=0.65,
        minimum_gain=0.01,
        inference_instance_type="ml.m5.large",
    )
