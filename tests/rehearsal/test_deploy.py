"""Deploying a hand-made cloud assembly to the offline cloud."""

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from seatrial.offline.cloud import OfflineCloud
from seatrial.rehearsal.assembly import AssemblyError, read_assembly
from seatrial.rehearsal.assets import content_of
from seatrial.rehearsal.deploy import Deployer, DeployError

BUCKET = "assets-${AWS::AccountId}-${AWS::Region}"
QUEUE = {"Type": "AWS::SQS::Queue"}
PRODUCER = {"Resources": {"Queue": QUEUE}, "Outputs": {"Url": {"Value": {"Ref": "Queue"}, "Export": {"Name": "url"}}}}
POLICY = {"Version": "2012-10-17", "Statement": []}
CONSUMER = {
    "Resources": {
        "Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Fn::ImportValue": "url"}], "PolicyDocument": POLICY},
        }
    },
    "Outputs": {"Imported": {"Value": {"Fn::ImportValue": "url"}}},
}


def write_assembly(folder: Path, stacks: dict[str, dict[str, Any]], needs: dict[str, list[str]]) -> Path:
    """As CDK writes it: manifest, a template and an asset manifest a stack."""
    folder.mkdir(parents=True, exist_ok=True)
    artifacts: dict[str, Any] = {}
    for name, template in stacks.items():
        (folder / f"{name}.template.json").write_text(json.dumps(template))
        destination = {"bucketName": BUCKET, "objectKey": f"{name}.json"}
        files = {name: {"source": {"path": f"{name}.template.json"}, "destinations": {"here": destination}}}
        (folder / f"{name}.assets.json").write_text(json.dumps({"files": files}))
        artifacts[f"{name}.assets"] = {"type": "cdk:asset-manifest", "properties": {"file": f"{name}.assets.json"}}
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": "aws://111111111111/eu-central-1",
            "properties": {
                "templateFile": f"{name}.template.json",
                "stackName": f"app-{name.lower()}",
                "stackTemplateAssetObjectUrl": f"s3://{BUCKET}/{name}.json",
                "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/hnb659fds/version",
                "requiresBootstrapStackVersion": 6,
            },
            "dependencies": [f"{name}.assets", *needs.get(name, [])],
        }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineCloud]:
    with OfflineCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


def test_deploys_in_order_redeploys_and_destroys_without_a_trace(cloud: OfflineCloud, tmp_path: Path) -> None:
    stacks = {"Consumer": CONSUMER, "Producer": PRODUCER}
    folder = write_assembly(tmp_path, stacks, {"Consumer": ["Producer"]})
    deployer, said = Deployer(cloud.context.client, folder), []

    outputs = deployer.deploy(said.append)
    again = deployer.deploy()
    retained = deployer.destroy()

    assert outputs["Consumer"]["Imported"] == outputs["Producer"]["Url"]
    assert said[-2:] == ["deploying app-producer", "deploying app-consumer"]
    assert again == outputs
    assert retained == []
    assert cloud.leftovers() == []


def test_names_the_resource_that_failed_and_why(cloud: OfflineCloud, tmp_path: Path) -> None:
    broken = {"Resources": {"Alias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "x", "TargetKeyId": "k"}}}}
    deployer = Deployer(cloud.context.client, write_assembly(tmp_path, {"Broken": broken}, {}))

    with pytest.raises(DeployError, match=r"stack app-broken ended ROLLBACK_COMPLETE: Alias \(AWS::KMS::Alias\): Prop"):
        deployer.deploy()

    deployer.destroy()


def test_a_stack_that_never_came_up_is_deployed_anew(cloud: OfflineCloud, tmp_path: Path) -> None:
    broken = {"Resources": {"Alias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "x", "TargetKeyId": "k"}}}}
    with pytest.raises(DeployError):
        Deployer(cloud.context.client, write_assembly(tmp_path / "1", {"Stack": broken}, {})).deploy()
    deployer = Deployer(
        cloud.context.client, write_assembly(tmp_path / "2", {"Stack": {"Resources": {"Q": QUEUE}}}, {})
    )
    # The first template is still published under the same key: a real assembly's keys are content hashes.
    bucket = "assets-111111111111-eu-central-1"
    cloud.context.client("s3").delete_object(Bucket=bucket, Key="Stack.json")

    outputs = deployer.deploy()

    assert outputs == {"Stack": {}}
    deployer.destroy()


def test_what_a_policy_retains_is_returned(cloud: OfflineCloud, tmp_path: Path) -> None:
    kept = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "DeletionPolicy": "Retain"}}}
    deployer = Deployer(cloud.context.client, write_assembly(tmp_path, {"Kept": kept}, {}))
    deployer.deploy()

    retained = deployer.destroy()

    assert [item.split(" ")[0] for item in retained] == ["AWS::SNS::Topic"]
    assert retained == cloud.retained()
    assert cloud.leftovers() == []


def test_refuses_an_assembly_of_another_account(cloud: OfflineCloud, tmp_path: Path) -> None:
    folder = write_assembly(tmp_path, {"Stack": {"Resources": {"Q": QUEUE}}}, {})
    text = (folder / "manifest.json").read_text().replace("aws://111111111111", "aws://999999999999")
    (folder / "manifest.json").write_text(text)

    with pytest.raises(DeployError, match="is for account 999999999999, the cloud is account 111111111111"):
        Deployer(cloud.context.client, folder).deploy()


def test_refuses_a_folder_that_is_not_an_assembly(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match=r"manifest\.json is missing; synthesize the app first"):
        read_assembly(tmp_path, account="1", region="r")


def test_refuses_docker_images(tmp_path: Path) -> None:
    folder = write_assembly(tmp_path, {"Stack": {"Resources": {"Q": QUEUE}}}, {})
    (folder / "Stack.assets.json").write_text(json.dumps({"dockerImages": {"a": {}}}))

    with pytest.raises(AssemblyError, match="has Docker image assets"):
        read_assembly(folder, account="1", region="r")


def test_a_folder_is_zipped_the_same_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "package").mkdir(parents=True)
        for file in sorted(["b.py", "package/a.py"], reverse=name == "two"):
            (tmp_path / name / file).write_text("x = 1\n")

    first, second = (content_of(tmp_path / name, zipped=True) for name in ("one", "two"))

    assert first == second
    assert zipfile.ZipFile(BytesIO(first)).namelist() == ["b.py", "package/a.py"]
