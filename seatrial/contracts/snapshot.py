"""The digest that pins a version of training data: a run that finds other content under the same address aborts.

`pipelines/churn/steps/features.py` computes the same over the files that it was given.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

UNPINNED = "unpinned"
"""In place of a digest where the data's publisher gave none."""


def snapshot_digest(contents: Mapping[str, str]) -> str:
    """Digest over every file: its path below the version's prefix (with `/`) and the SHA-256 of its content in hex.

    Files whose name begins with a dot or an underscore are not data and must be left out.

    >>> snapshot_digest({"snapshot=a/crm/part-0.parquet": "00" * 32})[:16]
    'da11749a646260e1'
    """
    lines = "".join(f"{name}\0{contents[name]}\n" for name in sorted(contents))
    return hashlib.sha256(lines.encode()).hexdigest()


def folder_digest(folder: Path) -> str:
    """The digest of the files below a folder, as a publisher computes it before the upload."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name[0] not in "._"]
    return snapshot_digest({path.relative_to(folder).as_posix(): _sha256(path) for path in paths})


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
