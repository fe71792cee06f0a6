"""A small stack with the neighbours that constructs ask for, and readers of what it synthesizes to."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("CDK_VALIDATION", "false")
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")

import aws_cdk as cdk
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sns as sns
import pytest

from seatrial.constructs import WorkloadNetwork
from seatrial.constructs.security_packs import add_security_packs

ACCOUNT, REGION = "111111111111", "eu-central-1"


@dataclass(frozen=True)
class Site:
    """An app with one stack, and neighbours that live elsewhere (given by name)."""

    app: cdk.App
    stack: cdk.Stack

    @property
    def key(self) -> kms.IKey:
        return kms.Key.from_key_arn(self._place("Key"), "Given", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/abc")

    @property
    def topic(self) -> sns.ITopic:
        arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:told"
        return sns.Topic.from_topic_arn(self._place("Topic"), "Given", arn)

    @property
    def network(self) -> WorkloadNetwork:
        return WorkloadNetwork.existing(
            self._place("Net"),
            "Given",
            vpc_id="vpc-1",
            subnet_ids=["subnet-1", "subnet-2"],
            availability_zones=["eu-central-1a", "eu-central-1b"],
            security_group_id="sg-1",
        )

    def bucket(self, name: str) -> s3.IBucket:
        return s3.Bucket.from_bucket_name(self._place(f"Bucket{name}"), "Given", name)

    def template(self) -> dict[str, Any]:
        """The stack's template; synthesizes once."""
        return self.app.synth().get_stack_by_name(self.stack.stack_name).template

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """Properties of the resources of one type."""
        found = self.template().get("Resources", {}).values()
        return [resource.get("Properties", {}) for resource in found if resource["Type"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        """Properties of the only resource of a type."""
        (found,) = self.resources(kind)
        return found

    def findings(self) -> str:
        """What cdk-nag has to say; empty when it has nothing."""
        add_security_packs(self.app)
        try:
            self.app.synth()
        except RuntimeError as error:
            report = Path(self.app.outdir) / "validation-report.json"
            return f"{error}\n{report.read_text()}"
        return ""

    def statements(self) -> list[dict[str, Any]]:
        """Statements of all managed policies."""
        policies = self.resources("AWS::IAM::ManagedPolicy")
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]

    def _place(self, name: str) -> cdk.Stack | Any:
        from constructs import Construct

        existing = self.stack.node.try_find_child(f"{name}Place{len(self.stack.node.children)}")
        return existing or Construct(self.stack, f"{name}Place{len(self.stack.node.children)}")


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[..., Site]:
    def make(region: str = REGION) -> Site:
        flags = {"@aws-cdk/core:enablePartitionLiterals": True}
        app = cdk.App(outdir=str(tmp_path / "out"), analytics_reporting=False, context=flags)
        environment = cdk.Environment(account=ACCOUNT, region=region)
        return Site(app, cdk.Stack(app, "Example", env=environment, analytics_reporting=False))

    return make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


@pytest.fixture
def handler(tmp_path: Path) -> Path:
    """A folder with a function that imports a pure module of the library."""
    folder = tmp_path / "greeter"
    folder.mkdir()
    (folder / "handler.py").write_text(
        "from seatrial.contracts import layout\n\n\ndef lambda_handler(event, context): ...\n"
    )
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "handler.cpython-313.pyc").write_bytes(b"x")
    return folder
