"""Migration files of the warehouse: `NNNN_name.sql`, each one transaction, with its directives and checksum.

A line `-- seatrial: outside-transaction` marks a file with one repeatable statement that Redshift refuses inside a
transaction; `-- seatrial: requires <feature>` a file that is left out until the warehouse has the feature.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.contracts.sql_scripts import ScriptError, split_statements

STATE_SCHEMA = "seatrial"
STATE_TABLE = f"{STATE_SCHEMA}.migrations"
STATEMENT_PREFIX = "seatrial-migration-"
"""Beginning of the Data API's statement names, by which a run finds what an earlier one has left running."""
MAXIMUM_STATEMENTS = 40
"""Of one BatchExecuteStatement (Data API reference, Sqls)."""
BOOKKEEPING_STATEMENTS = 3
"""Lock, guard and record, which share the transaction with the file's statements."""
FEATURES = ("spectrum", "redshift_ml")

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_DIRECTIVE = re.compile(r"^--\s*seatrial:\s*(.+?)\s*$", re.MULTILINE)
_LONE = re.compile(
    r"^\s*(VACUUM|CREATE\s+EXTERNAL\s+(?:TABLE|SCHEMA)|CREATE\s+DATABASE|DROP\s+DATABASE|ALTER\s+TABLE\s+\S+\s+APPEND"
    r"|CREATE\s+MODEL|BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|TRUNCATE)\b",
    re.IGNORECASE,
)
_REPEATABLE = re.compile(r"\b(IF\s+(NOT\s+)?EXISTS|OR\s+REPLACE|VACUUM|ANALYZE)\b", re.IGNORECASE)
_TRANSACTION_WORDS = frozenset({"BEGIN", "START TRANSACTION", "COMMIT", "END", "ROLLBACK", "ABORT", "TRUNCATE"})


class MigrationFilesError(ValueError):
    """The folder of migrations cannot be used; the text lists every mistake, one a line."""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One file: `version` counts from 1, `checksum` is the SHA-256 of its text before placeholders are filled."""

    version: int
    name: str
    script: str
    checksum: str
    transactional: bool = True
    requires: str | None = None

    @property
    def label(self) -> str:
        """Version and name as the file has them.

        >>> Migration(version=3, name="lake", script="", checksum="").label
        '0003_lake'
        """
        return f"{self.version:04d}_{self.name}"

    @property
    def statement_name(self) -> str:
        """Name under which its statements run."""
        return f"{STATEMENT_PREFIX}{self.label}-{self.checksum[:12]}"


def read_migrations(files: Mapping[str, str]) -> tuple[Migration, ...]:
    """Migrations in order, from file names to texts; raises `MigrationFilesError` with every mistake.

    >>> read_migrations({"0001_schemas.sql": "CREATE SCHEMA IF NOT EXISTS features;"})[0].label
    '0001_schemas'
    """
    mistakes: list[str] = []
    migrations = []
    for name, text in sorted(files.items()):
        try:
            migrations.append(_read(name, text))
        except ScriptError as error:
            mistakes.append(f"{name}: {error}")
    versions = [migration.version for migration in migrations]
    if not mistakes and versions != [*range(1, len(versions) + 1)]:
        mistakes.append(f"versions must count up from 0001 without gap or repetition, got {versions}")
    if not files:
        mistakes.append("there is no migration: at least one file NNNN_name.sql is needed")
    if mistakes:
        raise MigrationFilesError("\n".join(mistakes))
    return tuple(migrations)


def _read(name: str, text: str) -> Migration:
    match = _FILE.fullmatch(name)
    if match is None:
        raise ScriptError("must be named NNNN_name.sql in lower case, such as 0001_schemas.sql")
    transactional, requires = _directives(text)
    _check(split_statements(text), transactional)
    checksum = hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()
    return Migration(
        version=int(match[1]),
        name=match[2],
        script=text,
        checksum=checksum,
        transactional=transactional,
        requires=requires,
    )


def _directives(text: str) -> tuple[bool, str | None]:
    transactional, requires = True, None
    for directive in _DIRECTIVE.findall(text):
        words = directive.split()
        if words == ["outside-transaction"]:
            transactional = False
        elif words[0] == "requires" and len(words) == 2 and words[1] in FEATURES:
            requires = words[1]
        else:
            known = ", ".join(["outside-transaction", *(f"requires {feature}" for feature in FEATURES)])
            raise ScriptError(f"unknown directive {directive!r}, known: {known}")
    return transactional, requires


def _check(statements: tuple[str, ...], transactional: bool) -> None:
    limit = MAXIMUM_STATEMENTS - BOOKKEEPING_STATEMENTS
    if not statements:
        raise ScriptError("holds no statement")
    if len(statements) > limit:
        raise ScriptError(f"holds {len(statements)} statements, one transaction takes {limit} at most: split the file")
    for statement in statements:
        _check_lone(statement, transactional)
    if transactional:
        return
    if len(statements) > 1:
        raise ScriptError(f"outside-transaction allows one statement, got {len(statements)}: split the file")
    if not _REPEATABLE.search(statements[0]):
        raise ScriptError("outside-transaction needs a statement that can be repeated, such as with IF NOT EXISTS")


def _check_lone(statement: str, transactional: bool) -> None:
    found = _LONE.match(statement)
    if found is None:
        return
    words = " ".join(found[1].upper().split())
    if words in _TRANSACTION_WORDS:
        raise ScriptError(f"{words} would end the transaction that the migration runs in: leave it out")
    if transactional:
        raise ScriptError(f"{words} cannot run inside a transaction: a file of its own with outside-transaction")
