"""The few things that the status asks of AWS, through botocore: it needs nothing but the core installation."""

import contextlib
import json
import os
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from seatrial.contracts.serving import Serving, find_serving, is_absent

PATIENCE = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})


class StatusError(Exception):
    """The status cannot be told; the text is one line that says why and what to do."""


class Aws:
    """Reads only; `client` makes a botocore client of a service."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._make, self._made = client, {}

    @classmethod
    def of_region(cls, region: str) -> "Aws":
        """With the credentials and the endpoint (AWS_ENDPOINT_URL) that the environment gives."""
        session = botocore.session.get_session()
        return cls(lambda service: session.create_client(service, region_name=region, config=PATIENCE))

    def account(self) -> str:
        """The account that the credentials belong to; raises `StatusError` when there are none that work."""
        try:
            return self._client("sts").get_caller_identity()["Account"]
        except ClientError as error:
            raise StatusError(f"the credentials are not accepted: {error.response['Error']['Message']}") from None
        except BotoCoreError as error:
            hint = "give AWS credentials, or the variables that `seatrial cloud` prints for an offline cloud"
            raise StatusError(f"AWS cannot be asked: {' '.join(str(error).split())}: {hint}") from None

    def now(self) -> datetime:
        """The time there: an offline cloud has a clock of its own, which may be ahead of this machine's."""
        url = os.environ.get("AWS_ENDPOINT_URL", "")
        if url.startswith(("http://127.0.0.1", "http://localhost")):
            with contextlib.suppress(OSError, ValueError, KeyError):
                return _offline_now(url)
        return datetime.now(UTC)

    def outputs(self, stack: str) -> dict[str, str] | None:
        """Outputs of a stack, None when there is no such stack."""
        try:
            found = self._client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}

    def environment(self, function: str) -> dict[str, str]:
        """Environment of a function; empty where the caller may not use the key that it is encrypted with."""
        answer = self._client("lambda").get_function_configuration(FunctionName=function)
        return answer.get("Environment", {}).get("Variables", {})

    def serving(self, endpoint: str) -> Serving | None:
        """What the endpoint runs, None before it exists."""
        return find_serving(self._client("sagemaker"), endpoint)

    def item(self, table: str, partition: str, sort: str) -> dict[str, Any] | None:
        """One item of a table, as DynamoDB writes it."""
        key = {"pk": {"S": partition}, "sk": {"S": sort}}
        return self._client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")

    def newest(self, table: str, partition: str, prefix: str, limit: int) -> list[dict[str, Any]]:
        """Items of a partition whose sort key begins with `prefix`, the last ones first."""
        answer = self._client("dynamodb").query(
            TableName=table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": partition}, ":sk": {"S": prefix}},
            ScanIndexForward=False,
            Limit=limit,
        )
        return answer["Items"]

    def execution(self, arn: str) -> Mapping[str, Any] | None:
        """A pipeline execution, None when it is gone."""
        try:
            return self._client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound" or is_absent(error):
                return None
            raise

    def pending(self, group: str) -> list[str]:
        """ARNs of model packages that wait for somebody's approval, the newest first."""
        answer = self._client("sagemaker").list_model_packages(
            ModelPackageGroupName=group,
            ModelApprovalStatus="PendingManualApproval",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=10,
        )
        return [package["ModelPackageArn"] for package in answer["ModelPackageSummaryList"]]

    def promotion(self, execution: str) -> dict[str, Any] | None:
        """A run of the promotion's state machine and what it says of its end; None when AWS keeps it no more."""
        try:
            found = self._client("stepfunctions").describe_execution(executionArn=execution)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"ExecutionDoesNotExist", "InvalidArn"}:
                return None
            raise
        output = json.loads(found.get("output") or "{}")
        reason = found.get("cause") or output.get("reason", "")
        return {"status": found["status"], "outcome": output.get("outcome", ""), "reason": reason}

    def _client(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = self._make(service)
        return self._made[service]


def _offline_now(url: str) -> datetime:
    with urllib.request.urlopen(f"{url}/_seatrial/clock", timeout=5) as answer:  # noqa: S310 - of this machine
        return datetime.fromisoformat(json.load(answer)["now"])
