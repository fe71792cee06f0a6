"""EMR's operations: requests to the service's state and back."""

import json
from collections.abc import Callable
from typing import Any

from seatrial.offline.spark.api import ApiError, InvalidRequestError, Operation, Request, Response, page
from seatrial.offline.spark.emr import Emr, new_fleet
from seatrial.offline.spark.releases import SPARK_OF_RELEASE, spark_version

PAGE = 50


def operations(emr: Emr) -> dict[str, Operation]:
    """Every operation that is emulated, by name."""
    bound: dict[str, Callable[[Emr, Request], Response]] = {
        "RunJobFlow": _run,
        "TerminateJobFlows": _terminate,
        "DescribeCluster": lambda emr, request: {"Cluster": emr.find(request["ClusterId"]).describe()},
        "ListClusters": _list_clusters,
        "AddJobFlowSteps": _add_steps,
        "DescribeStep": _describe_step,
        "ListSteps": _list_steps,
        "CancelSteps": _cancel,
        "ModifyCluster": _modify,
        "SetTerminationProtection": _protect,
        "SetKeepJobFlowAliveWhenNoSteps": _keep_alive,
        "PutAutoTerminationPolicy": _put_idle,
        "GetAutoTerminationPolicy": _get_idle,
        "RemoveAutoTerminationPolicy": _remove_idle,
        "PutManagedScalingPolicy": _put_scaling,
        "GetManagedScalingPolicy": _get_scaling,
        "RemoveManagedScalingPolicy": _remove_scaling,
        "AddTags": _add_tags,
        "RemoveTags": _remove_tags,
        "ListBootstrapActions": _list_bootstrap,
        "ListInstanceFleets": lambda emr, request: {"InstanceFleets": emr.find(request["ClusterId"]).fleets},
        "AddInstanceFleet": _add_fleet,
        "ModifyInstanceFleet": _modify_fleet,
        "CreateSecurityConfiguration": _create_security,
        "DescribeSecurityConfiguration": _describe_security,
        "DeleteSecurityConfiguration": _delete_security,
        "ListSecurityConfigurations": _list_security,
        "ListReleaseLabels": lambda emr, request: {"ReleaseLabels": sorted(SPARK_OF_RELEASE)},
        "DescribeReleaseLabel": _describe_release,
    }

    def serve(work: Callable[[Emr, Request], Response]) -> Operation:
        return lambda request: work(emr, request)

    return {name: serve(work) for name, work in bound.items()}


def _run(emr: Emr, request: Request) -> Response:
    cluster = emr.start_cluster(request)
    return {"JobFlowId": cluster.id, "ClusterArn": cluster.arn}


def _terminate(emr: Emr, request: Request) -> Response:
    for cluster in [emr.find(cluster_id) for cluster_id in request["JobFlowIds"]]:
        emr.terminate(cluster)
    return {}


def _list_clusters(emr: Emr, request: Request) -> Response:
    states = request.get("ClusterStates")
    found = [one for one in reversed(emr.clusters.values()) if not states or one.state in states]
    after, before = request.get("CreatedAfter", 0), request.get("CreatedBefore", float("inf"))
    within = [one.summary() for one in found if after <= one.created.timestamp() <= before]
    items, marker = page(within, request, "", "Marker", PAGE)
    return {"Clusters": items, **marker}


def _add_steps(emr: Emr, request: Request) -> Response:
    cluster = emr.find(request["JobFlowId"])
    steps = emr.add_steps(cluster, request["Steps"], request.get("ExecutionRoleArn"))
    return {"StepIds": [step.id for step in steps]}


def _describe_step(emr: Emr, request: Request) -> Response:
    return {"Step": emr.find(request["ClusterId"]).step(request["StepId"]).describe()}


def _list_steps(emr: Emr, request: Request) -> Response:
    """The newest first, as EMR lists them."""
    cluster = emr.find(request["ClusterId"])
    states, ids = request.get("StepStates"), request.get("StepIds")
    found = [
        step.describe()
        for step in reversed(cluster.steps)
        if (not states or step.state in states) and (not ids or step.id in ids)
    ]
    items, marker = page(found, request, "", "Marker", PAGE)
    return {"Steps": items, **marker}


def _cancel(emr: Emr, request: Request) -> Response:
    cluster = emr.find(request["ClusterId"])
    steps = [cluster.step(step_id) for step_id in request["StepIds"]]
    also_running = request.get("StepCancellationOption") in ("SEND_INTERRUPT", "TERMINATE_PROCESS")
    rows: list[Response] = []
    for step in steps:
        why = emr.cancel(cluster, step, also_running=also_running)
        row = {"StepId": step.id, "Status": "FAILED" if why else "SUBMITTED"}
        rows.append({**row, "Reason": why} if why else row)
    return {"CancelStepsInfoList": rows}


def _modify(emr: Emr, request: Request) -> Response:
    cluster = emr.find(request["ClusterId"])
    if "StepConcurrencyLevel" in request:
        level = request["StepConcurrencyLevel"]
        if not 1 <= level <= 256:
            raise InvalidRequestError(f"StepConcurrencyLevel must be from 1 to 256, got {level}")
        cluster.concurrency = level
        emr.advance(cluster)
    return {"StepConcurrencyLevel": cluster.concurrency}


def _protect(emr: Emr, request: Request) -> Response:
    for cluster_id in request["JobFlowIds"]:
        emr.find(cluster_id).protected = request["TerminationProtected"]
    return {}


