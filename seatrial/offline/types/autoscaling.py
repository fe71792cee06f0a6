"""Application Auto Scaling targets and policies."""

from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made

_SERVICE = "application-autoscaling"


class ScalableTarget(Handler):
    """AWS::ApplicationAutoScaling::ScalableTarget."""

    def create(self, call: Call) -> Made:
        """RegisterScalableTarget."""
        fields = call.rest("ScheduledActions")
        client = call.client(_SERVICE)
        client.register_scalable_target(**call.request(_SERVICE, "RegisterScalableTarget", fields))
        for action in call.get("ScheduledActions") or ():
            source = {**_key(call), **action}
            client.put_scheduled_action(**call.request(_SERVICE, "PutScheduledAction", source))
        identity = "|".join(_key(call)[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
        return Made(identity, {"Id": identity})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """RegisterScalableTarget again."""
        del old, physical_id
        return self.create(call)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeregisterScalableTarget."""
        del physical_id
        call.client(_SERVICE).deregister_scalable_target(**_key(call))


class ScalingPolicy(Handler):
    """AWS::ApplicationAutoScaling::ScalingPolicy."""

    def create(self, call: Call) -> Made:
        """PutScalingPolicy."""
        fields = call.rest(
            "ScalingTargetId", "TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration"
        )
        source = {**fields, **self._target(call)}
        tracking = call.get("TargetTrackingScalingPolicyConfiguration")
        if tracking:
            source["TargetTrackingScalingPolicyConfiguration"] = tracking
        steps = call.get("StepScalingPolicyConfiguration")
        if steps:
            source["StepScalingPolicyConfiguration"] = steps
        made = call.client(_SERVICE).put_scaling_policy(**call.request(_SERVICE, "PutScalingPolicy", source))
        return Made(made["PolicyARN"], {"Arn": made["PolicyARN"]})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """PutScalingPolicy again."""
        del old, physical_id
        return self.create(call)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteScalingPolicy."""
        del physical_id
        call.client(_SERVICE).delete_scaling_policy(PolicyName=call.get("PolicyName"), **self._target(call))

    def _target(self, call: Call) -> dict[str, str]:
        target = call.get("ScalingTargetId")
        if not target:
            return _key(call)
        resource, dimension, namespace = target.split("|")
        return {"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}


def _key(call: Call) -> dict[str, str]:
    return {name: call.get(name) for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}


HANDLERS: dict[str, Handler] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ScalableTarget(),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ScalingPolicy(),
}
