"""Optimised integrations that moto lacks: EMR and EMR Serverless, whose `.sync` tasks wait for what they started.

Names, parameters and results: docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html and
connect-emr-serverless.html.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)

from seatrial.offline import patches
from seatrial.offline.states import executions, integrations

Fields = dict[str, Any]


@dataclass(frozen=True)
class Watch:
    """How a `.sync` task sees what it started: an API, where its state is, and which states end the task how."""

    api: str
    ids: tuple[str, ...]
    """Parameters of the API, taken from the task's result and then from its parameters."""
    found: tuple[str, ...]
    """Path to the thing in the API's response."""
    state: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...] = ()
    cancel: str | None = None
    """API that a task which is stopped or out of time calls with the same parameters."""
    result: Callable[[Fields, Fields], Fields] = lambda started, thing: {**started, **thing}
    """From what starting answered and the thing's description to the task's result."""


@dataclass(frozen=True)
class Action:
    """One action of an integration."""

    api: str
    request: Callable[[Fields], Fields] = dict
    response: Callable[[Fields, Fields], Fields] = lambda parameters, response: response
    """From parameters and the API's response to what the task gives."""
    watch: Watch | None = None


@dataclass(frozen=True)
class Integration:
    """One service: boto3's name, the name in errors, and its actions."""

    client: str
    errors: str
    actions: Mapping[str, Action]


def _one_cluster(parameters: Fields) -> Fields:
    return {"JobFlowIds": [parameters["ClusterId"]], **{k: v for k, v in parameters.items() if k != "ClusterId"}}


def _step_request(parameters: Fields) -> Fields:
    role = {"ExecutionRoleArn": parameters["ExecutionRoleArn"]} if "ExecutionRoleArn" in parameters else {}
    return {"JobFlowId": parameters["ClusterId"], "Steps": [parameters["Step"]], **role}


def _application_of(parameters: Fields, response: Fields) -> Fields:
    return {"ApplicationId": parameters["ApplicationId"], **response}


_CLUSTER = ("Cluster", "Status", "State")
_ENDED = ("TERMINATED", "TERMINATED_WITH_ERRORS")
_WAITING = Watch(
    "DescribeCluster", ("ClusterId",), ("Cluster",), _CLUSTER, ("WAITING",), _ENDED, None, lambda started, _: started
)
_GONE = Watch("DescribeCluster", ("ClusterId",), ("Cluster",), _CLUSTER, _ENDED)
_STEP = Watch(
    "DescribeStep",
    ("ClusterId", "StepId"),
    ("Step",),
    ("Step", "Status", "State"),
    ("COMPLETED",),
    ("FAILED", "CANCELLED", "INTERRUPTED"),
    "CancelSteps",
    lambda started, thing: {"Step": thing},
)
EMR = Integration(
    "emr",
    "ElasticMapReduce",
    {
        "createCluster": Action(
            "RunJobFlow",
            response=lambda parameters, response: {
                "ClusterId": response["JobFlowId"],
                "ClusterArn": response["ClusterArn"],
            },
            watch=_WAITING,
        ),
        "terminateCluster": Action("TerminateJobFlows", _one_cluster, lambda parameters, response: {}, _GONE),
        "setClusterTerminationProtection": Action("SetTerminationProtection", _one_cluster),
        "addStep": Action(
            "AddJobFlowSteps",
            _step_request,
            lambda parameters, response: {"StepId": response["StepIds"][0]},
            _STEP,
        ),
        "cancelStep": Action(
            "CancelSteps",
            lambda parameters: {"ClusterId": parameters["ClusterId"], "StepIds": [parameters["StepId"]]},
            lambda parameters, response: {"CancelStepsInfo": response["CancelStepsInfoList"][0]},
        ),
    },
)


def _application(state: str) -> Watch:
    path = ("Application", "State")
    return Watch(
        "GetApplication",
        ("ApplicationId",),
        ("Application",),
        path,
        (state,),
        ("TERMINATED",),
        None,
        lambda started, _: started,
    )


_JOB_RUN = Watch(
    "GetJobRun",
    ("ApplicationId", "JobRunId"),
    ("JobRun",),
    ("JobRun", "State"),
    ("SUCCESS",),
    ("FAILED", "CANCELLED"),
    "CancelJobRun",
)
EMR_SERVERLESS = Integration(
    "emr-serverless",
    "EMRServerless",
    {
        "createApplication": Action("CreateApplication", watch=_application("CREATED")),
        "startApplication": Action("StartApplication", response=_application_of, watch=_application("STARTED")),
        "stopApplication": Action("StopApplication", response=_application_of, watch=_application("STOPPED")),
        "deleteApplication": Action("DeleteApplication", response=_application_of, watch=_application("TERMINATED")),
        "startJobRun": Action("StartJobRun", watch=_JOB_RUN),
        "cancelJobRun": Action("CancelJobRun"),
    },
)
INTEGRATIONS = {"elasticmapreduce": EMR, "emr-serverless": EMR_SERVERLESS}


