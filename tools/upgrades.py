"""What an upgrade must not replace: logical ids and create-only properties of the resources that hold data.

`python -m tools.upgrades` writes tests/stacks/stateful_resources.json anew, for a replacement that is wanted.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seatrial.offline.engine.schemas import property_at, schema_of

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "tests" / "stacks" / "stateful_resources.json"
ENGAGEMENTS = ("telecom-churn", "telecom-data")
REGION = "eu-central-1"
STATEFUL = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::EC2::VPC",
        "AWS::EMRServerless::Application",
        "AWS::Glue::Database",
        "AWS::Glue::Table",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::Logs::LogGroup",
        "AWS::Redshift::Cluster",
        "AWS::RedshiftServerless::Namespace",
        "AWS::RedshiftServerless::Workgroup",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::FeatureGroup",
        "AWS::SageMaker::ModelPackageGroup",
        "AWS::SageMaker::Pipeline",
        "AWS::SecretsManager::Secret",
    }
)
"""Types that hold data, keys, names that others know, or what answers requests."""

Resources = dict[str, dict[str, Any]]


def stateful(templates: Mapping[str, Mapping[str, Any]]) -> Resources:
    """By `stack/logical id`: type, and by dotted path what cannot be changed without a replacement."""
    found = {
        f"{stack}/{name}": {"type": one["Type"], "create_only": _create_only(one)}
        for stack, template in templates.items()
        for name, one in template["Resources"].items()
        if one["Type"] in STATEFUL
    }
    return dict(sorted(found.items()))


def _create_only(resource: Mapping[str, Any]) -> dict[str, Any]:
    schema = schema_of(resource["Type"], REGION)
    if schema is None:
        raise ValueError(f"{resource['Type']}: is no type of {REGION}")
    values = {".".join(path): property_at(resource.get("Properties", {}), path) for path in schema.create_only}
    return {path: value for path, value in sorted(values.items()) if value not in (None, [None])}


def replacements(before: Resources, after: Resources) -> Iterator[str]:
    """What an upgrade would do to data, a sentence each; nothing for what is only added."""
    for name, old in before.items():
        new = after.get(name)
        if new is None or new["type"] != old["type"]:
            yield f"{name} ({old['type']}) is gone: what it holds is deleted, or left behind with nobody using it"
            continue
        for path in sorted({*old["create_only"], *new["create_only"]}):
            was, will = (one["create_only"].get(path) for one in (old, new))
            if was != will:
                yield f"{name} ({old['type']}) is made anew: {path} changes from {was!r} to {will!r}"


def main() -> int:
    """Write the baseline, and say what it replaces."""
    before = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    after = {name: stateful(_synthesized(name)) for name in ENGAGEMENTS}
    for name in ENGAGEMENTS:
        for sentence in replacements(before.get(name, {}), after[name]):
            sys.stdout.write(f"{name}: {sentence}\n")
    BASELINE.write_text(json.dumps(after, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def _synthesized(engagement: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="seatrial-upgrades-") as folder:
        context = {"engagement": str(ROOT / "engagements" / f"{engagement}.yaml"), "environment": "dev"}
        variables = os.environ | {
            "CDK_OUTDIR": folder,
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_VALIDATION": "false",
        }
        subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=variables, check=True)
        paths = sorted(Path(folder).glob("*.template.json"))
        return {path.name.split(".")[0]: json.loads(path.read_text(encoding="utf-8")) for path in paths}


if __name__ == "__main__":
    sys.exit(main())
