"""Options in every pair that is possible: synthesized, held against the gate's checks, some of them deployed offline.

cdk-nag sees every row. cloudformation-validate sees templates in which every property of every type of resource occurs
with every value that it takes in any row. cfn-lint is slow: it sees those in which every property occurs that the
engagements of the gate's stage `templates` lack. Rows that together take every choice but the defaults are deployed and
destroyed.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from seatrial.config import EngagementError, load
from seatrial.offline.cloud import OfflineCloud
from seatrial.rehearsal.aws import Aws
from seatrial.rehearsal.deploy import Deployer
from tests.stacks.conftest import Assembly, synthesize
from tests.stacks.option_matrix import (
    EXCLUSIONS,
    OPTIONS,
    Exclusion,
    Row,
    covering_rows,
    engagement_of,
    fewest_with_every_choice,
    pairs_of,
    possible_pairs,
    refused_row,
)
from tools.templates import lint, tolerated, validate

ROWS = covering_rows()
DEPLOYED = fewest_with_every_choice(ROWS)


def write(folder: Path, row: Row, name: str, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "libraries.tar.gz").write_bytes(b"an environment")
    (folder / "onnxruntime.whl").write_bytes(b"a wheel")
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(json.loads(engagement_of(row, name)) | more))
    return path


@pytest.fixture(scope="module")
def assemblies_of_rows(tmp_path_factory: pytest.TempPathFactory) -> list[Assembly]:
    folder = tmp_path_factory.mktemp("rows")
    return [
        synthesize(folder / f"{number}", load(write(folder, row, f"row-{number}"))) for number, row in enumerate(ROWS)
    ]


def test_the_rows_hold_every_pair_that_is_possible():
    covered = set().union(*map(pairs_of, ROWS))

    assert covered == possible_pairs()
    assert len(covered) > 1000


@pytest.mark.parametrize("one", EXCLUSIONS, ids=lambda one: " with ".join(map(" ".join, (one.first, one.second))))
def test_choices_that_exclude_each_other_are_refused_in_one_sentence(tmp_path: Path, one: Exclusion):
    path = write(tmp_path, refused_row(one), "refused")

    with pytest.raises(EngagementError) as refused:
        load(path)

    sentences = [str(mistake) for mistake in str(refused.value).splitlines()]
    assert len(sentences) == 1
    assert one.sentence in sentences[0]


@pytest.mark.slow
def test_every_row_passes_cdk_nag(assemblies_of_rows: list[Assembly]):
    found = [
        (assembly.folder.name, one["ruleName"], one["violatingConstructs"][0]["constructPath"])
        for assembly in assemblies_of_rows
        for plugin in assembly.report["pluginReports"]
        for one in plugin["violations"]
    ]

    assert len(assemblies_of_rows) == len(ROWS)
    assert found == []


@pytest.mark.slow
def test_what_is_off_is_not_there_and_what_is_on_is(assemblies_of_rows: list[Assembly]):
    stacks = {"engine": "Processing", "warehouse": "Warehouse", "streaming": "Streaming", "features": "Features"}
    for row, assembly in zip(ROWS, assemblies_of_rows, strict=True):
        wanted = {stack for option, stack in stacks.items() if row[option] != next(iter(OPTIONS[option]))}

        made = set(assembly.templates) & set(stacks.values())

        assert made == wanted
        assert ("Network" in assembly.templates) == (row["network"] != "existing")
        assert bool(assembly.resources("AWS::Glue::Database")) == (row["catalog"] != "off")


@pytest.mark.slow
def test_templates_of_the_rows_pass_cloudformation_validate(assemblies_of_rows: list[Assembly]):
    templates = covering_templates(assemblies_of_rows, values=True)

    found = [text for text in validate(templates) if not tolerated(text) and not _is_the_boundary(text)]

    assert len(templates) > 20
    assert found == []


@pytest.mark.slow
def test_templates_of_the_rows_pass_cfn_lint(
    assemblies_of_rows: list[Assembly], assembly: Assembly, data_assembly: Assembly
):
    templates = covering_templates(assemblies_of_rows, values=False, but=[assembly, data_assembly])

    found = [text for text in lint(templates, "eu-central-1") if not tolerated(text)]

    assert len(templates) > 3
    assert found == []


def _is_the_boundary(text: str) -> bool:
    """A boundary is named by its ARN, which holds the account."""
    return "W9013" in text and "Role" in text


def covering_templates(assemblies: list[Assembly], *, values: bool, but: Sequence[Assembly] = ()) -> list[Path]:
    """Fewest templates, greedily, that hold each property of each type of resource, with each value if wanted."""
    holds, known = (
        {
            assembly.folder / f"{stack}.template.json": set(_facts(template, values))
            for assembly in those
            for stack, template in assembly.templates.items()
        }
        for those in (assemblies, but)
    )
    missing, chosen = set().union(*holds.values()).difference(*known.values()), []
    while missing:
        chosen.append(max(holds, key=lambda path: (len(holds[path] & missing), -len(holds[path]))))
        missing -= holds[chosen[-1]]
    return chosen


def _facts(template: dict[str, Any], values: bool) -> Iterator[tuple[str, str]]:
    for resource in template["Resources"].values():
        for path, value in _leaves({key: part for key, part in resource.items() if key != "Metadata"}):
            # Rows have names of their own, which make no difference.
            known = re.sub(r"row([-_])\d+", r"row\1", str(value)) if values else ""
            yield resource["Type"], f"{path}={known}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{path}/{key}")
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part, f"{path}/*")
    else:
        yield path, value


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineCloud]:
    with OfflineCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


def existing_network(cloud: OfflineCloud) -> dict[str, Any]:
    """A customer's own VPC with three subnets."""
    ec2 = cloud.context.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    zones = [f"eu-central-1{zone}" for zone in "abc"]
    made = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=zone)
        for number, zone in enumerate(zones)
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="workloads", Description="Workloads")["GroupId"]
    subnets = [one["Subnet"]["SubnetId"] for one in made]
    return {"vpc_id": vpc, "subnet_ids": subnets, "availability_zones": zones, "security_group_id": group}


