"""What a spark-submit asks for, parsed as spark-submit does; what cannot be run here is refused by name."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from seatrial.offline.spark.api import NotEmulatedError

CONFIGURATION_OF_FLAG = {
    "--name": "spark.app.name",
    "--driver-memory": "spark.driver.memory",
    "--driver-cores": "spark.driver.cores",
    "--executor-memory": "spark.executor.memory",
    "--executor-cores": "spark.executor.cores",
    "--num-executors": "spark.executor.instances",
}
LISTS = {"--py-files": "py_files", "--files": "files", "--archives": "archives", "--jars": "jars"}
LIST_SETTINGS = {
    "spark.submit.pyFiles": "py_files",
    "spark.files": "files",
    "spark.archives": "archives",
    "spark.jars": "jars",
}
IGNORED = {"--deploy-mode", "--master", "--queue"}
REFUSED = {
    "--class": "applications in Java and Scala are not run: give a Python script",
    "--packages": "nothing is downloaded from Maven: put the jar into a bucket and name it with --jars",
    "--repositories": "nothing is downloaded from Maven: put the jar into a bucket and name it with --jars",
    "--properties-file": "there is no cluster file system: use --conf or the spark-defaults classification",
    "--principal": "Kerberos is not emulated",
    "--keytab": "Kerberos is not emulated",
}
REFUSED_SETTINGS = {"spark.jars.packages": REFUSED["--packages"]}


@dataclass(frozen=True)
class Submission:
    """A Python script on S3, its arguments, what goes with it, and its settings."""

    script: str
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    py_files: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()

    def with_defaults(self, defaults: Mapping[str, str]) -> "Submission":
        """The same with settings that its own override."""
        return replace(self, settings={**defaults, **self.settings})


def parse(words: Sequence[str]) -> Submission:
    """The words after `spark-submit`; raises `NotEmulatedError` for what cannot be run.

    >>> parse(["--deploy-mode", "cluster", "--conf", "spark.a=1", "s3://b/job.py", "--date", "2026-11-01"]).arguments
    ('--date', '2026-11-01')
    """
    settings: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        _option(rest, settings, lists)
    if not rest:
        raise NotEmulatedError("spark-submit names no script")
    return _checked(Submission(rest[0], tuple(rest[1:]), settings, **lists))


def from_job_driver(spark_submit: Mapping[str, object]) -> Submission:
    """The `sparkSubmit` member of an EMR Serverless job driver."""
    words = shlex.split(str(spark_submit.get("sparkSubmitParameters") or ""))
    arguments: Iterable[object] = spark_submit.get("entryPointArguments") or ()  # type: ignore[assignment]
    return parse([*words, str(spark_submit["entryPoint"]), *map(str, arguments)])


def _option(rest: list[str], settings: dict[str, str], lists: dict[str, tuple[str, ...]]) -> None:
    """Take one option and its value from the front."""
    flag, joined, value = rest.pop(0).partition("=")
    if flag in REFUSED:
        raise NotEmulatedError(f"spark-submit {flag}: {REFUSED[flag]}")
    if flag in ("--verbose", "-v"):
        return
    if flag not in {*CONFIGURATION_OF_FLAG, *LISTS, *IGNORED, "--conf", "-c"}:
        raise NotEmulatedError(f"spark-submit {flag} is not emulated by the offline cloud")
    if not joined:
        if not rest:
            raise NotEmulatedError(f"spark-submit {flag} needs a value")
        value = rest.pop(0)
    if flag in ("--conf", "-c"):
        name, _, setting = value.partition("=")
        settings[name.strip()] = setting.strip()
    elif flag in LISTS:
        lists[LISTS[flag]] = _listed(value)
    elif flag in CONFIGURATION_OF_FLAG:
        settings[CONFIGURATION_OF_FLAG[flag]] = value


def _checked(submission: Submission) -> Submission:
    for name, reason in REFUSED_SETTINGS.items():
        if name in submission.settings:
            raise NotEmulatedError(f"{name}: {reason}")
    lists = {
        member: (*getattr(submission, member), *_listed(submission.settings.get(name, "")))
        for name, member in LIST_SETTINGS.items()
    }
    settings = {name: value for name, value in submission.settings.items() if name not in LIST_SETTINGS}
    found = Submission(submission.script, submission.arguments, settings, **lists)
    for uri in (found.script, *found.py_files, *found.files, *found.archives, *found.jars):
        if not uri.startswith("s3://"):
            raise NotEmulatedError(f"{uri!r}: only files on S3 are there for a job (s3://bucket/key)")
    if not found.script.endswith(".py"):
        raise NotEmulatedError(f"{found.script!r}: only Python scripts (.py) are run by the offline cloud")
    return found


def _listed(value: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in value.split(",") if item.strip())
