"""The one exception that a job turns into a sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence


class DataError(Exception):
    """The data cannot be used; the message says what is wrong and what to do."""


def main(run: Callable[[Sequence[str]], None]) -> None:
    """Run a job with the process's arguments; a `DataError` ends it with its message and code 1, without traceback."""
    try:
        run(sys.argv[1:])
    except DataError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
