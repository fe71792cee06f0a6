"""What DuckDB is taught before it can run Redshift's SQL: macros in SQL, and functions in Python where SQL is no help."""

from pathlib import Path

import duckdb

from seatrial.offline.warehouse import formats, texts

_MACROS = Path(__file__).with_name("macros.sql")


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Teach a database; once for each."""
    for name, function, arguments, result in (*texts.FUNCTIONS, *formats.FUNCTIONS):
        connection.create_function(name, function, list(arguments), result)
    connection.execute(_MACROS.read_text(encoding="utf-8"))
