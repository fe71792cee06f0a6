"""The promotion as Amazon States Language: approved package -> stack update -> verified -> champion, or back (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.constructs.state import PARTITION_KEY, SORT_KEY
from seatrial.constructs.state_language import TRANSIENT, State, retry

BUSY = "*IN_PROGRESS*"
THROTTLED = ("*Rate exceeded*", "*Throttl*")
FAILED = {"changed": "UPDATE_FAILED", "made": "CREATE_FAILED"}
SELECTED = (
    "proceed", "reason", "modelPackageArn", "previousModelPackageArn", "quiet", "later", "probes", "overdueAt",
)  # fmt: skip
NOTHING_TO_DO = "*No updates are to be performed*"


@dataclass(frozen=True)
class Update:
    """One update of the stack: paths of its model package and of the time when it is overdue, and what follows."""

    name: str
    package: str
    overdue: str
    updated: str
    refused: str


@dataclass(frozen=True, kw_only=True)
class PromotionSettings:
    """Names and ARNs that the machine works with; every value may be a CDK token."""

    select_arn: str
    verify_arn: str
    stack_name: str
    endpoint_name: str
    parameter: str
    kept_parameters: tuple[str, ...]
    """Parameters of the serving stack that keep their values."""
    state_table: str
    topic_arn: str
    poll_seconds: int = 30
    longest_update_seconds: int = 4_800
    """How long SageMaker may take for one update of the endpoint."""

    @property
    def later_seconds(self) -> int:
        """Between two tries at a stack or an endpoint that is busy; an execution's history must not run full."""
        return 4 * self.poll_seconds

    @property
    def timeout_seconds(self) -> int:
        """Waiting for somebody else's update, the promotion, the way back, the way back's own way back; and an hour."""
        return 4 * self.longest_update_seconds + 3600


def promotion_machine(settings: PromotionSettings) -> State:
    """The definition, ready for JSON."""
    promote = Update("Promote", "$.selection.modelPackageArn", "$.selection.overdueAt", "Verify", "WhyRolledBack")
    back = "$.selection.previousModelPackageArn"
    restore = Update("Restore", back, "$.verification.overdueAt", "RolledBack", "RestoreFailed")
    states = {
        **_looking(settings),
        **_selecting(settings),
        **_updating(settings, promote),
        **_probing(settings),
        **_explaining(settings),
        **_verifying(settings),
        **_updating(settings, restore),
        **_endings(settings),
    }
    return {
        "Comment": "Promotes an approved model package by an update of the serving stack",
        "StartAt": "Look",
        "TimeoutSeconds": settings.timeout_seconds,
        "States": states,
    }


def _looking(settings: PromotionSettings) -> State:
    """What CloudFormation says of the endpoint: who was it that changed it last?"""
    return {
        "Look": _describe_stack(settings, "LookAtResources"),
        "LookAtResources": _ask_about_stack(
            settings, "describeStackResources", {"resources.$": "$.StackResources"}, "$.made", "Select"
        ),
    }


def _selecting(settings: PromotionSettings) -> State:
    return {
        "Select": _invoke(
            settings.select_arn,
            {
                "Payload": {
                    "executionId.$": "$$.Execution.Id",
                    "startedAt.$": "$$.Execution.StartTime",
                    "enteredAt.$": "$$.State.EnteredTime",
                    "stackStatus.$": "$.stack.status",
                    "stackResources.$": "$.made.resources",
                    "id.$": "$.id",
                    "time.$": "$.time",
                    "detail.$": "$.detail",
                }
            },
            SELECTED,
            result="$.selection",
            then="ShallProceed",
        ),
        "ShallProceed": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.selection.proceed", "BooleanEquals": True, "Next": "PromoteStack"},
                {"Variable": "$.selection.later", "BooleanEquals": True, "Next": "PromoteLater"},
                {"Variable": "$.selection.quiet", "BooleanEquals": True, "Next": "DeclinedEnd"},
            ],
            "Default": "Declined",
        },
        "Declined": _notify(
            settings,
            "Promotion declined",
            "States.Format('{}', $.selection.reason)",
            then="DeclinedEnd",
        ),
        "DeclinedEnd": {
            "Type": "Pass",
            "Parameters": {"outcome": "declined", "reason.$": "$.selection.reason"},
            "End": True,
        },
    }


