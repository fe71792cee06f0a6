"""What must hold between the keys of monitoring.sources; same form as rules.py, which asks them with its own."""

from collections.abc import Callable, Iterator, Mapping

from seatrial.config.document import Path
from seatrial.config.engagement import Engagement

Finding = tuple[Path, str]
_SOURCES: Path = ("monitoring", "sources")
_OF_TABLES = ("partition", "time_column", "prediction_column", "label_column")


def _named_once(engagement: Engagement) -> Iterator[Finding]:
    names = [source.name for source in engagement.monitoring.sources]
    for place, name in enumerate(names):
        if name in names[:place]:
            yield (*_SOURCES, place, "name"), f"must be another than that of a source above, got {name!r}"


def _keys_of_the_kind(engagement: Engagement) -> Iterator[Finding]:
    for place, source in enumerate(engagement.monitoring.sources):
        if source.kind == "table" and source.reads:
            path = (*_SOURCES, place, "reads")
            yield path, "must be empty, because kind is 'table', whose files all lie below prefix"
        for key in _OF_TABLES if source.kind == "batch_transform" else ():
            value = getattr(source, key)
            if value is not None:
                yield (*_SOURCES, place, key), f"must be null, got {value!r}, because kind is 'batch_transform'"


def _window_s_rows(engagement: Engagement) -> Iterator[Finding]:
    for place, source in enumerate(engagement.monitoring.sources):
        if source.kind != "table":
            continue
        partition, path = source.partition, (*_SOURCES, place, "partition")
        if partition is None and source.time_column is None:
            yield path, "must be set (or time_column), got None: nothing tells which rows belong to a window"
        if partition is not None:
            yield from ((path, text) for text in _misfits(partition, source.window, source.time_column))


def _misfits(partition: str, window: str, time_column: str | None) -> Iterator[str]:
    """Why a partition does not name the files of a window."""
    if "%d" not in partition and "%j" not in partition:
        yield f"must name the day, as in 'date=%Y-%m-%d/', got {partition!r}"
    if not partition.endswith("/") or partition.startswith("/"):
        yield f"must be a path without a leading and with a final slash, got {partition!r}"
    if window == "day" and "%H" in partition:
        yield f"must not name the hour, got {partition!r}, because window is 'day'"
    if window == "hour" and "%H" not in partition and time_column is None:
        yield f"must name the hour (%H), got {partition!r}, because window is 'hour' and time_column is null"


def _job_for_tables(engagement: Engagement) -> Iterator[Finding]:
    monitoring = engagement.monitoring
    for place, source in enumerate(monitoring.sources):
        if source.kind == "table" and monitoring.volume.larger == "sample":
            text = "must be 'batch_transform', got 'table', while monitoring.volume.larger is 'sample'"
            yield (*_SOURCES, place, "kind"), f"{text}: tables are read by a processing job"


def _lake_s_features(engagement: Engagement) -> Iterator[Finding]:
    if engagement.lake.catalog.enabled:
        return
    for place, source in enumerate(engagement.monitoring.sources):
        buckets = {("bucket",): source.bucket, ("baseline", "bucket"): source.baseline.bucket}
        buckets |= {("reads", number, "bucket"): item.bucket for number, item in enumerate(source.reads)}
        for keys, bucket in buckets.items():
            if bucket == "features":
                text = "must be another bucket, got 'features', while lake.catalog.enabled is false: there is none"
                yield (*_SOURCES, place, *keys), text


SOURCE_RULES: Mapping[Callable[[Engagement], Iterator[Finding]], tuple[Path, ...]] = {
    _named_once: (_SOURCES,),
    _keys_of_the_kind: (_SOURCES,),
    _window_s_rows: (_SOURCES,),
    _job_for_tables: (_SOURCES, ("monitoring", "volume")),
    _lake_s_features: (_SOURCES, ("lake", "catalog", "enabled")),
}
"""Each rule with the keys it reads."""
