"""Where things lie in the lake's buckets: one function a kind of object, so no key is spelt twice."""

from __future__ import annotations

from datetime import datetime, timezone

UTC = timezone.utc  # noqa: UP017 - datetime.UTC is new in Python 3.11

DATA_CAPTURE_PREFIX = "data-capture"
GROUND_TRUTH_PREFIX = "ground-truth"


def latest_training_data_key(dataset: str) -> str:
    """Key of the pointer to the newest labelled training data: in the raw bucket, or, of what the lake's jobs made, in
    the features bucket.

    The object is JSON: `{"uri": "s3://...", "labelled_rows": int, "as_of": "YYYY-MM-DDTHH:MM:SSZ"}`, and where the
    publisher knows them `"fresh_rows"`, labelled rows that the version before did not have, and `"digest"`, which
    pins the content (`seatrial.contracts.snapshot`).
    """
    return f"{dataset}/latest.json"


def training_data_prefix(dataset: str, version: str) -> str:
    """Prefix, in the pointer's bucket, of one version of training data: `snapshot=*/<table>/*.parquet` below it."""
    return f"{dataset}/training/{version}/"


def capture_hour_prefix(endpoint: str, variant: str, hour: datetime) -> str:
    """Prefix, in the capture bucket, of one hour of data capture (Model Monitor's layout)."""
    return f"{DATA_CAPTURE_PREFIX}/{endpoint}/{variant}/{hour:%Y/%m/%d/%H}/"


def ground_truth_hour_prefix(endpoint: str, hour: datetime) -> str:
    """Prefix, in the capture bucket, of the labels for predictions made in that hour (Model Monitor's layout)."""
    return f"{GROUND_TRUTH_PREFIX}/{endpoint}/{hour:%Y/%m/%d/%H}/"


def window_report_prefix(endpoint: str, window_start: datetime) -> str:
    """Prefix, in the artifacts bucket, of one monitored window's files (statistics, violations, verdict)."""
    return f"monitoring/{endpoint}/{window_start:%Y/%m/%d/%H%M}/"


def reading_prefix(endpoint: str, window_start: str, digest: str) -> str:
    """Prefix, in the artifacts bucket, of what a job was asked to read of a window (ISO 8601), and what it read."""
    return f"{readings_prefix(endpoint, window_start)}{digest[:16]}/"


def readings_prefix(endpoint: str, window_start: str) -> str:
    """Folder of everything that jobs were asked of a window."""
    return f"monitoring/{endpoint}/readings/{window_start[:13].replace(':', '')}/"


def baseline_copy_key(endpoint: str, digest: str) -> str:
    """Key, in the artifacts bucket, of the copy of a source's baseline that its jobs read."""
    return f"monitoring/{endpoint}/baselines/{digest[:16]}/baseline.json"


def constraints_beside(statistics_key: str) -> str:
    """Key of the constraints that belong to Model Monitor's statistics.

    >>> constraints_beside("baselines/statistics.json")
    'baselines/constraints.json'
    """
    folder, slash, _ = statistics_key.rpartition("/")
    return f"{folder}{slash}constraints.json"


def explanation_prefix(endpoint: str, end: datetime) -> str:
    """Prefix, in the artifacts bucket, of what was asked and found of the explanations up to an hour."""
    return f"monitoring/{endpoint}/explanations/{end:%Y-%m-%dT%H}/"


VERDICT_FILE = "verdict.json"
"""Name of a window's verdict below `window_report_prefix`."""
INPUTS_FILE = "inputs.json"
"""What a window was judged by: its summary, the labels that came with it, the files read."""
LABELS_FILE = "labels.json"
"""What labels say of the window's own predictions, as far as they have come."""
QUARANTINE_FILE = "quarantine.jsonl"
"""The first of the window's captured lines that could not be read."""


def ground_truth_prefix(endpoint: str) -> str:
    """Prefix, in the capture bucket, below which all labels for the endpoint's predictions lie."""
    return f"{GROUND_TRUTH_PREFIX}/{endpoint}/"


def hour_of_key(key: str) -> datetime | None:
    """The hour that the folders of a key name (".../yyyy/mm/dd/hh/file"), None when they name none.

    Empty folders count for nothing: a destination that ends with a slash gives keys with two.

    >>> hour_of_key("ground-truth/churn/2026/11/01/17/labels.jsonl").hour
    17
    """
    folders = [part for part in key.split("/")[:-1] if part]
    try:
        return datetime.strptime("/".join(folders[-4:]), "%Y/%m/%d/%H").replace(tzinfo=UTC)
    except ValueError:
        return None
