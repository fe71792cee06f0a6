"""One synth of the default engagement, cdk-nag included, shared by every test of the stacks."""

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

from seatrial.config import load
from seatrial.constructs.security_packs import add_security_packs
from stacks.build import build

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("Lake", "Network", "Training", "Serving", "Monitoring", "Retraining", "Promotion")


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
            for stack in (stacks or NAMES)
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


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    folder = tmp_path_factory.mktemp("assembly")
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=flags, analytics_reporting=False, outdir=str(folder))
    build(app, load(ROOT / "engagements" / "telecom-churn.yaml"), "dev")
    add_security_packs(app)
    with contextlib.suppress(RuntimeError):  # the report says which findings are open; test_nag fails on them
        app.synth()
    templates = {name: json.loads((folder / f"{name}.template.json").read_text()) for name in NAMES}
    return Assembly(folder, templates, json.loads((folder / "validation-report.json").read_text()))
