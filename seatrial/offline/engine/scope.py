"""What a stack's expressions may refer to: parameters, pseudo parameters, resources, conditions, exports."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seatrial.offline.engine.errors import ValidationError
from seatrial.offline.engine.intrinsics import resolve
from seatrial.offline.engine.model import Resource, Stack, Wanted

if TYPE_CHECKING:
    from seatrial.offline.engine.engine import Engine

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"


class StackScope:
    """Implements `intrinsics.Scope` for one stack on its way to `wanted`; `resources` is live."""

    def __init__(self, engine: "Engine", stack: Stack, wanted: Wanted, resources: Mapping[str, Resource]) -> None:
        self._engine = engine
        self._stack = stack
        self._wanted = wanted
        self._resources = resources
        self._conditions: dict[str, bool] = {}
        self.imports: set[str] = set()
        self.preview = False
        """In a preview, what is not there yet is `KNOWN_AFTER_APPLY`."""

    @property
    def mappings(self) -> Mapping[str, Any]:
        """The template's mappings."""
        return self._wanted.template.mappings

    def ref(self, name: str) -> Any:
        """A parameter's value, a pseudo parameter's, or a resource's physical id."""
        if name.startswith("AWS::"):
            return self._pseudo(name)
        if name in self._wanted.values:
            return self._wanted.values[name]
        return self._resource(name).physical_id if self._there(name) else KNOWN_AFTER_APPLY

    def attribute(self, logical_id: str, name: str) -> Any:
        """An attribute of a resource."""
        if not self._there(logical_id):
            return KNOWN_AFTER_APPLY
        resource = self._resource(logical_id)
        if name not in resource.attributes:
            known = ", ".join(sorted(resource.attributes)) or "none"
            raise ValidationError(
                f"Requested attribute {name} does not exist in schema for {resource.type} (offline it has: {known})"
            )
        return resource.attributes[name]

    def condition(self, name: str) -> bool:
        """A condition's value."""
        if name not in self._conditions:
            if name not in self._wanted.template.conditions:
                raise ValidationError(f"Template error: unresolved condition {name}")
            self._conditions[name] = bool(resolve(self._wanted.template.conditions[name], self))
        return self._conditions[name]

    def export(self, name: str) -> Any:
        """An export of another stack; remembered, because an export in use cannot be changed."""
        exports = self._engine.store.exports()
        if name not in exports:
            raise ValidationError(f"No export named {name} found.")
        self.imports.add(name)
        return exports[name].value

    def stack_output(self, stack: str, output: str) -> Any:
        """An output of another stack (a weak reference)."""
        other = self._engine.store.find(stack)
        if other is not None:
            for item in other.outputs:
                if item.key == output:
                    return item.value
        raise ValidationError(f"Output {output} of stack {stack} does not exist")

    def zones(self, region: str) -> list[str]:
        """Names of the region's availability zones."""
        wanted = region or self._engine.context.region
        found = self._engine.context.client("ec2").describe_availability_zones(
            Filters=[{"Name": "region-name", "Values": [wanted]}]
        )
        return [zone["ZoneName"] for zone in found["AvailabilityZones"]]

    def dynamic(self, service: str, reference: str) -> str:
        """A dynamic reference; SSM parameters only."""
        if service != "ssm":
            raise ValidationError(f"dynamic references to {service} are not emulated by the offline cloud")
        value = self._engine.read_ssm(reference)
        if value is None:
            raise ValidationError(f"Unable to resolve the SSM parameter {reference}")
        return value

    def active(self) -> dict[str, Any]:
        """The template's resources whose condition holds."""
        resources = self._wanted.template.resources
        return {
            name: definition
            for name, definition in resources.items()
            if definition.condition is None or self.condition(definition.condition)
        }

    def _there(self, name: str) -> bool:
        return name in self._resources or not self.preview

    def _resource(self, name: str) -> Resource:
        if name not in self._resources:
            raise ValidationError(
                f"Template error: resource {name} does not exist in this stack (is its condition false?)"
            )
        return self._resources[name]

    def _pseudo(self, name: str) -> Any:
        context = self._engine.context
        values = {
            "AWS::AccountId": context.account,
            "AWS::Region": context.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackId": self._stack.stack_id,
            "AWS::StackName": self._stack.name,
            "AWS::NotificationARNs": [],
        }
        if name not in values:
            raise ValidationError(f"Template error: unresolved pseudo parameter {name}")
        return values[name]


def read_parameter(client: Any, reference: str) -> str | None:
    """Value of an SSM parameter, None when it does not exist."""
    try:
        return client.get_parameter(Name=reference)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return None
        raise
