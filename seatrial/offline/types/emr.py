"""EMR clusters, their steps, instance fleets and security configurations."""

import json
from collections.abc import Mapping
from typing import Any

from seatrial.offline.engine.errors import ResourceError
from seatrial.offline.types.base import Call, Handler, Made, tag_list, tag_map, truth

_READY = ("RUNNING", "WAITING")
_BEFORE = ("STARTING", "BOOTSTRAPPING")
_FLEETS = {"MasterInstanceFleet": "MASTER", "CoreInstanceFleet": "CORE"}
_GROUPS = {"MasterInstanceGroup": "MASTER", "CoreInstanceGroup": "CORE"}
_IN_PLACE = ("AutoTerminationPolicy", "ManagedScalingPolicy", "StepConcurrencyLevel", "Tags", "VisibleToAllUsers")


class Cluster(Handler):
    """AWS::EMR::Cluster."""

    def create(self, call: Call) -> Made:
        """RunJobFlow; the cluster counts as made when it is ready for steps."""
        fields = call.rest("Tags", "Instances", "VisibleToAllUsers")
        source = {**_renamed(fields), "Instances": self._instances(call), "Tags": tag_list(call.tags()) or None}
        call.get("VisibleToAllUsers")
        client = call.client("emr")
        cluster_id = call.begin(client.run_job_flow(**call.request("emr", "RunJobFlow", source))["JobFlowId"])
        while (status := self._status(call, cluster_id))["State"] in _BEFORE:
            call.pause()
        if status["State"] not in (*_READY, "TERMINATED"):
            reason = status["StateChangeReason"].get("Message", "")
            raise ResourceError(f"the cluster {cluster_id} is {status['State']}: {reason}")
        return self._made(cluster_id)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Policies, step concurrency, tags; other properties need a new cluster or are not emulated."""
        others = sorted(set(call.changed) - set(_IN_PLACE))
        if others:
            raise ResourceError(f"an update of {', '.join(others)} of a cluster is not emulated by the offline cloud")
        client = call.client("emr")
        if "AutoTerminationPolicy" in call.changed:
            self._set_idle_timeout(call, physical_id)
        if "ManagedScalingPolicy" in call.changed and call.get("ManagedScalingPolicy"):
            source = {"ClusterId": physical_id, "ManagedScalingPolicy": call.get("ManagedScalingPolicy")}
            client.put_managed_scaling_policy(**call.request("emr", "PutManagedScalingPolicy", source))
        if "StepConcurrencyLevel" in call.changed:
            client.modify_cluster(ClusterId=physical_id, StepConcurrencyLevel=int(call.get("StepConcurrencyLevel", 1)))
        call.get("VisibleToAllUsers")
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            client.remove_tags(ResourceId=physical_id, TagKeys=gone)
        if call.tags():
            client.add_tags(ResourceId=physical_id, Tags=tag_list(call.tags()))
        return self._made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """TerminateJobFlows, and the wait for it."""
        call.client("emr").terminate_job_flows(JobFlowIds=[physical_id])
        while self._status(call, physical_id)["State"] == "TERMINATING":
            call.pause()

    def _set_idle_timeout(self, call: Call, cluster_id: str) -> None:
        policy = call.get("AutoTerminationPolicy")
        if policy:
            timeout = {"IdleTimeout": int(policy["IdleTimeout"])}
            call.client("emr").put_auto_termination_policy(ClusterId=cluster_id, AutoTerminationPolicy=timeout)
        else:
            call.client("emr").remove_auto_termination_policy(ClusterId=cluster_id)

    def _status(self, call: Call, cluster_id: str) -> dict[str, Any]:
        return call.client("emr").describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]

    def _instances(self, call: Call) -> dict[str, Any]:
        """CloudFormation names each fleet and group, the API lists them with their types."""
        source = dict(call.get("Instances"))
        fleets = [{**source.pop(name), "InstanceFleetType": kind} for name, kind in _FLEETS.items() if name in source]
        fleets += [{**fleet, "InstanceFleetType": "TASK"} for fleet in source.pop("TaskInstanceFleets", ())]
        groups = [{**source.pop(name), "InstanceRole": kind} for name, kind in _GROUPS.items() if name in source]
        groups += [{**group, "InstanceRole": "TASK"} for group in source.pop("TaskInstanceGroups", ())]
        kept = {name: value for name, value in source.items() if name not in ("InstanceFleets", "InstanceGroups")}
        # CloudFormation's clusters stay when they have no steps, unless the template says otherwise.
        kept["KeepJobFlowAliveWhenNoSteps"] = truth(source.get("KeepJobFlowAliveWhenNoSteps", True))
        return _renamed({**kept, "InstanceFleets": fleets or None, "InstanceGroups": groups or None})

    def _made(self, cluster_id: str) -> Made:
        return Made(cluster_id, {"Id": cluster_id, "MasterPublicDNS": "localhost"})


class Step(Handler):
    """AWS::EMR::Step: it runs once, when it is made; every change makes another one."""

    def create(self, call: Call) -> Made:
        """AddJobFlowSteps; the stack does not wait for its end."""
        source = _renamed(call.rest("JobFlowId"))
        arguments = call.request("emr", "AddJobFlowSteps", {"JobFlowId": call.get("JobFlowId"), "Steps": [source]})
        step_id = call.client("emr").add_job_flow_steps(**arguments)["StepIds"][0]
        return Made(step_id, {"Id": step_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """Nothing to remove: what has run has run."""


class InstanceFleet(Handler):
    """AWS::EMR::InstanceFleetConfig."""

    def create(self, call: Call) -> Made:
        """AddInstanceFleet."""
        source = {"ClusterId": call.get("ClusterId"), "InstanceFleet": _renamed(call.rest("ClusterId"))}
        made = call.client("emr").add_instance_fleet(**call.request("emr", "AddInstanceFleet", source))
        fleet_id = made["InstanceFleetId"]
        return Made(fleet_id, {"InstanceFleetId": fleet_id})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """ModifyInstanceFleet: its capacities."""
        del old
        sizes = {name: int(call.get(name, 0)) for name in ("TargetOnDemandCapacity", "TargetSpotCapacity")}
        change = {"InstanceFleetId": physical_id, **sizes}
        call.client("emr").modify_instance_fleet(ClusterId=call.get("ClusterId"), InstanceFleet=change)
        return Made(physical_id, {"InstanceFleetId": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """A fleet cannot be removed from its cluster: it gets no more capacity."""
        change = {"InstanceFleetId": physical_id, "TargetOnDemandCapacity": 0, "TargetSpotCapacity": 0}
        call.client("emr").modify_instance_fleet(ClusterId=call.get("ClusterId"), InstanceFleet=change)


class SecurityConfiguration(Handler):
    """AWS::EMR::SecurityConfiguration."""

    def create(self, call: Call) -> Made:
        """CreateSecurityConfiguration."""
        name, document = call.chosen_name("Name", 128), call.get("SecurityConfiguration")
        text = document if isinstance(document, str) else json.dumps(document)
        call.client("emr").create_security_configuration(Name=name, SecurityConfiguration=text)
        return Made(name)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteSecurityConfiguration; one in use stays, as on AWS."""
        call.client("emr").delete_security_configuration(Name=physical_id)


class Studio(Handler):
    """AWS::EMR::Studio: refused, notebooks do not run here."""

    def create(self, call: Call) -> Made:
        """Refuse it."""
        raise ResourceError("AWS::EMR::Studio is not emulated by the offline cloud: leave it out of what is rehearsed")

    def delete(self, call: Call, physical_id: str) -> None:
        """Nothing was made."""


def _renamed(value: Any) -> Any:
    """Where CloudFormation's names differ from the API's."""
    names = {"ConfigurationProperties": "Properties", "StepProperties": "Properties"}
    if isinstance(value, Mapping):
        return {names.get(key, key): _renamed(item) for key, item in value.items()}
    return [_renamed(item) for item in value] if isinstance(value, list) else value


HANDLERS: dict[str, Handler] = {
    "AWS::EMR::Cluster": Cluster(),
    "AWS::EMR::InstanceFleetConfig": InstanceFleet(),
    "AWS::EMR::SecurityConfiguration": SecurityConfiguration(),
    "AWS::EMR::Step": Step(),
    "AWS::EMR::Studio": Studio(),
}
