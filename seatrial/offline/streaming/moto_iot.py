"""Moto's IoT Core, made to act: published messages go through the topic rules to their actions."""

import base64
import json
import re
from collections import deque
from collections.abc import Iterable
from typing import Any

from moto.iot.exceptions import InvalidRequestException, IoTClientError
from moto.iot.models import FakeRule, IoTBackend, iot_backends
from moto.iot.responses import IoTResponse
from moto.iotdata.models import IoTDataPlaneBackend

from seatrial.offline import alarms, functions, patches
from seatrial.offline.functions import service
from seatrial.offline.functions.lines import Line
from seatrial.offline.functions.service import Functions
from seatrial.offline.streaming import iot_actions, iot_sql
from seatrial.offline.streaming.iot_actions import ActionError, Delivery
from seatrial.offline.streaming.iot_functions import Message, NotEmulatedFunctionError, SqlError
from seatrial.offline.streaming.iot_values import UNDEFINED

_BASIC_INGEST = re.compile(r"\$aws/rules/([^/]+)/?(.*)")
_MOST_LEVELS, _MOST_BYTES = 8, 128 * 1024
_VERSIONS = {"2016-03-23", "beta"}
_STARTS_WORK = ("create_job", "create_job_template")


class Rules:
    """The rules engine of one cloud: it works off messages one after the other."""

    def __init__(self, functions_: Functions) -> None:
        self.context = functions_.context
        self._messages: deque[Message] = deque()
        self.line = Line(functions_, self._work, "iot-rules")

    def publish(self, topic: str, content: bytes) -> None:
        """A message came; its rules act soon after."""
        self._messages.append(Message(topic, content, self.context.account, self.context.clock.now()))
        self.line.wake()

    def _work(self) -> None:
        while self._messages:
            message = self._messages.popleft()
            try:
                self._route(message)
            except Exception as error:
                # One message that cannot be evaluated must not hold back those behind it.
                self.context.journal.record("fault", api=f"iot publish {message.topic}", error=repr(error))

    def _route(self, message: Message) -> None:
        rules: dict[str, FakeRule] = iot_backends[self.context.account][self.context.region].rules
        direct = _BASIC_INGEST.fullmatch(message.topic)
        if direct:
            rule = rules.get(direct.group(1))
            message.topic = direct.group(2)
            self._apply([rule] if rule else [], message)
            return
        matching = [
            rule
            for rule in list(rules.values())
            if iot_sql.topic_matches(iot_sql.parse(rule.sql).topic_filter, message.topic)
        ]
        self._apply(matching, message)

    def _apply(self, rules: Iterable[FakeRule], message: Message) -> None:
        for rule in rules:
            if rule.rule_disabled:
                continue
            self._count("TopicMatch", rule)
            result = iot_sql.parse(rule.sql).result(message)
            if result is UNDEFINED:
                continue
            self._act(rule, message, result)

    def _act(self, rule: FakeRule, message: Message, result: Any) -> None:
        delivery = Delivery(self.context, rule.arn, message, self.publish)
        failures = [failure for action in rule.actions if (failure := self._run(rule, delivery, action, result))]
        if not failures:
            return
        self.context.journal.record(
            "event", status="not-delivered", source_arn=rule.arn, error="; ".join(map(str, failures))
        )
        if rule.error_action:
            self._run(rule, delivery, rule.error_action, _error_document(rule, message, failures))

    def _run(self, rule: FakeRule, delivery: Delivery, action: dict[str, Any], result: Any) -> ActionError | None:
        kind = next(iter(action))
        try:
            delivery.run(action, result)
        except ActionError as error:
            self._count("Failure", rule, ActionType=kind)
            return error
        self._count("Success", rule, ActionType=kind)
        return None

    def _count(self, name: str, rule: FakeRule, **dimensions: str) -> None:
        alarms.put_metric(self.context, "AWS/IoT", name, 1.0, {"RuleName": rule.rule_name, **dimensions}, "Count")


_current: list[Rules] = []


def start() -> Rules:
    """Begin without messages, for a cloud that starts."""
    rules = Rules(service.current())
    _current[:] = [rules]
    rules.context.stopping.append(rules.line.stop)
    functions.count_busy(lambda: rules.line.is_busy)
    patches.replace(IoTDataPlaneBackend, "publish", _publish)
    patches.replace(IoTBackend, "create_topic_rule", _create_topic_rule)
    patches.replace(IoTBackend, "replace_topic_rule", _replace_topic_rule)
    for name in _STARTS_WORK:
        patches.replace(IoTResponse, name, _refuse)
    return rules


def _publish(self: IoTDataPlaneBackend, topic: str, payload: bytes) -> None:
    """Moto keeps what is published and no rule ever sees it."""
    content = payload.encode() if isinstance(payload, str) else payload or b""
    levels = len((_BASIC_INGEST.sub(r"\2", topic)).split("/"))
    if not topic or "#" in topic or "+" in topic or levels > _MOST_LEVELS:
        raise InvalidRequestException(f"topic {topic!r}: 1 to {_MOST_LEVELS} levels, without # and +")
    if len(content) > _MOST_BYTES:
        raise InvalidRequestException(f"the payload has {len(content)} bytes: at most {_MOST_BYTES}")
    patches.original(IoTDataPlaneBackend, "publish")(self, topic, payload)
    _current[-1].publish(topic, content)


def _create_topic_rule(self: IoTBackend, rule_name: str, sql: str, **settings: Any) -> None:
    """Moto takes any text as SQL and any action."""
    _check(sql, settings)
    patches.original(IoTBackend, "create_topic_rule")(self, rule_name, sql, **settings)


def _replace_topic_rule(self: IoTBackend, rule_name: str, **settings: Any) -> None:
    """Moto deletes the rule before it knows whether the new one is right."""
    _check(settings["sql"], settings)
    created = self.rules[rule_name].created_at if rule_name in self.rules else None
    patches.original(IoTBackend, "replace_topic_rule")(self, rule_name, **settings)
    if created is not None:
        self.rules[rule_name].created_at = created


def _check(sql: str, settings: dict[str, Any]) -> None:
    version = settings.get("aws_iot_sql_version")
    if version and version not in _VERSIONS:
        raise NotImplementedError(f"awsIotSqlVersion {version}: use 2016-03-23, whose numbers and arrays are emulated")
    error_action = settings.get("error_action")
    try:
        iot_sql.parse(sql)
        for action in [*(settings.get("actions") or ()), *([error_action] if error_action else ())]:
            iot_actions.check(action)
    except SqlError as error:
        raise IoTClientError("SqlParseException", str(error)) from error
    except NotEmulatedFunctionError as error:
        raise NotImplementedError(str(error)) from error


def _refuse(self: IoTResponse) -> Any:
    del self
    raise NotImplementedError("jobs of IoT Core reach no device here")


def _error_document(rule: FakeRule, message: Message, failures: list[ActionError]) -> dict[str, Any]:
    # https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
    told = [
        {"failedAction": failure.kind, "failedResource": failure.resource, "errorMessage": str(failure)}
        for failure in failures
    ]
    return {
        "ruleName": rule.rule_name,
        "topic": message.topic,
        "cloudwatchTraceId": message.trace,
        "clientId": message.client,
        "base64OriginalPayload": base64.b64encode(message.raw).decode(),
        "failures": json.loads(json.dumps(told)),
    }
