"""A process that delivers one verdict and is killed right after the pipeline has started, before anything is noted."""

import json
import os
import signal
import sys
from pathlib import Path

from tests.lambdas.desks import Desk, verdict


class Recorded:
    """Executions by token in a file: the effect that outlives the process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def start(self, token: str) -> str:
        known = json.loads(self.path.read_text()) if self.path.exists() else {}
        known.setdefault(token, f"arn:aws:sagemaker:eu-central-1:1:pipeline/churn/execution/{len(known) + 1}")
        self.path.write_text(json.dumps(known))
        return known[token]


def main() -> None:
    desk, effects = Desk(), Recorded(Path(sys.argv[1]))

    def start(*, ClientRequestToken: str, **_: object) -> dict:  # noqa: N803
        effects.start(ClientRequestToken)
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    desk.aws.sagemaker.start_pipeline_execution = start
    desk.deliver(verdict())


if __name__ == "__main__":
    main()
