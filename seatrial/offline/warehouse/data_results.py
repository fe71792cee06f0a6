"""Results as the Redshift Data API hands them out: typed fields, column metadata, pages."""

import base64
import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from seatrial.offline.warehouse.datatypes import column_metadata
from seatrial.offline.warehouse.engine import Outcome
from seatrial.offline.warehouse.json_api import Request, Response

PAGE_ROWS = 1000


def described(found: Outcome, start: int) -> Response:
    """Columns, number of rows and the token of the next page."""
    columns = [column_metadata(name, kind) for name, kind in zip(found.columns, found.types, strict=True)]
    return {
        "ColumnMetadata": columns,
        "TotalNumRows": len(found.rows),
        **next_token(start + PAGE_ROWS, len(found.rows)),
    }


def next_token(position: int, count: int) -> Response:
    """The token of the page that begins at `position`, when there is one."""
    return {"NextToken": base64.b64encode(str(position).encode()).decode()} if position < count else {}


def page(name: str, found: list[Any], request: Request) -> Response:
    """A page of a list under `name`."""
    start = int(base64.b64decode(request["NextToken"])) if request.get("NextToken") else 0
    most = int(request.get("MaxResults") or 1000)
    return {name: found[start : start + most], **next_token(start + most, len(found))}


def same_place(one: Request, asked: Request) -> bool:
    """Whether a statement ran where a request asks for."""
    return all(one.get(key) == asked[key] for key in ("WorkgroupName", "ClusterIdentifier", "Database") if key in asked)


def like(text: str, pattern: str | None) -> bool:
    """Whether a name fits a pattern of LIKE."""
    if pattern is None:
        return True
    expression = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, text) is not None


def field(value: Any, kind: str) -> Response:
    """A value as a typed field."""
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int) and kind != "HUGEINT":
        return {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, bytes):
        return {"stringValue": value.hex()}
    return {"stringValue": text(value)}


def text(value: Any) -> str:
    """A value as Redshift writes it in text."""
    if isinstance(value, datetime):
        text = value.isoformat(sep=" ")
        return re.sub(r"\+00:00$", "+00", text)
    if isinstance(value, date | time | Decimal):
        return str(value)
    return value.hex() if isinstance(value, bytes) else str(value).lower() if isinstance(value, bool) else str(value)


def size(found: Outcome | None) -> int:
    """Size of a result in bytes."""
    return sum(len(text(value)) for row in found.rows for value in row) if found else 0
