"""Reads one engagement, builds its stacks and synthesizes them: `cdk synth` or `python app.py`."""

import gc
import json
import sys
from pathlib import Path

gc.disable()  # a synth ends before there is garbage worth looking for, and looking for it costs a tenth of its time

import aws_cdk as cdk
from jsii.errors import JSIIError

from seatrial.config import EngagementError, load
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.security_packs import add_security_packs
from stacks.build import build

ROOT = Path(__file__).parent
DEFAULT_ENGAGEMENT = ROOT / "engagements" / "telecom-churn.yaml"


def main() -> None:
    """Synthesize; context: `engagement` (a file), `environment` (default dev), `nag` (true: check with cdk-nag)."""
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(context=flags, analytics_reporting=False)
    engagement = load(Path(app.node.try_get_context("engagement") or DEFAULT_ENGAGEMENT))
    build(app, engagement, app.node.try_get_context("environment") or "dev")
    if str(app.node.try_get_context("nag")).lower() == "true":
        add_security_packs(app)
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except (EngagementError, ConstructError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except (JSIIError, RuntimeError) as error:
        sys.stderr.write(f"synth failed: {str(error).strip().splitlines()[0]}\n")
        sys.exit(2)
