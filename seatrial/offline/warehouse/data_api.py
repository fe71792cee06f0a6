"""The Redshift Data API: statements run asynchronously, their results are kept for a day and read in pages."""

import base64
import csv
import io
import json
import re
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seatrial.offline.warehouse.data_results import (
    PAGE_ROWS,
    described,
    like,
    next_token,
    page,
    same_place,
    size,
)
from seatrial.offline.warehouse.data_results import (
    field as typed,
)
from seatrial.offline.warehouse.data_results import (
    text as as_text,
)
from seatrial.offline.warehouse.data_statements import KEPT, Statement, tell
from seatrial.offline.warehouse.engine import Database, Outcome, Session
from seatrial.offline.warehouse.errors import SqlError
from seatrial.offline.warehouse.json_api import ApiError, Operation, Request, Response, present
from seatrial.offline.warehouse.service import Service

_ENDED = ("FINISHED", "FAILED", "ABORTED")
_TOKEN_LIFE = timedelta(hours=8)


@dataclass
class KeptSession:
    """A session that outlives its statement."""

    session: Session
    until: datetime
    keep_seconds: int
    database: Database
    busy: bool = False


class DataApi:
    """Operations of the service, by name in `operations`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._statements: dict[str, Statement] = {}
        self._tokens: dict[str, tuple[datetime, str, str]] = {}
        self._sessions: dict[str, KeptSession] = {}
        self._lock = threading.RLock()
        self.operations: dict[str, Operation] = {
            "ExecuteStatement": self._execute,
            "BatchExecuteStatement": self._execute_batch,
            "DescribeStatement": self._describe,
            "GetStatementResult": self._result,
            "GetStatementResultV2": self._result_as_csv,
            "ListStatements": self._list,
            "CancelStatement": self._cancel,
            "ListDatabases": self._databases,
            "ListSchemas": self._schemas,
            "ListTables": self._tables,
            "DescribeTable": self._table,
        }

    def _now(self) -> datetime:
        return self._service.context.clock.now()

    def _execute(self, request: Request) -> Response:
        return self._submit(request, [request["Sql"]], batch=False)

    def _execute_batch(self, request: Request) -> Response:
        if request.get("ExecutionMode", "TRANSACTION") != "TRANSACTION":
            raise ApiError(
                "NotEmulated", "BatchExecuteStatement runs in one transaction offline: omit ExecutionMode", 501
            )
        return self._submit(request, list(request["Sqls"]), batch=True)

    def _submit(self, request: Request, sqls: list[str], *, batch: bool) -> Response:
        self._forget_old()
        token, content = request.get("ClientToken"), json.dumps([sqls, request.get("Parameters")], default=str)
        with self._lock:
            if token in self._tokens:
                _, known, statement_id = self._tokens[token]
                if known != content:
                    raise ApiError("ValidationException", "The client token is already in use by another request")
                return self._accepted(self._statements[statement_id])
            database, kept = self._place(request)
            statement = Statement(str(uuid.uuid4()), request, self._now(), sqls, batch)
            statement.session_id = self._session_of(request, kept)
            self._statements[statement.id] = statement
            if token:
                self._tokens[token] = (self._now(), content, statement.id)
        self._service.run(f"redshift {statement.id}", lambda: self._run(statement, database))
        _wait(statement, request)
        return self._accepted(statement)

    def _place(self, request: Request) -> tuple[Database, KeptSession | None]:
        identity = request.get("SessionId")
        if identity is None:
            return self._service.database(request), None
        kept = self._sessions.get(identity)
        if kept is None or kept.until < self._now():
            raise ApiError("ValidationException", f"Session {identity} is not available")
        if kept.busy:
            raise ApiError("ActiveStatementsExceededException", f"Session {identity} runs a statement")
        kept.busy = True
        return kept.database, kept

    def _session_of(self, request: Request, kept: KeptSession | None) -> str | None:
        if kept is not None:
            return str(request["SessionId"])
        return str(uuid.uuid4()) if request.get("SessionKeepAliveSeconds") else None

    def _accepted(self, statement: Statement) -> Response:
        names = ("ClusterIdentifier", "WorkgroupName", "DbUser", "Database", "SecretArn")
        return {
            "Id": statement.id,
            "CreatedAt": statement.created,
            **present(**{name: statement.request.get(name) for name in names}, SessionId=statement.session_id),
        }

    def _run(self, statement: Statement, database: Database) -> None:
        kept = self._sessions.get(statement.session_id or "")
        try:
            session = kept.session if kept else database.session()
        except Exception as error:
            self._fail(statement, error)
            statement.ended.set()
            return
        statement.connection = session.connection
        with database.lock:
            if statement.status == "ABORTED":
                self._leave(statement, session, database)
                return
            statement.status, statement.started = "STARTED", self._now()
            self._work(statement, session)
        self._leave(statement, session, database)
        if statement.request.get("WithEvent"):
            statement.ended.wait()
            tell(self._service, statement)

    def _work(self, statement: Statement, session: Session) -> None:
        values = {one["name"]: one["value"] for one in statement.request.get("Parameters") or ()}
        try:
            if statement.batch:
                self._batch(statement, session, values)
            else:
                statement.outcomes = [session.execute(statement.sqls[0], values)]
            statement.status = "FINISHED"
        except SqlError as error:
            if "interrupted" in str(error).lower():
                statement.status, statement.error = "ABORTED", "Query was cancelled"
            else:
                statement.status, statement.error = "FAILED", f"ERROR: {error}"
        except Exception as error:
            self._fail(statement, error)
        statement.updated = self._now()

    def _fail(self, statement: Statement, error: Exception) -> None:
        """A fault of the offline warehouse's own: the statement says so, the journal has it."""
        statement.status, statement.updated = "FAILED", self._now()
        statement.error = f"ERROR: the offline warehouse failed: {error!r}"
        self._service.context.journal.record("fault", api="redshift-data", error=repr(error), sql=statement.sqls)

    def _batch(self, statement: Statement, session: Session, values: dict[str, str]) -> None:
        """One transaction; each statement has its own status, and an error names its number."""
        used = [{name: values[name] for name in values if re.search(rf":{name}\b", sql)} for sql in statement.sqls]
        unused = set(values) - {name for one in used for name in one}
        if unused:
            raise SqlError(f"parameters that no statement uses: {', '.join(sorted(unused))}")
        session.begin()
        for number, (sql, parameters) in enumerate(zip(statement.sqls, used, strict=True), 1):
            try:
                statement.outcomes.append(session.execute(sql, parameters))
            except SqlError as error:
                session.rollback()
                raise SqlError(f"Query #{number} failed with ERROR: {error}") from error
        session.commit()

    def _leave(self, statement: Statement, session: Session, database: Database) -> None:
        """Keep the session or close it, then let everybody see the end."""
        identity = statement.session_id
        keep = statement.request.get("SessionKeepAliveSeconds")
        with self._lock:
            kept = self._sessions.get(identity or "")
            if identity and (kept is not None or keep):
                seconds = int(keep or (kept.keep_seconds if kept else 0))
                until = self._now() + timedelta(seconds=seconds)
                self._sessions[identity] = KeptSession(session, until, seconds, database)
            else:
                session.close()
        statement.connection = None
        statement.ended.set()

    def _find(self, identity: str) -> tuple[Statement, int | None]:
        """A statement, and the number of a part of a batch when the id names one (`id:2`)."""
        base, _, number = identity.partition(":")
        statement = self._statements.get(base)
        if statement is None or statement.created + KEPT < self._now():
            raise ApiError("ResourceNotFoundException", "Query does not exist.")
        return statement, int(number) if number else None

    def _describe(self, request: Request) -> Response:
        statement, number = self._find(request["Id"])
        _wait(statement, request)
        if number is not None:
            return self._part(statement, number)
        last = statement.outcomes[-1] if statement.outcomes else None
        finished = statement.status == "FINISHED"
        has_rows = finished and any(one.has_rows for one in statement.outcomes)
        names = ("ClusterIdentifier", "WorkgroupName", "DbUser", "Database", "SecretArn")
        found = {
            **self._common(statement),
            **present(**{name: statement.request.get(name) for name in names}, Error=statement.error),
            "HasResultSet": has_rows,
            "ResultRows": last.changed if finished and last else -1,
            "ResultSize": size(last) if finished and last else -1,
            "RedshiftPid": 1073815778,
            "ResultFormat": statement.request.get("ResultFormat", "JSON"),
        }
        if statement.batch:
            found["SubStatements"] = [self._part(statement, one) for one in range(1, len(statement.sqls) + 1)]
        else:
            found["QueryString"] = statement.sqls[0]
            found |= present(QueryParameters=statement.request.get("Parameters"), SessionId=statement.session_id)
        return found

    def _common(self, statement: Statement) -> Response:
        ended = statement.updated or self._now()
        lasted = (ended - statement.started).total_seconds() if statement.started else 0.0
        return {
            "Id": statement.id,
            "Status": statement.status,
            "CreatedAt": statement.created,
            "UpdatedAt": ended if statement.updated else statement.created,
            "Duration": int(lasted * 1e9),
            "RedshiftQueryId": int(statement.id[:6], 16),
        }

    def _part(self, statement: Statement, number: int) -> Response:
        if not 1 <= number <= len(statement.sqls):
            raise ApiError("ResourceNotFoundException", "Query does not exist.")
        done = statement.outcomes[number - 1] if number <= len(statement.outcomes) else None
        status = statement.status
        if statement.status == "FAILED":
            status = "FAILED" if number == len(statement.outcomes) + 1 else "ABORTED"
        return {
            **self._common(statement),
            **present(Error=statement.error if status == "FAILED" else None),
            "Id": f"{statement.id}:{number}",
            "Status": status,
            "QueryString": statement.sqls[number - 1],
            "HasResultSet": bool(done and done.has_rows and statement.status == "FINISHED"),
            "ResultRows": done.changed if done and statement.status == "FINISHED" else -1,
            "ResultSize": size(done) if done and statement.status == "FINISHED" else -1,
        }

    def _rows_of(self, request: Request) -> tuple[Outcome, str, int]:
        statement, number = self._find(request["Id"])
        _wait(statement, request)
        if statement.status != "FINISHED":
            raise ApiError("ResourceNotFoundException", f"Query does not have result. Query status: {statement.status}")
        if statement.batch and number is None:
            found = next((one for one in reversed(statement.outcomes) if one.has_rows), None)
        else:
            found = statement.outcomes[(number or 1) - 1] if (number or 1) <= len(statement.outcomes) else None
        if found is None or not found.has_rows:
            raise ApiError(
                "ResourceNotFoundException",
                "Query does not have result. Please check query status with DescribeStatement.",
            )
        token = request.get("NextToken")
        return found, statement.request.get("ResultFormat", "JSON"), int(base64.b64decode(token)) if token else 0

    def _result(self, request: Request) -> Response:
        found, form, start = self._rows_of(request)
        if form != "JSON":
            raise ApiError("ValidationException", "The result is in CSV: call GetStatementResultV2")
        page = found.rows[start : start + PAGE_ROWS]
        records = [[typed(value, kind) for value, kind in zip(row, found.types, strict=True)] for row in page]
        return {"Records": records, **described(found, start)}

    def _result_as_csv(self, request: Request) -> Response:
        found, form, start = self._rows_of(request)
        if form != "CSV":
            raise ApiError("ValidationException", "The result is in JSON: call GetStatementResult")
        page = found.rows[start : start + PAGE_ROWS]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        if start == 0:
            writer.writerow(found.columns)
        writer.writerows([["" if v is None else as_text(v) for v in row] for row in page])
        return {"Records": [{"CSVRecords": text.getvalue()}], "ResultFormat": "CSV", **described(found, start)}

    def _list(self, request: Request) -> Response:
        wanted = request.get("Status", "FINISHED" if "Status" not in request else "ALL")
        name = request.get("StatementName", "")
        found = [
            self._summary(one)
            for one in sorted(self._statements.values(), key=lambda one: one.created, reverse=True)
            if wanted in ("ALL", one.status)
            and str(one.request.get("StatementName", "")).startswith(name)
            and same_place(one.request, request)
            and one.created + KEPT > self._now()
        ]
        start = int(base64.b64decode(request["NextToken"])) if request.get("NextToken") else 0
        most = int(request.get("MaxResults") or 100)
        return {"Statements": found[start : start + most], **next_token(start + most, len(found))}

    def _summary(self, statement: Statement) -> Response:
        names = ("StatementName", "SecretArn")
        texts = {"QueryStrings": statement.sqls} if statement.batch else {"QueryString": statement.sqls[0]}
        return {
            "Id": statement.id,
            "Status": statement.status,
            "CreatedAt": statement.created,
            "UpdatedAt": statement.updated or statement.created,
            "IsBatchStatement": statement.batch,
            **texts,
            **present(**{name: statement.request.get(name) for name in names}, SessionId=statement.session_id),
        }

    def _cancel(self, request: Request) -> Response:
        statement, _ = self._find(request["Id"])
        if statement.status in _ENDED:
            raise ApiError(
                "ValidationException",
                f"Could not cancel a query that is already in {statement.status} state with ID: {statement.id}",
            )
        if statement.status == "SUBMITTED":
            statement.status, statement.error, statement.updated = "ABORTED", "Query was cancelled", self._now()
        elif statement.connection is not None:
            statement.connection.interrupt()
        return {"Status": True}

    def _ask(self, request: Request, sql: str) -> list[tuple[Any, ...]]:
        database = self._service.database(request)
        session = database.session()
        try:
            return session.execute(sql).rows
        except SqlError as error:
            raise ApiError("ValidationException", str(error)) from error
        finally:
            session.close()

    def _databases(self, request: Request) -> Response:
        return {"Databases": [self._service.database(request).name]}

    def _schemas(self, request: Request) -> Response:
        rows = self._ask(request, "select schema_name from svv_all_schemas order by 1")
        names = [str(row[0]) for row in rows if like(str(row[0]), request.get("SchemaPattern"))]
        return page("Schemas", names, request)

    def _tables(self, request: Request) -> Response:
        rows = self._ask(request, "select table_schema, table_name, table_type from svv_tables order by 1, 2")
        kinds = {"BASE TABLE": "TABLE"}
        found = [
            {"schema": schema, "name": name, "type": kinds.get(kind, kind)}
            for schema, name, kind in rows
            if like(schema, request.get("SchemaPattern")) and like(name, request.get("TablePattern"))
        ]
        return page("Tables", found, request)

    def _table(self, request: Request) -> Response:
        schema, name = request.get("Schema", "public").lower(), str(request.get("Table", "")).lower()
        database = self._service.database(request)
        session = database.session()
        try:
            from seatrial.offline.warehouse.relations import find

            entry = find(session, schema, name)
        finally:
            session.close()
        columns = [
            {
                "name": one.name,
                "label": one.name,
                "typeName": one.type.lower(),
                "nullable": int(one.nullable),
                "schemaName": schema,
                "tableName": name,
                **present(columnDefault=one.default),
            }
            for one in (entry.columns if entry else ())
        ]
        return {"TableName": name, **page("ColumnList", columns, request)}

    def _forget_old(self) -> None:
        now = self._now()
        with self._lock:
            self._tokens = {key: one for key, one in self._tokens.items() if one[0] + _TOKEN_LIFE > now}
            for identity, kept in list(self._sessions.items()):
                if kept.until < now and not kept.busy:
                    kept.session.close()
                    del self._sessions[identity]


def _wait(statement: Statement, request: Request) -> None:
    seconds = request.get("WaitTimeSeconds")
    if seconds:
        statement.ended.wait(float(seconds))
