"""The churn features by pipelines/churn/sql on DuckDB: `python _features_duckdb.py CURATED OUT AS_OF`.

The statements are Redshift's; the offline warehouse compiles them. Tables are views of the curated Parquet files, as
an external schema would give them.
"""

import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.offline.warehouse.engine import Database
from seatrial.offline.warehouse.scripts import split, without_comments

SQL = Path(__file__).resolve().parents[1] / "pipelines" / "churn" / "sql"
VIEWS = {"cdr": "started_at AT TIME ZONE 'UTC' AS started_at", "care": "opened_at AT TIME ZONE 'UTC' AS opened_at"}
"""Redshift's TIMESTAMP has no time zone."""


class Cloud:
    """A clock is all that these statements ask for."""

    def now(self) -> datetime:
        return datetime(2026, 7, 1, tzinfo=UTC)

    def client(self, service: str) -> Any:
        raise AssertionError(f"no statement here needs {service}")


def statements(path: Path, as_of: str = "") -> list[str]:
    text = re.sub(r"\$\{as_of\}", as_of, path.read_text(encoding="utf-8"))
    return split(without_comments(text))


def main(curated: str, out: str, as_of: str) -> None:
    with tempfile.TemporaryDirectory(dir=Path(out).parent) as folder:
        database = Database("dev", Cloud(), Path(folder))
        session = database.session()
        session.batch(statements(next((SQL / "migrations").glob("*_schemas.sql"))))
        for name in ("telecom", "features"):
            session.batch(statements(next((SQL / "migrations").glob(f"*_{name}.sql"))))
        for name in ("cdr", "billing", "care", "crm_history"):
            replaced = f" REPLACE ({VIEWS[name]})" if name in VIEWS else ""
            files = f"read_parquet('{curated}/{name}/*/*.parquet', hive_partitioning = false)"
            session.query(f"DROP TABLE telecom.{name}")
            session.query(f"CREATE VIEW telecom.{name} AS SELECT *{replaced} FROM {files}")
        session.batch([one for path in sorted((SQL / "features").glob("*.sql")) for one in statements(path, as_of)])
        session.query(f"COPY (SELECT * EXCLUDE (as_of) FROM features.churn) TO '{out}' (FORMAT parquet)")
        database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
