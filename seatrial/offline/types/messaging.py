"""SQS queues and SNS topics with their policies and subscriptions."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list, tag_map


class Queue(Handler):
    """AWS::SQS::Queue."""

    def create(self, call: Call) -> Made:
        """CreateQueue."""
        name = call.get("QueueName") or call.name(80)
        if call.flag("FifoQueue") and not name.endswith(".fifo"):
            name = f"{name[:75]}.fifo"
        arguments: dict[str, Any] = {"Attributes": self._attributes(call)}
        if call.tags():
            arguments["tags"] = call.tags()
        url = call.client("sqs").create_queue(QueueName=name, **arguments)["QueueUrl"]
        return self._made(call, url, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """SetQueueAttributes and tags."""
        sqs = call.client("sqs")
        attributes = self._attributes(call)
        attributes.pop("FifoQueue", None)
        if attributes:
            sqs.set_queue_attributes(QueueUrl=physical_id, Attributes=attributes)
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            sqs.untag_queue(QueueUrl=physical_id, TagKeys=gone)
        if call.tags():
            sqs.tag_queue(QueueUrl=physical_id, Tags=call.tags())
        return self._made(call, physical_id, physical_id.rpartition("/")[2])

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteQueue."""
        call.client("sqs").delete_queue(QueueUrl=physical_id)

    def _attributes(self, call: Call) -> dict[str, str]:
        return {name: _text(value) for name, value in call.rest("QueueName", "Tags").items()}

    def _made(self, call: Call, url: str, name: str) -> Made:
        return Made(url, {"Arn": call.arn("sqs", name), "QueueName": name, "QueueUrl": url})


class QueuePolicy(Handler):
    """AWS::SQS::QueuePolicy."""

    def create(self, call: Call) -> Made:
        """Set the policy of each queue."""
        identity = call.name()
        self._set(call, call.get("Queues"), _text(call.get("PolicyDocument")))
        return Made(identity, {"Id": identity})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Set the policy of the queues wanted, clear it of the others."""
        self._set(call, [url for url in old["Queues"] if url not in call.get("Queues")], "")
        self._set(call, call.get("Queues"), _text(call.get("PolicyDocument")))
        return Made(physical_id, {"Id": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """Clear the policy of each queue."""
        del physical_id
        self._set(call, call.get("Queues"), "")

    def _set(self, call: Call, urls: Iterable[str], policy: str) -> None:
        for url in urls:
            call.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


class Topic(Handler):
    """AWS::SNS::Topic, with subscriptions inside it."""

    def create(self, call: Call) -> Made:
        """CreateTopic, then its subscriptions."""
        sns = call.client("sns")
        name = call.chosen_name("TopicName", 256)
        attributes = {key: _text(value) for key, value in call.rest("TopicName", "Tags", "Subscription").items()}
        arguments: dict[str, Any] = {"Attributes": attributes} if attributes else {}
        if call.tags():
            arguments["Tags"] = tag_list(call.tags())
        arn = call.begin(sns.create_topic(Name=name, **arguments)["TopicArn"])
        for item in call.get("Subscription") or ():
            sns.subscribe(TopicArn=arn, Protocol=item["Protocol"], Endpoint=item["Endpoint"])
        return self._made(arn)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """SetTopicAttributes, subscriptions, tags."""
        sns = call.client("sns")
        for name in call.changed:
            if name not in {"Tags", "Subscription"}:
                value = _text(call.get(name, ""))
                sns.set_topic_attributes(TopicArn=physical_id, AttributeName=name, AttributeValue=value)
        before, after = old.get("Subscription") or [], call.get("Subscription") or []
        for item in [entry for entry in after if entry not in before]:
            sns.subscribe(TopicArn=physical_id, Protocol=item["Protocol"], Endpoint=item["Endpoint"])
        gone = {item["Endpoint"] for item in before if item not in after}
        for found in sns.list_subscriptions_by_topic(TopicArn=physical_id)["Subscriptions"] if gone else ():
            if found["Endpoint"] in gone:
                sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])
        if "Tags" in call.changed and call.tags():
            sns.tag_resource(ResourceArn=physical_id, Tags=tag_list(call.tags()))
        return self._made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteTopic."""
        sns = call.client("sns")
        for found in sns.list_subscriptions_by_topic(TopicArn=physical_id)["Subscriptions"]:
            sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])
        sns.delete_topic(TopicArn=physical_id)

    def _made(self, arn: str) -> Made:
        return Made(arn, {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})


class TopicPolicy(Handler):
    """AWS::SNS::TopicPolicy."""

    def create(self, call: Call) -> Made:
        """Set the policy of each topic."""
        identity, policy = call.name(), _text(call.get("PolicyDocument"))
        for arn in call.get("Topics"):
            call.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
        return Made(identity, {"Id": identity})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Set the policy of each topic."""
        del old
        self.create(call)
        return Made(physical_id, {"Id": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """Back to the default policy, which only the owner's rights replace."""
        del physical_id
        for arn in call.get("Topics"):
            policy = json.dumps({"Version": "2012-10-17", "Statement": [_owner_statement(call, arn)]})
            call.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


class Subscription(Handler):
    """AWS::SNS::Subscription."""

    def create(self, call: Call) -> Made:
        """Subscribe."""
        fields = call.rest("TopicArn", "Protocol", "Endpoint", "Region")
        arn = call.client("sns").subscribe(
            TopicArn=call.get("TopicArn"),
            Protocol=call.get("Protocol"),
            Endpoint=call.get("Endpoint"),
            Attributes={name: _text(value) for name, value in fields.items()},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return Made(arn, {"Arn": arn})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """SetSubscriptionAttributes."""
        del old
        for name in call.changed:
            call.client("sns").set_subscription_attributes(
                SubscriptionArn=physical_id, AttributeName=name, AttributeValue=_text(call.get(name, {}))
            )
        return Made(physical_id, {"Arn": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """Unsubscribe."""
        call.client("sns").unsubscribe(SubscriptionArn=physical_id)


def _owner_statement(call: Call, arn: str) -> dict[str, Any]:
    root = f"arn:aws:iam::{call.context.account}:root"
    actions = ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:DeleteTopic"]
    return {"Sid": "owner", "Effect": "Allow", "Principal": {"AWS": root}, "Action": actions, "Resource": arn}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


HANDLERS: dict[str, Handler] = {
    "AWS::SQS::Queue": Queue(),
    "AWS::SQS::QueuePolicy": QueuePolicy(),
    "AWS::SNS::Topic": Topic(),
    "AWS::SNS::TopicPolicy": TopicPolicy(),
    "AWS::SNS::Subscription": Subscription(),
}
