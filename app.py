"""Reads one engagement, builds its stacks and synthesizes them: `cdk synth` or `python app.py`."""

import json
import sys
from pathlib import Path

import aws_cdk as cdk

from seatrial.config import EngagementError, load
from seatrial.constructs.errors import ConstructError
from stacks.build import build

ROOT = Path(__file__).parent
DEFAULT_ENGAGEMENT = ROOT / "engagements" / "telecom-churn.yaml"


def main() -> None:
    """Synthesize; context `engagement` names the file, `environment` the environment in it (default dev)."""
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(context=flags, analytics_reporting=False)
    engagement = load(Path(app.node.try_get_context("engagement") or DEFAULT_ENGAGEMENT))
    build(app, engagement, app.node.try_get_context("environment") or "dev")
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except (EngagementError, ConstructError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
