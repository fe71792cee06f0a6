"""Deploys a synthesized app (cdk.out) through CloudFormation's API, as the CDK CLI would, without the CLI.

Stages: read the assembly -> bootstrap (assets bucket, version parameter) -> publish assets -> create or update the
stacks in dependency order, independent ones side by side -> outputs. Destroying goes the same way back.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from seatrial.rehearsal.assembly import Assembly, Asset, StackArtifact, read_assembly
from seatrial.rehearsal.assets import content_of

Say = Callable[[str], None]
_POLL_SECONDS = 0.05
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


class DeployError(Exception):
    """A stack did not get where it should; the text names the resource that failed and why."""


@dataclass
class _Running:
    """Stacks of one deployment, by how far they are."""

    waiting: dict[str, StackArtifact]
    started: dict[str, StackArtifact] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


class Deployer:
    """Deploys and destroys one assembly; `client` returns a boto3 client for a service name."""

    def __init__(self, client: Callable[[str], Any], assembly: Path) -> None:
        self._client = client
        self._folder = assembly

    def deploy(self, say: Say = lambda text: None) -> dict[str, dict[str, str]]:
        """Deploy every stack; returns outputs by stack id. Raises `DeployError`."""
        assembly = self._read()
        self._bootstrap(assembly)
        self._publish(assembly.assets, say)
        running = _Running(waiting={stack.id: stack for stack in assembly.stacks})
        self._deploy_all(running, say)
        return {stack.id: self._outputs(stack) for stack in assembly.stacks}

    def destroy(self, say: Say = lambda text: None) -> list[str]:
        """Delete every stack, users before what they use; returns what a policy retained, as "type physical-id"."""
        assembly = self._read()
        retained: list[str] = []
        for stack in reversed(assembly.stacks):
            retained += self._destroy(stack, say)
        self._remove_bootstrap(assembly)
        return retained

    def _read(self) -> Assembly:
        identity = self._client("sts").get_caller_identity()
        region = self._client("cloudformation").meta.region_name
        assembly = read_assembly(self._folder, account=identity["Account"], region=region)
        for stack in assembly.stacks:
            if stack.account not in {identity["Account"], "unknown-account"}:
                raise DeployError(
                    f"stack {stack.name} is for account {stack.account}, the cloud is account {identity['Account']}"
                )
        return assembly

    def _deploy_all(self, running: _Running, say: Say) -> None:
        while running.waiting or running.started:
            for stack in [item for item in running.waiting.values() if item.needs <= running.done]:
                say(f"deploying {stack.name}")
                del running.waiting[stack.id]
                running.started[stack.id] = stack
                if not self._begin(stack):
                    running.done.add(running.started.pop(stack.id).id)
            for stack in [item for item in running.started.values() if self._finished(item)]:
                del running.started[stack.id]
                running.done.add(stack.id)
            time.sleep(_POLL_SECONDS if running.started else 0)

    def _begin(self, stack: StackArtifact) -> bool:
        """Create or update; False when there is nothing to do."""
        cloudformation = self._client("cloudformation")
        found = self._describe(stack.name)
        if found is not None and found["StackStatus"] == "ROLLBACK_COMPLETE":
            # CloudFormation can only delete what never came up; the CDK CLI does the same.
            self._delete(stack.name)
            found = None
        action = cloudformation.create_stack if found is None else cloudformation.update_stack
        try:
            action(
                StackName=stack.name,
                TemplateURL=stack.template_url,
                Parameters=self._parameters(stack, found),
                Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
                Capabilities=_CAPABILITIES,
            )
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return False
            raise DeployError(f"stack {stack.name}: {error.response['Error']['Message']}") from error
        return True

    def _parameters(self, stack: StackArtifact, found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        """Given values, and for an existing stack the previous ones of the rest: a redeploy keeps what was set."""
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()]
        before = {item["ParameterKey"] for item in (found or {}).get("Parameters", ())}
        kept = sorted((before & stack.declared_parameters) - set(stack.parameters))
        return [*given, *({"ParameterKey": key, "UsePreviousValue": True} for key in kept)]

    def _finished(self, stack: StackArtifact) -> bool:
        found = self._describe(stack.name)
        if found is None:
            raise DeployError(f"stack {stack.name} vanished while it was deployed")
        if found["StackStatus"] in _GOOD:
            return True
        if found["StackStatus"].endswith("_IN_PROGRESS"):
            return False
        raise DeployError(f"stack {stack.name} ended {found['StackStatus']}: {self.why_failed(stack.name)}")

    def why_failed(self, stack_name: str) -> str:
        """The first failure of a stack's latest operation: resource, type and reason."""
        first = None
        for event in self._events(stack_name):
            if event["ResourceStatus"].endswith("_FAILED") and event["ResourceType"] != "AWS::CloudFormation::Stack":
                first = event
            started = event["ResourceStatus"] in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
            if started and event["ResourceType"] == "AWS::CloudFormation::Stack" and first is not None:
                break
        if first is None:
            return (self._describe(stack_name) or {}).get("StackStatusReason", "no reason was given")
        reason = first.get("ResourceStatusReason", "no reason was given")
        return f"{first['LogicalResourceId']} ({first['ResourceType']}): {reason}"

    def _events(self, stack_name: str) -> Iterator[dict[str, Any]]:
        pages = self._client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack_name)
        for page in pages:
            yield from page["StackEvents"]

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            return self._client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _outputs(self, stack: StackArtifact) -> dict[str, str]:
        found = self._describe(stack.name) or {}
        return {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", ())}

    def _destroy(self, stack: StackArtifact, say: Say) -> list[str]:
        found = self._describe(stack.name)
        if found is None:
            return []
        say(f"destroying {stack.name}")
        self._delete(found["StackId"])
        events = self._events(found["StackId"])
        skipped = [event for event in events if event["ResourceStatus"] == "DELETE_SKIPPED"]
        return [f"{event['ResourceType']} {event['PhysicalResourceId']}" for event in reversed(skipped)]

    def _delete(self, name_or_id: str) -> None:
        stack_id = (self._describe(name_or_id) or {})["StackId"]
        self._client("cloudformation").delete_stack(StackName=stack_id)
        while True:
            found = self._describe(stack_id)
            if found is None or found["StackStatus"] == "DELETE_COMPLETE":
                return
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                raise DeployError(
                    f"stack {found['StackName']} ended {found['StackStatus']}: {self.why_failed(stack_id)}"
                )
            time.sleep(_POLL_SECONDS)

    def _bootstrap(self, assembly: Assembly) -> None:
        """What `cdk bootstrap` leaves that a deployment reads: the assets bucket and the version parameter."""
        s3, ssm = self._client("s3"), self._client("ssm")
        there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
        for bucket in sorted({asset.bucket for asset in assembly.assets} - there):
            region = s3.meta.region_name
            place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            s3.create_bucket(Bucket=bucket, **place)
        for parameter, version in sorted(assembly.bootstrap_parameters.items()):
            ssm.put_parameter(Name=parameter, Value=str(version), Type="String", Overwrite=True)

    def _publish(self, assets: tuple[Asset, ...], say: Say) -> None:
        s3 = self._client("s3")
        for asset in assets:
            if self._published(asset):
                continue
            say(f"publishing {asset.name}")
            s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=content_of(asset.path, zipped=asset.zipped))

    def _published(self, asset: Asset) -> bool:
        try:
            self._client("s3").head_object(Bucket=asset.bucket, Key=asset.key)
        except ClientError:
            return False
        return True

    def _remove_bootstrap(self, assembly: Assembly) -> None:
        s3, ssm = self._client("s3"), self._client("ssm")
        for bucket in sorted({asset.bucket for asset in assembly.assets}):
            try:
                pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket))
            except ClientError:
                continue
            for page in pages:
                for item in page.get("Contents", ()):
                    s3.delete_object(Bucket=bucket, Key=item["Key"])
            s3.delete_bucket(Bucket=bucket)
        for parameter in assembly.bootstrap_parameters:
            ssm.delete_parameters(Names=[parameter])
