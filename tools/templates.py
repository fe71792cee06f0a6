"""Synthesizes every engagement and holds its templates against cloudformation-validate and cfn-lint."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cloudformation_validate import CompositeEngine, Severity

from seatrial.config import load

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / "engagements" / "telecom-churn.yaml"
TOLERATED = {
    ("W3005", ""): "CDK states a dependency that a reference implies as well: harmless, and not ours to change",
    (
        "W1030",
        "ModelPackageArn",
    ): "empty until there is a model; the condition HasModel then leaves model and endpoint out",
    ("W6001", ""): "stacks repeat an imported name as their output for those who look for it there",
}
"""Findings by rule and a part of their text, each with the reason why it is right."""


def main() -> int:
    """Every finding is printed; 1 when there is one."""
    findings: list[str] = []
    with tempfile.TemporaryDirectory(prefix="seatrial-templates-") as folder:
        for engagement, environment in _combinations():
            found = _examine(engagement, environment, Path(folder) / f"{engagement.stem}-{environment}")
            print(f"{engagement.stem} for {environment}: {len(found)} findings", flush=True)
            findings += found
    print("\n".join(dict.fromkeys(findings)))
    return int(bool(findings))


def _examine(engagement: Path, environment: str, output: Path) -> list[str]:
    if code := _synthesize(engagement, environment, output):
        return [f"{engagement.name} for {environment}: app.py ended with exit {code}"]
    templates = sorted(output.glob("*.template.json"))
    if not templates:
        return [f"{engagement.name} for {environment}: app.py wrote no template"]
    found = [*validate(templates), *lint(templates, load(engagement).environments[environment].region)]
    return [text for text in found if not tolerated(text)]


def tolerated(text: str) -> bool:
    """Whether a finding is one of those that are right as they are."""
    return any(rule in text and part in text for rule, part in TOLERATED)


def _combinations() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "engagements").glob("*.yaml")):
        names = list(load(path).environments)
        yield from ((path, name) for name in (names if path == DEFAULT else names[:1]))


def _synthesize(engagement: Path, environment: str, output: Path) -> int:
    """As a release does: CDK's built-in validation stays on for the default engagement."""
    context = {"engagement": str(engagement), "environment": environment}
    variables = {
        **os.environ,
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": "true" if engagement == DEFAULT and environment == "dev" else "false",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=variables, check=False).returncode


def validate(templates: list[Path]) -> Iterator[str]:
    """Findings of cloudformation-validate, warnings included."""
    engine = CompositeEngine()
    for template in templates:
        for one in engine.validate_template(template).diagnostics:
            if one.severity in {Severity.FATAL, Severity.ERROR, Severity.WARN}:
                where = one.entity.logical_id if one.entity else ""
                yield f"{template.name}: cloudformation-validate {one.rule_id} {where}: {one.message}"


def lint(templates: list[Path], region: str) -> Iterator[str]:
    """Findings of cfn-lint, of every level."""
    command = ["cfn-lint", "--format", "json", "--regions", region, "--", *map(str, templates)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if not result.stdout:
        raise SystemExit(f"cfn-lint failed: {result.stderr.strip()}")
    for one in json.loads(result.stdout):
        path = "/".join(map(str, one["Location"]["Path"] or ()))
        yield f"{Path(one['Filename']).name}: cfn-lint {one['Rule']['Id']} {path}: {one['Message']}"


if __name__ == "__main__":
    sys.exit(main())
