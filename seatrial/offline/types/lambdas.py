"""Lambda functions, permissions, layers, invocation settings, event sources, versions and aliases."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_map

_NOT_CONFIGURATION = ("Code", "Tags", "FunctionName", "ReservedConcurrentExecutions", "Architectures", "PackageType")


class Function(Handler):
    """AWS::Lambda::Function."""

    def create(self, call: Call) -> Made:
        """CreateFunction."""
        name = call.chosen_name("FunctionName")
        fields = call.rest("Code", "Tags", "ReservedConcurrentExecutions")
        source = {**fields, "FunctionName": name, "Code": _code(call), "Tags": call.tags(), "Publish": False}
        made = call.client("lambda").create_function(**call.request("lambda", "CreateFunction", source))
        call.begin(name)
        self._set_concurrency(call, name, {})
        return Made(name, {"Arn": made["FunctionArn"]})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Code, configuration, concurrency, tags."""
        client = call.client("lambda")
        arn = client.get_function(FunctionName=physical_id)["Configuration"]["FunctionArn"]
        if {"Code", "Architectures"} & set(call.changed):
            source = {**_code(call), "FunctionName": physical_id, "Architectures": call.get("Architectures")}
            client.update_function_code(**call.request("lambda", "UpdateFunctionCode", source))
        if set(call.changed) - set(_NOT_CONFIGURATION):
            source = {**_emptied(call, old), **call.rest(*_NOT_CONFIGURATION), "FunctionName": physical_id}
            client.update_function_configuration(**call.request("lambda", "UpdateFunctionConfiguration", source))
        self._set_concurrency(call, physical_id, old)
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            client.untag_resource(Resource=arn, TagKeys=gone)
        if "Tags" in call.changed and call.tags():
            client.tag_resource(Resource=arn, Tags=call.tags())
        return Made(physical_id, {"Arn": arn})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteFunction."""
        call.client("lambda").delete_function(FunctionName=physical_id)

    def _set_concurrency(self, call: Call, name: str, old: Mapping[str, Any]) -> None:
        reserved, client = call.get("ReservedConcurrentExecutions"), call.client("lambda")
        if reserved is not None:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(reserved))
        elif "ReservedConcurrentExecutions" in old:
            client.delete_function_concurrency(FunctionName=name)


class Permission(Handler):
    """AWS::Lambda::Permission."""

    def create(self, call: Call) -> Made:
        """AddPermission."""
        statement = call.name(100)
        source = {**call.rest(), "StatementId": statement}
        call.client("lambda").add_permission(**call.request("lambda", "AddPermission", source))
        return Made(statement, {"Id": statement})

    def delete(self, call: Call, physical_id: str) -> None:
        """RemovePermission."""
        call.client("lambda").remove_permission(FunctionName=call.get("FunctionName"), StatementId=physical_id)


class Layer(Handler):
    """AWS::Lambda::LayerVersion."""

    def create(self, call: Call) -> Made:
        """PublishLayerVersion."""
        source = {**call.rest(), "LayerName": call.get("LayerName") or call.name()}
        made = call.client("lambda").publish_layer_version(**call.request("lambda", "PublishLayerVersion", source))
        return Made(made["LayerVersionArn"], {"LayerVersionArn": made["LayerVersionArn"]})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteLayerVersion."""
        name, number = physical_id.split(":")[-2:]
        call.client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(number))


