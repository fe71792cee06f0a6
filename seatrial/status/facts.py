"""The facts of a status, gathered from stacks, tables, registry and state machine of one engagement."""

import base64
import json
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from seatrial.contracts import environment
from seatrial.decisions.memory import Memory
from seatrial.decisions.retraining import Allowance, RetrainingSettings, allowance
from seatrial.status.aws import Aws, StatusError

PROMOTIONS = 3
STACKS = ("training", "monitoring", "retraining", "promotion")


@dataclass(frozen=True, kw_only=True)
class Request:
    """Which engagement (`prefix` is `<engagement>-<environment>`), where, and how far to look back."""

    prefix: str
    account: str
    region: str
    windows: int = 5
    decisions: int = 5
    settings: RetrainingSettings = field(default_factory=RetrainingSettings)
    """What the engagement file says; used where the function's own, which are encrypted, cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was found; times are ISO 8601 UTC, lists begin with the newest."""

    prefix: str
    account: str
    region: str
    now: str
    serving: dict[str, Any] | None
    incidents: list[dict[str, Any]]
    windows: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    promotions: list[dict[str, Any]]
    pending: list[str]
    run: dict[str, Any] | None
    allowance: Allowance
    runs_without_gain: int
    settings: RetrainingSettings


def gather(aws: Aws, request: Request) -> Facts:
    """Ask for everything; raises `StatusError` when the account is another or nothing is deployed."""
    account = aws.account()
    if account != request.account:
        raise StatusError(f"the credentials are of account {account}, the engagement's is {request.account}")
    outputs = _outputs(aws, request)
    state, ledger = outputs["StateTableName"], outputs["LedgerTableName"]
    windows = _windows(aws, state, request)
    decisions = _decisions(aws, ledger, request)
    now, memory = aws.now(), _memory(aws, state, request)
    deployed = aws.environment(outputs["RetrainingFunctionName"]).get(environment.RETRAINING_SETTINGS)
    settings = RetrainingSettings.from_json(deployed) if deployed else request.settings
    return Facts(
        prefix=request.prefix,
        account=account,
        region=request.region,
        now=text(now),
        serving=_serving(aws, state, request.prefix),
        incidents=_incidents(aws, state, request.prefix, windows),
        windows=windows,
        decisions=decisions,
        promotions=_promotions(aws, state, request.prefix),
        pending=aws.pending(outputs["ModelPackageGroupName"]),
        run=_flight(aws, memory),
        allowance=allowance(memory.state, settings, now),
        runs_without_gain=memory.runs_without_gain,
        settings=settings,
    )


def text(time: datetime) -> str:
    """ISO 8601 in UTC, to the minute."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def _outputs(aws: Aws, request: Request) -> dict[str, str]:
    found = {name: aws.outputs(f"{request.prefix}-{name}") for name in STACKS}
    missing = [f"{request.prefix}-{name}" for name, outputs in found.items() if outputs is None]
    if missing:
        where = f"account {request.account}, region {request.region}"
        raise StatusError(f"not deployed in {where}: no stack {', '.join(missing)}; deploy the engagement first")
    return {key: value for outputs in found.values() if outputs for key, value in outputs.items()}


def _partition(request: Request) -> str:
    return f"retraining#{request.prefix}"


def _monitor(prefix: str) -> str:
    return f"monitor#{prefix}#primary"


def _windows(aws: Aws, table: str, request: Request) -> list[dict[str, Any]]:
    items = aws.newest(table, _monitor(request.prefix), "window#", request.windows)
    return [json.loads(item["detail"]["S"]) for item in items]


def _decisions(aws: Aws, table: str, request: Request) -> list[dict[str, Any]]:
    """The last decisions on retraining; a run that has ended says how under `outcome`."""
    partition = _partition(request)
    entries = [json.loads(item["entry"]["S"]) for item in aws.newest(table, partition, "decision#", request.decisions)]
    return [{**entry, "outcome": _outcome(aws, table, partition, entry.get("execution_arn"))} for entry in entries]


def _outcome(aws: Aws, table: str, partition: str, execution: str | None) -> str | None:
    found = aws.item(table, partition, f"outcome#{execution}") if execution else None
    return json.loads(found["entry"]["S"])["reason"] if found else None


def _serving(aws: Aws, table: str, endpoint: str) -> dict[str, Any] | None:
    serving = aws.serving(endpoint)
    if serving is None:
        return None
    champion = aws.item(table, f"champion#{endpoint}", "current")
    promoted = champion and champion["model_package_arn"]["S"] == serving.package_arn
    since = champion["promoted_at"]["S"] if champion and promoted else None
    return {
        "model_package_arn": serving.package_arn,
        "status": serving.status,
        "failure": serving.failure,
        "since": text(datetime.fromisoformat(since)) if since else None,
        "previous_model_package_arn": champion["previous_model_package_arn"]["S"] if champion and promoted else None,
    }


def _incidents(aws: Aws, table: str, endpoint: str, windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those in the monitor's memory; where that cannot be read, the one that the last window names."""
    item = aws.item(table, _monitor(endpoint), "state")
    try:
        memory = json.loads(zlib.decompress(base64.b85decode(item["memory"]["S"]))) if item else {}
        return [dict(incident) for incident in memory.get("incidents", ())]
    except (KeyError, ValueError, zlib.error):
        last = windows[0] if windows else {}
        named = {"id": last.get("incident_id"), "condition": last.get("verdict"), "opened_at": None}
        return [named] if last.get("incident_id") else []


def _promotions(aws: Aws, table: str, endpoint: str) -> list[dict[str, Any]]:
    """The last decisions on promotions, and how those that went on ended; looks that changed nothing are not told."""
    return [_promotion(aws, item) for item in aws.newest(table, f"promotion#{endpoint}", "decision#", PROMOTIONS)]


def _promotion(aws: Aws, item: dict[str, Any]) -> dict[str, Any]:
    declined = {"status": "SUCCEEDED", "outcome": "declined", "reason": item["reason"]["S"]}
    unknown = {"status": "UNKNOWN", "outcome": "", "reason": ""}
    went = (aws.promotion(item["event_id"]["S"]) or unknown) if item["proceed"]["BOOL"] else declined
    arn = item["model_package_arn"]["S"]
    return {"time": text(datetime.fromisoformat(item["time"]["S"])), "model_package_arn": arn, **went}


def _memory(aws: Aws, table: str, request: Request) -> Memory:
    item = aws.item(table, _partition(request), "state")
    return Memory.from_json(item["memory"]["S"], int(item["revision"]["N"])) if item else Memory()


def _flight(aws: Aws, memory: Memory) -> dict[str, Any] | None:
    if memory.run is None:
        return None
    arn = memory.run.execution_arn
    found = aws.execution(arn) if arn else None
    status = found["PipelineExecutionStatus"] if found else ("gone" if arn else "reserved")
    return {
        "execution_arn": arn,
        "status": status,
        "since": text(memory.run.time),
        "reason": memory.run.reason,
        "data_uri": memory.run.data_uri,
    }
