"""Runs the tests of the Spark jobs on Spark 4 as well, in an environment of its own that is made once for a machine.

`make check ARGS=spark4` is this; it is no part of the gate, as the environment is large and comes from a package index.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPARK = "4.0.2"
"""That of the release emr-spark-8.0.0."""
REPLACED = ("pyspark==", "py4j==")
PYTHON = "SEATRIAL_SPARK_4_PYTHON"
BOTH = "tests/pipelines/test_data_jobs.py::test_spark_4_with_ansi_rules_gives_the_same"
SPARKML = ("tests/pipelines/churn/test_sparkml_train.py", "tests/pipelines/churn/test_sparkml_pipeline.py")
# In a process of its own: a model of Spark 4 drags its session along, which cannot be sent once it has observed counts.
OTHERS = ("cdr", "network", "churn", "generate", "monitor", "test_features.py")
# The wheel's Java lacks a module that Spark 4 asks for; EMR's and a machine's own have it.
LEFT_OUT = "not java_of_a_wheel"


def main() -> int:
    """Make the environment unless it is there; 0 when every test passed."""
    lock = without_spark((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    folder = _cache() / f"spark-{SPARK}-{hashlib.sha256((SPARK + lock).encode()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        print(f"spark4: making {folder}", flush=True)
        if not _make(folder, python, lock):
            print("spark4: the environment could not be made: it needs a package index", file=sys.stderr)
            return 1
    print("spark4: the jobs of Spark 3.5 and of Spark 4 on the same data", flush=True)
    both = _run(sys.executable, "-m", "pytest", BOTH, **{PYTHON: str(python)})
    print("spark4: the tests of the jobs on Spark 4", flush=True)
    own = (str(python), "-m", "pytest", "-p", "no:cacheprovider")
    others = [f"tests/pipelines/{name}" for name in OTHERS] + [f"--ignore={path}" for path in SPARKML]
    return max(both, _run(*own, *SPARKML), _run(*own, "-k", LEFT_OUT, "tests/spark", *others))


def _make(folder: Path, python: Path, lock: str) -> bool:
    folder.parent.mkdir(parents=True, exist_ok=True)
    listed = folder.with_name(f"{folder.name}.lock")
    listed.write_text(lock, encoding="utf-8")
    uv = str(Path(sys.executable).parent / "uv")
    install = (uv, "pip", "install", "-q", "--python", str(python))
    commands = (
        (uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)),
        (*install, "--require-hashes", "--no-deps", "-r", str(listed)),
        (*install, f"pyspark=={SPARK}"),
    )
    if any(_run(*command) for command in commands):
        return False
    (folder / "made").touch()
    return True


def without_spark(lock: str) -> str:
    """The lock without Spark and what is of its version: each package is a line and the indented ones after it."""
    kept, keep = [], True
    for line in lock.splitlines():
        if not line.startswith((" ", "#")):
            keep = not line.startswith(REPLACED)
        if keep:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "seatrial"


def _run(*command: str, **environment: str) -> int:
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
