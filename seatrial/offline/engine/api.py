"""CloudFormation's API on top of the engine: each method takes the request's fields and gives the response's."""

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from seatrial.offline.engine.changes import changes
from seatrial.offline.engine.engine import Engine
from seatrial.offline.engine.errors import (
    AlreadyExistsError,
    ChangeSetNotFoundError,
    InvalidChangeSetStatusError,
    ValidationError,
)
from seatrial.offline.engine.model import ChangeSet, Stack, Wanted
from seatrial.offline.engine.template import Template
from seatrial.offline.engine.views import (
    change_set_view,
    event_view,
    resource_view,
    stack_summary,
    stack_view,
    template_summary,
)

Request = Mapping[str, Any]
Response = dict[str, Any]
_NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


class Api:
    """One method an action."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.store

    def action(self, name: str) -> Callable[[Request], Response] | None:
        """The method of an action such as "CreateStack", None when it is not emulated."""
        method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
        return getattr(self, method, None) if method != "action" else None

    def create_stack(self, request: Request) -> Response:
        """CreateStack."""
        name = request["StackName"]
        existing = self._store.find(name)
        if existing is not None:
            raise AlreadyExistsError(f"Stack [{name}] already exists")
        wanted = self._wanted(request, None)
        stack = self._store.add(name, "CREATE_IN_PROGRESS")
        stack.protected = _truth(request.get("EnableTerminationProtection"))
        stack.status = "REVIEW_IN_PROGRESS"
        self._engine.create(stack, wanted)
        return {"StackId": stack.stack_id}

    def update_stack(self, request: Request) -> Response:
        """UpdateStack."""
        stack = self._store.get(request["StackName"])
        self._engine.refuse_unless_updatable(stack)
        wanted = self._wanted(request, stack)
        if stack.current is not None and wanted.same_as(stack.current) and stack.status != "CREATE_FAILED":
            raise ValidationError("No updates are to be performed.")
        self._engine.update(stack, wanted)
        return {"StackId": stack.stack_id}

    def delete_stack(self, request: Request) -> Response:
        """DeleteStack; an absent stack is fine."""
        stack = self._store.find(request["StackName"])
        if stack is not None:
            self._engine.delete(stack, frozenset(request.get("RetainResources") or ()))
        return {}

    def update_termination_protection(self, request: Request) -> Response:
        """UpdateTerminationProtection."""
        stack = self._store.get(request["StackName"])
        stack.protected = _truth(request["EnableTerminationProtection"])
        return {"StackId": stack.stack_id}

    def describe_stacks(self, request: Request) -> Response:
        """DescribeStacks."""
        if request.get("StackName"):
            return {"Stacks": [stack_view(self._store.get(request["StackName"]))]}
        return {"Stacks": [stack_view(stack) for stack in reversed(list(self._store.live()))]}

    def list_stacks(self, request: Request) -> Response:
        """ListStacks."""
        wanted = request.get("StackStatusFilter") or ()
        stacks = [stack for stack in reversed(self._store.all()) if not wanted or stack.status in wanted]
        return {"StackSummaries": [stack_summary(stack) for stack in stacks]}

    def describe_stack_events(self, request: Request) -> Response:
        """DescribeStackEvents, newest first, in pages of 100."""
        stack = self._store.get(request["StackName"])
        events = list(reversed(stack.events))
        token = request.get("NextToken")
        first = 0
        if token:
            # Events are added at the front while a client pages: the token names the next event.
            first = next((number for number, event in enumerate(events) if event.event_id == token), len(events))
        page = [event_view(stack, event) for event in events[first : first + 100]]
        rest = events[first + 100 :]
        return {"StackEvents": page, **({"NextToken": rest[0].event_id} if rest else {})}

    def describe_stack_resources(self, request: Request) -> Response:
        """DescribeStackResources, of a stack or of the stack that has a physical id."""
        wanted = request.get("LogicalResourceId")
        if request.get("PhysicalResourceId") and not request.get("StackName"):
            stack = self._owner(request["PhysicalResourceId"])
        else:
            stack = self._store.get(request["StackName"])
        resources = [item for item in stack.resources.values() if wanted in {None, item.logical_id}]
        return {"StackResources": [resource_view(stack, item) for item in resources]}

    def describe_stack_resource(self, request: Request) -> Response:
        """DescribeStackResource."""
        stack, name = self._store.get(request["StackName"]), request["LogicalResourceId"]
        if name not in stack.resources:
            raise ValidationError(f"Resource {name} does not exist for stack {stack.name}")
        return {"StackResourceDetail": resource_view(stack, stack.resources[name], stamp="LastUpdatedTimestamp")}

    def list_stack_resources(self, request: Request) -> Response:
        """ListStackResources."""
        stack = self._store.get(request["StackName"])
        views = [resource_view(stack, item, stamp="LastUpdatedTimestamp") for item in stack.resources.values()]
        return {"StackResourceSummaries": views}

    def get_template(self, request: Request) -> Response:
        """GetTemplate; of a change set when one is named. A stack that is only reviewed has an empty one."""
        if not request.get("ChangeSetName") and self._store.get(request["StackName"]).wanted is None:
            return {"TemplateBody": "", "StagesAvailable": []}
        template = self._template_of(request)
        return {"TemplateBody": template.text, "StagesAvailable": ["Original", "Processed"]}

    def get_template_summary(self, request: Request) -> Response:
        """GetTemplateSummary."""
        if request.get("StackName"):
            return template_summary(self._template_of(request))
        return template_summary(self._engine.parse(self._text(request, None)))

    def validate_template(self, request: Request) -> Response:
        """ValidateTemplate."""
        return template_summary(self._engine.parse(self._text(request, None)))

    def get_stack_policy(self, request: Request) -> Response:
        """GetStackPolicy: stacks have none."""
        self._store.get(request["StackName"])
        return {}

    def list_exports(self, request: Request) -> Response:
        """ListExports."""
        del request
        found = [(stack, output) for stack in self._store.live() for output in stack.outputs if output.export_name]
        return {
            "Exports": [
                {"ExportingStackId": stack.stack_id, "Name": output.export_name, "Value": output.value}
                for stack, output in found
            ]
        }

    def list_imports(self, request: Request) -> Response:
        """ListImports."""
        name = request["ExportName"]
        users = self._store.importers(name)
        if not users:
            raise ValidationError(f"Export '{name}' is not imported by any stack.")
        return {"Imports": users}

    def create_change_set(self, request: Request) -> Response:
        """CreateChangeSet, of type CREATE or UPDATE."""
        kind, name = request.get("ChangeSetType") or "UPDATE", request["StackName"]
        stack = self._store.find(name)
        if kind == "IMPORT":
            raise ValidationError("change sets of type IMPORT are not emulated by the offline cloud")
        if kind == "CREATE":
            stack = self._reviewed(stack, name)
        elif stack is None:
            raise ValidationError(f"Stack [{name}] does not exist")
        else:
            self._engine.refuse_unless_updatable(stack)
        if request["ChangeSetName"] in stack.change_sets:
            raise AlreadyExistsError(f"ChangeSet {request['ChangeSetName']} cannot be created due to a mismatch")
        change_set = self._new_change_set(stack, kind, request)
        stack.change_sets[change_set.name] = change_set
        return {"Id": change_set.arn, "StackId": stack.stack_id}

    def describe_change_set(self, request: Request) -> Response:
        """DescribeChangeSet."""
        stack, change_set = self._change_set(request)
        return change_set_view(stack, change_set)

    def list_change_sets(self, request: Request) -> Response:
        """ListChangeSets."""
        stack = self._store.get(request["StackName"])
        return {"Summaries": [change_set_view(stack, item, brief=True) for item in stack.change_sets.values()]}

    def delete_change_set(self, request: Request) -> Response:
        """DeleteChangeSet; an absent change set is fine."""
        try:
            stack, change_set = self._change_set(request)
        except (ChangeSetNotFoundError, ValidationError):
            return {}
        del stack.change_sets[change_set.name]
        return {}

    def execute_change_set(self, request: Request) -> Response:
        """ExecuteChangeSet."""
        stack, change_set = self._change_set(request)
        if change_set.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatusError(
                f"ChangeSet [{change_set.arn}] cannot be executed in its current status of [{change_set.status}]"
            )
        wanted = change_set.wanted
        if request.get("ClientRequestToken") or _truth(request.get("DisableRollback")):
            keep = "DO_NOTHING" if _truth(request.get("DisableRollback")) else wanted.on_failure
            wanted = dataclasses.replace(wanted, token=request.get("ClientRequestToken"), on_failure=keep)
        change_set.execution_status = "EXECUTE_COMPLETE"
        stack.change_sets.clear()
        if change_set.type == "CREATE":
            self._engine.create(stack, wanted)
        else:
            self._engine.update(stack, wanted)
        return {}

    def _reviewed(self, stack: Stack | None, name: str) -> Stack:
        if stack is None:
            fresh = self._store.add(name, "REVIEW_IN_PROGRESS")
            self._store.record(fresh, "REVIEW_IN_PROGRESS", "User Initiated")
            return fresh
        if stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(f"Stack [{name}] already exists and cannot be created again with the changeSet")
        return stack

    def _new_change_set(self, stack: Stack, kind: str, request: Request) -> ChangeSet:
        wanted = self._wanted(request, stack)
        region, account = self._engine.context.region, self._engine.context.account
        change_set = ChangeSet(
            name=request["ChangeSetName"],
            arn=f"arn:aws:cloudformation:{region}:{account}:changeSet/{request['ChangeSetName']}/{uuid.uuid4()}",
            type=kind,
            wanted=wanted,
            changes=[],
            created=self._engine.context.clock.now(),
            description=request.get("Description"),
        )
        if stack.current is not None and kind == "UPDATE" and wanted.same_as(stack.current):
            change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
            change_set.reason = _NO_CHANGES
        else:
            change_set.changes = changes(self._engine, stack, wanted)
        return change_set

    def _change_set(self, request: Request) -> tuple[Stack, ChangeSet]:
        name = request["ChangeSetName"]
        candidates = [self._store.get(request["StackName"])] if request.get("StackName") else list(self._store.live())
        for stack in candidates:
            for item in stack.change_sets.values():
                if name in {item.name, item.arn}:
                    return stack, item
        raise ChangeSetNotFoundError(f"ChangeSet [{name}] does not exist")

    def _wanted(self, request: Request, stack: Stack | None) -> Wanted:
        template = self._engine.parse(self._text(request, stack))
        tags = request.get("Tags")
        if tags is None and stack is not None and stack.current is not None:
            kept = dict(stack.current.tags)
        else:
            kept = {tag["Key"]: tag["Value"] for tag in tags or ()}
        on_failure = "DO_NOTHING" if _truth(request.get("DisableRollback")) else request.get("OnFailure") or "ROLLBACK"
        return self._engine.want(
            template,
            request.get("Parameters") or (),
            stack,
            tags=kept,
            capabilities=tuple(request.get("Capabilities") or ()),
            role_arn=request.get("RoleARN"),
            token=request.get("ClientRequestToken"),
            on_failure=on_failure,
        )

    def _text(self, request: Request, stack: Stack | None) -> str:
        if request.get("TemplateBody"):
            return request["TemplateBody"]
        if request.get("TemplateURL"):
            return self._download(request["TemplateURL"])
        if _truth(request.get("UsePreviousTemplate")) and stack is not None and stack.current is not None:
            return stack.current.template.text
        raise ValidationError("Either Template URL or Template Body must be specified.")

    def _download(self, url: str) -> str:
        parts = urlsplit(url)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        host = parts.hostname or ""
        if ".s3." in host or ".s3-" in host:
            bucket, key = host.split(".s3", 1)[0], unquote(parts.path).lstrip("/")
        body = self._engine.context.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        return body.read().decode("utf-8")

    def _template_of(self, request: Request) -> Template:
        if request.get("ChangeSetName"):
            return self._change_set(request)[1].wanted.template
        stack = self._store.get(request["StackName"])
        if stack.wanted is None:
            raise ValidationError(f"Stack with id {stack.name} has no template yet: it is in {stack.status}")
        return stack.wanted.template

    def _owner(self, physical_id: str) -> Stack:
        for stack in self._store.live():
            if any(resource.physical_id == physical_id for resource in stack.resources.values()):
                return stack
        raise ValidationError(f"Stack for {physical_id} does not exist")


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
