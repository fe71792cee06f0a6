"""Function zips: size, the same hash anywhere, and what importing the handler costs in CPU time.

Run: `python benchmarks/lambda_zips.py [--runs 15]`. Exits 1 when a target is missed.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from seatrial.offline.functions.packages import layer_paths, runtime_libraries, unpack

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("app.py", "cdk.json", "stacks", "seatrial", "lambdas", "pipelines", "engagements")
MAXIMUM_BYTES = 1024 * 1024
MAXIMUM_RATIO = 1.3
CLIENT = "import boto3; boto3.client('s3')"
FLOOR = f"{CLIENT}; from aws_lambda_powertools import Logger; Logger(service='floor')"
WITH_CLIENT = " with a client"
NOBODY = 65534
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    # Python and its libraries may lie in a home folder that nobody else can enter; reading is all that this allows.
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


@dataclass(frozen=True)
class Archive:
    """The zip of a function or layer, as the assembly has it."""

    name: str
    path: Path

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the zip's bytes."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def synthesize(source: Path, out: Path, wrapper: tuple[str, ...] = (), umask: int = -1, **variables: str) -> None:
    """`python app.py` in a copy of the project."""
    environment = {key: value for key, value in os.environ.items() if key != "CDK_CONTEXT_JSON"}
    environment |= {"CDK_OUTDIR": str(out), "CDK_VALIDATION": "false", "PYTHONDONTWRITEBYTECODE": "1", **variables}
    command = [*wrapper, sys.executable, "app.py"]
    done = subprocess.run(
        command, cwd=source, env=environment, umask=umask, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"synth in {source} failed:\n{done.stderr[-2000:]}")


def synthesize_elsewhere(folder: Path, out: Path) -> str:
    """Synth of a copy in which everything differs that a machine could differ in; returns what did."""
    copy, home = folder / "another place" / "project", folder / "home"
    for path in (copy, home, out):
        path.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    other_user = os.geteuid() == 0 and shutil.which("setpriv") is not None
    for path in (copy, home, out, *copy.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1_000_000_000, 1_000_000_000))
        if other_user:
            os.chown(path, NOBODY, NOBODY)
    synthesize(
        *(copy, out, AS_NOBODY if other_user else (), 0o077),
        HOME=str(home),
        TZ="Pacific/Kiritimati",
        LC_ALL="C",
        PYTHONHASHSEED="1",
    )
    user = f"uid {NOBODY}" if other_user else "the same user (another one needs root and setpriv)"
    return f"another folder, file times, modes, umask, HOME, TZ, locale and hash seed; {user}"


def archives(assembly: Path) -> tuple[list[Archive], list[Archive]]:
    """Zips of functions and of layers, by the templates."""
    found: dict[str, dict[str, Archive]] = {"AWS::Lambda::Function": {}, "AWS::Lambda::LayerVersion": {}}
    for template in sorted(assembly.glob("*.template.json")):
        for name, one in json.loads(template.read_text())["Resources"].items():
            if one["Type"] in found:
                code = one["Properties"].get("Code") or one["Properties"]["Content"]
                archive = Archive(name[:-8], assembly / f"asset.{code['S3Key']}")
                found[one["Type"]][archive.name] = archive
    functions, layers = found.values()
    return list(functions.values()), list(layers.values())


def cpu_seconds(code: str, paths: list[Path]) -> float:
    """User and system time of a Python that runs `code` and sees these folders alone, as in Lambda.

    No bytecode is written, as Lambda's code folders are read-only; boto3 has its own, as in Lambda's runtime.
    """
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-S", "-c", code], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def import_times(functions: list[Archive], layers: list[Archive], folder: Path, runs: int) -> dict[str, float]:
    """Lowest CPU time of the runs for "floor" and each function; taken in turns, so that load hits all alike."""
    libraries = runtime_libraries(folder / "runtime")
    shared = [path for layer in layers for path in layer_paths(unpack(layer.path.read_bytes(), folder / "opt"))]
    jobs = {"floor": (FLOOR, [*shared, libraries])}
    for one in functions:
        task = unpack(one.path.read_bytes(), folder / "task")
        jobs[one.name] = ("import handler", [task, *shared, libraries])
        # Handlers make their clients at first use, the floor makes one at once: what the first invocation adds is told.
        jobs[one.name + WITH_CLIENT] = (f"import handler; {CLIENT}", [task, *shared, libraries])
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(runs):
        for name, job in jobs.items():
            times[name].append(cpu_seconds(*job))
    return {name: min(values) for name, values in times.items()}


def main() -> int:
    """Synthesize twice, measure, print the table, compare with the targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="imports of each handler, of which the fastest counts")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        synthesize(ROOT, folder / "here")
        differing = synthesize_elsewhere(folder, folder / "there")
        functions, layers = archives(folder / "here")
        others = {one.name: one for group in archives(folder / "there") for one in group}
        times = import_times(functions, layers, folder, runs)
        print(f"second synth: {differing}\n")
        print(f"{'zip':<28}{'KiB':>8}{'same hash':>11}{'import ms':>11}{'ratio':>8}{'and client':>12}   SHA-256")
        missed = [_row(one, others, times) for one in (*functions, *layers)]
    floor = f"{1000 * times['floor']:>11.0f}{1:>8.2f}{1:>12.2f}"
    print(f"{'floor':<28}{'':>8}{'':>11}{floor}   boto3, one client, powertools' Logger")
    print(f"targets: functions at most {MAXIMUM_BYTES // 1024} KiB, the same hash, ratio at most {MAXIMUM_RATIO}")
    return int(any(missed))


def _row(one: Archive, others: dict[str, Archive], times: dict[str, float]) -> bool:
    """Print one line; true when it misses a target. Layers have no handler and may be larger."""
    size, same = one.path.stat().st_size, others[one.name].fingerprint == one.fingerprint
    ratio = times[one.name] / times["floor"] if one.name in times else None
    cost = f"{'layer':>11}{'':>20}"
    if ratio:
        cost = f"{1000 * times[one.name]:>11.0f}{ratio:>8.2f}{times[one.name + WITH_CLIENT] / times['floor']:>12.2f}"
    print(f"{one.name:<28}{size / 1024:>8.1f}{'yes' if same else 'NO':>11}{cost}   {one.fingerprint[:16]}")
    return not same or (ratio is not None and (size > MAXIMUM_BYTES or ratio > MAXIMUM_RATIO))


if __name__ == "__main__":
    sys.exit(main())
