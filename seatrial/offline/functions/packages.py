"""Where a function's code lies on disk: zips unpacked by content hash, and the libraries that Lambda's runtime has."""

import functools
import hashlib
import importlib.metadata
import io
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

RUNTIME_DISTRIBUTIONS = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
"""What AWS's managed Python runtimes bring along (https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html)."""


def unpack(content: bytes, folder: Path) -> Path:
    """Unpack a zip into a folder named by its hash, once; a zip that is none raises `zipfile.BadZipFile`."""
    target = folder / _digest(content)
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(scratch)
    try:
        scratch.rename(target)
    except OSError:
        shutil.rmtree(scratch)
    return target


@functools.lru_cache(maxsize=64)
def _digest(content: bytes) -> str:
    """Of a zip that moto keeps: the same object comes with every invocation, and a layer has megabytes."""
    return hashlib.sha256(content).hexdigest()[:20]


def runtime_libraries(folder: Path) -> Path:
    """A folder of links to the installed libraries that Lambda's runtime has too, and to no other."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for name in RUNTIME_DISTRIBUTIONS:
            _link_distribution(name, folder)
    return folder


def layer_paths(layer: Path) -> list[Path]:
    """Folders of one unpacked layer that Python searches."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    nested = sorted((layer / "python" / "lib").glob("python3*/site-packages"))
    own = [path for path in nested if path.parent.name == version]
    return [*(own or nested), layer / "python"]


def _link_distribution(name: str, folder: Path) -> None:
    distribution = importlib.metadata.distribution(name)
    tops = {file.parts[0] for file in distribution.files or () if not file.parts[0].startswith(("..", "__pycache__"))}
    for top in sorted(tops):
        source = Path(str(distribution.locate_file(top)))
        if source.exists() and not (folder / top).exists():
            (folder / top).symlink_to(source)
