"""Finds the files of a source's window: what manifests of batch transform name, or a folder of a table."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from adapters import Aws, StoredObject
from found import CaptureFiles

from seatrial.contracts.monitored_source import TABLE, MonitoredSource, is_table_file

TEXT_WEIGHT, PACKED_WEIGHT, PARQUET_WEIGHT = 6, 30, 10
"""Bytes of captured requests that hold as many rows as a byte of CSV, of such a file packed, and of Parquet."""
ABSENT = "a file that a manifest names is not there, or may not be read"


def source_files(start: datetime, source: MonitoredSource, aws: Aws) -> CaptureFiles:
    """The files of the window that begins then; sizes are those of captured requests with as many rows."""
    return _table(start, source, aws) if source.kind == TABLE else _transform(start, source, aws)


def _table(start: datetime, source: MonitoredSource, aws: Aws) -> CaptureFiles:
    found = aws.objects(source.bucket, source.folder(start))
    kept = [item for item in found if is_table_file(item.key[len(source.prefix) :])]
    return CaptureFiles(tuple(_stored(source.bucket, item.key, item.size) for item in kept))


def _transform(start: datetime, source: MonitoredSource, aws: Aws) -> CaptureFiles:
    from seatrial.monitoring.transform_records import INPUT, OUTPUT, answered_by

    reasons: Counter[str] = Counter()
    asked, answers = ([*_named(part, start, source, aws, reasons)] for part in (INPUT, OUTPUT))
    pairs, own = [], []
    for places in answered_by(asked, answers):
        first, second = (_object(uri, aws, reasons) for uri in places)
        if first:
            pairs.append((first.key, second.key if second else None))
            own += [first, *([second] if second else [])]
    return CaptureFiles(tuple(own), pairs=tuple(pairs), reasons=tuple(sorted(reasons.items())))


def _named(part: str, start: datetime, source: MonitoredSource, aws: Aws, reasons: Counter[str]) -> Iterator[str]:
    """Addresses in the manifests of the window; a doubled slash, as of a destination that ends in one, is read over."""
    from seatrial.monitoring.transform_records import TransformFileError, named_by

    folders = f"{part}/{start:%Y/%m/%d/%H}/" if source.window == "hour" else f"{part}/{start:%Y/%m/%d}/"
    for item in aws.objects(source.bucket, source.prefix + folders) or aws.objects(
        source.bucket, f"{source.prefix}/{folders}"
    ):
        try:
            yield from named_by(aws.body(source.bucket, item.key))
        except TransformFileError:
            reasons["a manifest of batch transform is none"] += 1


def _object(uri: str | None, aws: Aws, reasons: Counter[str]) -> StoredObject | None:
    if uri is None:
        return None
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    size = aws.size(bucket, key)
    if size is None:
        reasons[ABSENT] += 1
    return None if size is None else _stored(bucket, key, size)


def _stored(bucket: str, key: str, size: int) -> StoredObject:
    name = key.removesuffix(".out")
    weight = PACKED_WEIGHT if name.endswith(".gz") else PARQUET_WEIGHT if name.endswith(".parquet") else TEXT_WEIGHT
    return StoredObject(f"{bucket}/{key}", size * weight)
