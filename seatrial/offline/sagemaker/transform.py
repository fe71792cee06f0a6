"""Batch transform: a model's process answers every record of the input files; one `.out` file for each."""

import time
from collections.abc import Iterator
from pathlib import Path

from seatrial.offline.sagemaker import jobs, models, storage
from seatrial.offline.sagemaker.errors import NotEmulatedError
from seatrial.offline.sagemaker.fleet import Fleet, FleetError
from seatrial.offline.sagemaker.jobs import Job, JobFailedError, JobKind, JobStoppedError
from seatrial.offline.sagemaker.service import Request, Response, Service, present

MEGABYTE = 1_000_000


def check(service: Service, request: Request) -> None:
    """Refuse what cannot run."""
    models.find_model(service, request["ModelName"])
    if request.get("DataProcessing", {}).get("JoinSource", "None") != "None" or "OutputFilter" in request.get(
        "DataProcessing", {}
    ):
        raise NotEmulatedError(
            "DataProcessing (filters and joins of batch transform) is not emulated by the offline cloud"
        )
    if request["TransformInput"].get("SplitType", "None") not in ("None", "Line"):
        raise NotEmulatedError("SplitType: only None and Line are emulated by the offline cloud")


def run(service: Service, job: Job) -> None:
    """Run the job to its end."""
    model = models.find_model(service, job.request["ModelName"])
    container = models.container_of(service, model)
    extra = {**container.environment, **job.request.get("Environment", {}), "SAGEMAKER_BATCH": "true"}
    container = models.ModelContainer(container.image, container.data_url, extra, container.isolated)
    fleet = Fleet(job.name, "AllTraffic", model.name, container, job.folder, 1, 1.0)
    began = time.monotonic()
    try:
        fleet.start(service)
        job.container = fleet.process
        _transform(service, job, fleet)
    except FleetError as error:
        raise JobFailedError(f"AlgorithmError: {error}") from error
    finally:
        fleet.stop()
        job.seconds = round(time.monotonic() - began, 3)


def _transform(service: Service, job: Job, fleet: Fleet) -> None:
    source = job.request["TransformInput"]
    s3 = service.context.client("s3")
    inputs = job.folder / "input"
    files = storage.download(s3, source["DataSource"]["S3DataSource"]["S3Uri"], inputs)
    outputs = job.folder / "output"
    for path in files:
        target = outputs / f"{path.relative_to(inputs)}.out"
        target.parent.mkdir(parents=True, exist_ok=True)
        separator = b"\n" if job.request["TransformOutput"].get("AssembleWith") == "Line" else b""
        with target.open("wb") as sink:
            for piece in _pieces(path, job.request):
                if job.stop_asked.is_set():
                    raise JobStoppedError("the job was stopped")
                sink.write(_answer(fleet, piece, job.request) + separator)
    output = job.request["TransformOutput"]
    storage.upload_folder(s3, outputs, output["S3OutputPath"], output.get("KmsKeyId"))


def _answer(fleet: Fleet, piece: bytes, request: Request) -> bytes:
    headers = {"Content-Type": request["TransformInput"].get("ContentType", "application/octet-stream")}
    headers["Accept"] = request["TransformOutput"].get("Accept", "*/*")
    try:
        answer = fleet.invoke(piece, headers)
    except OSError as error:
        raise JobFailedError(f"AlgorithmError: the container does not answer: {error}") from error
    if answer.status != 200:
        raise JobFailedError(f"AlgorithmError: ({answer.status}) {answer.body.decode(errors='replace')[:500]}")
    return answer.body


def _pieces(path: Path, request: Request) -> Iterator[bytes]:
    content = path.read_bytes()
    if request["TransformInput"].get("SplitType", "None") == "None":
        yield content
        return
    lines = [line for line in content.splitlines() if line]
    if request.get("BatchStrategy", "MultiRecord") == "SingleRecord":
        yield from lines
        return
    limit = (request.get("MaxPayloadInMB") or 6) * MEGABYTE
    batch: list[bytes] = []
    for line in lines:
        if batch and sum(map(len, batch[-1:])) + len(batch) * len(line) > limit:
            yield b"\n".join(batch)
            batch = []
        batch.append(line)
    if batch:
        yield b"\n".join(batch)


def _describe(job: Job) -> Response:
    return present(TransformStartTime=job.started, TransformEndTime=job.ended, **job.facts)


KIND = JobKind(
    name="TransformJob",
    resource="transform-job",
    log_group="/aws/sagemaker/TransformJobs",
    event="SageMaker Transform Job State Change",
    check=check,
    run=run,
    describe=_describe,
)
OPERATIONS = jobs.operations(KIND)
