"""What DuckDB is taught before it can run Redshift's SQL: macros in SQL, and functions in Python beside them."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from seatrial.offline.warehouse import formats, moments, texts

_MACROS = Path(__file__).with_name("macros.sql")


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Teach a database; once for each."""
    teach: Any = connection.create_function
    for name, function, arguments, result in (*texts.FUNCTIONS, *formats.FUNCTIONS, *moments.FUNCTIONS):
        teach(name, _strict(function), list(arguments), result, null_handling="special")
    connection.execute(_MACROS.read_text(encoding="utf-8"))


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """NULL for NULL: DuckDB's own handling forbids a function to answer NULL."""

    @functools.wraps(function)
    def strict(*values: Any) -> Any:
        return None if None in values else function(*values)

    return strict
