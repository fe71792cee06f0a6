"""Everything this function asks of AWS; each client is made at its first use and kept for the next invocation."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError
from parse import Configuration, Request

from seatrial.contracts.serving import (
    BASELINE_DIGEST,
    BASELINE_URI,
    CHAMPION_MODEL_URI,
    MODEL_DIGEST,
    invocations_request,
    is_absent,
    model_data_uri,
)
from seatrial.decisions.promotion import Approval, Attempt, Place, PromotionDecision

BLOCK = 1 << 20


class Aws:
    """The function's clients."""

    @cached_property
    def sagemaker(self) -> Any:
        """The registry's and the endpoint's service."""
        return boto3.client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        """Simple Storage Service."""
        return boto3.client("s3")

    @cached_property
    def cloudwatch(self) -> Any:
        """The alarms' service."""
        return boto3.client("cloudwatch")

    @cached_property
    def dynamodb(self) -> Any:
        """The state table's service."""
        return boto3.client("dynamodb")

    def approved(self, group: str) -> list[str]:
        """ARNs of the packages that are approved at this moment."""
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
        )
        packages = [item for page in pages for item in page["ModelPackageSummaryList"]]
        # Filtered once more: what is not approved must never be promoted, whatever the service's filter does.
        return [item["ModelPackageArn"] for item in packages if item.get("ModelApprovalStatus") == "Approved"]

    def approval(self, arn: str) -> Approval:
        """What the approval of a package rests on; content is compared with the digests that were registered."""
        package = self.sagemaker.describe_model_package(ModelPackageName=arn)
        metadata = package.get("CustomerMetadataProperties", {})
        changed = package.get("LastModifiedTime") or package.get("CreationTime")
        person = package.get("LastModifiedBy") or package.get("CreatedBy") or {}
        bound = {
            "its baseline": (metadata.get(BASELINE_URI), metadata.get(BASELINE_DIGEST)),
            "its model": (model_data_uri(package), metadata.get(MODEL_DIGEST)),
        }
        champion = metadata.get(CHAMPION_MODEL_URI)
        return Approval(
            time=changed.isoformat() if changed else "",
            approver=person.get("IamIdentity", {}).get("Arn") or person.get("UserProfileArn") or "",
            broken=tuple(
                name for name, (uri, digest) in bound.items() if uri and digest and self._digest(uri) != digest
            ),
            compared_with=None if champion is None else champion if champion.endswith(".tar.gz") else "",
        )

    def champions(self, configuration: Configuration) -> frozenset[str]:
        """The packages of the last promotion that held: the one promoted and the one before."""
        key = {"pk": {"S": f"champion#{configuration.endpoint_name}"}, "sk": {"S": "current"}}
        item = self.dynamodb.get_item(TableName=configuration.state_table, Key=key, ConsistentRead=True).get("Item", {})
        return frozenset(
            item[name]["S"] for name in ("model_package_arn", "previous_model_package_arn") if name in item
        )

    def record(self, configuration: Configuration, request: Request, decision: PromotionDecision) -> None:
        """Write the decision down, once however often it is repeated; `seatrial status` reads it."""
        time = request.started or request.time
        key = {"pk": {"S": configuration.partition}, "sk": {"S": f"decision#{time}#{request.id}"}}
        item = {
            **key,
            "time": {"S": time},
            "event_id": {"S": request.id},
            "proceed": {"BOOL": decision.proceed},
            "reason": {"S": decision.reason},
            "model_package_arn": {"S": decision.arn or "none"},
        }
        self.dynamodb.put_item(TableName=configuration.state_table, Item=item)

    def _digest(self, uri: str) -> str:
        """SHA-256 of an object; of one that is gone, nothing's name."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            body = self.s3.get_object(Bucket=bucket, Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return "gone"
            raise
        total = hashlib.sha256()
        for block in body.iter_chunks(BLOCK):
            total.update(block)
        return total.hexdigest()

    def alarm_states(self, names: Sequence[str]) -> dict[str, str]:
        """State of each metric alarm by name; that of one which does not exist is "missing".

        Composite alarms can only be read with a right to all alarms of the account, which this function has not.
        """
        if not names:
            return {}
        answer = self.cloudwatch.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm"])
        states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer.get("MetricAlarms", ())}
        return {name: states.get(name, "missing") for name in names}

    def place(self, configuration: Configuration, request: Request) -> Place:
        """The endpoint as SageMaker has it and as its stack made it."""
        made = {"stack_status": request.stack_status, "made_configs": request.made_configs}
        try:
            found = self.sagemaker.describe_endpoint(EndpointName=configuration.endpoint_name)
        except ClientError as error:
            if is_absent(error):
                return Place(**made)
            raise
        return Place(endpoint_status=found["EndpointStatus"], endpoint_config=found["EndpointConfigName"], **made)

    def requests_a_minute(self, configuration: Configuration, end: datetime) -> float:
        """Mean over the last hour, by the metric that the endpoint's alarms divide by."""
        names = (configuration.endpoint_name, configuration.variant_name)
        request = invocations_request(*names, end - timedelta(hours=1), end, 3600)
        answer = self.cloudwatch.get_metric_statistics(**request)
        return sum(point["Sum"] for point in answer["Datapoints"]) / 60

    def first_told(self, configuration: Configuration, reason: str) -> bool:
        """Note that people are told of something, False when they have been told before."""
        key = {"pk": {"S": configuration.partition}, "sk": {"S": f"told#{reason}"}}
        return self._put_if(configuration, key, "attribute_not_exists(pk)")

    def attempts(self, configuration: Configuration, arns: Sequence[str]) -> dict[str, Attempt]:
        """Earlier promotions of these packages."""
        found = {}
        for arn in arns:
            key = _key(configuration, arn)
            item = self.dynamodb.get_item(TableName=configuration.state_table, Key=key, ConsistentRead=True).get("Item")
            if item:
                found[arn] = Attempt(item["event_id"]["S"], item["time"]["S"], "released" in item)
        return found

    def claim(self, configuration: Configuration, arn: str, request: Request) -> bool:
        """Note this promotion; False when another event has noted its own at the same or a later time."""
        return self._put_if(
            configuration,
            {**_key(configuration, arn), "event_id": {"S": request.id}, "time": {"S": request.time}},
            "attribute_not_exists(pk) OR event_id = :id OR #time < :time",
            ExpressionAttributeNames={"#time": "time"},
            ExpressionAttributeValues={":id": {"S": request.id}, ":time": {"S": request.time}},
        )

    def _put_if(self, configuration: Configuration, item: dict[str, Any], condition: str, **values: Any) -> bool:
        table = configuration.state_table
        try:
            self.dynamodb.put_item(TableName=table, Item=item, ConditionExpression=condition, **values)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _key(configuration: Configuration, arn: str) -> dict[str, Any]:
    return {"pk": {"S": configuration.partition}, "sk": {"S": f"attempt#{arn}"}}
