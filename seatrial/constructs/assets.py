"""Files made at synth and handed to CDK as assets, addressed by their content."""

import tempfile
from pathlib import Path

import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_s3_assets as s3_assets
from constructs import Construct

from seatrial.constructs.staging import Files, digest, tar_gz_bytes, zip_bytes


def zip_code(files: Files) -> lambda_.AssetCode:
    """Lambda code from files; CDK copies the archive when the function is made, see `staged`."""
    fingerprint = digest(files)
    path = Path(_FOLDER.name) / f"{fingerprint}.zip"
    if not path.exists():
        path.write_bytes(zip_bytes(files))
    return lambda_.Code.from_asset(str(path), asset_hash=fingerprint)


def zip_asset(scope: Construct, construct_id: str, files: Files) -> s3_assets.Asset:
    """A zip asset."""
    return _asset(scope, construct_id, zip_bytes(files), digest(files), ".zip")


def tar_gz_asset(scope: Construct, construct_id: str, files: Files) -> s3_assets.Asset:
    """A tar.gz asset."""
    return _asset(scope, construct_id, tar_gz_bytes(files), digest(files), ".tar.gz")


def file_asset(scope: Construct, construct_id: str, content: bytes, suffix: str) -> s3_assets.Asset:
    """A single file."""
    return _asset(scope, construct_id, content, digest({suffix: content}), suffix)


def _asset(scope: Construct, construct_id: str, content: bytes, fingerprint: str, suffix: str) -> s3_assets.Asset:
    path = _keep(content, fingerprint + suffix)
    return s3_assets.Asset(scope, construct_id, path=str(path), asset_hash=fingerprint)


_FOLDER = tempfile.TemporaryDirectory(prefix="seatrial-assets-")
"""Holds the archives until CDK has copied them; goes away with the process."""


def _keep(content: bytes, name: str) -> Path:
    path = Path(_FOLDER.name) / name
    if not path.exists():
        path.write_bytes(content)
    return path
