"""The script of the sea trial: its stages in order, what each may fail with, and how it ends."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seatrial import config
from seatrial.doctor import examine
from seatrial.rehearsal import challenge, landing, launch, recording, report, scoring, training, watch
from seatrial.rehearsal.data import DataError, RehearsalData, prepare
from seatrial.rehearsal.progress import Progress, closing, make_progress
from seatrial.rehearsal.traffic import Traffic
from seatrial.rehearsal.voyage import Options, RehearsalError, Voyage

USER_MISTAKE, FAILED, INTERRUPTED = 2, 1, 130


@dataclass(frozen=True)
class Stage:
    """One stage: its name in reports, its title on the screen, what it does; `act` returns the line to show."""

    name: str
    title: str
    act: Callable[[Voyage], str]


def stages() -> list[Stage]:
    """The whole trial, in order."""
    traffic: dict[str, Traffic] = {}

    def begin_traffic(voyage: Voyage) -> str:
        traffic["live"] = Traffic(voyage)
        return watch.watch_quiet(voyage, traffic["live"])

    return [
        Stage("synth", "synthesize the stacks", launch.synthesize),
        Stage("cloud", "start the offline cloud", launch.start_cloud),
        Stage("deploy", "deploy the stacks", launch.deploy),
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
        Stage("destroy", "destroy, look for leaks", landing.destroy),
    ]


def rehearse(options: Options) -> int:
    """Run the whole rehearsal; returns the exit code: 0 passed, 1 failed, 2 the user's mistake, 130 interrupted."""
    try:
        engagement = config.load(options.engagement)
        if options.environment not in engagement.environments:
            known = ", ".join(engagement.environments)
            raise DataError(f"--environment {options.environment!r}: not in {options.engagement}, choose one of {known}")
        data = prepare(engagement.training.dataset, options.data, options.seed)
    except (config.EngagementError, DataError) as error:
        print(error, file=sys.stderr)
        return USER_MISTAKE
    with closing(make_progress(as_json=options.as_json)) as progress:
        return _sail(options, engagement, data, progress)


def _sail(options: Options, engagement: config.Engagement, data: RehearsalData, progress: Progress) -> int:
    folder = Path(tempfile.mkdtemp(prefix="seatrial-"))
    voyage = Voyage(options, engagement, folder, progress, data)
    began = datetime.now(UTC)
    try:
        code = _run_stages(voyage)
    except KeyboardInterrupt:
        progress.end("failed", "interrupted")
        code = INTERRUPTED
    finally:
        if hasattr(voyage, "cloud"):
            voyage.cloud.stop()
    page = report.render(recording.record(voyage, began, code), _report_folder(options))
    _close(voyage, code, page)
    return code


def _run_stages(voyage: Voyage) -> int:
    progress = voyage.progress
    progress.start("doctor", "examine this machine")
    findings = [finding for finding in examine() if finding.status == "fail"]
    if findings:
        progress.end("failed", "; ".join(f"{f.subject}: {f.detail}; {f.remedy}" for f in findings))
        return FAILED
    progress.end("passed", "ready")
    for stage in stages():
        progress.start(stage.name, stage.title)
        try:
            progress.end("passed", stage.act(voyage))
        except RehearsalError as error:
            _tell_failure(voyage, error)
            return FAILED
    return 0


def _tell_failure(voyage: Voyage, error: RehearsalError) -> None:
    voyage.progress.end("failed", str(error))
    for line in error.log.splitlines()[-20:]:
        print(f"    {line}", file=sys.stderr)
    print(f"    run folder: {voyage.folder}", file=sys.stderr)


def _report_folder(options: Options) -> Path:
    return options.report or Path(".seatrial") / "report"


def _close(voyage: Voyage, code: int, page: Path) -> None:
    verdict = {0: "PASSED", INTERRUPTED: "INTERRUPTED"}.get(code, "FAILED")
    voyage.progress.close(f"rehearsal {verdict} in {voyage.progress.elapsed:.0f} s; report: {page}")
    if code == 0:
        shutil.rmtree(voyage.folder, ignore_errors=True)
