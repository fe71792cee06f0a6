"""The script of the sea trial: its stages in order, what each may fail with, and how it ends."""

import gc
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seatrial import config
from seatrial.rehearsal import challenge, data_layer, landing, launch, recording, report, scoring, training, watch
from seatrial.rehearsal.aws import FunctionError
from seatrial.rehearsal.data import DataError, RehearsalData, prepare
from seatrial.rehearsal.deploy import DeployError
from seatrial.rehearsal.progress import Progress, closing, make_progress
from seatrial.rehearsal.record import Outcome
from seatrial.rehearsal.traffic import Traffic
from seatrial.rehearsal.voyage import Options, RehearsalError, Voyage

USER_MISTAKE = 2
GARBAGE_THRESHOLDS = (50_000, 20, 50)
"""Objects before a collection, and collections of a generation before one of the next."""
EXIT_CODES: dict[Outcome, int] = {"passed": 0, "failed": 1, "interrupted": 130}


@dataclass(frozen=True)
class Stage:
    """One stage: its name in reports, its title on the screen, what it does; `act` returns the line
    to show, None when there was nothing to do."""

    name: str
    title: str
    act: Callable[[Voyage], str | None]


DOCTOR = Stage("doctor", "examine this machine", launch.examine)
DEPLOYING = (
    Stage("cloud", "start the offline cloud", launch.start_cloud),
    Stage("synth", "synthesize the stacks", launch.synthesize),
    Stage("deploy", "deploy the stacks", launch.deploy),
)
DESTROY = Stage("destroy", "destroy, look for leaks", landing.destroy)


def stages() -> list[Stage]:
    """The whole trial, in order."""
    traffic: dict[str, Traffic] = {}

    def begin_traffic(voyage: Voyage) -> str:
        traffic["live"] = Traffic(voyage)
        return watch.watch_quiet(voyage, traffic["live"])

    return [
        DOCTOR,
        Stage("validate", "cross-validate", recording.cross_validated),
        *DEPLOYING,
        Stage("ingest", "land the history", launch.ingest),
        Stage("train", "run the pipeline", training.train_first_model),
        Stage("promote", "approve and promote", challenge.first_promotion),
        Stage("features", "features of live data", scoring.score_live_data),
        Stage("quiet", "quiet traffic", begin_traffic),
        Stage("scenarios", "drift in the inputs", lambda v: watch.watch_input_scenarios(v, traffic["live"])),
        Stage("concept", "concept shift", lambda v: challenge.drift_to_decision(v, traffic["live"])),
        Stage("retrain", "retrain, challenge", challenge.retrain),
        Stage("canary", "canary of the challenger", lambda v: challenge.promote_challenger(v, traffic["live"])),
        Stage("rollback", "a bad model", lambda v: challenge.sink_bad_model(v, traffic["live"])),
        Stage("ledger", "read the ledger", recording.read_ledger),
        DESTROY,
    ]


def own_pipeline_stages() -> list[Stage]:
    """What can be rehearsed of a pipeline that the customer has written, up to an endpoint that serves its model."""
    return [
        DOCTOR,
        *DEPLOYING,
        Stage("upload", "upload your files", launch.upload_files),
        Stage("train", "run your pipeline", training.run_own_pipeline),
        Stage("promote", "approve and promote", challenge.promote_registered),
        DESTROY,
    ]


def data_stages() -> list[Stage]:
    """The trial of the data layer."""
    return [
        DOCTOR,
        *DEPLOYING,
        *(Stage(name, title, act) for name, title, act in data_layer.STAGES),
        Stage("reconcile", "reconcile every row", data_layer.reconcile),
        Stage("ledger", "read the ledger", recording.read_ledger),
        DESTROY,
    ]


def rehearse(options: Options) -> int:
    """Run the whole rehearsal; returns the exit code: 0 passed, 1 failed, 2 the user's mistake, 130 interrupted."""
    # With the default thresholds a sixth of our CPU time goes into looking for garbage among libraries that stay.
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        engagement = config.load(options.engagement)
        if options.environment not in engagement.environments:
            known = ", ".join(engagement.environments)
            raise DataError(
                f"--environment {options.environment!r}: not in {options.engagement}, choose one of {known}"
            )
        data = _data(options, engagement)
    except (config.EngagementError, DataError) as error:
        sys.stderr.write(f"seatrial: {error}\n")
        return USER_MISTAKE
    with closing(make_progress(as_json=options.as_json)) as progress:
        return _sail(options, engagement, data, progress)


def _data(options: Options, engagement: config.Engagement) -> RehearsalData | None:
    """The data of the churn loop; None for a trial that brings its own. Raises `DataError`."""
    if options.with_data:
        if found := data_layer.mistakes(engagement, options.days, options.subscribers):
            raise DataError("; ".join(found))
        return None
    if engagement.training.definition:
        return None
    return prepare(engagement.training.dataset, options.data, options.seed)


def _sail(options: Options, engagement: config.Engagement, data: RehearsalData | None, progress: Progress) -> int:
    voyage = Voyage(options, engagement, Path(tempfile.mkdtemp(prefix="seatrial-")), progress, data)
    began, gathered = datetime.now(UTC), {}
    try:
        outcome = _run_stages(voyage)
        gathered = recording.gather(voyage)
    except KeyboardInterrupt:
        outcome = "interrupted"
        if progress.stages and progress.stages[-1].status is None:
            progress.end("failed", "interrupted")
    finally:
        if hasattr(voyage, "synth"):
            voyage.synth.kill()
        if hasattr(voyage, "cloud"):
            voyage.cloud.stop()
        gc.unfreeze()
    page = report.render(recording.record(voyage, outcome, began, gathered), options.report)
    progress.close(f"rehearsal {outcome.upper()} in {progress.elapsed:.0f} s; report: {page}")
    if outcome == "passed":
        shutil.rmtree(voyage.folder, ignore_errors=True)
    return EXIT_CODES[outcome]


def _run_stages(voyage: Voyage) -> Outcome:
    trial = _trial(voyage)
    voyage.plan = tuple((stage.name, stage.title) for stage in trial)
    for stage in trial:
        voyage.progress.start(stage.name, stage.title)
        began = voyage.now if hasattr(voyage, "cloud") else None
        try:
            detail = stage.act(voyage)
            voyage.progress.end("passed" if detail else "skipped", detail or "nothing to do for this engagement")
        except (RehearsalError, DeployError, FunctionError) as error:
            _tell_failure(voyage, str(error), getattr(error, "log", ""))
            return "failed"
        except Exception as error:  # a fault of ours: its trace belongs into the run folder, not on the screen
            _tell_failure(voyage, f"{type(error).__name__}: {error}", _keep_trace(voyage))
            return "failed"
        finally:
            if began is not None:
                voyage.cloud_times[stage.name] = (began, voyage.now)
    return "passed"


def _trial(voyage: Voyage) -> list[Stage]:
    if voyage.options.with_data:
        return data_stages()
    return stages() if voyage.data else own_pipeline_stages()


def _keep_trace(voyage: Voyage) -> str:
    path = voyage.folder / "error.log"
    path.write_text(traceback.format_exc(), encoding="utf-8")
    return f"this is a fault of Seatrial's own; its trace is in {path}"


def _tell_failure(voyage: Voyage, message: str, log: str) -> None:
    voyage.progress.end("failed", message)
    lines = [*log.splitlines()[-20:], f"run folder: {voyage.folder}"]
    sys.stderr.write("".join(f"    {line}\n" for line in lines))
