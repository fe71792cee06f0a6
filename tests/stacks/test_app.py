"""`python app.py` as a user runs it: the same bytes everywhere, and mistakes told plainly."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.config import load
from tests.stacks.conftest import synthesize

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("stacks", "seatrial", "lambdas", "pipelines", "engagements")
DEFAULT = ROOT / "engagements" / "telecom-churn.yaml"


def run(folder: Path, out: Path, **context: str) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "app.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def edited(path: Path, **replacements: str) -> Path:
    """The default engagement with some lines replaced: the text before the colon names the line."""
    lines = DEFAULT.read_text().splitlines()
    for key, value in replacements.items():
        index = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
        indent = lines[index][: len(lines[index]) - len(lines[index].lstrip())]
        lines[index] = f"{indent}{key}: {value}"
    path.write_text("\n".join(lines) + "\n")
    return path


def published(folder: Path) -> dict[str, bytes]:
    """Every file of the assembly that is deployed."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {"validation-report.json", "tree.json", "cdk.out"}
        if not path.name.endswith(".metadata.json")
    }


def test_f57_two_folders_give_the_same_bytes(assembly, tmp_path):
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, copy)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))

    done = run(copy, tmp_path / "out")

    assert done.returncode == 0, done.stderr
    here, there = published(assembly.folder), published(tmp_path / "out")
    assert set(here) == set(there)
    assert [name for name in here if here[name] != there[name]] == []


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ({"max_azs": "9"}, "network.max_azs: must be at most 3, got 9"),
        ({"hyperparameters": '{x: "1"}'}, "training.hyperparameters"),
    ],
)
def test_a_mistake_in_the_engagement_is_one_sentence_and_exit_2(tmp_path, lines, sentence):
    engagement = edited(tmp_path / "engagement.yaml", **lines)

    done = run(ROOT, tmp_path / "out", engagement=str(engagement))

    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "jsii" not in done.stderr.lower()


def test_an_unknown_environment_names_the_known_ones(tmp_path):
    done = run(ROOT, tmp_path / "out", environment="qa")

    assert done.returncode == 2
    assert "environment: must be one of dev, staging, prod" in done.stderr
    assert "'qa'" in done.stderr


def test_an_existing_vpc_is_used_without_a_network_stack(tmp_path):
    existing = (
        "{vpc_id: vpc-0123456789abcdef0, subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1], "
        "availability_zones: [eu-central-1a, eu-central-1b], security_group_id: sg-0123456789abcdef0}"
    )
    engagement = edited(tmp_path / "engagement.yaml", existing=existing)

    assembly = synthesize(tmp_path / "out", load(engagement))

    assert "Network" not in assembly.templates
    ((_, model),) = assembly.properties("AWS::SageMaker::Model", "Serving")
    assert model["VpcConfig"] == {
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
        "Subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    }


def test_a_permissions_boundary_reaches_every_role(tmp_path):
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    engagement = edited(tmp_path / "engagement.yaml", permissions_boundary=boundary)

    assembly = synthesize(tmp_path / "out", load(engagement))

    roles = assembly.properties("AWS::IAM::Role")
    assert len(roles) > 10
    assert {role.get("PermissionsBoundary") for _, role in roles} == {boundary}
