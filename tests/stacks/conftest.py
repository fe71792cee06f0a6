"""One synth of each engagement that tests look at, cdk-nag included, shared by every test of the stacks."""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("CDK_VALIDATION", "false")
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")

import aws_cdk as cdk
import pytest

from seatrial.config import Engagement, load
from seatrial.constructs.security_packs import add_security_packs
from stacks.build import build

ROOT = Path(__file__).resolve().parents[2]
OTHER_CHOICES = """\
name: telecom-emr
owner: a@example.com
environments:
  dev: {account: "111111111111", region: eu-central-1}
network:
  nat_gateways: 1
  prefix_lists:
    eu-central-1: {s3: pl-0123456789abcdef0, dynamodb: pl-0123456789abcdef1}
lake:
  vpc_endpoint_ids: [vpce-0123456789abcdef0]
  break_glass_roles: ["arn:aws:iam::111111111111:role/break-glass"]
  catalog: {enabled: true, lake_formation: true}
processing: {engine: emr, schedule: rate(1 day), python_environment: libraries.tar.gz}
training:
  images:
    spark: 222222222222.dkr.ecr.eu-central-1.amazonaws.com/mirror/sagemaker-spark-processing@sha256:DIGEST
    xgboost: 222222222222.dkr.ecr.eu-central-1.amazonaws.com/mirror/sagemaker-xgboost@sha256:DIGEST
    scikit_learn: 222222222222.dkr.ecr.eu-central-1.amazonaws.com/mirror/sagemaker-scikit-learn@sha256:DIGEST
monitoring:
  volume: {spark: own}
  explain_schedule: "cron(0 5 ? * MON *)"
  sources:
    - name: nightly
      kind: batch_transform
      bucket: partner-scores
      prefix: captured/
      reads: [{bucket: partner-scores, prefix: scored/}, {bucket: artifacts, prefix: batch/}]
      kms_key_arns: ["arn:aws:kms:eu-central-1:111111111111:key/0123abcd-4567-89ab-cdef-0123456789ab"]
      baseline: {bucket: artifacts, key: old/statistics.json, sha256: DIGEST, constraints_sha256: DIGEST, ignore: [id]}
      window: hour
    - name: scored
      kind: table
      bucket: curated
      prefix: telecom/scored/
      partition: date=%Y-%m-%d/
      baseline: {bucket: artifacts, key: models/baseline.json, sha256: DIGEST}
      required: true
streaming: {mode: provisioned}
warehouse:
  kind: provisioned
  spectrum: true
  provisioned: {pause_schedule: "cron(0 20 * * ? *)", resume_schedule: "cron(0 6 * * ? *)"}
permissions_boundary: "arn:aws:iam::111111111111:policy/boundary"
""".replace("DIGEST", "0123456789abcdef" * 4)


@dataclass(frozen=True)
class Assembly:
    """Where it was synthesized, the templates by stack id, and the validation report."""

    folder: Path
    templates: dict[str, dict[str, Any]]
    report: dict[str, Any]

    def resources(self, kind: str, *stacks: str) -> list[tuple[str, dict[str, Any]]]:
        """`Stack/LogicalId` and resource, of one type ("" is every type)."""
        return [
            (f"{stack}/{name}", resource)
            for stack in (stacks or self.templates)
            for name, resource in self.templates[stack]["Resources"].items()
            if kind in {"", resource["Type"]}
        ]

    def properties(self, kind: str, *stacks: str) -> list[tuple[str, dict[str, Any]]]:
        """As `resources`, the properties alone."""
        return [(name, resource.get("Properties", {})) for name, resource in self.resources(kind, *stacks)]

    def statements(self) -> list[tuple[str, dict[str, Any]]]:
        """Every statement of every managed policy."""
        return [
            (name, statement)
            for name, properties in self.properties("AWS::IAM::ManagedPolicy")
            for statement in properties["PolicyDocument"]["Statement"]
        ]

    def function_environment(self, stack: str, name: str) -> dict[str, Any]:
        """Environment of the function whose logical id begins with `name`."""
        found = [p for path, p in self.properties("AWS::Lambda::Function", stack) if path.startswith(f"{stack}/{name}")]
        return found[0]["Environment"]["Variables"]


def synthesize(folder: Path, engagement: Engagement) -> Assembly:
    """Every stack of the engagement, checked by cdk-nag; the report says which findings are open."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=flags, analytics_reporting=False, outdir=str(folder))
    build(app, engagement, "dev")
    add_security_packs(app)
    with contextlib.suppress(RuntimeError):  # open findings; test_nag and test_data_layer fail on them
        app.synth()
    templates = {path.name.split(".")[0]: json.loads(path.read_text()) for path in folder.glob("*.template.json")}
    return Assembly(folder, templates, json.loads((folder / "validation-report.json").read_text()))


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The default engagement: no data layer."""
    return synthesize(tmp_path_factory.mktemp("assembly"), load(ROOT / "engagements" / "telecom-churn.yaml"))


@pytest.fixture(scope="session")
def data_assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The engagement with its data layer on: EMR Serverless, and what needs no server."""
    return synthesize(tmp_path_factory.mktemp("data"), load(ROOT / "engagements" / "telecom-data.yaml"))


@pytest.fixture(scope="session")
def emr_assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The data layer's other choices: EMR on EC2, Lake Formation, NAT gateways, a Redshift cluster, shards.

    One endpoint alone reaches the lake, prefix lists are given, the monitor has an EMR Serverless application and
    judges further sources, roles have a permissions boundary.
    """
    folder = tmp_path_factory.mktemp("emr")
    path = folder / "engagement.yaml"
    path.write_text(OTHER_CHOICES)
    (folder / "libraries.tar.gz").write_bytes(b"an environment")
    return synthesize(folder, load(path))


@pytest.fixture(scope="session")
def assemblies(assembly: Assembly, data_assembly: Assembly, emr_assembly: Assembly) -> list[Assembly]:
    """Together they use every option that has findings or rights of its own."""
    return [assembly, data_assembly, emr_assembly]
