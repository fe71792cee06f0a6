"""Training jobs: channels and hyperparameters in, AWS's training toolkit or the emulated built-in, model.tar.gz out."""

import json
import re
import sys
from pathlib import Path

from seatrial.offline.sagemaker import jobs, logs, storage
from seatrial.offline.sagemaker.container import OPT_ML, ContainerSpec, host_names
from seatrial.offline.sagemaker.errors import NotEmulatedError, ValidationError
from seatrial.offline.sagemaker.images import Image, note_version, parse_image
from seatrial.offline.sagemaker.jobs import Job, JobFailedError, JobKind, JobStoppedError
from seatrial.offline.sagemaker.programs_table import script_mode, stage
from seatrial.offline.sagemaker.service import Request, Response, Service, present

BUILTIN_METRIC = r"\[\d+\].*?{name}:([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)"
TOOLKIT_REPORT = "Reporting training FAILURE"
BUILTIN_METRICS = ("auc", "error", "logloss", "rmse", "mae", "merror", "mlogloss", "aucpr", "map", "ndcg")


def check(service: Service, request: Request) -> None:
    """Refuse what cannot run: unknown images, pipe mode, inputs that are not S3."""
    algorithm = request["AlgorithmSpecification"]
    if "TrainingImage" not in algorithm:
        raise NotEmulatedError(
            "AlgorithmSpecification.AlgorithmName: only TrainingImage is emulated by the offline cloud"
        )
    image = parse_image(algorithm["TrainingImage"])
    if "Pipe" in [
        algorithm.get("TrainingInputMode"),
        *(c.get("InputMode") for c in request.get("InputDataConfig", ())),
    ]:
        raise NotEmulatedError("TrainingInputMode Pipe: the offline cloud emulates File and FastFile")
    for channel in request.get("InputDataConfig", ()):
        if "S3DataSource" not in channel["DataSource"]:
            raise NotEmulatedError(
                f"channel {channel['ChannelName']}: only S3DataSource is emulated by the offline cloud"
            )
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        raise NotEmulatedError("OutputDataConfig.CompressionType NONE is not emulated by the offline cloud: use GZIP")
    if image.family.name == "spark":
        raise ValidationError(f"TrainingImage {image.uri!r}: the Spark image runs processing jobs only")
    if image.family.name == "scikit-learn" and not _is_script_mode(request):
        raise ValidationError("the scikit-learn image needs the hyperparameter sagemaker_program")


def run(service: Service, job: Job) -> None:
    """Run the job to its end and upload its model and output."""
    image = parse_image(job.request["AlgorithmSpecification"]["TrainingImage"])
    note_version(service.context.journal, image)
    spec = _specification(service, job, image)
    _prepare(service, job, spec.ml)
    job.facts["SecondaryStatus"] = "Training"
    try:
        end = jobs.run_container(service, job, spec, jobs.maximum_runtime(job.request))
    except JobStoppedError:
        job.facts["SecondaryStatus"] = "Stopped" if job.stop_asked.is_set() else "MaxRuntimeExceeded"
        raise
    job.facts["FinalMetricDataList"] = _metrics(service, job, spec.log)
    if end.code != 0:
        job.facts["SecondaryStatus"] = "Failed"
        raise JobFailedError(_failure(spec, end.code))
    _upload(service, job, spec.ml)
    job.facts["SecondaryStatus"] = "Completed"


def _is_script_mode(request: Request) -> bool:
    return script_mode(request.get("HyperParameters", {}), request.get("Environment", {}))


def _specification(service: Service, job: Job, image: Image) -> ContainerSpec:
    isolated = jobs.isolation(job.request)
    packages = str(job.folder / "packages")
    return ContainerSpec(
        folder=job.folder,
        command=_command(service, job, image),
        environment={
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": job.arn,
            # A requirements.txt is installed by the toolkit with pip: into the job's folder, never into ours.
            "PIP_TARGET": packages,
            "PYTHONPATH": packages,
            **jobs.environment(service, job, isolated=isolated),
        },
        isolated=isolated,
    )


def _command(service: Service, job: Job, image: Image) -> tuple[str, ...]:
    journal = service.context.journal
    entry = job.request["AlgorithmSpecification"].get("ContainerEntrypoint")
    if entry:
        program = sys.executable if Path(entry[0]).name in ("python", "python3") else entry[0]
        return (program, *entry[1:], *job.request["AlgorithmSpecification"].get("ContainerArguments", ()))
    if _is_script_mode(job.request):
        journal.fidelity("training in script mode", "aws-code", "AWS's sagemaker-training toolkit ran the script")
        return (sys.executable, "-m", "sagemaker_training.cli.train")
    journal.fidelity(
        f"{image.repository} built-in", "emulated", "the built-in XGBoost algorithm by the open-source library"
    )
    return (sys.executable, stage("builtin_xgboost.py", job.folder))


def _prepare(service: Service, job: Job, ml: Path) -> None:
    config = ml / "input" / "config"
    for folder in (config, ml / "model", ml / "output" / "data", ml / "code", job.folder / "packages"):
        folder.mkdir(parents=True, exist_ok=True)
    job.facts["SecondaryStatus"] = "Downloading"
    channels = {channel["ChannelName"]: channel for channel in job.request.get("InputDataConfig", ())}
    s3 = service.context.client("s3")
    for name, channel in channels.items():
        storage.download(s3, channel["DataSource"]["S3DataSource"]["S3Uri"], ml / "input" / "data" / name)
    _write_config(job, config, channels)
    _restore_checkpoints(s3, job, ml)


