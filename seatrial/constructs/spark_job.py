"""A Spark job: one PySpark script with its library and arguments; an engine says how it is started."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3_assets as s3_assets
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.assets import file_asset, zip_asset
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.staging import library_files, shipped
from seatrial.constructs.state_language import State, array_of

PER_DATE = {"date": "$.date"}
PER_FLOW = {name: f"$.plan.{name}" for name in ("first", "last", "since", "after")} | {"feeds": "$.plan.silent_feeds"}
"""What arguments may name in braces, by path in the flow: one date; or the flow's first and last date, the earliest one
whose late data counts, the day after the last, and what silent feeds lead to (`stop` or `publish`)."""


class SparkEngine(Construct):
    """Where Spark runs. `role` is what the jobs run as; whoever owns data grants it.

    `opening` and `closing` (at most one) are the states before and after a flow's jobs, in order and without "Next";
    what opening leaves below `$.cluster` is kept for the jobs.
    """

    role: ServiceRole
    encryption_key: kms.IKey
    capacity: str
    """Where to look when jobs wait for capacity, for the message."""

    def opening(self) -> dict[str, State]:
        """States that make the engine ready."""
        raise NotImplementedError

    def closing(self) -> dict[str, State]:
        """States that give it back, after success as after failure."""
        raise NotImplementedError

    def explanations(self) -> dict[str, State]:
        """States that say in `$.error` what a failure of opening means; opening names them in a "Catch"."""
        return {}

    def task(self, job: "SparkJob", arguments: str) -> State:
        """The state that runs one job and waits; `arguments` is an intrinsic function that makes the list."""
        raise NotImplementedError

    def grant_run(self, role: ServiceRole) -> None:
        """Let a state machine run these states."""
        raise NotImplementedError

    def allow_code(self, *assets: s3_assets.Asset) -> None:
        """Let the jobs read these assets and nothing else of the bucket that holds them."""
        partition = place_of(self).partition
        objects = [f"arn:{partition}:s3:::{asset.s3_bucket_name}/{asset.s3_object_key}" for asset in assets]
        self.role.allow("s3:GetObject", on=objects)


class SparkJob(Construct):
    """The same script on either engine.

    `script` is a file, or the name of one that ships with the library ("cdr/steps/curate_cdr.py"); the modules of
    `seatrial` that it imports go along as a zip. Both are addressed by content. `arguments` are `--name value`; a value
    may hold `{date}`, or for a job that runs once a flow (`per_date=False`) `{first}`, `{last}`, `{since}`, `{after}`
    and `{feeds}`. Jobs are run up to `attempts` times, so they must be idempotent. With `in_order` dates run one
    after another.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        engine: SparkEngine,
        script: str | Path,
        arguments: Mapping[str, str],
        settings: Mapping[str, str] | None = None,
        per_date: bool = True,
        in_order: bool = False,
        attempts: int = 3,
        max_runtime_minutes: int = 240,
    ) -> None:
        super().__init__(scope, construct_id)
        path = script if isinstance(script, Path) else shipped("pipelines") / script
        _check(path, attempts, max_runtime_minutes, per_date=per_date, in_order=in_order)
        _check_settings(settings or {})
        self.engine, self.name, self.per_date, self.in_order = engine, path.stem, per_date, in_order
        self.settings, self.attempts, self.max_runtime_minutes = dict(settings or {}), attempts, max_runtime_minutes
        self.arguments = [part for name, value in arguments.items() for part in (f"--{name}", value)]
        source = path.read_bytes()
        self.script = file_asset(self, "Script", source, ".py")
        library = library_files([source])
        self.library = zip_asset(self, "Library", library) if library else None
        engine.allow_code(*self.assets)

    @property
    def assets(self) -> list[s3_assets.Asset]:
        """Script and library."""
        return [self.script, *([self.library] if self.library else [])]

    def submit_options(self, settings: Mapping[str, str]) -> list[str]:
        """Options of spark-submit; the job's own settings win over the engine's."""
        files = ["--py-files", self.library.s3_object_url] if self.library else []
        pairs = sorted((dict(settings) | self.settings).items())
        return [*files, *(part for name, value in pairs for part in ("--conf", f"{name}={value}"))]

    def state(self) -> State:
        """The state that runs the job, without "Next" and "End"."""
        return self.engine.task(self, array_of(self.arguments, PER_DATE if self.per_date else PER_FLOW))


def submit_array(job: SparkJob, arguments: str) -> str:
    """The command line of spark-submit for a step, as an intrinsic function; `arguments` is one as well."""
    command = array_of(["spark-submit", *job.submit_options({}), job.script.s3_object_url], {})
    return f"{command.removesuffix(')')}, {arguments.removeprefix('States.Array(')}" if job.arguments else command


def finished(job: SparkJob, **state: Any) -> State:
    """What tasks of both engines share: a bounded time, and a result that stays small for a year of dates."""
    minutes = job.max_runtime_minutes * job.attempts + 60
    return {
        "Type": "Task",
        **state,
        "TimeoutSeconds": minutes * 60,
        "ResultSelector": {"job": job.name},
        "ResultPath": "$.result",
    }


def _check(path: Path, attempts: int, minutes: int, *, per_date: bool, in_order: bool) -> None:
    if not path.is_file() or path.suffix != ".py":
        raise ConstructError(f"script: {str(path)!r} is no Python file")
    if not 1 <= attempts <= 10:
        raise ConstructError(f"attempts: must be between 1 and 10, got {attempts}")
    if not 1 <= minutes <= 1440:
        raise ConstructError(f"max_runtime_minutes: must be between 1 and 1440, got {minutes}")
    if in_order and not per_date:
        raise ConstructError("in_order: must be False, got True, because the job runs once a flow (per_date=False)")


def _check_settings(settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        if not name.startswith("spark."):
            raise ConstructError(f"settings: names must begin with 'spark.', got {name!r}")
        # EMR Serverless takes the options as one text that it splits at spaces.
        if not value or any(character.isspace() or character in "'\"" for character in value):
            raise ConstructError(f"settings: {name} must have no spaces and no quotes, got {value!r}")
