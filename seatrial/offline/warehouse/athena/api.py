"""Athena's executions: asynchronous, their results written to S3 and read in pages."""

import base64
import csv
import io
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seatrial.offline import events
from seatrial.offline.warehouse.athena.workgroups import Workgroups, invalid
from seatrial.offline.warehouse.json_api import Operation, Request, Response, present
from seatrial.offline.warehouse.lake.cloud import CloudLake
from seatrial.offline.warehouse.service import Service

_PAGE = 1000
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass
class Execution:
    """One query."""

    id: str
    request: Request
    workgroup: str
    settings: dict[str, Any]
    submitted: datetime
    state: str = "QUEUED"
    completed: datetime | None = None
    reason: str | None = None
    result: Any = None
    runner: Any = None
    scanned: int = 0
    ended: threading.Event = field(default_factory=threading.Event)


class Athena:
    """Operations of the service, by name in `operations`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._workgroups = Workgroups(service)
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[str, str] = {}
        self._lock = threading.RLock()
        self.operations: dict[str, Operation] = {
            **self._workgroups.operations,
            "StartQueryExecution": self._start,
            "GetQueryExecution": lambda request: {"QueryExecution": self._told(self._find(request))},
            "BatchGetQueryExecution": self._batch,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
            "ListQueryExecutions": self._list,
        }

    def _start(self, request: Request) -> Response:
        name = request.get("WorkGroup", "primary")
        group = self._workgroups.get(name)
        if group["State"] != "ENABLED":
            raise invalid(f"WorkGroup {name} is disabled.")
        settings = self._settings(group, request)
        token = request.get("ClientRequestToken")
        with self._lock:
            if token and token in self._tokens:
                return {"QueryExecutionId": self._tokens[token]}
            one = Execution(str(uuid.uuid4()), request, name, settings, self._service.context.clock.now())
            self._executions[one.id] = one
            if token:
                self._tokens[token] = one.id
        self._tell(one, None)
        self._service.run(f"athena {one.id}", lambda: self._run(one))
        return {"QueryExecutionId": one.id}

    def _settings(self, group: dict[str, Any], request: Request) -> dict[str, Any]:
        """Where results go and what may be read: the workgroup's word counts when it is enforced."""
        configuration = group["Configuration"]
        own, given = configuration.get("ResultConfiguration") or {}, request.get("ResultConfiguration") or {}
        result = own if configuration.get("EnforceWorkGroupConfiguration") and own else {**own, **given}
        if not result.get("OutputLocation"):
            raise invalid(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        return {**result, "limit": configuration.get("BytesScannedCutoffPerQuery")}

    def _run(self, one: Execution) -> None:
        from seatrial.offline.warehouse.athena.queries import Runner, ScanLimitError
        from seatrial.offline.warehouse.athena.statements import run
        from seatrial.offline.warehouse.errors import SqlError

        with self._lock:
            if one.state == "CANCELLED":
                return
            self._change(one, "RUNNING")
        context = one.request.get("QueryExecutionContext") or {}
        runner = Runner(
            CloudLake(self._service.context), (context.get("Database") or "default").lower(), one.settings["limit"]
        )
        one.runner = runner
        try:
            parameters = list(one.request.get("ExecutionParameters") or ())
            one.result = run(runner, one.request["QueryString"], parameters, one.settings["OutputLocation"])
            self._write(one)
            self._end(one, runner, "SUCCEEDED", None)
        except ScanLimitError as error:
            self._end(one, runner, "CANCELLED", str(error))
        except SqlError as error:
            stopped = "interrupted" in str(error).lower()
            self._end(
                one, runner, "CANCELLED" if stopped else "FAILED", "Query cancelled by user" if stopped else str(error)
            )
        except Exception as error:
            self._service.context.journal.record(
                "fault", api="athena", error=repr(error), sql=one.request["QueryString"]
            )
            self._end(one, runner, "FAILED", f"GENERIC_INTERNAL_ERROR: the offline Athena failed: {error!r}")

    def _end(self, one: Execution, runner: Any, state: str, reason: str | None) -> None:
        one.scanned, one.reason, one.completed = runner.scanned, reason, self._service.context.clock.now()
        one.runner = None
        runner.close()
        self._change(one, state)
        one.ended.set()

    def _change(self, one: Execution, state: str) -> None:
        before, one.state = one.state, state
        self._tell(one, before)

    def _tell(self, one: Execution, before: str | None) -> None:
        """EventBridge's event of a state; a thing of the guide "Use EventBridge to monitor Athena queries"."""
        detail = {
            "versionId": "0",
            "currentState": one.state,
            **present(previousState=before),
            "statementType": one.result.kind if one.result else _kind(one.request["QueryString"]),
            "queryExecutionId": one.id,
            "workgroupName": one.workgroup,
            "sequenceNumber": str(1 if before is None else 2 if one.state == "RUNNING" else 3),
        }
        events.emit(
            self._service.context,
            source="aws.athena",
            detail_type="Athena Query State Change",
            detail=detail,
            resources=[],
        )

    def _write(self, one: Execution) -> None:
        text = io.StringIO()
        if one.result.kind == "DML":
            writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(one.result.columns)
            # NULL is written as nothing, an empty text as two quotes.
            for row in one.result.rows:
                cells = ["" if value is None else '"' + _text(value).replace('"', '""') + '"' for value in row]
                text.write(",".join(cells) + "\n")
        else:
            text.writelines("\t".join("" if v is None else _text(v) for v in row) + "\n" for row in one.result.rows)
        encryption = one.settings.get("EncryptionConfiguration") or {}
        CloudLake(self._service.context).storage.put(
            self._output(one), text.getvalue().encode(), encryption.get("KmsKey")
        )

    def _output(self, one: Execution) -> str:
        kind = one.result.kind if one.result else _kind(one.request["QueryString"])
        return f"{one.settings['OutputLocation'].rstrip('/')}/{one.id}.{'csv' if kind == 'DML' else 'txt'}"

    def _find(self, request: Request) -> Execution:
        found = self._executions.get(request["QueryExecutionId"])
        if found is None:
            raise invalid(f"QueryExecution {request['QueryExecutionId']} was not found")
        return found

    def _told(self, one: Execution) -> Response:
        result = {key: value for key, value in one.settings.items() if key != "limit"}
        lasted = int(((one.completed or one.submitted) - one.submitted).total_seconds() * 1000)
        times = {
            "TotalExecutionTimeInMillis": lasted,
            "EngineExecutionTimeInMillis": lasted,
            "QueryQueueTimeInMillis": 0,
        }
        return {
            "QueryExecutionId": one.id,
            "Query": one.request["QueryString"],
            "StatementType": one.result.kind if one.result else _kind(one.request["QueryString"]),
            "ResultConfiguration": {**result, "OutputLocation": self._output(one)},
            "QueryExecutionContext": one.request.get("QueryExecutionContext") or {},
            "Status": present(
                State=one.state,
                StateChangeReason=one.reason,
                SubmissionDateTime=one.submitted,
                CompletionDateTime=one.completed,
                AthenaError={"ErrorCategory": 2, "ErrorMessage": one.reason, "Retryable": False}
                if one.state == "FAILED"
                else None,
            ),
            "Statistics": {**times, "DataScannedInBytes": one.scanned},
            "WorkGroup": one.workgroup,
            "EngineVersion": self._workgroups.get("primary")["Configuration"]["EngineVersion"],
            **present(ExecutionParameters=one.request.get("ExecutionParameters")),
        }

    def _batch(self, request: Request) -> Response:
        found = [self._executions[key] for key in request["QueryExecutionIds"] if key in self._executions]
        missing = [key for key in request["QueryExecutionIds"] if key not in self._executions]
        unprocessed = [{"QueryExecutionId": key, "ErrorCode": "NOT_FOUND"} for key in missing]
        return {"QueryExecutions": [self._told(one) for one in found], "UnprocessedQueryExecutionIds": unprocessed}

    def _results(self, request: Request) -> Response:
        one = self._find(request)
        if one.state != "SUCCEEDED":
            raise invalid(f"Query did not finish successfully. Final query state: {one.state}")
        result = one.result
        rows = [_row(result.columns)] if result.kind == "DML" and result.columns else []
        rows += [_row([None if value is None else _text(value) for value in row]) for row in result.rows]
        start = int(base64.b64decode(request["NextToken"])) if request.get("NextToken") else 0
        end = start + int(request.get("MaxResults") or _PAGE)
        columns = [
            {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": kind,
             "Precision": 0, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": kind == "varchar"}
            for name, kind in zip(result.columns, result.types, strict=True)
        ]  # fmt: skip
        found: Response = {"ResultSet": {"Rows": rows[start:end], "ResultSetMetadata": {"ColumnInfo": columns}}}
        if result.changed is not None:
            found["UpdateCount"] = result.changed
        return found | ({"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(rows) else {})

    def _stop(self, request: Request) -> Response:
        one = self._find(request)
        with self._lock:
            if one.state == "QUEUED":
                one.completed = self._service.context.clock.now()
                self._change(one, "CANCELLED")
        if one.runner is not None:
            one.runner.connection.interrupt()
        return {}

    def _list(self, request: Request) -> Response:
        name = request.get("WorkGroup", "primary")
        found = [one.id for one in self._executions.values() if one.workgroup == name][::-1]
        start = int(base64.b64decode(request["NextToken"])) if request.get("NextToken") else 0
        end = start + int(request.get("MaxResults") or 50)
        more = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(found) else {}
        return {"QueryExecutionIds": found[start:end], **more}


def _kind(sql: str) -> str:
    first = sql.strip().split(None, 1)[0].upper() if sql.strip() else ""
    if first in {"SHOW", "DESCRIBE", "DESC", "EXPLAIN"}:
        return "UTILITY"
    return "DDL" if first in {"CREATE", "DROP", "ALTER", "MSCK"} else "DML"


def _row(values: list[Any]) -> Response:
    return {"Data": [{} if value is None else {"VarCharValue": value} for value in values]}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}" + (" UTC" if value.tzinfo else "")
    return value.hex(" ") if isinstance(value, bytes) else str(value)
