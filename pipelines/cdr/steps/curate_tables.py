"""Curation of the operator's tables: daily extracts of CRM, billing and care, checked, one row a key, accounted for.

The partition is the extract's day, on which the rows became known, so features can be made as of any later day.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from typing import Any

from pyspark.sql import SparkSession

from seatrial.contracts.telecom import BILLING, CARE, CRM
from seatrial.spark.extracts import curate
from seatrial.spark.session import run_job

CONTRACTS = {contract.name: contract for contract in (CRM, BILLING, CARE)}


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Curate each table asked for; gives its numbers by name."""
    return {name: curate(spark, CONTRACTS[name], options) for name in options.tables}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Places and limits; an unknown argument ends the job."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--raw", required=True, help="root of the raw bucket: s3://bucket or a folder")
    parser.add_argument("--curated", required=True, help="root of the curated bucket")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--tables", type=_tables, default=tuple(CONTRACTS), help="of crm,billing,care")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first extract day, YYYY-MM-DD")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last extract day")
    parser.add_argument("--everything", action="store_true", help="make every day anew, also where nothing is new")
    parser.add_argument("--maximum-quarantined-share", type=float, default=0.05)
    return parser.parse_args(arguments)


def _tables(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    if unknown := sorted(set(names) - set(CONTRACTS)):
        raise argparse.ArgumentTypeError(f"must be of {', '.join(CONTRACTS)}, got {unknown}")
    return names


if __name__ == "__main__":
    run_job("curate_tables", parse, run)
