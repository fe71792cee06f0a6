"""Deterministic archives: equal sources give equal bytes and hashes in any folder, for any user, on any machine."""

import ast
import functools
import gzip
import hashlib
import importlib.metadata
import io
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import seatrial
from seatrial.constructs.errors import ConstructError

LIBRARY = Path(seatrial.__file__).parent
STAGED_PACKAGES = ("contracts", "decisions", "statistics", "monitoring", "columnar", "spark", "telecom")
"""Packages that functions and steps may carry: pure Python; telecom and columnar need numpy and pyarrow there."""
EPOCH = (1980, 1, 1, 0, 0, 0)
Files = Mapping[str, bytes]


def shipped(kind: str) -> Path:
    """Folder `lambdas` or `pipelines`: in the installed wheel, else in the checkout."""
    for folder in (LIBRARY / "_shipped" / kind, LIBRARY.parent / kind):
        if folder.is_dir():
            return folder
    raise ConstructError(f"the folder {kind!r} is neither in the installed library nor beside it")


def python_files(folder: Path, prefix: str = "") -> dict[str, bytes]:
    """Every file below `folder` but caches and compiled code, by archive name."""
    return {
        prefix + path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".pyc", ".pyo"}
    }


def library_files(sources: Iterable[bytes]) -> dict[str, bytes]:
    """Modules of the library that the sources import, and those that these import, with their packages."""
    wanted = [module for source in sources for module in _imported_modules(source)]
    files = {"seatrial/__init__.py": (LIBRARY / "__init__.py").read_bytes()} if wanted else {}
    while wanted:
        for name, content in _module_files(wanted.pop()).items():
            if name not in files:
                files[name] = content
                wanted += _imported_modules(content)
    return dict(sorted(files.items()))


@functools.cache
def _imported_modules(source: bytes) -> list[str]:
    found: list[str] = []
    for node in _statements(ast.parse(source)) if b"seatrial" in source else ():
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.startswith("seatrial.")]


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement of a module, however deep; expressions, nine tenths of a tree, hold no imports."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, name, ()):
            yield child
            yield from _statements(child)


def _module_files(module: str) -> dict[str, bytes]:
    parts = module.split(".")[1:]
    if parts[0] not in STAGED_PACKAGES:
        raise ConstructError(f"{module} cannot be staged: only seatrial.{{{','.join(STAGED_PACKAGES)}}} can")
    paths = [LIBRARY.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    paths.append(LIBRARY.joinpath(*parts).with_suffix(".py"))
    return {_archive_name(path): path.read_bytes() for path in paths if path.is_file()}


def _archive_name(path: Path) -> str:
    return "seatrial/" + path.relative_to(LIBRARY).as_posix()


def distribution_files(name: str, prefix: str) -> dict[str, bytes]:
    """The installed pure-Python distribution's modules (no compiled code, no metadata), by archive name."""
    distribution = importlib.metadata.distribution(name)
    files = {}
    for path in sorted(distribution.files or (), key=str):
        text = path.as_posix()
        if text.startswith("..") or ".dist-info/" in text or "__pycache__" in text:
            continue
        if path.suffix in {".so", ".pyd"}:
            raise ConstructError(f"{name} is not pure Python: it has {text}")
        files[prefix + text] = Path(str(distribution.locate_file(path))).read_bytes()
    if not files:
        raise ConstructError(f"the distribution {name!r} has no files to package")
    return files


def zip_bytes(files: Files) -> bytes:
    """A zip of stored (uncompressed) members in name order: compressors differ between machines, copies do not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, EPOCH)
            member.external_attr, member.create_system = 0o644 << 16, 3
            archive.writestr(member, files[name])
    return buffer.getvalue()


def tar_gz_bytes(files: Files) -> bytes:
    """A tar.gz in name order, without times, owners or compression."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(files[name]), 0o644, 0
            archive.addfile(member, io.BytesIO(files[name]))
    return gzip.compress(buffer.getvalue(), compresslevel=0, mtime=0)


def digest(files: Files) -> str:
    """SHA-256 over names and contents: the asset's hash.

    >>> digest({"a": b"1"}) == digest(dict(a=b"1"))
    True
    """
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()