def _write_config(job: Job, config: Path, channels: dict[str, Request]) -> None:
    hosts = host_names()
    instance = job.request.get("ResourceConfig", {}).get("InstanceType", "ml.m5.xlarge")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": hosts}
    resources = {
        "current_host": hosts[0],
        "current_instance_type": instance,
        "current_group_name": "homogeneousCluster",
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
    inputs = {
        name: present(
            TrainingInputMode="File",
            S3DistributionType=channel["DataSource"]["S3DataSource"].get("S3DataDistributionType", "FullyReplicated"),
            RecordWrapperType=channel.get("RecordWrapperType", "None"),
            ContentType=channel.get("ContentType"),
        )
        for name, channel in channels.items()
    }
    hyperparameters = job.request.get("HyperParameters", {})
    documents = {"resourceconfig": resources, "inputdataconfig": inputs, "hyperparameters": hyperparameters}
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def _restore_checkpoints(s3: object, job: Job, ml: Path) -> None:
    settings = job.request.get("CheckpointConfig")
    if settings is None:
        return
    folder = ml / Path(settings.get("LocalPath", f"{OPT_ML}/checkpoints")).relative_to(OPT_ML)
    folder.mkdir(parents=True, exist_ok=True)
    bucket, prefix = storage.parse_uri(settings["S3Uri"])
    if any(True for _ in storage.keys_under(s3, bucket, prefix)):
        storage.download(s3, settings["S3Uri"], folder)


def _upload(service: Service, job: Job, ml: Path) -> None:
    job.facts["SecondaryStatus"] = "Uploading"
    output = job.request["OutputDataConfig"]
    base = storage.join_uri(output["S3OutputPath"], job.name, "output")
    s3 = service.context.client("s3")
    archive = storage.pack(ml / "model", job.folder / "model.tar.gz")
    bucket, key = storage.parse_uri(storage.join_uri(base, "model.tar.gz"))
    storage.put(s3, bucket, key, archive.read_bytes(), output.get("KmsKeyId"))
    job.facts["ModelArtifacts"] = {"S3ModelArtifacts": f"s3://{bucket}/{key}"}
    if any((ml / "output" / "data").iterdir()):
        extra = storage.pack(ml / "output" / "data", job.folder / "output.tar.gz")
        storage.put(
            s3, bucket, key.replace("model.tar.gz", "output.tar.gz"), extra.read_bytes(), output.get("KmsKeyId")
        )
    checkpoints = job.request.get("CheckpointConfig")
    if checkpoints is not None:
        folder = ml / Path(checkpoints.get("LocalPath", f"{OPT_ML}/checkpoints")).relative_to(OPT_ML)
        storage.upload_folder(s3, folder, checkpoints["S3Uri"])


def _failure(spec: ContainerSpec, code: int) -> str:
    written = spec.ml / "output" / "failure"
    text = written.read_text(encoding="utf-8", errors="replace").strip() if written.exists() else ""
    # The toolkit's own report comes last in the log; what the script said stands before it.
    own = logs.tail(spec.log, lines=4, characters=500, before=TOOLKIT_REPORT)
    reason = text[-400:] if own in text else f"{text[-400:]}\nLog ends: {own}"
    return f"AlgorithmError: {reason}, exit code: {code}"


def _metrics(service: Service, job: Job, log: Path) -> list[Response]:
    text = log.read_text(encoding="utf-8", errors="replace")
    definitions = job.request["AlgorithmSpecification"].get("MetricDefinitions") or _builtin_definitions(job.request)
    found = []
    for definition in definitions:
        values = re.findall(definition["Regex"], text, flags=re.MULTILINE)
        if values:
            last = values[-1] if isinstance(values[-1], str) else next(filter(None, values[-1]))
            found.append({"MetricName": definition["Name"], "Value": float(last), "Timestamp": service.now()})
    return found


def _builtin_definitions(request: Request) -> list[Request]:
    if _is_script_mode(request):
        return []
    pairs = [(channel, metric) for channel in ("train", "validation") for metric in BUILTIN_METRICS]
    return [{"Name": f"{c}:{m}", "Regex": BUILTIN_METRIC.format(name=f"{c}-{m}")} for c, m in pairs]


def _describe(job: Job) -> Response:
    seconds = (
        None if job.ended is None or job.started is None else max(1, int((job.ended - job.started).total_seconds()))
    )
    return {
        "SecondaryStatus": "Starting",
        **present(
            TrainingStartTime=job.started,
            TrainingEndTime=job.ended,
            TrainingTimeInSeconds=seconds,
            BillableTimeInSeconds=seconds,
        ),
        **job.facts,
    }


KIND = JobKind(
    name="TrainingJob",
    resource="training-job",
    log_group="/aws/sagemaker/TrainingJobs",
    event="SageMaker Training Job State Change",
    check=check,
    run=run,
    describe=_describe,
)
OPERATIONS = jobs.operations(KIND)
