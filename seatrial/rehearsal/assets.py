"""Bytes of an asset: a file as it is, a folder as a deterministic zip."""

import io
import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)


def content_of(path: Path, *, zipped: bool) -> bytes:
    """What to upload; the same folder content gives the same bytes on any machine."""
    return _zip_folder(path) if zipped and path.is_dir() else path.read_bytes()


def _zip_folder(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        files = [file for file in folder.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda item: item.relative_to(folder).as_posix()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _EPOCH)
            executable = file.stat().st_mode & 0o100
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
