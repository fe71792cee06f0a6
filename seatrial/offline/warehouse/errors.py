"""Errors of the offline warehouse, in the words of Redshift where it has words for them."""

import re


class SqlError(Exception):
    """A statement failed; the text is what DescribeStatement shows after `ERROR: `."""


class NotSupportedError(SqlError):
    """The offline warehouse does not run this construct: it says so instead of guessing."""

    def __init__(self, construct: str, advice: str = "leave it out of what is rehearsed, or extend it") -> None:
        super().__init__(f"the offline warehouse does not support {construct}: {advice} (seatrial/offline/warehouse)")


_TRANSLATIONS = (
    (re.compile(r"NOT NULL constraint failed: \S*\.(\w+)"), r"Cannot insert a NULL value into column \1"),
    (re.compile(r"Division by zero.*"), "Divide by zero"),
    (re.compile(r"Could not cast value (inf|-inf|nan) to DECIMAL.*", re.DOTALL), "Divide by zero"),
    (re.compile(r"Python exception occurred while executing the UDF: \w+: (.*)", re.DOTALL), r"\1"),
    (re.compile(r"Overflow in \w+ of INT16.*"), "Overflow (Smallint)"),
    (re.compile(r"Overflow in \w+ of INT32.*"), "Overflow (Integer)"),
    (re.compile(r"Overflow in \w+ of INT64.*"), "Overflow (Bigint)"),
    (re.compile(r"Table with name (\S+) does not exist!.*", re.DOTALL), r'relation "\1" does not exist'),
)


def from_duckdb(error: Exception) -> SqlError:
    """DuckDB's error in Redshift's words, or in DuckDB's own where there is no match."""
    text = str(error)
    text = re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", text)
    for pattern, replacement in _TRANSLATIONS:
        found = pattern.search(text)
        if found:
            return SqlError(found.expand(replacement))
    return SqlError(text.strip())
