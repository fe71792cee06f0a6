"""EMR Serverless's operations: requests to the service's state and back."""

from collections.abc import Callable

from seatrial.offline.spark.api import NotFoundError, Operation, Request, Response, page, present
from seatrial.offline.spark.applications import Applications
from seatrial.offline.spark.job_runs import Attempt, JobRun, JobRuns

PAGE = 50


def operations(applications: Applications, runs: JobRuns) -> dict[str, Operation]:
    """Every operation that is emulated, by name."""
    return {
        "CreateApplication": lambda request: _create(applications, request),
        "GetApplication": lambda request: {"application": applications.find(request["applicationId"]).describe()},
        "ListApplications": lambda request: _list_applications(applications, request),
        "UpdateApplication": lambda request: _update(applications, request),
        "StartApplication": _on_application(applications, applications.start),
        "StopApplication": _on_application(applications, applications.stop),
        "DeleteApplication": _on_application(applications, applications.delete),
        "StartJobRun": lambda request: _identity(runs.start(request)),
        "GetJobRun": lambda request: {"jobRun": _find(runs, request).describe()},
        "ListJobRuns": lambda request: _list_runs(runs, request),
        "ListJobRunAttempts": lambda request: _list_attempts(runs, request),
        "CancelJobRun": lambda request: _cancel(runs, request),
        "TagResource": lambda request: _tag(applications, runs, request),
        "UntagResource": lambda request: _untag(applications, runs, request),
        "ListTagsForResource": lambda request: {"tags": _tags(applications, runs, request["resourceArn"])},
    }


def _on_application(applications: Applications, work: Callable[..., None]) -> Operation:
    def run(request: Request) -> Response:
        work(applications.find(request["applicationId"]))
        return {}

    return run


def _create(applications: Applications, request: Request) -> Response:
    made = applications.create(request)
    return present(applicationId=made.id, name=made.request.get("name"), arn=made.arn)


def _update(applications: Applications, request: Request) -> Response:
    application = applications.find(request["applicationId"])
    applications.update(application, request)
    return {"application": application.describe()}


def _list_applications(applications: Applications, request: Request) -> Response:
    states = request.get("states")
    found = [one for one in applications.by_id.values() if not states or one.state in states]
    items, token = page([one.summary() for one in found], request, "maxResults", "nextToken", PAGE)
    return {"applications": items, **token}


def _find(runs: JobRuns, request: Request) -> JobRun:
    return runs.find(request["applicationId"], request["jobRunId"])


def _identity(run: JobRun) -> Response:
    return {"applicationId": run.application.id, "jobRunId": run.id, "arn": run.arn}


def _cancel(runs: JobRuns, request: Request) -> Response:
    run = _find(runs, request)
    runs.cancel(run)
    return {"applicationId": run.application.id, "jobRunId": run.id}


def _list_runs(runs: JobRuns, request: Request) -> Response:
    """The newest first."""
    application = runs.applications.find(request["applicationId"])
    found = [run for run in reversed(runs.by_id.values()) if run.application is application and _wanted(run, request)]
    rows = [{**run.summary(), "id": run.id, "type": "Spark"} for run in found]
    items, token = page(rows, request, "maxResults", "nextToken", PAGE)
    return {"jobRuns": items, **token}


def _wanted(run: JobRun, request: Request) -> bool:
    after, before, states = request.get("createdAtAfter"), request.get("createdAtBefore"), request.get("states")
    return (
        (not states or run.state in states)
        and (after is None or run.created > after)
        and (before is None or run.created < before)
    )


def _list_attempts(runs: JobRuns, request: Request) -> Response:
    run = _find(runs, request)
    rows = [_attempt(run, attempt) for attempt in run.attempts]
    items, token = page(rows, request, "maxResults", "nextToken", PAGE)
    return {"jobRunAttempts": items, **token}


def _attempt(run: JobRun, attempt: Attempt) -> Response:
    own = {"createdAt": attempt.created, "updatedAt": attempt.updated or attempt.created, "attempt": attempt.number}
    facts = {**run.summary(), "id": run.id, "type": "Spark", "jobCreatedAt": run.created, **own}
    row = {**facts, "state": attempt.state, "stateDetails": attempt.details[:256]}
    return {name: value for name, value in row.items() if not name.startswith("attempt") or name == "attempt"}


def _tags(applications: Applications, runs: JobRuns, arn: str) -> dict[str, str]:
    owners = [*applications.by_id.values(), *runs.by_id.values()]
    found = next((owner for owner in owners if owner.arn == arn), None)
    if found is None:
        raise NotFoundError(f"Resource {arn} does not exist")
    return found.tags


def _tag(applications: Applications, runs: JobRuns, request: Request) -> Response:
    _tags(applications, runs, request["resourceArn"]).update(request["tags"])
    return {}


def _untag(applications: Applications, runs: JobRuns, request: Request) -> Response:
    tags = _tags(applications, runs, request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}
