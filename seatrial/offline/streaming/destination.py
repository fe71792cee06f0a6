"""The S3 destination of a delivery stream: read from the API's configuration, and refused when Firehose would."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seatrial.offline.streaming import conversion, hive_types, processing
from seatrial.offline.streaming.conversion import Conversion
from seatrial.offline.streaming.prefixes import PrefixError, Prefixes
from seatrial.offline.streaming.processing import ProcessorError, Processors

_MEBIBYTE = 1024 * 1024
_PLAIN_SIZE, _CONVERTED_SIZE, _LEAST_CONVERTED_SIZE = 5, 128, 64
_DEFAULT_SECONDS, _MOST_SECONDS = 300, 900
_EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz", "ZIP": ".zip"}


class DestinationError(Exception):
    """A destination that Firehose refuses with InvalidArgumentException."""


class NotEmulatedDestinationError(Exception):
    """A destination that AWS has and the offline cloud lacks."""


@dataclass(frozen=True)
class Place:
    """A bucket with prefixes, buffering, compression and encryption."""

    bucket: str
    prefixes: Prefixes
    buffer_bytes: int
    buffer_seconds: int
    compression: str
    extension: str
    kms_key: str | None


@dataclass(frozen=True)
class Destination:
    """Everything that happens to a record on its way to S3."""

    place: Place
    processors: Processors
    conversion: Conversion | None
    backup: Place | None
    log_group: str | None
    log_stream: str | None


def parse(settings: dict[str, Any], account: str, region: str) -> Destination:
    """The destination of an ExtendedS3DestinationConfiguration; raises the errors of this module."""
    dynamic = bool((settings.get("DynamicPartitioningConfiguration") or {}).get("Enabled"))
    try:
        processors, keys = processing.parse(settings.get("ProcessingConfiguration"), dynamic=dynamic)
        converted = _conversion(settings, account, region)
        place = _place(settings, converted is not None, dynamic=dynamic)
        place.prefixes.check(keys, dynamic=dynamic)
        backup = _backup(settings)
    except (PrefixError, ProcessorError) as error:
        raise DestinationError(str(error)) from error
    logging = settings.get("CloudWatchLoggingOptions") or {}
    logs = logging if logging.get("Enabled") else {}
    return Destination(place, processors, converted, backup, logs.get("LogGroupName"), logs.get("LogStreamName"))


def _place(settings: dict[str, Any], converted: bool, *, dynamic: bool) -> Place:
    hints = settings.get("BufferingHints") or {}
    compression = settings.get("CompressionFormat") or "UNCOMPRESSED"
    if compression not in _EXTENSIONS:
        raise NotEmulatedDestinationError(f"CompressionFormat {compression}: use {', '.join(_EXTENSIONS)}")
    if converted and compression != "UNCOMPRESSED":
        raise DestinationError("CompressionFormat must be UNCOMPRESSED when data format conversion is enabled")
    encryption = (settings.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig") or {}
    return Place(
        bucket=settings["BucketARN"].rpartition(":")[2],
        prefixes=Prefixes(
            settings.get("Prefix") or "", settings.get("ErrorOutputPrefix") or "", _zone(settings.get("CustomTimeZone"))
        ),
        buffer_bytes=_size(hints.get("SizeInMBs"), converted, dynamic=dynamic) * _MEBIBYTE,
        buffer_seconds=_seconds(hints.get("IntervalInSeconds")),
        compression=compression,
        extension=settings.get("FileExtension") or (".parquet" if converted else _EXTENSIONS[compression]),
        kms_key=encryption.get("AWSKMSKeyARN"),
    )


def _size(given: Any, converted: bool, *, dynamic: bool) -> int:
    size = int(given) if given is not None else (_CONVERTED_SIZE if converted or dynamic else _PLAIN_SIZE)
    if (converted or dynamic) and size < _LEAST_CONVERTED_SIZE:
        why = "data format conversion" if converted else "dynamic partitioning"
        raise DestinationError(
            f"BufferingHints.SizeInMBs must be at least {_LEAST_CONVERTED_SIZE} when {why} is enabled, got {size}"
        )
    if not 1 <= size <= 128:
        raise DestinationError(f"BufferingHints.SizeInMBs must be between 1 and 128, got {size}")
    return size


def _seconds(given: Any) -> int:
    seconds = int(given) if given is not None else _DEFAULT_SECONDS
    if not 0 <= seconds <= _MOST_SECONDS:
        raise DestinationError(f"BufferingHints.IntervalInSeconds must be between 0 and {_MOST_SECONDS}, got {seconds}")
    return seconds


def _zone(name: str | None) -> str:
    try:
        return ZoneInfo(name or "UTC").key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise DestinationError(f"CustomTimeZone: there is no time zone {name!r}") from error


def _conversion(settings: dict[str, Any], account: str, region: str) -> Conversion | None:
    wanted = settings.get("DataFormatConversionConfiguration") or {}
    if not wanted or wanted.get("Enabled") is False:
        return None
    for name in ("SchemaConfiguration", "InputFormatConfiguration", "OutputFormatConfiguration"):
        if not wanted.get(name):
            raise DestinationError(f"DataFormatConversionConfiguration.{name} must be given when it is enabled")
    serializer = wanted["OutputFormatConfiguration"].get("Serializer") or {}
    if "ParquetSerDe" not in serializer:
        raise NotEmulatedDestinationError(f"serializer {', '.join(serializer) or 'none'}: use ParquetSerDe")
    deserializer = wanted["InputFormatConfiguration"].get("Deserializer") or {}
    if len(deserializer) != 1:
        raise DestinationError("Deserializer must be either OpenXJsonSerDe or HiveJsonSerDe")
    try:
        conversion.timestamp_reader(deserializer)
    except hive_types.TypeTextError as error:
        raise NotEmulatedDestinationError(str(error)) from error
    return Conversion(wanted, account, region)


def _backup(settings: dict[str, Any]) -> Place | None:
    if settings.get("S3BackupMode") != "Enabled":
        return None
    wanted = settings.get("S3BackupConfiguration") or settings.get("S3BackupDescription")
    if not wanted:
        raise DestinationError("S3BackupConfiguration must be given when S3BackupMode is Enabled")
    place = _place(wanted, converted=False, dynamic=False)
    place.prefixes.check(frozenset(), dynamic=False)
    return place
