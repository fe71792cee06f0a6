"""Stands in for the C compiler where there is none, for the one C extension of the lock that is never used here.

sagemaker-training is published as source only, and its build compiles gethostname.c with the JSON parser jsmn.c, a
library that SageMaker preloads inside Docker networks. Jobs run offline as plain processes and never load it, so an
empty file takes its place. Any other source is refused.
"""

import sys
from pathlib import Path

UNUSED = {"gethostname", "jsmn"}


def main(arguments: list[str]) -> int:
    """Write the empty output of `-o` when only the unused extension is concerned."""
    inputs = [argument for argument in arguments if argument.endswith((".c", ".cc", ".cpp", ".o"))]
    output = Path(arguments[arguments.index("-o") + 1]) if "-o" in arguments else None
    sources = [name for name in inputs if Path(name) != output]
    if output is None or not sources or any(Path(name).stem not in UNUSED for name in sources):
        print(f"no C compiler on this machine: install one to build {' '.join(sources) or 'this'}", file=sys.stderr)
        return 1
    output.write_bytes(b"")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
