"""Functions: the same zip everywhere, and the settings a reviewer asks for."""

import shutil
import zipfile
from pathlib import Path

import pytest

from seatrial.constructs import PowertoolsLayer, PythonFunction
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.staging import digest, library_files, python_files, tar_gz_bytes, zip_bytes


def make(site, entry, **properties) -> PythonFunction:
    return PythonFunction(
        site.stack,
        "Greeter",
        entry=entry,
        description="Greets",
        network=site.network,
        encryption_key=site.key,
        **properties,
    )


def test_is_bounded_traced_and_in_the_vpc(site, handler):
    make(site, handler)

    function = site.one("AWS::Lambda::Function")

    assert function["ReservedConcurrentExecutions"] == 1
    assert function["Handler"] == "handler.lambda_handler"
    assert function["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-1", "subnet-2"]}
    assert "TargetArn" in function["DeadLetterConfig"]


def test_leaves_nothing_for_cdk_nag(site, handler):
    make(site, handler)

    assert site.findings() == ""


def test_the_zip_holds_the_folder_and_the_modules_that_it_imports(site, handler):
    make(site, handler)

    site.app.synth()

    (archive,) = Path(site.app.outdir).glob("asset.*.zip")
    names = zipfile.ZipFile(archive).namelist()
    assert names == [
        "handler.py",
        "seatrial/__init__.py",
        "seatrial/contracts/__init__.py",
        "seatrial/contracts/layout.py",
    ]


def test_equal_sources_have_equal_hashes_in_any_folder(site, handler, tmp_path):
    elsewhere = shutil.copytree(handler, tmp_path / "elsewhere" / "greeter")
    (elsewhere / "handler.py").chmod(0o600)

    here = make(site, handler).digest
    there = digest(python_files(elsewhere) | library_files([(elsewhere / "handler.py").read_bytes()]))

    assert here == there


def test_archives_are_the_same_bytes_twice():
    files = {"b.py": b"2\n", "a/a.py": b"1\n"}

    assert zip_bytes(files) == zip_bytes(dict(reversed(files.items())))
    assert tar_gz_bytes(files) == tar_gz_bytes(dict(reversed(files.items())))


def test_the_layer_holds_powertools_and_nothing_compiled(site):
    PowertoolsLayer(site.stack, "Layer")

    site.app.synth()

    (archive,) = Path(site.app.outdir).glob("asset.*.zip")
    names = zipfile.ZipFile(archive).namelist()
    assert "python/aws_lambda_powertools/__init__.py" in names
    assert "python/jmespath/__init__.py" in names
    assert "python/typing_extensions.py" in names
    assert not [name for name in names if name.endswith((".pyc", ".so"))]


def test_refuses_modules_that_are_not_pure(site, handler):
    (handler / "handler.py").write_text("from seatrial.constructs import Lake\n")

    with pytest.raises(ConstructError, match=r"seatrial\.constructs(\.Lake)? cannot be staged"):
        make(site, handler)


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"memory_mib": 64}, "memory_mib: must be between 128 and 10240, got 64"),
        ({"timeout_seconds": 901}, "timeout_seconds: must be between 1 and 900, got 901"),
        ({"reserved_concurrency": 0}, "reserved_concurrency: must be at least 1, got 0"),
        ({"log_retention_days": 42}, "retention_days: must be one of 1, 3, 5"),
    ],
)
def test_refuses_what_cannot_work(site, handler, properties, sentence):
    with pytest.raises(ConstructError, match=sentence):
        make(site, handler, **properties)


def test_refuses_a_folder_without_a_handler(site, tmp_path):
    with pytest.raises(ConstructError, match=r"entry: .* has no handler\.py"):
        make(site, tmp_path)


@pytest.mark.parametrize("name", ["monitor", "retraining", "promotion_select", "promotion_verify"])
def test_shipped_functions_are_small(name):
    from seatrial.constructs.function import _function_files

    assert len(zip_bytes(_function_files(name))) < 1024 * 1024