class InvokeConfig(Handler):
    """AWS::Lambda::EventInvokeConfig."""

    def create(self, call: Call) -> Made:
        """PutFunctionEventInvokeConfig."""
        fields, name, qualifier = call.rest("Qualifier"), call.get("FunctionName"), call.get("Qualifier", "$LATEST")
        source = fields if qualifier == "$LATEST" else {**fields, "Qualifier": qualifier}
        arguments = call.request("lambda", "PutFunctionEventInvokeConfig", source)
        call.client("lambda").put_function_event_invoke_config(**arguments)
        return Made(f"{name}|{qualifier}")

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """PutFunctionEventInvokeConfig."""
        del physical_id, old
        return self.create(call)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteFunctionEventInvokeConfig."""
        name = physical_id.partition("|")[0]
        call.client("lambda").delete_function_event_invoke_config(FunctionName=name)


class EventSource(Handler):
    """AWS::Lambda::EventSourceMapping."""

    def create(self, call: Call) -> Made:
        """CreateEventSourceMapping."""
        source = {**call.rest("Tags"), "Tags": call.tags()}
        arguments = call.request("lambda", "CreateEventSourceMapping", source)
        made = call.client("lambda").create_event_source_mapping(**arguments)["UUID"]
        return Made(made, {"Id": made, "EventSourceMappingArn": call.arn("lambda", f"event-source-mapping:{made}")})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateEventSourceMapping."""
        del old
        source = {**call.rest("Tags", "EventSourceArn", "StartingPosition"), "UUID": physical_id}
        arguments = call.request("lambda", "UpdateEventSourceMapping", source)
        call.client("lambda").update_event_source_mapping(**arguments)
        arn = call.arn("lambda", f"event-source-mapping:{physical_id}")
        return Made(physical_id, {"Id": physical_id, "EventSourceMappingArn": arn})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteEventSourceMapping."""
        call.client("lambda").delete_event_source_mapping(UUID=physical_id)


class Version(Handler):
    """AWS::Lambda::Version."""

    def create(self, call: Call) -> Made:
        """PublishVersion."""
        arguments = call.request("lambda", "PublishVersion", call.rest())
        made = call.client("lambda").publish_version(**arguments)
        arn = made["FunctionArn"]
        if not arn.endswith(f":{made['Version']}"):
            arn = f"{arn}:{made['Version']}"
        return Made(arn, {"FunctionArn": arn, "Version": made["Version"]})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteFunction of one version."""
        number = physical_id.rpartition(":")[2]
        call.client("lambda").delete_function(FunctionName=call.get("FunctionName"), Qualifier=number)


class Alias(Handler):
    """AWS::Lambda::Alias."""

    def create(self, call: Call) -> Made:
        """CreateAlias."""
        made = call.client("lambda").create_alias(**call.request("lambda", "CreateAlias", call.rest()))
        return Made(made["AliasArn"], {"AliasArn": made["AliasArn"]})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateAlias."""
        del old
        call.client("lambda").update_alias(**call.request("lambda", "UpdateAlias", call.rest()))
        return Made(physical_id, {"AliasArn": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteAlias."""
        del physical_id
        call.client("lambda").delete_alias(FunctionName=call.get("FunctionName"), Name=call.get("Name"))


def _code(call: Call) -> dict[str, Any]:
    code = dict(call.get("Code"))
    text = code.pop("ZipFile", None)
    code.pop("SourceKMSKeyArn", None)
    if text is not None:
        code["ZipFile"] = _zip_inline(text, str(call.get("Runtime", "")))
    return code


def _zip_inline(text: str, runtime: str) -> bytes:
    """Inline code becomes index.py or index.js, as CloudFormation does."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        name = "index.js" if runtime.startswith("nodejs") else "index.py"
        archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def _emptied(call: Call, old: Mapping[str, Any]) -> dict[str, Any]:
    """UpdateFunctionConfiguration keeps what it is not told: say that removed settings are empty."""
    empty: dict[str, Any] = {"Environment": {"Variables": {}}, "Layers": [], "Description": ""}
    return {name: value for name, value in empty.items() if name in old and name not in call.properties}


HANDLERS: dict[str, Handler] = {
    "AWS::Lambda::Function": Function(),
    "AWS::Lambda::Permission": Permission(),
    "AWS::Lambda::LayerVersion": Layer(),
    "AWS::Lambda::EventInvokeConfig": InvokeConfig(),
    "AWS::Lambda::EventSourceMapping": EventSource(),
    "AWS::Lambda::Version": Version(),
    "AWS::Lambda::Alias": Alias(),
}
