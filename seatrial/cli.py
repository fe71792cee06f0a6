"""The `seatrial` command: parses arguments and hands over; it never imports aws_cdk (synth is a subprocess)."""

import argparse
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from seatrial import data, doctor, monitor, monitor_explain, monitor_run, toolchain
from seatrial.config import EngagementError, load

DEFAULT_ENGAGEMENT = Path("engagements/telecom-churn.yaml")
DATA_ENGAGEMENT = Path("engagements/telecom-data.yaml")
ENVIRONMENTS = ("dev", "staging", "prod")
USER_MISTAKE = 2
INTERRUPTED = 130
NOBODY_READS = 141
REPORT = Path(".seatrial") / "report"
MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


class UsageError(Exception):
    """The user asked for something impossible; the text says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is well, 1 is a failure found, 2 is a mistake of the user's."""
    options = _parser().parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except (UsageError, EngagementError) as error:
        print(f"seatrial: {error}", file=sys.stderr)
        return USER_MISTAKE
    except KeyboardInterrupt:
        print("seatrial: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # as in `seatrial ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to fail at exit
        return NOBODY_READS


def _doctor(options: argparse.Namespace) -> int:
    checks = list(doctor.examine())
    if options.json:
        print(json.dumps([check.to_dict() for check in checks], indent=1))
    else:
        for check in checks:
            remedy = f"\n       -> {check.remedy}" if check.remedy else ""
            print(f"{MARKS[check.status]}  {check.subject:<16} {check.detail}{remedy}")
    return int(any(check.status == "fail" for check in checks))


def _config_check(options: argparse.Namespace) -> int:
    engagement = load(options.file)
    environments = ", ".join(f"{name} ({one.account}, {one.region})" for name, one in engagement.environments.items())
    print(f"{options.file}: in order; {engagement.name} in {environments}")
    return 0


def _synth(options: argparse.Namespace) -> int:
    _require_environment(options.engagement, options.environment)
    app = _in_project("app.py")
    _make_usable("--output", options.output)
    context = {"engagement": str(options.engagement.resolve()), "environment": options.environment}
    variables = {"CDK_OUTDIR": str(options.output.resolve()), "CDK_CONTEXT_JSON": json.dumps(context)}
    result = subprocess.run([sys.executable, str(app)], env=_tools_on_path() | variables, check=False)
    if result.returncode == 0:
        print(f"{options.output}: {options.engagement} for {options.environment}")
    return result.returncode


def _cloud(options: argparse.Namespace) -> int:
    if options.folder:
        _make_usable("--folder", options.folder)
    _refuse_taken(options.port)
    from seatrial.offline.cloud import OfflineCloud  # moto takes a second to import

    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seatrial-cloud-")))
        place = {"account": options.account, "region": options.region, "port": options.port}
        cloud = stack.enter_context(OfflineCloud(folder, **place))
        try:
            for name, value in cloud.environment().items():
                print(f"export {name}={value}")
            print(f"# offline cloud at {cloud.url}, state in {folder}; Ctrl-C ends it", file=sys.stderr)
            sys.stdout.flush()
            while True:  # a signal that comes just before signal.pause() would be slept through
                time.sleep(1)
        except KeyboardInterrupt:
            print("# offline cloud ended", file=sys.stderr)
    return 0


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: what has ended is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            remedy = "choose another, or leave it out"
            raise UsageError(f"--port: {port} cannot be listened on: {error.strerror}; {remedy}") from None


def _interrupt(signal_number: int, frame: object) -> None:
    """End on SIGTERM as on Ctrl-C: leave nothing running."""
    raise KeyboardInterrupt


def _rehearse(options: argparse.Namespace) -> int:
    options.engagement = options.engagement or (DATA_ENGAGEMENT if options.with_ else DEFAULT_ENGAGEMENT)
    _refuse_contradictions(options)
    _require_environment(options.engagement, options.environment)
    if options.data is not None and not options.data.is_file():
        raise UsageError(f"--data: no such file: {options.data}")
    if options.files is not None and not options.files.is_dir():
        raise UsageError(f"--files: no such folder: {options.files}")
    _make_usable("--report", options.report)
    os.environ.update(_tools_on_path())
    signal.signal(signal.SIGTERM, _interrupt)
    from seatrial.rehearsal.run import rehearse
    from seatrial.rehearsal.voyage import DAYS, SUBSCRIBERS, Options

    return rehearse(
        Options(
            engagement=options.engagement,
            environment=options.environment,
            data=options.data,
            files=options.files,
            report=options.report,
            as_json=options.json,
            seed=options.seed,
            with_data=options.with_ == "data",
            subscribers=SUBSCRIBERS if options.subscribers is None else options.subscribers,
            days=DAYS if options.days is None else options.days,
        )
    )


def _refuse_contradictions(options: argparse.Namespace) -> None:
    """Options of one trial mean nothing in the other."""
    of_other = ("data", "files") if options.with_ else ("subscribers", "days")
    for name in of_other:
        if getattr(options, name) is not None:
            why = "has no meaning together with --with data" if options.with_ else "needs --with data"
            raise UsageError(f"--{name}: {why}")


def _data_generate(options: argparse.Namespace) -> int:
    try:
        return data.run_generate(options)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _monitor_simulate(options: argparse.Namespace) -> int:
    try:
        return monitor.run_simulate(options)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _status(options: argparse.Namespace) -> int:
    _require_environment(options.engagement, options.environment)
    from seatrial.status.aws import StatusError  # botocore takes a quarter of a second to import
    from seatrial.status.command import run_status

    try:
        print(run_status(options))
    except StatusError as error:
        raise UsageError(f"status: {error}") from None
    return 0


def _monitor_run(options: argparse.Namespace) -> int:
    settings = load(options.engagement).monitoring.model_dump(mode="json") if options.engagement else {}
    if options.out is not None:
        _make_usable("--out", options.out)
    try:
        return monitor_run.run_monitor(options, settings)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _monitor_explain(options: argparse.Namespace) -> int:
    if options.out is not None:
        _make_usable("--out", options.out)
    try:
        return monitor_explain.run_explain(options)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _require_environment(file: Path, name: str) -> None:
    known = load(file).environments
    if name not in known:
        raise UsageError(f"--environment: {file} has no {name!r}, only {', '.join(known)}")


def _make_usable(option: str, folder: Path) -> None:
    """Make the folder and try it: who runs for minutes must not learn at the end that nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"{option}: {folder}: {why}; give a folder that can be written to") from None


def _in_project(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"{name} is not here: start seatrial in the project's folder")
    return path


def _tools_on_path() -> dict[str, str]:
    """The environment with Node and Java of the set-up, so that the command works without activating anything."""
    return toolchain.environment(Path(sys.executable).parent)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seatrial", description="SageMaker MLOps on AWS CDK, proven offline first.")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_doctor(commands)
    _add_config(commands)
    _add_synth(commands)
    _add_cloud(commands)
    _add_rehearse(commands)
    _add_data(commands)
    _add_monitor(commands)
    _add_status(commands)
    return parser


def _add_doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("doctor", help="say what this machine lacks and what to do about it")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_doctor)


def _add_config(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("config", help="work with engagement files").add_subparsers(
        required=True, metavar="action"
    )
    check = actions.add_parser("check", help="tell every mistake in an engagement file")
    check.add_argument("file", type=Path)
    check.set_defaults(run=_config_check)


def _add_synth(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("synth", help="write the CloudFormation templates and assets")
    _add_engagement(parser)
    parser.add_argument("--output", type=Path, default=Path("cdk.out"), help="folder (default: %(default)s)")
    parser.set_defaults(run=_synth)


def _add_cloud(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("cloud", help="run the offline cloud until Ctrl-C and print what to export")
    parser.add_argument("--port", type=_port, default=0, help="of 127.0.0.1 (default: any free one)")
    parser.add_argument(
        "--folder", type=Path, help="where its state lies (default: a temporary one, removed at the end)"
    )
    parser.add_argument("--account", type=_account, default="111111111111", help="account (default: %(default)s)")
    parser.add_argument("--region", type=_region, default="eu-central-1", help="region (default: %(default)s)")
    parser.set_defaults(run=_cloud)


def _add_rehearse(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("rehearse", help="deploy offline and run the whole MLOps loop, or the data layer")
    _add_engagement(parser, None, f"{DEFAULT_ENGAGEMENT}; with data {DATA_ENGAGEMENT}")
    parser.add_argument(
        "--with",
        dest="with_",
        choices=("data",),
        help="rehearse the data layer in place of the loop: land, curate, features by two engines, reconcile",
    )
    parser.add_argument("--subscribers", type=int, metavar="N", help="of the operator, with data (default: 200000)")
    parser.add_argument("--days", type=int, metavar="D", help="of the operator's events, with data (default: 30)")
    parser.add_argument("--data", type=Path, help="CSV or Parquet (default: generated telecom data)")
    parser.add_argument("--files", type=Path, help="folder for the artifacts bucket, for training.definition")
    parser.add_argument("--report", type=Path, default=REPORT, help="folder for the report (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="progress as JSON Lines")
    parser.add_argument("--seed", type=int, default=7, help="of generated data and traffic (default: %(default)s)")
    parser.set_defaults(run=_rehearse)


def _add_data(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("data", help="make telecom data").add_subparsers(required=True, metavar="action")
    parser = actions.add_parser("generate", help="write an operator's events and tables, at any scale")
    data.add_generate(parser)
    parser.set_defaults(run=_data_generate)


def _add_engagement(
    parser: argparse.ArgumentParser, default: Path | None = DEFAULT_ENGAGEMENT, text: str = "%(default)s"
) -> None:
    parser.add_argument("--engagement", type=Path, default=default, help=f"file (default: {text})")
    parser.add_argument("--environment", choices=ENVIRONMENTS, default="dev", help="which one (default: %(default)s)")


def _add_monitor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("monitor", help="ask the monitor").add_subparsers(required=True, metavar="action")
    parser = actions.add_parser("run", help="judge any window against a baseline now, and write the report")
    monitor_run.add_run(parser)
    parser.set_defaults(run=_monitor_run)
    parser = actions.add_parser("explain", help="compare a model's explanations and fairness with its training's")
    monitor_explain.add_explain(parser)
    parser.set_defaults(run=_monitor_explain)
    parser = actions.add_parser("simulate", help="what settings cost in false alarms, and how soon they tell a change")
    monitor.add_simulate(parser)
    parser.set_defaults(run=_monitor_simulate)


def _add_status(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("status", help="what a deployment serves, what is wrong, what was decided, what to do")
    _add_engagement(parser)
    parser.add_argument("--windows", type=_count, default=5, metavar="N", help="monitored hours to show (default: 5)")
    parser.add_argument("--decisions", type=_count, default=5, metavar="N", help="decisions to show (default: 5)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_status)


def _count(value: str) -> int:
    if not value.isdigit() or not 1 <= int(value) <= 100:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to 100, got {value!r}")
    return int(value)


def _port(value: str) -> int:
    if not value.isdigit() or int(value) > 65_535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 (any) to 65535, got {value!r}")
    return int(value)


def _account(value: str) -> str:
    if not re.fullmatch(r"\d{12}", value, re.ASCII):
        raise argparse.ArgumentTypeError(f"must be 12 digits, got {value!r}")
    return value


def _region(value: str) -> str:
    from seatrial.offline.regions import region_mistake

    if mistake := region_mistake(value):
        raise argparse.ArgumentTypeError(mistake)
    return value
