"""The wheel alone: built, installed into an empty environment, used without the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NETWORK_APP = """\
import aws_cdk as cdk
import aws_cdk.aws_kms as kms
from seatrial.constructs import Network

app = cdk.App()
stack = cdk.Stack(app, "Example", env=cdk.Environment(account="111111111111", region="eu-central-1"))
key = kms.Key(stack, "Key", enable_key_rotation=True)
network = Network(stack, "Network", encryption_key=key)
cdk.CfnOutput(stack, "Subnets", value=",".join(network.workload.subnet_ids))
app.synth()
"""
FUNCTION_APP = NETWORK_APP.replace("import Network", "import Network, PythonFunction").replace(
    "app.synth()",
    'PythonFunction(\n    stack, "Function", entry="monitor", description="as shipped", network=network.workload,\n'
    "    encryption_key=key\n)\napp.synth()",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The project's wheel, built by its own back end."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Python of an empty environment with the wheel; its dependencies are lent by this environment's folder.

    A plain path in a .pth file lends the packages without this environment's own .pth files, which would put the
    checkout back on the path.
    """
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.EnvBuilder(symlinks=True).create(folder)
    interpreter = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", interpreter, "install", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, capture_output=True)
    (site_packages,) = (folder / "lib").glob("python3.*/site-packages")
    (site_packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return interpreter


def _run(python, folder, *arguments):
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LANG"}}
    variables = {**kept, "CDK_OUTDIR": str(folder / "cdk.out"), "CDK_VALIDATION": "false"}
    return subprocess.run(
        [python, *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=120
    )


def _synthesized(python, folder, app):
    (folder / "app.py").write_text(app)
    result = _run(python, folder, "app.py")
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "cdk.out" / "Example.template.json").read_text())["Resources"]


def _of_type(resources, kind):
    return [resource for resource in resources.values() if resource["Type"] == kind]


def test_the_wheel_installs_one_package_and_ships_functions_and_pipelines_as_its_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    folders = {name.split("/")[0] for name in names}
    assert folders == {"seatrial", "seatrial-0.1.0.dist-info"}
    assert "seatrial/py.typed" in names
    assert "seatrial/_shipped/lambdas/monitor/handler.py" in names
    assert "seatrial/_shipped/pipelines/churn/definition.py" in names
    assert "seatrial-0.1.0.dist-info/licenses/LICENSE" in names
    assert [name for name in names if name.endswith((".pyc", ".pyo"))] == []


def test_two_builds_of_the_wheel_are_equal(wheel, tmp_path):
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT]

    subprocess.run(command, check=True, capture_output=True)

    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_constructs_are_imported_from_the_wheel_without_the_checkout(python, tmp_path):
    program = "import seatrial.constructs, sys; print(seatrial.constructs.__file__); print('\\n'.join(sys.path))"

    result = _run(python, tmp_path, "-c", program)

    assert result.returncode == 0, result.stderr
    file, *path = result.stdout.splitlines()
    assert Path(file).is_relative_to(python.parent.parent)
    assert str(ROOT) not in path


def test_the_command_is_there(python, tmp_path):
    result = _run(python.parent / "seatrial", tmp_path, "config", "check", ROOT / "engagements" / "iranian-churn.yaml")

    assert result.returncode == 0, result.stderr


def test_an_app_of_ten_lines_uses_one_construct_alone(python, tmp_path):
    assert len(NETWORK_APP.splitlines()) == 10

    resources = _synthesized(python, tmp_path, NETWORK_APP)

    assert len(_of_type(resources, "AWS::EC2::VPC")) == 1
    assert _of_type(resources, "AWS::EC2::NatGateway") == []


def test_a_construct_with_a_function_synthesizes_with_the_code_that_the_wheel_ships(python, wheel, tmp_path):
    resources = _synthesized(python, tmp_path, FUNCTION_APP)

    (function,) = _of_type(resources, "AWS::Lambda::Function")
    key = function["Properties"]["Code"]["S3Key"]
    asset = tmp_path / "cdk.out" / f"asset.{key}"
    assert function["Properties"]["Handler"] == "handler.lambda_handler"
    shipped = zipfile.ZipFile(wheel).read("seatrial/_shipped/lambdas/monitor/handler.py")
    assert zipfile.ZipFile(asset).read("handler.py") == shipped
