"""Python environments for libraries that are compared with and are no requirements of the project."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CACHE = Path.home() / ".cache" / "seatrial" / "benchmarks"


def environment(name: str, requirements: Sequence[str]) -> Path | None:
    """The Python of an environment below `~/.cache/seatrial/benchmarks` that holds exactly these versions.

    Made at the first use, again when the requirements change; None, with the reason printed, when it cannot be.
    """
    folder, wanted = CACHE / name, "\n".join(requirements)
    python, made_of = folder / "bin" / "python", folder / "requirements.txt"
    if python.exists() and made_of.exists() and made_of.read_text() == wanted:
        return python
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if uv is None:
        print(f"{name} is left out: there is no uv to make its environment with")
        return None
    commands = [[uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)]]
    commands += [[uv, "pip", "install", "-q", "--python", str(python), *requirements]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name} is left out: its environment cannot be made: {done.stderr.strip()[-300:]}")
            return None
    made_of.write_text(wanted)
    return python