def await_migrations(cloud: OfflineCloud, outputs: dict[str, dict[str, str]]) -> None:
    """A function that still runs while its stack goes would write its log anew."""
    if arn := outputs.get("Warehouse", {}).get("MigrationStateMachineArn"):
        machines, deadline = cloud.context.client("stepfunctions"), time.monotonic() + 120
        while not (runs := machines.list_executions(stateMachineArn=arn)["executions"]) or any(
            run["status"] == "RUNNING" for run in runs
        ):
            assert time.monotonic() < deadline, "migrations take too long"
            time.sleep(0.1)
        assert {run["status"] for run in runs} == {"SUCCEEDED"}


def test_the_deployed_rows_take_every_choice_but_the_defaults():
    beside_the_defaults = {(option, choice) for option, those in OPTIONS.items() for choice in [*those][1:]}

    taken = {choice for number in DEPLOYED for choice in ROWS[number].items()}

    assert beside_the_defaults <= taken


@pytest.mark.slow
@pytest.mark.parametrize("number", DEPLOYED)
def test_a_row_deploys_offline_and_is_destroyed(
    cloud: OfflineCloud, assemblies_of_rows: list[Assembly], tmp_path: Path, number: int
):
    row, assembly = ROWS[number], assemblies_of_rows[number]
    if row["network"] == "existing":
        given = {"existing": existing_network(cloud)}
        assembly = synthesize(tmp_path / "assembly", load(write(tmp_path, row, f"row-{number}", network=given)))
    deployer, aws = Deployer(cloud.context.client, assembly.folder), Aws(cloud.context.client)

    outputs = deployer.deploy()
    emptied = sum(aws.empty_bucket(name) for key, name in outputs["Lake"].items() if key.endswith("BucketName"))
    await_migrations(cloud, outputs)
    retained = deployer.destroy()

    assert set(outputs) == set(assembly.templates)
    assert bool(emptied) == (row["catalog"] != "off")  # the metadata of Iceberg tables
    assert bool(retained) == (row["removal"] == "keep")
    assert [left for left in cloud.leftovers() if f"row-{number}" in left and left not in retained] == []
