"""Shapes of CloudFormation's responses, made from the engine's data."""

from typing import Any

from seatrial.offline.engine.model import ChangeSet, Event, Resource, Stack, Wanted
from seatrial.offline.engine.template import Template


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _parameters(wanted: Wanted | None) -> list[dict[str, Any]]:
    if wanted is None:
        return []
    found = []
    for name, raw in wanted.parameters.items():
        shown = "****" if wanted.template.parameters[name].get("NoEcho") else raw
        item = {"ParameterKey": name, "ParameterValue": shown}
        if str(wanted.template.parameters[name].get("Type", "")).startswith("AWS::SSM::"):
            item["ResolvedValue"] = str(wanted.values[name])
        found.append(item)
    return found


def _tags(wanted: Wanted | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (wanted.tags if wanted else {}).items()]


def stack_view(stack: Stack) -> dict[str, Any]:
    """One of DescribeStacks' `Stacks`."""
    wanted = stack.wanted
    outputs = [
        _without_none(
            OutputKey=item.key, OutputValue=item.value, Description=item.description, ExportName=item.export_name
        )
        for item in stack.outputs
    ]
    return _without_none(
        StackId=stack.stack_id,
        StackName=stack.name,
        Description=wanted.template.description if wanted else None,
        Parameters=_parameters(wanted),
        CreationTime=stack.created,
        LastUpdatedTime=stack.updated,
        DeletionTime=stack.deleted,
        StackStatus=stack.status,
        StackStatusReason=stack.reason,
        DisableRollback=False,
        NotificationARNs=[],
        Capabilities=list(wanted.capabilities) if wanted else [],
        Outputs=outputs,
        RoleARN=wanted.role_arn if wanted else None,
        Tags=_tags(wanted),
        EnableTerminationProtection=stack.protected,
        DriftInformation={"StackDriftStatus": "NOT_CHECKED"},
    )


def stack_summary(stack: Stack) -> dict[str, Any]:
    """One of ListStacks' `StackSummaries`."""
    return _without_none(
        StackId=stack.stack_id,
        StackName=stack.name,
        CreationTime=stack.created,
        LastUpdatedTime=stack.updated,
        DeletionTime=stack.deleted,
        StackStatus=stack.status,
        StackStatusReason=stack.reason,
        DriftInformation={"StackDriftStatus": "NOT_CHECKED"},
    )


def event_view(stack: Stack, event: Event) -> dict[str, Any]:
    """One of DescribeStackEvents' `StackEvents`."""
    return _without_none(
        StackId=stack.stack_id,
        EventId=event.event_id,
        StackName=stack.name,
        LogicalResourceId=event.logical_id,
        PhysicalResourceId=event.physical_id,
        ResourceType=event.type,
        Timestamp=event.timestamp,
        ResourceStatus=event.status,
        ResourceStatusReason=event.reason,
        ResourceProperties=event.properties,
        ClientRequestToken=event.token,
    )


def resource_view(stack: Stack, resource: Resource, stamp: str = "Timestamp") -> dict[str, Any]:
    """One resource, for the describe and list actions (which name the time differently)."""
    view = _without_none(
        StackName=stack.name,
        StackId=stack.stack_id,
        LogicalResourceId=resource.logical_id,
        PhysicalResourceId=resource.physical_id,
        ResourceType=resource.type,
        ResourceStatus=resource.status,
        DriftInformation={"StackResourceDriftStatus": "NOT_CHECKED"},
    )
    return {**view, stamp: resource.updated or stack.created}


def change_set_view(stack: Stack, change_set: ChangeSet, *, brief: bool = False) -> dict[str, Any]:
    """DescribeChangeSet's response, or with `brief` one of ListChangeSets' summaries."""
    view = _without_none(
        ChangeSetName=change_set.name,
        ChangeSetId=change_set.arn,
        StackId=stack.stack_id,
        StackName=stack.name,
        Description=change_set.description,
        CreationTime=change_set.created,
        ExecutionStatus=change_set.execution_status,
        Status=change_set.status,
        StatusReason=change_set.reason,
    )
    if brief:
        return view
    return {
        **view,
        "Parameters": _parameters(change_set.wanted),
        "NotificationARNs": [],
        "Capabilities": list(change_set.wanted.capabilities),
        "Tags": _tags(change_set.wanted),
        "Changes": change_set.changes,
    }


def template_summary(template: Template) -> dict[str, Any]:
    """GetTemplateSummary's and ValidateTemplate's response."""
    parameters = [
        _without_none(
            ParameterKey=name,
            DefaultValue=None if "Default" not in body else str(body["Default"]),
            ParameterType=body.get("Type", "String"),
            NoEcho=bool(body.get("NoEcho", False)),
            Description=body.get("Description"),
            ParameterConstraints={"AllowedValues": [str(value) for value in body.get("AllowedValues", ())]},
        )
        for name, body in template.parameters.items()
    ]
    named_iam = any(definition.type.startswith("AWS::IAM::") for definition in template.resources.values())
    return _without_none(
        Parameters=parameters,
        Description=template.description,
        Capabilities=["CAPABILITY_NAMED_IAM"] if named_iam else [],
        ResourceTypes=sorted({definition.type for definition in template.resources.values()}),
        Version=str(template.document.get("AWSTemplateFormatVersion", "2010-09-09")),
        Metadata=_metadata(template),
        DeclaredTransforms=[],
    )


def _metadata(template: Template) -> str | None:
    import json

    metadata = template.document.get("Metadata")
    return None if metadata is None else json.dumps(metadata)
