"""What is particular to a source that is no endpoint: its baseline, how its files are read, what a job is asked."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from adapters import Aws, BaselineError
from found import CaptureFiles
from parse import Configuration

from seatrial.contracts import layout
from seatrial.contracts.monitored_source import TABLE, BaselineFile, MonitoredSource
from seatrial.monitoring.capture_reader import CaptureReader

if TYPE_CHECKING:
    from window_data import Hours, Reading

    from seatrial.contracts.volume import HandOver, HourFiles
    from seatrial.monitoring.known_baseline import KnownBaseline
    from seatrial.statistics.baseline import Baseline

    Keys = Callable[[str, CaptureFiles], HourFiles]

UNREAD = "the jobs that were to read its files failed; the log of /aws/sagemaker/ProcessingJobs says why"


def known_baseline(file: BaselineFile, aws: Aws) -> "KnownBaseline":
    """What a source is judged by; raises `BaselineError` when it is not the file that the engagement names."""
    from seatrial.monitoring.known_baseline import find_baseline  # the endpoint's cold start does without
    from seatrial.monitoring.places import InputError

    try:
        known = find_baseline(file.uri, lambda: aws)
        ignored = known.without(file.ignore)
    except InputError as error:
        raise BaselineError(str(error)) from error
    if known.digest != file.sha256:
        raise BaselineError(f"{file.uri}: SHA-256 is {known.digest}, the engagement names {file.sha256}")
    if not known.judges_outcomes:
        _check_constraints(file, aws)
    return ignored


def _check_constraints(file: BaselineFile, aws: Aws) -> None:
    """Constraints decide as the statistics do, so they are pinned as well."""
    key = layout.constraints_beside(file.key)
    # Asked by listing: where only some prefixes may be listed, S3 calls a key that is not there forbidden.
    known = any(name == key for name, _ in aws.keys(file.bucket, key))
    digest = hashlib.sha256(aws.body(file.bucket, key)).hexdigest() if known else None
    if digest != file.constraints_sha256:
        raise BaselineError(
            f"s3://{file.bucket}/{key}: SHA-256 is {digest}, the engagement names {file.constraints_sha256}"
        )


def copied_to(configuration: Configuration, digest: str) -> str:
    """Where jobs find the baseline: a copy, as what Model Monitor wrote has another form."""
    return f"s3://{configuration.artifacts_bucket}/{_copy_key(configuration, digest)}"


def _copy_key(configuration: Configuration, digest: str) -> str:
    return layout.baseline_copy_key(configuration.endpoint_name, digest)


def digest_of(baseline: "Baseline") -> str:
    """SHA-256 of the baseline as it is handed to a job."""
    return hashlib.sha256(baseline.to_json().encode()).hexdigest()


def reads_labels(reading: "Reading") -> bool:
    """Whether ground truth is looked for: labels of a table are a column, and Model Monitor's baselines know none."""
    source = reading.configuration.source
    return source is None or (reading.outcomes and source.kind != TABLE)


def take_files(reader: CaptureReader, files: CaptureFiles, reading: "Reading") -> None:
    """Read inputs of batch transform with their outputs, a pair in memory at a time."""
    from seatrial.monitoring.transform_records import take_pair

    reader.reasons.update(dict(files.reasons))
    for asked, answered in files.pairs:
        bodies = (_body(asked, reading.aws), _body(answered, reading.aws) if answered else None)
        take_pair(reader, f"s3://{asked}", *bodies)


def _body(place: str, aws: Aws) -> bytes:
    bucket, _, key = place.partition("/")
    return aws.body(bucket, key)


def hand_over_source(reading: "Reading", hours: "Hours", share: float, keys: "Keys") -> "HandOver":
    """What a job is asked: the source's files, whose keys begin with their bucket, as those of its labels do.

    `keys` tells those of a window's files and of its labels.
    """
    from seatrial.contracts.volume import HandOver, ReadingRequest, SourceReading

    configuration, source = reading.configuration, _source(reading)
    window, read = hours.files.within(int(share * hours.files.size)) if share < 1 else (hours.files, 1.0)
    files = {reading.window: window, **hours.earlier}
    copy = _copy_key(configuration, reading.memory.baseline_digest)
    reading.aws.put(configuration.artifacts_bucket, copy, reading.baseline.to_json())
    request = ReadingRequest(
        window=reading.window,
        bucket="",
        baseline_uri=reading.baseline_uri,
        baseline_digest=reading.memory.baseline_digest,
        hours={hour: _with_buckets(keys(hour, item), configuration.capture_bucket) for hour, item in files.items()},
        share=read,
        source=SourceReading(
            kind=source.kind,
            length_hours=int(source.length.total_seconds()) // 3600,
            outcomes=reading.outcomes,
            columns=asdict(source.columns),
            pairs={hour: item.pairs for hour, item in files.items() if item.pairs},
            reasons=dict(window.reasons),
        ),
    )
    return HandOver(request=request, size=sum(item.size for item in files.values()), labels=dict(hours.found))


def _with_buckets(files: "HourFiles", bucket: str) -> "HourFiles":
    """Labels lie in the capture bucket."""
    new, used = ([f"{bucket}/{key}" for key in keys] for keys in (files.new_labels, files.used_labels))
    return replace(files, new_labels=tuple(new), used_labels=tuple(used))


def _source(reading: "Reading") -> MonitoredSource:
    source = reading.configuration.source
    if source is None:
        raise ValueError("an endpoint is no source")
    return source
