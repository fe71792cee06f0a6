"""Checks types: the project as a whole, then each function's folder as the flat zip that it becomes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """1 when any of the runs found an error."""
    failed = [command for command in _commands() if subprocess.run(command, cwd=ROOT, check=False).returncode]
    return int(bool(failed))


def _commands() -> Iterator[list[str]]:
    yield ["pyrefly", "check", "--output-format", "min-text"]
    for folder in sorted((ROOT / "lambdas").glob("*/")):
        files = [str(path.relative_to(ROOT)) for path in sorted(folder.rglob("*.py"))]
        if files:
            here = folder.relative_to(ROOT).as_posix()
            yield [
                "pyrefly",
                "check",
                "--output-format",
                "min-text",
                "--search-path",
                here,
                "--search-path",
                ".",
                *files,
            ]


if __name__ == "__main__":
    sys.exit(main())
