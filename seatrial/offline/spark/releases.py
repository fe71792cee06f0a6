"""EMR release labels: which Spark each has, and which Spark of this machine stands in for it."""

import functools
import importlib.metadata
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from seatrial.offline.journal import Journal
from seatrial.offline.spark.api import ApiError

SPARK_OF_RELEASE = {
    "emr-7.13.0": "3.5.6",
    "emr-spark-8.0.0": "4.0.2",
}
"""Sources: docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-7130-release.html and emr-spark-800-release.html."""
OTHER_PYTHON = "SEATRIAL_SPARK_4_PYTHON"
"""Environment variable: a Python interpreter whose pyspark is that of the releases with Spark 4."""
_FACTS = (
    "import importlib.metadata, importlib.util, json; "
    "print(json.dumps([importlib.metadata.version('pyspark'), importlib.util.find_spec('pyspark').origin]))"
)


@dataclass(frozen=True)
class Spark:
    """A Spark of this machine."""

    version: str
    home: Path
    python: str

    @property
    def scala_version(self) -> str:
        """Such as "2.12", from the names of its jars."""
        jar = next((self.home / "jars").glob("spark-core_*.jar"))
        return jar.name.removeprefix("spark-core_").partition("-")[0]


def spark_version(release: str) -> str:
    """The Spark of a release; raises `ApiError` for a label that no release has here."""
    if release not in SPARK_OF_RELEASE:
        known = ", ".join(sorted(SPARK_OF_RELEASE))
        raise ApiError(f"The supplied release label is invalid: {release}. The offline cloud knows {known}")
    return SPARK_OF_RELEASE[release]


def spark_for(release: str, journal: Journal) -> Spark:
    """The Spark that runs the jobs of a release; a difference goes into the fidelity report."""
    wanted = spark_version(release)
    own = installed()
    other = _spark_of(os.environ[OTHER_PYTHON]) if os.environ.get(OTHER_PYTHON) else None
    chosen = next((spark for spark in (own, other) if spark is not None and spark.version == wanted), own)
    same = chosen.version == wanted
    advice = "" if same else f"; set {OTHER_PYTHON} to a Python with pyspark {wanted} to run that"
    detail = f"the release has Spark {wanted}; {chosen.version} ran{advice}"
    journal.fidelity(release, "real" if same else "version", detail)
    return chosen


@functools.cache
def installed() -> Spark:
    """The Spark of this very environment."""
    import pyspark

    return Spark(importlib.metadata.version("pyspark"), Path(pyspark.__file__).parent, sys.executable)


@functools.cache
def _spark_of(python: str) -> Spark:
    try:
        found = subprocess.run([python, "-c", _FACTS], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise ApiError(f"{OTHER_PYTHON}={python!r} has no pyspark: {error}") from error
    version, origin = json.loads(found.stdout)
    return Spark(version, Path(origin).parent, python)
