"""EMR's configuration classifications: what of them reaches a Spark that runs on this machine."""

from collections.abc import Iterable, Mapping
from typing import Any

from seatrial.offline.journal import Journal


def read(classifications: Iterable[Mapping[str, Any]], journal: Journal) -> tuple[dict[str, str], dict[str, str]]:
    """Settings for Spark and variables for its environment; keys may be spelt as EMR's or as EMR Serverless's.

    The rest (YARN, EMRFS, log levels, ...) is left out, and the fidelity report says so.
    """
    settings: dict[str, str] = {}
    environment: dict[str, str] = {}
    for entry in classifications:
        name = entry.get("Classification") or entry.get("classification")
        properties = dict(entry.get("Properties") or entry.get("properties") or {})
        nested = entry.get("Configurations") or entry.get("configurations") or ()
        if name == "spark-defaults":
            settings |= properties
        elif name == "core-site":
            settings |= {f"spark.hadoop.{key}": value for key, value in properties.items()}
        elif name == "spark-env":
            environment |= _exports(nested)
        else:
            detail = f"classification {name} was left out: {', '.join(sorted(properties)) or 'nothing set'}"
            journal.fidelity("EMR configurations", "not-proven", detail)
    return settings, environment


def merged(base: Iterable[Mapping[str, Any]], overrides: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """An application's configurations and then a job's: later ones win."""
    return [*base, *overrides]


def _exports(nested: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in nested:
        if (entry.get("Classification") or entry.get("classification")) == "export":
            found |= entry.get("Properties") or entry.get("properties") or {}
    return {name: value for name, value in found.items() if "PYSPARK" not in name}