def _updating(settings: PromotionSettings, update: Update) -> State:
    """Update the stack and wait until it has settled; a busy stack is tried again, an unchanged one counts as done."""
    name, again = update.name, "Look" if update.name == "Promote" else f"{update.name}Stack"
    return {
        f"{name}Stack": _update_stack(settings, name, update.package),
        f"{name}Refused": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.error.Cause", "StringMatches": NOTHING_TO_DO, "Next": update.updated},
                *(
                    {"Variable": "$.error.Cause", "StringMatches": cause, "Next": f"{name}Later"}
                    for cause in (BUSY, *THROTTLED)
                ),
            ],
            "Default": "Stuck",
        },
        f"{name}Later": {"Type": "Wait", "Seconds": settings.later_seconds, "Next": again},
        f"{name}Wait": {"Type": "Wait", "Seconds": settings.poll_seconds, "Next": f"{name}Status"},
        f"{name}Status": _describe_stack(settings, f"{name}Settled"),
        f"{name}Settled": _settled(update),
        f"{name}Overdue": _overdue(settings, update),
    }


def _settled(update: Update) -> State:
    name, status = update.name, "$.stack.status"
    busy = {"Variable": status, "StringMatches": BUSY}
    overdue = [
        busy,
        {"Variable": "$$.State.EnteredTime", "TimestampGreaterThanPath": update.overdue},
        {"Variable": f"$.told{name}", "IsPresent": False},
    ]
    probes = [busy, {"Variable": "$.selection.probes", "NumericGreaterThan": 0}]
    return {
        "Type": "Choice",
        "Choices": [
            {"Variable": status, "StringEquals": "UPDATE_COMPLETE", "Next": update.updated},
            {"Variable": status, "StringEquals": "UPDATE_ROLLBACK_COMPLETE", "Next": update.refused},
            {"And": overdue, "Next": f"{name}Overdue"},
            *([{"And": probes, "Next": "PromoteProbe"}] if name == "Promote" else []),
            {**busy, "Next": f"{name}Wait"},
        ],
        "Default": "Stuck",
    }


def _overdue(settings: PromotionSettings, update: Update) -> State:
    """Told once; nothing else is done, because a second update or a deletion can only make it worse."""
    message = (
        f"States.Format('{settings.endpoint_name}: the update to {{}} takes longer than SageMaker may. It goes on, "
        f"nothing else is started. Look at the endpoint and its log; when it hangs, call AWS Support. "
        f"Do not update or delete it by hand.', {update.package})"
    )
    told = _notify(settings, "Promotion overdue", message, then=f"{update.name}Wait")
    return {**told, "ResultPath": f"$.told{update.name}"}


def _probing(settings: PromotionSettings) -> State:
    """Requests to the canary where nobody makes any: alarms without requests cannot go off."""
    payload = {
        "Payload": {
            "task": "probe",
            "modelPackageArn.$": "$.selection.modelPackageArn",
            "count.$": "$.selection.probes",
            "time.$": "$$.State.EnteredTime",
        }
    }
    probe = _invoke(settings.verify_arn, payload, ("sent", "answered"), result="$.probe", then="PromoteWait")
    survive = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.probe", "Next": "PromoteWait"}
    return {"PromoteProbe": {**probe, "Catch": [survive]}}