def _keep_alive(emr: Emr, request: Request) -> Response:
    for cluster_id in request["JobFlowIds"]:
        cluster = emr.find(cluster_id)
        cluster.keep_alive = request["KeepJobFlowAliveWhenNoSteps"]
        emr.advance(cluster)
    return {}


def _put_idle(emr: Emr, request: Request) -> Response:
    cluster = emr.find(request["ClusterId"])
    timeout = request.get("AutoTerminationPolicy", {}).get("IdleTimeout")
    if timeout is None or not 60 <= timeout <= 604_800:
        raise ApiError(f"IdleTimeout must be from 60 to 604800 seconds, got {timeout}")
    cluster.idle_timeout = timeout
    emr.watch_idleness(cluster)
    return {}


def _get_idle(emr: Emr, request: Request) -> Response:
    timeout = emr.find(request["ClusterId"]).idle_timeout
    return {"AutoTerminationPolicy": {"IdleTimeout": timeout}} if timeout is not None else {}


def _remove_idle(emr: Emr, request: Request) -> Response:
    emr.find(request["ClusterId"]).idle_timeout = None
    return {}


def _put_scaling(emr: Emr, request: Request) -> Response:
    emr.find(request["ClusterId"]).scaling = request["ManagedScalingPolicy"]
    return {}


def _get_scaling(emr: Emr, request: Request) -> Response:
    scaling = emr.find(request["ClusterId"]).scaling
    return {"ManagedScalingPolicy": scaling} if scaling else {}


def _remove_scaling(emr: Emr, request: Request) -> Response:
    emr.find(request["ClusterId"]).scaling = None
    return {}


def _add_tags(emr: Emr, request: Request) -> Response:
    tags = {tag["Key"]: tag.get("Value", "") for tag in request["Tags"]}
    emr.find(request["ResourceId"]).tags.update(tags)
    return {}


def _remove_tags(emr: Emr, request: Request) -> Response:
    tags = emr.find(request["ResourceId"]).tags
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


def _list_bootstrap(emr: Emr, request: Request) -> Response:
    actions = emr.find(request["ClusterId"]).request.get("BootstrapActions", ())
    rows = [
        {"Name": action["Name"], "ScriptPath": action["ScriptBootstrapAction"]["Path"], "Args": _arguments(action)}
        for action in actions
    ]
    return {"BootstrapActions": rows}


def _arguments(action: dict[str, Any]) -> list[str]:
    return action["ScriptBootstrapAction"].get("Args", [])


def _add_fleet(emr: Emr, request: Request) -> Response:
    cluster = emr.find(request["ClusterId"])
    fleet = new_fleet(request["InstanceFleet"])
    cluster.fleets.append(fleet)
    return {"ClusterId": cluster.id, "InstanceFleetId": fleet["Id"], "ClusterArn": cluster.arn}


def _modify_fleet(emr: Emr, request: Request) -> Response:
    change = request["InstanceFleet"]
    fleets = emr.find(request["ClusterId"]).fleets
    fleet = next((fleet for fleet in fleets if fleet["Id"] == change["InstanceFleetId"]), None)
    if fleet is None:
        raise InvalidRequestError(f"Instance fleet {change['InstanceFleetId']} does not exist.")
    for target, provisioned in (
        ("TargetOnDemandCapacity", "ProvisionedOnDemandCapacity"),
        ("TargetSpotCapacity", "ProvisionedSpotCapacity"),
    ):
        if target in change:
            fleet[target] = fleet[provisioned] = change[target]
    return {}


def _create_security(emr: Emr, request: Request) -> Response:
    name = request["Name"]
    if name in emr.security_configurations:
        raise InvalidRequestError(f"SecurityConfiguration with name '{name}' already exists.")
    try:
        document = json.loads(request["SecurityConfiguration"])
    except ValueError as error:
        raise InvalidRequestError(f"Invalid JSON: {error}") from error
    made = {"Name": name, "CreationDateTime": emr.context.clock.now()}
    emr.security_configurations[name] = {**made, "Text": request["SecurityConfiguration"], "Document": document}
    return made


def _describe_security(emr: Emr, request: Request) -> Response:
    found = _security(emr, request["Name"])
    text = {"SecurityConfiguration": found["Text"]}
    return {"Name": found["Name"], "CreationDateTime": found["CreationDateTime"], **text}


def _delete_security(emr: Emr, request: Request) -> Response:
    _security(emr, request["Name"])
    users = [
        cluster.id
        for cluster in emr.clusters.values()
        if not cluster.is_over and cluster.request.get("SecurityConfiguration") == request["Name"]
    ]
    if users:
        raise InvalidRequestError(f"Security configuration {request['Name']!r} is used by {', '.join(users)}.")
    del emr.security_configurations[request["Name"]]
    return {}


def _list_security(emr: Emr, request: Request) -> Response:
    rows = [
        {"Name": found["Name"], "CreationDateTime": found["CreationDateTime"]}
        for found in emr.security_configurations.values()
    ]
    items, marker = page(rows, request, "", "Marker", PAGE)
    return {"SecurityConfigurations": items, **marker}


def _security(emr: Emr, name: str) -> dict[str, Any]:
    if name not in emr.security_configurations:
        raise InvalidRequestError(f"Security configuration with name '{name}' does not exist.")
    return emr.security_configurations[name]


def _describe_release(emr: Emr, request: Request) -> Response:
    label = request.get("ReleaseLabel", "")
    return {"ReleaseLabel": label, "Applications": [{"Name": "Spark", "Version": spark_version(label)}]}
