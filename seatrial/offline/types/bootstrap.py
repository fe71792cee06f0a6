"""Types that CDK's bootstrap stack has besides the common ones: image repositories and SSM parameters."""

import json
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list, tag_map, truth


class Repository(Handler):
    """AWS::ECR::Repository."""

    def create(self, call: Call) -> Made:
        """CreateRepository, then its policies."""
        name = call.get("RepositoryName") or call.name(256).lower()
        scanning = call.get("ImageScanningConfiguration") or {}
        made = call.client("ecr").create_repository(
            repositoryName=name,
            imageTagMutability=call.get("ImageTagMutability", "MUTABLE"),
            imageScanningConfiguration={"scanOnPush": truth(scanning.get("ScanOnPush"))},
            tags=tag_list(call.tags()),
        )["repository"]
        call.begin(name)
        call.get("EmptyOnDelete"), call.get("EncryptionConfiguration")
        self._set_policies(call, name)
        return Made(name, {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Policies, mutability."""
        del old
        client = call.client("ecr")
        client.put_image_tag_mutability(
            repositoryName=physical_id, imageTagMutability=call.get("ImageTagMutability", "MUTABLE")
        )
        self._set_policies(call, physical_id)
        made = client.describe_repositories(repositoryNames=[physical_id])["repositories"][0]
        return Made(physical_id, {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteRepository."""
        call.client("ecr").delete_repository(repositoryName=physical_id, force=call.flag("EmptyOnDelete"))

    def _set_policies(self, call: Call, name: str) -> None:
        policy, lifecycle = call.get("RepositoryPolicyText"), call.get("LifecyclePolicy")
        if policy:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            call.client("ecr").set_repository_policy(repositoryName=name, policyText=text)
        if lifecycle:
            text = lifecycle["LifecyclePolicyText"]
            call.client("ecr").put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)


class Parameter(Handler):
    """AWS::SSM::Parameter."""

    def create(self, call: Call) -> Made:
        """PutParameter."""
        name = call.chosen_name("Name", 1000)
        source = {**call.rest("Tags"), "Name": name, "Tags": tag_list(call.tags()) or None}
        call.client("ssm").put_parameter(**call.request("ssm", "PutParameter", source))
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """PutParameter with Overwrite, and tags."""
        ssm = call.client("ssm")
        source = {**call.rest("Tags"), "Name": physical_id, "Overwrite": True}
        ssm.put_parameter(**call.request("ssm", "PutParameter", source))
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=physical_id, TagKeys=gone)
        if call.tags():
            ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=physical_id, Tags=tag_list(call.tags()))
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteParameter."""
        call.client("ssm").delete_parameter(Name=physical_id)

    def _made(self, call: Call, name: str) -> Made:
        return Made(name, {"Type": call.get("Type"), "Value": str(call.get("Value"))})


HANDLERS: dict[str, Handler] = {"AWS::ECR::Repository": Repository(), "AWS::SSM::Parameter": Parameter()}
