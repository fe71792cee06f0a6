"""Databases and sessions of the offline warehouse: Redshift's statements run on DuckDB, one transaction at a time."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb

from seatrial.offline.warehouse import learning, macros
from seatrial.offline.warehouse.catalog import Catalog, Entry
from seatrial.offline.warehouse.errors import SqlError, from_duckdb
from seatrial.offline.warehouse.preparation import Facts


class Lake(Protocol):
    """What the warehouse asks of the cloud around it."""

    def now(self) -> datetime:
        """The cloud's time."""
        ...

    def client(self, service: str) -> Any:
        """A client of the cloud."""
        ...


@dataclass
class Outcome:
    """What a statement gave: rows when it is a query, else the number of rows that it changed (-1: not counted)."""

    columns: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    changed: int = -1
    has_rows: bool = False


@dataclass
class Database:
    """One database of a namespace or cluster, in a file of its own.

    `load_errors` outlive rollbacks, as STL_LOAD_ERRORS does.
    """

    name: str
    lake: Lake
    folder: Path
    user: str = "admin"
    load_errors: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    models: dict[str, learning.Learned] = field(default_factory=dict)
    """What CREATE MODEL trained, by the key that its function's entry names."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _connection: duckdb.DuckDBPyConnection | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The database's first connection; opened when it is first needed."""
        with self.lock:
            if self._connection is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                settings: dict[str, Any] = {
                    "threads": 2,
                    "memory_limit": "4GB",
                    "temp_directory": str(self.folder / "spill"),
                }
                self._connection = duckdb.connect(self._file, config=settings)
                macros.install(self._connection)
                learning.install(self._connection, self.models)
                Catalog.install(self._connection)
                self._connection.execute("CREATE SCHEMA IF NOT EXISTS public")
            return self._connection

    @property
    def _file(self) -> Path:
        """Named so that no schema can have the same name: DuckDB could not tell `name.table` of both apart."""
        return self.folder / f"database-{self.name}.duckdb"

    def session(self) -> "Session":
        """A new session."""
        return Session(self, self.connection.cursor())

    def close(self) -> None:
        """Close the database's file."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def discard(self) -> None:
        """Close the database and delete its file."""
        self.close()
        self._file.unlink(missing_ok=True)


class Session:
    """A connection of a user: temporary tables, settings, and a transaction that is open or not."""

    def __init__(self, database: Database, connection: duckdb.DuckDBPyConnection) -> None:
        self.database = database
        self.connection = connection
        self.catalog = Catalog(connection)
        self.search_path = ["public"]
        self.settings: dict[str, str] = {"timezone": "UTC"}
        self.values: dict[str, Any] = {}
        """Counts of the last COPY and UNLOAD, for PG_LAST_COPY_COUNT and its like."""
        self.in_transaction = False
        self.failed = False
        self.temporary: dict[str, Entry] = {}
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET disabled_optimizers = ''")

    def facts(self) -> Facts:
        """What functions of the session answer, at this moment."""
        from seatrial.offline.warehouse.user_functions import expand

        base = {"user": self.database.user, "database": self.database.name, "schema": self.search_path[0]}
        return Facts(self.database.lake.now(), {**base, **self.values}, lambda tree: expand(self, tree))

    def execute(self, sql: str, parameters: Mapping[str, str] | None = None) -> Outcome:
        """Run one statement, in a transaction of its own unless one is open; raises `SqlError`."""
        from seatrial.offline.warehouse.statements import run

        with self.database.lock:
            if self.failed and sql.strip().lower().rstrip(";").split()[:1] not in (["rollback"], ["abort"], ["end"]):
                message = "current transaction is aborted, commands ignored until end of transaction block"
                raise SqlError(message)
            if self.in_transaction:
                return self._within(lambda: run(self, sql, parameters or {}))
            return self._alone(lambda: run(self, sql, parameters or {}))

    def batch(self, statements: Sequence[str], parameters: Mapping[str, str] | None = None) -> list[Outcome]:
        """Run statements in one transaction: all of them, or none."""
        with self.database.lock:
            self.begin()
            try:
                outcomes = [self.execute(sql, parameters) for sql in statements]
            except SqlError:
                self.rollback()
                raise
            self.commit()
            return outcomes

    def begin(self) -> None:
        """Open a transaction."""
        if not self.in_transaction:
            self.connection.begin()
            self.in_transaction = True

    def commit(self) -> None:
        """Close the transaction; an aborted one is rolled back, as PostgreSQL does."""
        if self.failed:
            self.rollback()
        elif self.in_transaction:
            self.in_transaction = False
            self.connection.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        if self.in_transaction:
            self.connection.rollback()
        self.in_transaction = self.failed = False

    def query(self, sql: str, values: Sequence[Any] = ()) -> Outcome:
        """Run DuckDB's SQL; raises `SqlError` in Redshift's words."""
        try:
            cursor = self.connection.execute(sql, list(values) or None)
            description = cursor.description or []
            return Outcome(
                [str(one[0]) for one in description],
                [str(one[1]) for one in description],
                cursor.fetchall(),
                has_rows=bool(description),
            )
        except duckdb.Error as error:
            raise from_duckdb(error) from error

    def close(self) -> None:
        """End the session: what is not committed is undone, temporary tables vanish."""
        self.rollback()
        self.connection.close()

    def _within(self, work: Callable[[], Outcome]) -> Outcome:
        try:
            return work()
        except SqlError:
            self.failed = self.in_transaction
            raise

    def _alone(self, work: Callable[[], Outcome]) -> Outcome:
        self.begin()
        try:
            outcome = work()
        except BaseException:
            self.rollback()
            raise
        # BEGIN leaves the transaction open, COMMIT and ROLLBACK have closed it.
        if self.in_transaction and not self.values.pop("transaction_opened", False):
            self.commit()
        return outcome
