"""Athena workgroups."""

from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list


class WorkGroup(Handler):
    """AWS::Athena::WorkGroup."""

    def create(self, call: Call) -> Made:
        """CreateWorkGroup."""
        call.flag("RecursiveDeleteOption")  # heeded when the workgroup is deleted
        source = {**self._fields(call), "Configuration": call.get("WorkGroupConfiguration") or {}}
        request = call.request("athena", "CreateWorkGroup", source)
        if call.tags():
            request["Tags"] = tag_list(call.tags())
        call.client("athena").create_work_group(**request)
        if call.get("State"):
            call.client("athena").update_work_group(WorkGroup=call.get("Name"), State=call.get("State"))
        return self._made(call, call.get("Name"))

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateWorkGroup: settings that are gone fall back."""
        del old
        call.rest()
        configuration = dict(call.get("WorkGroupConfiguration") or {})
        call.client("athena").update_work_group(
            WorkGroup=physical_id,
            Description=call.get("Description") or "",
            State=call.get("State") or "ENABLED",
            ConfigurationUpdates=self._updates(call, configuration),
        )
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteWorkGroup."""
        recursive = call.flag("RecursiveDeleteOption")
        call.client("athena").delete_work_group(WorkGroup=physical_id, RecursiveDeleteOption=recursive)

    def _fields(self, call: Call) -> dict[str, Any]:
        return {"Name": call.get("Name"), "Description": call.get("Description")}

    def _updates(self, call: Call, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """Configuration in the names of UpdateWorkGroup."""
        source = dict(configuration)
        result = source.pop("ResultConfiguration", None)
        updates = call.request("athena", "UpdateWorkGroup", {"WorkGroup": "x", "ConfigurationUpdates": source})
        found: dict[str, Any] = updates["ConfigurationUpdates"]
        if result:
            found["ResultConfigurationUpdates"] = call.request(
                "athena", "StartQueryExecution", {"QueryString": "x", "ResultConfiguration": result}
            )["ResultConfiguration"]
        return found

    def _made(self, call: Call, name: str) -> Made:
        found = call.client("athena").get_work_group(WorkGroup=name)["WorkGroup"]
        version = (found.get("Configuration") or {}).get("EngineVersion") or {}
        attributes = {"CreationTime": str(found["CreationTime"])}
        attributes["WorkGroupConfiguration.EngineVersion.EffectiveEngineVersion"] = version.get(
            "EffectiveEngineVersion", ""
        )
        return Made(name, attributes)


HANDLERS: dict[str, Handler] = {"AWS::Athena::WorkGroup": WorkGroup()}