def _explaining(settings: PromotionSettings) -> State:
    """Why the stack went back, in words; what passes by itself is left to the next look of the schedule."""
    payload = {
        "Payload": {
            "task": "explain",
            "modelPackageArn.$": "$.selection.modelPackageArn",
            "events.$": "$.events",
            "since.$": "$$.Execution.StartTime",
            "time.$": "$$.State.EnteredTime",
        }
    }
    fields = ("kind", "passing", "reason")
    explain = _invoke(settings.verify_arn, payload, fields, result="$.failure", then="DoesItPass")
    unexplained = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "RolledBackByStack"}
    return {
        "WhyRolledBack": _why_rolled_back(settings),
        "Explain": {**explain, "Catch": [unexplained]},
        "DoesItPass": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.failure.passing", "BooleanEquals": True, "Next": "Release"}],
            "Default": "RolledBackForReason",
        },
        "Release": _release(settings),
    }


def _release(settings: PromotionSettings) -> State:
    """The attempt counts as not made: the schedule may try the package again while its approval is valid."""
    item = {
        PARTITION_KEY: {"S": f"promotion#{settings.endpoint_name}"},
        SORT_KEY: {"S.$": "States.Format('attempt#{}', $.selection.modelPackageArn)"},
        "event_id": {"S.$": "$$.Execution.Id"},
        "time": {"S.$": "$.time"},
        "released": {"S.$": "$.failure.kind"},
    }
    forgotten = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "RolledBackForReason"}
    return _remember(settings, item, then="RolledBackForReason", otherwise=forgotten)


def _update_stack(settings: PromotionSettings, name: str, package: str) -> State:
    kept = [{"ParameterKey": parameter, "UsePreviousValue": True} for parameter in settings.kept_parameters]
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:cloudformation:updateStack",
        "Parameters": {
            "StackName": settings.stack_name,
            "UsePreviousTemplate": True,
            "Capabilities": ["CAPABILITY_IAM"],
            "Parameters": [{"ParameterKey": settings.parameter, "ParameterValue.$": package}, *kept],
        },
        "ResultPath": "$.update",
        "TimeoutSeconds": 60,
        "Retry": [retry(["CloudFormation.ThrottlingException", "CloudFormation.SdkClientException"])],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": f"{name}Refused"}],
        "Next": f"{name}Wait",
    }


def _describe_stack(settings: PromotionSettings, then: str) -> State:
    return _ask_about_stack(settings, "describeStacks", {"status.$": "$.Stacks[0].StackStatus"}, "$.stack", then)


def _ask_about_stack(
    settings: PromotionSettings, call: str, selector: Mapping[str, str], path: str, then: str
) -> State:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::aws-sdk:cloudformation:{call}",
        "Parameters": {"StackName": settings.stack_name},
        "ResultSelector": dict(selector),
        "ResultPath": path,
        "TimeoutSeconds": 60,
        "Retry": [retry(["States.ALL"])],
        "Catch": [_catch()],
        "Next": then,
    }


def _why_rolled_back(settings: PromotionSettings) -> State:
    """The failures that CloudFormation tells, of what was changed and of what was to be made."""
    failed = {f"{name}.$": f"$.StackEvents[?(@.ResourceStatus=='{status}')]" for name, status in FAILED.items()}
    asked = _ask_about_stack(settings, "describeStackEvents", failed, "$.events", "Explain")
    throttled = retry(["CloudFormation.ThrottlingException", "CloudFormation.SdkClientException"])
    return {**asked, "Retry": [throttled], "Catch": [{**_catch(), "Next": "RolledBackByStack"}]}


