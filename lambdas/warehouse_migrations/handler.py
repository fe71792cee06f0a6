"""Migrates the warehouse as far as the time goes, and says what is left to the next call."""

import os
from typing import Any

from act import Progress, migrate
from adapters import Clock, OutOfTimeError, PausedError, StatementError, Warehouse
from aws_lambda_powertools import Logger
from limits import keep_usage_limit
from parse import Configuration, packed_migrations
from publish import count

from seatrial.contracts.migrations import Migration
from seatrial.contracts.sql_scripts import ScriptError

logger = Logger(service="warehouse-migrations")
RESERVE_SECONDS = 10.0
"""Kept of the invocation's time for the answer itself."""


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer `{"status": done | running | paused | failed | refused, "applied": [...], "reason": "..."}`."""
    configuration = Configuration.from_environment(os.environ)
    clock = Clock(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    return run(Warehouse(configuration, clock), packed_migrations(), configuration)


def run(warehouse: Warehouse, migrations: tuple[Migration, ...], configuration: Configuration) -> dict[str, Any]:
    """Keep the usage limit, then migrate; every end is an answer, so that a retry never repeats a failed migration."""
    progress = Progress()
    limit = keep_usage_limit(warehouse.serverless, configuration) if configuration.workgroup_arn else None
    try:
        decision = migrate(warehouse, migrations, configuration, progress)
        status, reason = ("refused" if decision.action == "refuse" else "done"), decision.reason
    except OutOfTimeError:
        status, reason = "running", f"the warehouse is still busy at {progress.at}; call again"
    except PausedError as error:
        status, reason = "paused", f"nothing can be applied before the cluster is resumed: {error}"
    except StatementError as error:
        status, reason = "failed", f"{progress.at} left nothing behind, {error}"
    except ScriptError as error:
        status, reason = "refused", f"{progress.at}: {error}"
    answer = {"status": status, "applied": progress.applied, "reason": reason, "usage_limit": limit}
    count(answer, configuration)
    logger.info("warehouse migrations", extra={"answer": answer})
    return answer
