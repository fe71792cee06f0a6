"""A running cloud for each test module, and a small client that waits for stacks."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.offline.cloud import OfflineCloud


class Stacks:
    """CloudFormation with templates as dicts; every operation waits until it has ended."""

    def __init__(self, cloud: OfflineCloud) -> None:
        self.cloud = cloud
        self.api = cloud.context.client("cloudformation")

    def create(self, name: str, template: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        stack_id = self.api.create_stack(StackName=name, TemplateBody=json.dumps(template), **arguments)["StackId"]
        return self.settled(stack_id)

    def update(self, name: str, template: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        body = {"UsePreviousTemplate": True} if template is None else {"TemplateBody": json.dumps(template)}
        self.api.update_stack(StackName=name, **body, **arguments)
        return self.settled(name)

    def delete(self, name: str, **arguments: Any) -> dict[str, Any]:
        stack_id = self.api.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.api.delete_stack(StackName=name, **arguments)
        return self.settled(stack_id)

    def settled(self, name: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            stack = self.api.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
            time.sleep(0.01)
        raise AssertionError(f"stack {name} is still {stack['StackStatus']}")

    def physical_id(self, stack: str, logical_id: str) -> str:
        found = self.api.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def events(self, stack: str) -> list[tuple[str, str]]:
        found = self.api.describe_stack_events(StackName=stack)["StackEvents"]
        return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(found)]

    def reasons(self, stack: str) -> str:
        found = self.api.describe_stack_events(StackName=stack)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in found)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineCloud]:
    folder: Path = tmp_path_factory.mktemp("cloud")
    with OfflineCloud(folder) as running:
        yield running


@pytest.fixture(scope="module")
def stacks(cloud: OfflineCloud) -> Stacks:
    return Stacks(cloud)
