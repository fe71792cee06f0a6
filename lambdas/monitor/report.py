"""A window's judgement and the files that tell it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters import Aws
from parse import Configuration, parse_time

from seatrial.contracts import layout, model_monitor


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The one result of a window; `detail` is the verdict event's, `evidence` only goes into the verdict file."""

    window: str
    detail: dict[str, Any]
    metrics: Mapping[str, float]
    published: bool = False
    statistics: Mapping[str, Any] = field(default_factory=dict)
    violations: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


def report_prefix(configuration: Configuration, window: str) -> str:
    """Where the window's files lie in the artifacts bucket."""
    return layout.window_report_prefix(configuration.endpoint_name, parse_time(window))


def write_report(judgement: Judgement, configuration: Configuration, aws: Aws) -> None:
    """Write statistics, violations and the verdict, in this order: where a verdict lies, the others do too."""
    files = {
        model_monitor.STATISTICS_FILE: judgement.statistics,
        model_monitor.VIOLATIONS_FILE: judgement.violations,
        layout.VERDICT_FILE: {**judgement.detail, **judgement.evidence},
    }
    prefix = report_prefix(configuration, judgement.window)
    for name, document in files.items():
        aws.put(configuration.artifacts_bucket, prefix + name, json.dumps(document, sort_keys=True, indent=1))
