"""A statement of the Data API while it waits, runs and is kept, and the event that tells its end."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from seatrial.offline import events
from seatrial.offline.warehouse.engine import Outcome
from seatrial.offline.warehouse.json_api import Request
from seatrial.offline.warehouse.service import Service

KEPT = timedelta(hours=24)
"""How long results are kept."""


@dataclass
class Statement:
    """One statement, or a batch of them."""

    id: str
    request: Request
    created: datetime
    sqls: list[str]
    batch: bool
    status: str = "SUBMITTED"
    updated: datetime | None = None
    started: datetime | None = None
    error: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    pid: int = 0
    session_id: str | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    connection: Any = None
    ended: threading.Event = field(default_factory=threading.Event)


def tell(service: Service, statement: Statement) -> None:
    """The event of a statement with WithEvent, in the form that the guide documents."""
    request = statement.request
    context = service.context
    target = request.get("WorkgroupName") or request.get("ClusterIdentifier")
    kind = "workgroup" if request.get("WorkgroupName") else "cluster"
    owner = "redshift-serverless" if kind == "workgroup" else "redshift"
    separator = "/" if kind == "workgroup" else ":"
    detail = {
        "principal": f"arn:aws:iam::{context.account}:root",
        "statementName": request.get("StatementName", ""),
        "statementId": statement.id,
        "redshiftQueryId": "0",
        "state": statement.status,
        "rows": sum(max(0, one.changed) for one in statement.outcomes[-1:]),
        "expireAt": int((statement.created + KEPT).timestamp()),
    }
    events.emit(
        context,
        source="aws.redshift-data",
        detail_type="Redshift Data Statement Status Change",
        detail=detail,
        resources=[service.arn(owner, f"{kind}{separator}{target}")],
    )