def replace_all(package: str) -> None:
    """Moto passes the call on to the service as it stands, and cannot wait for its end."""
    patches.replace_everywhere(state_task_service_factory, "state_task_service_for", _service_for, package=package)


def _service_for(service_name: str) -> Any:
    if service_name in INTEGRATIONS:
        return JobTask(INTEGRATIONS[service_name])
    return patches.original(state_task_service_factory, "state_task_service_for")(service_name)


class JobTask(StateTaskServiceCallback):
    """A task state of one of these services."""

    def __init__(self, integration: Integration) -> None:
        # Moto wakes a callback's waiters at the end of every task: it needs one, although none of these has tokens.
        patterns: Any = {ResourceCondition.WaitForTaskToken, ResourceCondition.Sync}
        super().__init__(patterns)
        self._integration = integration

    def _validate_service_integration_is_supported(self) -> None:
        if self.resource.condition == ResourceCondition.WaitForTaskToken or self._action is None:
            raise ValueError(f"The resource provided {self.resource.resource_arn} not recognized.")

    @property
    def _action(self) -> Action | None:
        wanted = self.resource.api_action.lower()
        return next((one for name, one in self._integration.actions.items() if name.lower() == wanted), None)

    def _known_action(self) -> Action:
        action = self._action
        if action is None:
            raise ValueError(f"{self.resource.resource_arn} is no integration")
        return action

    def _call(self, region: str, api: str, parameters: Fields) -> Fields:
        service = self._integration.client
        client = integrations.client_for(executions.current().context, service, region)
        operation = integrations.python_name(service, api)
        return integrations.to_response(
            service, api, getattr(client, operation)(**integrations.to_request(service, api, parameters))
        )

    def _eval_service_task(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Fields, state_credentials: Any
    ) -> None:
        action = self._known_action()
        response = self._call(resource_runtime_part.region, action.api, action.request(normalised_parameters))
        env.stack.append(action.response(normalised_parameters, response))

    def _build_sync_resolver(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Fields, state_credentials: Any
    ) -> Callable[[], Any]:
        started, watch = env.stack.pop(), self._known_action().watch
        if watch is None:
            raise RuntimeError(f"{self.resource.resource_arn} has no end to wait for")
        known = {**normalised_parameters, **started}
        ids = {name: known[name] for name in watch.ids}
        self._cancel = self._canceller(resource_runtime_part.region, watch, ids)

        def look() -> Any:
            response = self._call(resource_runtime_part.region, watch.api, ids)
            state = _at(response, watch.state)
            thing = _at(response, watch.found)
            if state in watch.good:
                return watch.result(started, thing) or {"State": state}
            if state in watch.bad:
                raise FailureEventException(self._failure(env, "States.TaskFailed", integrations.as_json(thing)))
            return None

        return look

    def _canceller(self, region: str, watch: Watch, ids: Fields) -> Callable[[], Any]:
        if watch.cancel is None:
            return lambda: None
        api = watch.cancel
        return lambda: self._call(region, api, _cancelled(api, ids))

    def _eval_sync(
        self,
        env: Any,
        sync_resolver: Any,
        timeout_seconds: int | None,
        callback_endpoint: Any,
        heartbeat_endpoint: Any,
    ) -> Any:
        """A task that is stopped, or out of time, cancels what it started; tokens are not waited for."""
        outcome = super()._eval_sync(
            env=env,
            sync_resolver=sync_resolver,
            timeout_seconds=timeout_seconds,
            callback_endpoint=None,
            heartbeat_endpoint=heartbeat_endpoint,
        )
        if outcome is None:
            self._cancel()
        return outcome

    def _from_error(self, env: Any, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError):
            code, facts = ex.response["Error"]["Code"], ex.response["ResponseMetadata"]
            name = code if code.endswith("Exception") else f"{code}Exception"
            service = f"Service: {self._integration.errors}; Status Code: {facts.get('HTTPStatusCode')}"
            cause = f"{ex.response['Error']['Message']} ({service}; Error Code: {code})"
            return self._failure(env, f"{self._integration.errors}.{name}", cause)
        return super()._from_error(env=env, ex=ex)

    def _failure(self, env: Any, error: str, cause: str) -> FailureEvent:
        kind = ErrorName if error.startswith("States.") else CustomErrorName
        details = TaskFailedEventDetails(
            resource=self._get_sfn_resource(), resourceType=self._get_sfn_resource_type(), error=error, cause=cause
        )
        event: Any = {"taskFailedEventDetails": details}
        return FailureEvent(
            env=env,
            error_name=kind(error),
            event_type=HistoryEventType.TaskFailed,
            event_details=event,
        )


def _cancelled(api: str, ids: Fields) -> Fields:
    if api == "CancelSteps":
        option = {"StepCancellationOption": "SEND_INTERRUPT"}
        return {"ClusterId": ids["ClusterId"], "StepIds": [ids["StepId"]], **option}
    return ids


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document[name]
    return document
