"""Function zips of the default engagement: small, and nothing of the machine in them."""

import os
import shutil
from pathlib import Path

import pytest

from seatrial.constructs.staging import library_files, python_files, zip_bytes

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {
    "monitor": "Monitoring/MonitoringMonitorFunction",
    "retraining": "Retraining/RetrainingDecideFunction",
    "promotion_select": "Promotion/PromotionSelectFunction",
    "promotion_verify": "Promotion/PromotionVerifyFunction",
}


def archive_of(assembly, prefix: str) -> Path:
    found = [p for name, p in assembly.properties("AWS::Lambda::Function") if name.startswith(prefix)]
    return assembly.folder / f"asset.{found[0]['Code']['S3Key']}"


def test_every_function_is_under_a_mebibyte(assembly):
    keys = [properties["Code"]["S3Key"] for _, properties in assembly.properties("AWS::Lambda::Function")]

    sizes = {key: (assembly.folder / f"asset.{key}").stat().st_size for key in keys}

    assert len(sizes) == len(FUNCTIONS)
    assert {key: size for key, size in sizes.items() if size > 1024 * 1024} == {}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_zips_hold_neither_times_nor_rights_nor_folders_of_the_machine(assembly, tmp_path, name):
    elsewhere = shutil.copytree(ROOT / "lambdas" / name, tmp_path / "else where" / name)
    for path in elsewhere.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1_000_000_000, 1_000_000_000))

    own = python_files(elsewhere)
    there = zip_bytes(own | library_files(content for file, content in own.items() if file.endswith(".py")))

    assert there == archive_of(assembly, FUNCTIONS[name]).read_bytes()
