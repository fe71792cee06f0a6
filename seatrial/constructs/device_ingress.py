"""Devices publish events by MQTT: an IoT Core rule puts them into the stream; each thing may use its own topic only."""

import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_iot as iot
import aws_cdk.aws_kms as kms
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import queue_alarm
from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.event_stream import EventStream
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.storage import dead_letter_queue

THING = "${iot:Connection.Thing.ThingName}"
SQL_VERSION = "2016-03-23"


class DeviceIngress(Construct):
    """Messages on `<topic_root>/<thing>/cdr` go into the stream; what the rule cannot deliver lies in `undelivered`.

    `partition_field` names the message's field that chooses the shard. Attach `policy` to the certificates of the
    things: a thing may connect under its own name, while its certificate is attached to it, and publish to its own
    topic; nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stream: EventStream,
        topic_root: str,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        partition_field: str = "cell_id",
    ) -> None:
        super().__init__(scope, construct_id)
        if (
            not topic_root
            or not all(c.isalnum() or c in "-_/" for c in topic_root)
            or topic_root.strip("/") != topic_root
        ):
            raise ConstructError(
                f"topic_root: must be letters, digits and -_/ without outer slashes, got {topic_root!r}"
            )
        self.topic_root = topic_root
        self.undelivered = dead_letter_queue(self, "Undelivered", key=encryption_key)
        self.role = ServiceRole(
            self, "Identity", service="iot.amazonaws.com", description="Puts messages of devices into the stream"
        )
        self.role.allow("kinesis:PutRecord", on=[stream.arn])
        self.role.allow("sqs:SendMessage", on=[self.undelivered.queue_arn])
        self.role.allow_key(encryption_key)
        self.rule = self._rule(stream, partition_field)
        self.policy = iot.CfnPolicy(self, "DevicePolicy", policy_document=self._device_policy())
        self.alarms: list[cloudwatch.CfnAlarm] = [
            queue_alarm(self, "UndeliveredDepth", self.undelivered, notification_topic)
        ]

    def _rule(self, stream: EventStream, partition_field: str) -> iot.CfnTopicRule:
        types, role = iot.CfnTopicRule, self.role.role_arn
        forward = types.KinesisActionProperty(
            role_arn=role, stream_name=stream.name, partition_key=f"${{{partition_field}}}"
        )
        keep = types.SqsActionProperty(queue_url=self.undelivered.queue_url, role_arn=role, use_base64=True)
        rule = types(
            self,
            "Rule",
            topic_rule_payload=types.TopicRulePayloadProperty(
                description="Events of devices into the stream",
                sql=f"SELECT * FROM '{self.topic_root}/+/cdr'",  # noqa: S608 - IoT's SQL, of a checked name
                aws_iot_sql_version=SQL_VERSION,
                rule_disabled=False,
                actions=[types.ActionProperty(kinesis=forward)],
                error_action=types.ActionProperty(sqs=keep),
            ),
        )
        rule.node.add_dependency(self.role.policy)
        return rule

    def _device_policy(self) -> dict:
        place = place_of(self)
        attached = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
        connect = {
            "Effect": "Allow",
            "Action": "iot:Connect",
            "Resource": place.arn("iot", "client", THING),
            "Condition": attached,
        }
        topic = place.arn("iot", "topic", f"{self.topic_root}/{THING}/cdr")
        publish = {"Effect": "Allow", "Action": "iot:Publish", "Resource": topic, "Condition": attached}
        return {"Version": "2012-10-17", "Statement": [connect, publish]}