def _verifying(settings: PromotionSettings) -> State:
    payload = {
        "Payload": {
            "task": "verify",
            "modelPackageArn.$": "$.selection.modelPackageArn",
            "previousModelPackageArn.$": "$.selection.previousModelPackageArn",
            "time.$": "$$.State.EnteredTime",
        }
    }
    fields = ("ok", "reason", "overdueAt")
    return {
        "Verify": _invoke(settings.verify_arn, payload, fields, result="$.verification", then="IsVerified"),
        "IsVerified": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.verification.ok", "BooleanEquals": True, "Next": "MarkChampion"}],
            "Default": "RestoreStack",
        },
        "MarkChampion": _mark(settings),
        "Promoted": _notify(
            settings,
            "Model promoted",
            f"States.Format('{settings.endpoint_name} now serves {{}}: {{}}', "
            "$.selection.modelPackageArn, $.verification.reason)",
            then="PromotedEnd",
        ),
        "PromotedEnd": {
            "Type": "Pass",
            "Parameters": {
                "outcome": "promoted",
                "reason.$": "$.verification.reason",
                "modelPackageArn.$": "$.selection.modelPackageArn",
            },
            "End": True,
        },
    }


def _mark(settings: PromotionSettings) -> State:
    item = {
        PARTITION_KEY: {"S": f"champion#{settings.endpoint_name}"},
        SORT_KEY: {"S": "current"},
        "model_package_arn": {"S.$": "$.selection.modelPackageArn"},
        "previous_model_package_arn": {"S.$": "$.selection.previousModelPackageArn"},
        "promoted_at": {"S.$": "$$.State.EnteredTime"},
        "execution": {"S.$": "$$.Execution.Id"},
    }
    return _remember(settings, item, then="Promoted", otherwise=_catch())


def _remember(settings: PromotionSettings, item: State, *, then: str, otherwise: State) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": {"TableName": settings.state_table, "Item": item},
        "ResultPath": "$.update",
        "TimeoutSeconds": 60,
        "Retry": [retry(["States.ALL"])],
        "Catch": [otherwise],
        "Next": then,
    }


def _endings(settings: PromotionSettings) -> State:
    why = {
        "RolledBack": "$.verification.reason",
        "RolledBackForReason": "$.failure.reason",
        "RolledBackByStack": "States.Format('the stack update of {} was rolled back', $.selection.modelPackageArn)",
        "RestoreFailed": "States.Format('after {} even the way back failed', $.verification.reason)",
        "Stuck": "States.Format('the promotion of {} cannot go on, look at the stack', $.selection.modelPackageArn)",
        "Broken": "States.Format('a step of the promotion failed: {}', $.error.Cause)",
    }
    errors = {"RestoreFailed": "Stuck", "Stuck": "Stuck", "Broken": "Broken"}
    states: State = {}
    for name, reason in why.items():
        states[name] = {
            "Type": "Pass",
            "Parameters": {"reason.$": reason},
            "ResultPath": "$.outcome",
            "Next": f"{name}Told",
        }
        states[f"{name}Told"] = _notify(
            settings, "Promotion failed", "$.outcome.reason", then=f"{name}End", survive=f"{name}End"
        )
        states[f"{name}End"] = {
            "Type": "Fail",
            "Error": errors.get(name, "RolledBack"),
            "CausePath": "$.outcome.reason",
        }
    return states


def _invoke(arn: str, payload: State, fields: tuple[str, ...], *, result: str, then: str) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": arn, **payload},
        "ResultSelector": {f"{field}.$": f"$.Payload.{field}" for field in fields},
        "ResultPath": result,
        "TimeoutSeconds": 300,
        # What AWS refused the function for the moment; its own client has tried four times by then.
        "Retry": [retry([*TRANSIENT, "ClientError"])],
        "Catch": [_catch()],
        "Next": then,
    }


def _notify(settings: PromotionSettings, subject: str, message: str, *, then: str, survive: str | None = None) -> State:
    """Publish; people not being told never changes the outcome."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {
            "TopicArn": settings.topic_arn,
            "Subject": f"{settings.endpoint_name}: {subject}",
            "Message.$": message,
        },
        "ResultPath": "$.update",
        "TimeoutSeconds": 60,
        "Retry": [retry(["States.ALL"])],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.notification", "Next": survive or then}],
        "Next": then,
    }


def _catch() -> State:
    return {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Broken"}
