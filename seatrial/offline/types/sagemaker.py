"""SageMaker pipelines, model package groups, models, endpoint configurations and endpoints."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from seatrial.offline.engine.errors import ResourceError
from seatrial.offline.types.base import Call, Handler, Made, tag_list, tag_map

_MOVING = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}


class Pipeline(Handler):
    """AWS::SageMaker::Pipeline."""

    def create(self, call: Call) -> Made:
        """CreatePipeline."""
        name = call.get("PipelineName")
        source = {**self._fields(call), "ClientRequestToken": uuid.uuid4().hex, "Tags": tag_list(call.tags()) or None}
        call.client("sagemaker").create_pipeline(**call.request("sagemaker", "CreatePipeline", source))
        return Made(name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdatePipeline and tags."""
        arguments = call.request("sagemaker", "UpdatePipeline", self._fields(call))
        call.client("sagemaker").update_pipeline(**arguments)
        _retag(call, call.arn("sagemaker", f"pipeline/{physical_id}"), old)
        return Made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeletePipeline."""
        call.client("sagemaker").delete_pipeline(PipelineName=physical_id, ClientRequestToken=uuid.uuid4().hex)

    def _fields(self, call: Call) -> dict[str, Any]:
        definition = call.get("PipelineDefinition")
        fields = call.rest("PipelineDefinition", "Tags")
        location = definition.get("PipelineDefinitionS3Location")
        if location is None:
            return {**fields, "PipelineDefinition": definition["PipelineDefinitionBody"]}
        where = {"Bucket": location["Bucket"], "ObjectKey": location["Key"], "VersionId": location.get("Version")}
        return {**fields, "PipelineDefinitionS3Location": where}


class ModelPackageGroup(Handler):
    """AWS::SageMaker::ModelPackageGroup."""

    def create(self, call: Call) -> Made:
        """CreateModelPackageGroup, then its policy."""
        client = call.client("sagemaker")
        source = {**call.rest("Tags", "ModelPackageGroupPolicy"), "Tags": tag_list(call.tags()) or None}
        arguments = call.request("sagemaker", "CreateModelPackageGroup", source)
        arn = call.begin(client.create_model_package_group(**arguments)["ModelPackageGroupArn"])
        self._set_policy(call)
        return self._made(arn)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Policy and tags."""
        self._set_policy(call)
        _retag(call, physical_id, old)
        return self._made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteModelPackageGroup; a group with packages stays, as on AWS."""
        del physical_id
        name = call.get("ModelPackageGroupName")
        call.client("sagemaker").delete_model_package_group(ModelPackageGroupName=name)

    def _set_policy(self, call: Call) -> None:
        policy = call.get("ModelPackageGroupPolicy")
        if policy:
            call.client("sagemaker").put_model_package_group_policy(
                ModelPackageGroupName=call.get("ModelPackageGroupName"),
                ResourcePolicy=policy if isinstance(policy, str) else json.dumps(policy),
            )

    def _made(self, arn: str) -> Made:
        attributes = {"ModelPackageGroupArn": arn, "ModelPackageGroupStatus": "Completed"}
        return Made(arn, {**attributes, "CreationTime": ""})


class Model(Handler):
    """AWS::SageMaker::Model."""

    def create(self, call: Call) -> Made:
        """CreateModel."""
        name = call.chosen_name("ModelName", 63)
        source = {**call.rest("Tags"), "ModelName": name, "Tags": tag_list(call.tags()) or None}
        made = call.client("sagemaker").create_model(**call.request("sagemaker", "CreateModel", source))
        arn = made["ModelArn"]
        return Made(arn, {"ModelArn": arn, "ModelName": name})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Tags are all that can change in place."""
        _retag(call, physical_id, old)
        return Made(physical_id, {"ModelArn": physical_id, "ModelName": _name(physical_id)})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteModel."""
        call.client("sagemaker").delete_model(ModelName=_name(physical_id))


class EndpointConfig(Handler):
    """AWS::SageMaker::EndpointConfig."""

    def create(self, call: Call) -> Made:
        """CreateEndpointConfig."""
        name = call.chosen_name("EndpointConfigName", 63)
        source = {**call.rest("Tags"), "EndpointConfigName": name, "Tags": tag_list(call.tags()) or None}
        arguments = call.request("sagemaker", "CreateEndpointConfig", source)
        arn = call.client("sagemaker").create_endpoint_config(**arguments)["EndpointConfigArn"]
        return Made(arn, {"EndpointConfigArn": arn, "EndpointConfigName": name})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Tags are all that can change in place."""
        _retag(call, physical_id, old)
        return Made(physical_id, {"EndpointConfigArn": physical_id, "EndpointConfigName": _name(physical_id)})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteEndpointConfig."""
        call.client("sagemaker").delete_endpoint_config(EndpointConfigName=_name(physical_id))


class Endpoint(Handler):
    """AWS::SageMaker::Endpoint: creation and update last until the endpoint is in service with what was asked."""

    def create(self, call: Call) -> Made:
        """CreateEndpoint, and wait."""
        name = call.chosen_name("EndpointName", 63)
        names = {"EndpointName", "EndpointConfigName", "DeploymentConfig"}
        fields = {key: value for key, value in call.rest().items() if key in names}
        source = {**fields, "EndpointName": name, "Tags": tag_list(call.tags()) or None}
        arguments = call.request("sagemaker", "CreateEndpoint", source)
        arn = call.client("sagemaker").create_endpoint(**arguments)["EndpointArn"]
        call.begin(arn)
        self._wait(call, name, call.get("EndpointConfigName"))
        return self._made(arn)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateEndpoint with the deployment settings, and wait; an automatic roll back is a failure."""
        name, wanted = _name(physical_id), call.get("EndpointConfigName")
        _retag(call, physical_id, old)
        self._settled(call, name)
        current = call.client("sagemaker").describe_endpoint(EndpointName=name)
        if current["EndpointConfigName"] != wanted:
            fields = call.rest("Tags")
            fields["EndpointName"] = name
            source = {"RetainDeploymentConfig": False, **fields}
            call.client("sagemaker").update_endpoint(**call.request("sagemaker", "UpdateEndpoint", source))
            self._wait(call, name, wanted)
        return self._made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteEndpoint, and wait until it is gone."""
        client, name = call.client("sagemaker"), _name(physical_id)
        self._settled(call, name)
        client.delete_endpoint(EndpointName=name)
        while client.list_endpoints(NameContains=name)["Endpoints"]:
            if all(item["EndpointName"] != name for item in client.list_endpoints(NameContains=name)["Endpoints"]):
                return
            call.pause()

    def _made(self, arn: str) -> Made:
        return Made(arn, {"EndpointArn": arn, "EndpointName": _name(arn)})

    def _settled(self, call: Call, name: str) -> dict[str, Any]:
        while True:
            found = call.client("sagemaker").describe_endpoint(EndpointName=name)
            if found["EndpointStatus"] not in _MOVING:
                return found
            call.pause()

    def _wait(self, call: Call, name: str, wanted: str) -> None:
        found = self._settled(call, name)
        status, why = found["EndpointStatus"], found.get("FailureReason")
        if status != "InService":
            raise ResourceError(f"endpoint {name} is {status}: {why or 'no reason was given'}")
        if found["EndpointConfigName"] != wanted:
            raise ResourceError(f"endpoint {name} was rolled back to its previous configuration: {why or 'no reason'}")


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _retag(call: Call, arn: str, old: Mapping[str, Any]) -> None:
    if old.get("Tags") == call.get("Tags"):
        return
    client = call.client("sagemaker")
    gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
    if gone:
        client.delete_tags(ResourceArn=arn, TagKeys=gone)
    if call.tags():
        client.add_tags(ResourceArn=arn, Tags=tag_list(call.tags()))


HANDLERS: dict[str, Handler] = {
    "AWS::SageMaker::Pipeline": Pipeline(),
    "AWS::SageMaker::ModelPackageGroup": ModelPackageGroup(),
    "AWS::SageMaker::Model": Model(),
    "AWS::SageMaker::EndpointConfig": EndpointConfig(),
    "AWS::SageMaker::Endpoint": Endpoint(),
}
