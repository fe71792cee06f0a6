"""From engagement to a deployed stack with data in it: synth, offline cloud, deploy, ingest."""

import gc
import io
import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import seatrial
from seatrial import doctor
from seatrial.contracts import layout
from seatrial.contracts.snapshot import folder_digest
from seatrial.offline.cloud import OfflineCloud
from seatrial.rehearsal.aws import Aws
from seatrial.rehearsal.data import write_snapshots
from seatrial.rehearsal.deploy import Deployer
from seatrial.rehearsal.endpoint import EndpointClient
from seatrial.rehearsal.voyage import RehearsalError, Voyage

FIRST_SERVICES = (
    "sts",
    "s3",
    "ssm",
    "cloudformation",
    "iam",
    "kms",
    "ec2",
    "logs",
    "sns",
    "sqs",
    "events",
    "scheduler",
    "dynamodb",
    "awslambda",
    "cloudwatch",
    "stepfunctions",
    "sagemaker",
)
"""What every engagement's deployment asks for: made ready while the synth runs."""


def app_folder() -> Path:
    """Folder of `app.py`: the working directory, else the checkout that this library belongs to."""
    for folder in (Path.cwd(), Path(seatrial.__file__).resolve().parents[1]):
        if (folder / "app.py").is_file() and (folder / "cdk.json").is_file():
            return folder
    raise RehearsalError("no app.py and cdk.json here: run the rehearsal in the checkout's folder")


def examine(voyage: Voyage) -> str:
    """What this machine lacks is told before anything starts."""
    checks = list(doctor.examine(app_folder()))
    failed = [check for check in checks if check.status == "fail"]
    if failed:
        raise RehearsalError("; ".join(f"{check.subject}: {check.detail}, {check.remedy}" for check in failed))
    warnings = [f"{check.subject}: {check.detail}" for check in checks if check.status == "warn"]
    return "; ".join(warnings) or f"{len(checks)} checks, all in order"


def begin_synth(voyage: Voyage) -> subprocess.Popen[bytes]:
    """Start `app.py` as the CDK CLI would, into the run folder."""
    voyage.assembly = voyage.folder / "cdk.out"
    folder = app_folder()
    chosen = {"engagement": str(voyage.options.engagement.resolve()), "environment": voyage.options.environment}
    context = json.loads((folder / "cdk.json").read_text()).get("context", {}) | chosen
    environment = os.environ | {
        "CDK_OUTDIR": str(voyage.assembly),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": "false",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }
    log = voyage.folder / "synth.log"
    with log.open("w", encoding="utf-8") as output:
        return subprocess.Popen([sys.executable, "app.py"], cwd=folder, env=environment, stderr=output, stdout=output)


def synthesize(voyage: Voyage) -> str:
    """Wait for the synth that runs since the cloud was started."""
    code = voyage.synth.wait()
    if code != 0:
        log = (voyage.folder / "synth.log").read_text(encoding="utf-8", errors="replace")
        raise RehearsalError(f"synth failed with exit code {code}", log.strip())
    return _count_resources(voyage.assembly)


def _count_resources(assembly: Path) -> str:
    templates = [json.loads(path.read_text()) for path in sorted(assembly.glob("*.template.json"))]
    types = Counter(resource["Type"] for template in templates for resource in template.get("Resources", {}).values())
    return f"{len(templates)} stacks, {types.total()} resources of {len(types)} types"


def start_cloud(voyage: Voyage) -> str:
    """Start the synth, and the offline cloud on a free port of the loopback interface while Node works on it."""
    voyage.synth = begin_synth(voyage)
    target, began = voyage.engagement.environments[voyage.options.environment], voyage.progress.elapsed
    voyage.cloud = OfflineCloud(
        voyage.folder / "cloud", account=target.account, region=target.region, start=_last_monday()
    ).start()
    voyage.cloud_start, voyage.cloud_began = voyage.now, began
    voyage.aws = Aws(voyage.cloud.context.client)
    voyage.runtime = EndpointClient(voyage.cloud.environment())
    voyage.cloud.prepare(FIRST_SERVICES)
    gc.freeze()  # what is loaded by now stays until the end
    return f"{voyage.cloud.url}, account {target.account}, {target.region}"


def _last_monday() -> datetime:
    """The cloud's time begins on a Monday, so that no weekly schedule falls into the rehearsal by chance."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday())


def deploy(voyage: Voyage) -> str:
    """Deploy the synthesized templates and assets, unchanged, in the order of their dependencies."""
    voyage.deployer = Deployer(voyage.cloud.context.client, voyage.assembly)
    stacks = voyage.deployer.deploy(voyage.progress.doing)
    voyage.stacks = stacks
    for outputs in stacks.values():
        voyage.outputs |= outputs
    return f"{len(stacks)} stacks, {len(voyage.outputs)} outputs"


def ingest(voyage: Voyage) -> str:
    """Land the history where training reads it and point `latest.json` to it."""
    return publish_training_data(voyage, "v1", {"history": voyage.sets.history})


def publish_training_data(voyage: Voyage, version: str, snapshots: dict[str, dict]) -> str:
    """Upload labelled snapshots as one version of training data, then the pointer (last, so it is never ahead)."""
    bucket, name = voyage.training_bucket, voyage.engagement.training.dataset.name
    folder = voyage.folder / "raw" / version
    write_snapshots(snapshots, folder)
    uri = voyage.aws.put_folder(bucket, layout.training_data_prefix(name, version), folder)
    rows = sum(voyage.sets.labelled_rows(snapshot) for snapshot in snapshots.values())
    pointer = {
        "uri": uri,
        "labelled_rows": rows,
        "fresh_rows": rows,
        "as_of": f"{voyage.now:%Y-%m-%dT%H:%M:%SZ}",
        "digest": folder_digest(folder),
    }
    voyage.aws.put(bucket, layout.latest_training_data_key(name), json.dumps(pointer).encode())
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 2**20
    return f"{rows:,} labelled subscribers, {size:.1f} MiB of Parquet"


def upload_files(voyage: Voyage) -> str | None:
    """Put the user's files into the artifacts bucket; a folder named `*.tar.gz` becomes that archive."""
    folder = voyage.options.files
    if folder is None:
        return None
    bucket, count = voyage.outputs["ArtifactsBucketName"], 0
    for path in sorted(folder.rglob("*")):
        inside = any(parent.name.endswith(".tar.gz") for parent in path.relative_to(folder).parents)
        if inside or (path.is_dir() and not path.name.endswith(".tar.gz")):
            continue
        body = _archive(path) if path.is_dir() else path.read_bytes()
        voyage.aws.put(bucket, path.relative_to(folder).as_posix(), body)
        count += 1
    return f"{count} objects"


def _archive(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    return buffer.getvalue()
