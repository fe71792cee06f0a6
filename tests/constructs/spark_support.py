"""Engines and jobs for the tests of processing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seatrial.constructs import EmrEngine, EmrServerlessEngine, SparkEngine, SparkJob

SCRIPT = "from seatrial.contracts import cdr\n\nprint(cdr.KINDS)\n"


def serverless(site: Any, **changes: Any) -> EmrServerlessEngine:
    given = {"application_name": "telecom-dev", "network": site.network, "encryption_key": site.key}
    return EmrServerlessEngine(site.stack, "Spark", artifacts=site.bucket("artifacts"), **given | changes)


def emr(site: Any, **changes: Any) -> EmrEngine:
    given = {"cluster_name": "telecom-dev", "network": site.network, "encryption_key": site.key}
    return EmrEngine(site.stack, "Spark", artifacts=site.bucket("artifacts"), **given | changes)


def definition(site: Any) -> dict[str, Any]:
    """The only state machine of the stack; references that are resolved at deployment become `<token>`."""
    text = site.one("AWS::StepFunctions::StateMachine")["DefinitionString"]
    parts = [text] if isinstance(text, str) else text["Fn::Join"][1]
    return json.loads("".join(part if isinstance(part, str) else "<token>" for part in parts))


def resolved(site: Any, value: Any) -> Any:
    return site.stack.resolve(value)


MakeJob = Callable[..., SparkJob]


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    """Jobs with a script of their own name, made in the engine's stack."""

    def make(engine: SparkEngine, name: str = "count_events", **changes: Any) -> SparkJob:
        path = tmp_path / f"{name}.py"
        path.write_text(SCRIPT)
        given: dict[str, Any] = {"script": path, "arguments": {"date": "{date}"}}
        return SparkJob(engine.node.scope, name.title().replace("_", ""), engine=engine, **given | changes)

    return make
