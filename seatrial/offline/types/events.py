"""EventBridge buses and rules, and EventBridge Scheduler."""

import json
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list


class Rule(Handler):
    """AWS::Events::Rule with its targets."""

    def create(self, call: Call) -> Made:
        """PutRule and PutTargets."""
        name = call.chosen_name("Name")
        self._put(call, name)
        self._set_targets(call, name, [])
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """PutRule again; targets as wanted."""
        name = physical_id.rpartition("|")[2]
        self._put(call, name)
        self._set_targets(call, name, old.get("Targets") or [])
        return self._made(call, name)

    def delete(self, call: Call, physical_id: str) -> None:
        """RemoveTargets and DeleteRule."""
        events, name, bus = call.client("events"), physical_id.rpartition("|")[2], self._bus(call)
        identities = [target["Id"] for target in call.get("Targets") or ()]
        if identities:
            events.remove_targets(Rule=name, EventBusName=bus, Ids=identities, Force=True)
        events.delete_rule(Name=name, EventBusName=bus, Force=True)

    def _put(self, call: Call, name: str) -> None:
        fields = call.rest("Targets", "Name", "Tags", "EventPattern")
        source: dict[str, Any] = {**fields, "Name": name, "EventBusName": self._bus(call)}
        pattern = call.get("EventPattern")
        if pattern is not None:
            source["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
        if call.tags():
            source["Tags"] = tag_list(call.tags())
        call.client("events").put_rule(**call.request("events", "PutRule", source))
        call.begin(name)

    def _set_targets(self, call: Call, name: str, before: list[Mapping[str, Any]]) -> None:
        events, bus, targets = call.client("events"), self._bus(call), call.get("Targets") or []
        gone = sorted({item["Id"] for item in before} - {item["Id"] for item in targets})
        if gone:
            events.remove_targets(Rule=name, EventBusName=bus, Ids=gone, Force=True)
        if targets:
            source = {"Rule": name, "EventBusName": bus, "Targets": targets}
            answer = events.put_targets(**call.request("events", "PutTargets", source))
            if answer.get("FailedEntries"):
                from seatrial.offline.engine.errors import ResourceError

                raise ResourceError(answer["FailedEntries"][0].get("ErrorMessage", "PutTargets failed"))

    def _bus(self, call: Call) -> str:
        bus = call.get("EventBusName") or "default"
        return bus.rpartition("/")[2]

    def _made(self, call: Call, name: str) -> Made:
        bus = self._bus(call)
        path = name if bus == "default" else f"{bus}/{name}"
        physical_id = name if bus == "default" else f"{bus}|{name}"
        return Made(physical_id, {"Arn": call.arn("events", f"rule/{path}"), "RuleName": name})


class EventBus(Handler):
    """AWS::Events::EventBus."""

    def create(self, call: Call) -> Made:
        """CreateEventBus."""
        name = call.get("Name")
        source = {**call.rest("Tags"), "Tags": tag_list(call.tags()) or None}
        made = call.client("events").create_event_bus(**call.request("events", "CreateEventBus", source))
        return Made(name, {"Arn": made["EventBusArn"], "Name": name})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteEventBus."""
        call.client("events").delete_event_bus(Name=physical_id)


class Schedule(Handler):
    """AWS::Scheduler::Schedule."""

    def create(self, call: Call) -> Made:
        """CreateSchedule."""
        name = call.chosen_name("Name")
        source = {**call.rest(), "Name": name}
        made = call.client("scheduler").create_schedule(**call.request("scheduler", "CreateSchedule", source))
        return Made(name, {"Arn": made["ScheduleArn"]})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateSchedule."""
        del old
        source = {**call.rest(), "Name": physical_id}
        made = call.client("scheduler").update_schedule(**call.request("scheduler", "UpdateSchedule", source))
        return Made(physical_id, {"Arn": made["ScheduleArn"]})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteSchedule."""
        group = {"GroupName": call.get("GroupName")} if call.get("GroupName") else {}
        call.client("scheduler").delete_schedule(Name=physical_id, **group)


class ScheduleGroup(Handler):
    """AWS::Scheduler::ScheduleGroup."""

    def create(self, call: Call) -> Made:
        """CreateScheduleGroup."""
        name = call.chosen_name("Name")
        call.client("scheduler").create_schedule_group(Name=name, Tags=tag_list(call.tags()))
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Tags are all that can change in place."""
        del old
        arn = call.arn("scheduler", f"schedule-group/{physical_id}")
        call.client("scheduler").tag_resource(ResourceArn=arn, Tags=tag_list(call.tags()))
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteScheduleGroup."""
        call.client("scheduler").delete_schedule_group(Name=physical_id)

    def _made(self, call: Call, name: str) -> Made:
        return Made(name, {"Arn": call.arn("scheduler", f"schedule-group/{name}"), "State": "ACTIVE"})


HANDLERS: dict[str, Handler] = {
    "AWS::Events::Rule": Rule(),
    "AWS::Events::EventBus": EventBus(),
    "AWS::Scheduler::Schedule": Schedule(),
    "AWS::Scheduler::ScheduleGroup": ScheduleGroup(),
}
