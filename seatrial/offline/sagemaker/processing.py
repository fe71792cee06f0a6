"""Processing jobs: inputs from S3 into the container's folders, one process, outputs back to S3."""

import json
from pathlib import Path

from seatrial.offline.sagemaker import jobs, logs, storage
from seatrial.offline.sagemaker.container import OPT_ML, ContainerSpec, Exit, host_names
from seatrial.offline.sagemaker.errors import NotEmulatedError, ValidationError
from seatrial.offline.sagemaker.images import note_version, parse_image
from seatrial.offline.sagemaker.jobs import Job, JobFailedError, JobKind
from seatrial.offline.sagemaker.programs_table import processing_command, processing_environment
from seatrial.offline.sagemaker.service import Request, Response, Service, present


def check(service: Service, request: Request) -> None:
    """Refuse what cannot run: unknown images, inputs that are not plain S3."""
    parse_image(request["AppSpecification"]["ImageUri"])
    if not request["AppSpecification"].get("ContainerEntrypoint"):
        raise ValidationError(
            "AppSpecification.ContainerEntrypoint: an image's own entry point is not known offline: name the program"
        )
    for item in request.get("ProcessingInputs", ()):
        if "S3Input" not in item:
            raise NotEmulatedError(
                f"ProcessingInputs {item['InputName']}: only S3Input is emulated by the offline cloud"
            )
    for item in [*request.get("ProcessingInputs", ()), *_outputs(request)]:
        path = item.get("S3Input", item.get("S3Output", {})).get("LocalPath", "")
        if not path.startswith(f"{OPT_ML}/processing/") and path != f"{OPT_ML}/processing":
            raise ValidationError(f"LocalPath {path!r}: must start with /opt/ml/processing/")


def run(service: Service, job: Job) -> None:
    """Run the job to its end."""
    image = parse_image(job.request["AppSpecification"]["ImageUri"])
    note_version(service.context.journal, image)
    spec = _specification(service, job)
    _write_config(spec.ml, job)
    for item in job.request.get("ProcessingInputs", ()):
        _download(service, item, spec.ml)
    for item in _outputs(job.request):
        _local(spec.ml, item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    end = jobs.run_container(service, job, spec, jobs.maximum_runtime(job.request))
    message = spec.ml / "output" / "message"
    if message.exists():
        job.facts["ExitMessage"] = message.read_text(encoding="utf-8", errors="replace")[:1024]
    _upload(service, job, spec.ml, end)
    if end.code != 0:
        raise JobFailedError(f"AlgorithmError: {logs.tail(spec.log)}, exit code: {end.code}"[-1024:])


def _specification(service: Service, job: Job) -> ContainerSpec:
    application = job.request["AppSpecification"]
    image = parse_image(application["ImageUri"])
    isolated = jobs.isolation(job.request)
    command = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", ())]
    own = processing_environment(image, job.folder)
    return ContainerSpec(
        folder=job.folder,
        command=processing_command(image, command, job.folder, service.context.journal),
        environment={**own, **jobs.environment(service, job, isolated=isolated)},
        isolated=isolated,
    )


def _outputs(request: Request) -> list[Request]:
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for item in outputs:
        if "S3Output" not in item:
            raise NotEmulatedError(f"output {item['OutputName']}: only S3Output is emulated by the offline cloud")
    return outputs


def _local(ml: Path, path: str) -> Path:
    return ml / Path(path).relative_to(OPT_ML)


def _download(service: Service, item: Request, ml: Path) -> None:
    source = item["S3Input"]
    fetch = storage.download_manifest if source.get("S3DataType") == "ManifestFile" else storage.download
    fetch(service.context.client("s3"), source["S3Uri"], _local(ml, source["LocalPath"]))


def _upload(service: Service, job: Job, ml: Path, end: Exit) -> None:
    key = job.request.get("ProcessingOutputConfig", {}).get("KmsKeyId")
    for item in _outputs(job.request):
        target = item["S3Output"]
        if end.code == 0 or target["S3UploadMode"] == "Continuous":
            folder = _local(ml, target["LocalPath"])
            storage.upload_folder(service.context.client("s3"), folder, target["S3Uri"], key)


def _write_config(ml: Path, job: Job) -> None:
    config = ml / "config"
    config.mkdir(parents=True, exist_ok=True)
    hosts = host_names()
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": hosts[0], "hosts": hosts}))
    facts = {"ProcessingJobArn": job.arn, **job.request}
    (config / "processingjobconfig.json").write_text(json.dumps(facts, default=str))
    (ml / "output").mkdir(exist_ok=True)


def _describe(job: Job) -> Response:
    return present(ProcessingStartTime=job.started, ProcessingEndTime=job.ended, **job.facts)


KIND = JobKind(
    name="ProcessingJob",
    resource="processing-job",
    log_group="/aws/sagemaker/ProcessingJobs",
    event="SageMaker Processing Job State Change",
    check=check,
    run=run,
    describe=_describe,
)
OPERATIONS = jobs.operations(KIND)
