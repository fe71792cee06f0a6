"""The part of the engagement file that lists further sources of the monitor; the texts are their reference."""

from typing import Annotated, Literal

from pydantic import Field

from seatrial.config.values import BucketName, KeyArn, KeyPrefix, ObjectKey, Section, Sha256, SourceName, Text


class PlaceSection(Section):
    """A part of a bucket."""

    bucket: BucketName
    """One of the lake's (`raw`, `curated`, `features`, `artifacts`, `capture`), or the name of another of the
    account."""
    prefix: KeyPrefix
    """Where in it, ending with a slash."""


class SourceBaselineSection(Section):
    """What a source is judged by; a file with another digest is refused."""

    bucket: BucketName
    """As the source's own."""
    key: ObjectKey
    """A `baseline.json` of the Baseline step, or `statistics.json` of Model Monitor, by which only inputs are
    judged."""
    sha256: Sha256
    """SHA-256 of this file; for a baseline of the pipeline it lies beside it, in `baseline.sha256`."""
    constraints_sha256: Sha256 | None = None
    """SHA-256 of the `constraints.json` beside Model Monitor's statistics; null where none lies there."""
    ignore: tuple[Text, ...] = ()
    """Columns of Model Monitor's statistics that are no inputs, such as the label."""


class SourceSection(Section):
    """One source that the monitor judges beside the endpoint."""

    name: SourceName
    """What it is called in verdicts, metrics and folders, after the endpoint's name and a dot."""
    kind: Literal["batch_transform", "table"]
    """`batch_transform`: the data capture of transform jobs. `table`: files of a table with a row a prediction
    (Parquet, CSV with a header, JSON Lines)."""
    bucket: BucketName
    """One of the lake's (`raw`, `curated`, `features`, `artifacts`, `capture`), or the name of another of the
    account."""
    prefix: KeyPrefix
    """Where in it, ending with a slash: the jobs' `DestinationS3Uri`, or the table's folder."""
    reads: tuple[PlaceSection, ...] = ()
    """Of batch transform: where the jobs' inputs and outputs lie, which the manifests name."""
    kms_key_arns: tuple[KeyArn, ...] = ()
    """Keys that buckets other than the lake's are encrypted with."""
    baseline: SourceBaselineSection
    """What it is judged by."""
    window: Literal["hour", "day"] = "day"
    """Length of a window, UTC: of what is judged together, and has one result."""
    allowed_lateness_minutes: Annotated[int, Field(ge=0, le=2880)] = 60
    """How long after its end a window is judged: by then its files must be there. Later ones revise the result."""
    partition: Text | None = None
    """Of a table: path of a window's files below `prefix`, as strftime writes it, such as `date=%Y-%m-%d/`."""
    time_column: Text | None = None
    """Of a table: column with the rows' times, where the path does not tell (or not finely enough) which window they
    belong to."""
    prediction_column: Text | None = None
    """Of a table; null: `prediction`, if there is one."""
    label_column: Text | None = None
    """Of a table; null: `label`, if there is one."""
    required: bool = False
    """true: a window without any file is told, as `missing_data`."""
