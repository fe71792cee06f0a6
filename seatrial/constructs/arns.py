"""ARNs of the stack's own account and region, put together here: asking CDK for each one costs a call to Node."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from constructs import IConstruct


@dataclass(frozen=True)
class Place:
    """Partition, region and account of a stack; each may be a token."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str, name: str | None = None) -> str:
        """ARN of a resource: `resource` alone, or `resource/name`.

        >>> Place("aws", "eu-central-1", "111111111111").arn("sagemaker", "endpoint", "churn")
        'arn:aws:sagemaker:eu-central-1:111111111111:endpoint/churn'
        """
        last = resource if name is None else f"{resource}/{name}"
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{last}"


_PLACES: "WeakKeyDictionary[IConstruct, Place]" = WeakKeyDictionary()


def place_of(construct: IConstruct) -> Place:
    """The place of the stack in which the construct is."""
    if construct not in _PLACES:
        stack = cdk.Stack.of(construct)
        if stack not in _PLACES:
            _PLACES[stack] = Place(stack.partition, stack.region, stack.account)
        _PLACES[construct] = _PLACES[stack]
    return _PLACES[construct]
