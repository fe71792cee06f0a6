"""Everything this function asks of AWS; each client is made at its first use and kept for the next invocation."""

import json
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError
from parse import Configuration, parse_time

from seatrial.contracts import layout
from seatrial.contracts.serving import find_serving
from seatrial.decisions.retraining import TrainingData


class Aws:
    """The function's clients."""

    @cached_property
    def s3(self) -> Any:
        """Simple Storage Service."""
        return boto3.client("s3")

    @cached_property
    def dynamodb(self) -> Any:
        """The tables' service."""
        return boto3.client("dynamodb")

    @cached_property
    def sagemaker(self) -> Any:
        """The pipeline's service."""
        return boto3.client("sagemaker")

    @cached_property
    def sns(self) -> Any:
        """The notification topic's service."""
        return boto3.client("sns")

    def training_data(self, configuration: Configuration) -> TrainingData | None:
        """The newest training data, None when there is none yet."""
        key = layout.latest_training_data_key(configuration.dataset_name)
        try:
            body = self.s3.get_object(Bucket=configuration.raw_bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return None
            raise
        data = json.loads(body)
        fresh, digest = data.get("fresh_rows"), data.get("digest")
        as_of = parse_time(data["as_of"])
        return TrainingData(
            data["uri"], int(data["labelled_rows"]), as_of, None if fresh is None else int(fresh), digest
        )

    def champion_model_uri(self, endpoint_name: str) -> str | None:
        """Where the champion's model lies, None while nothing serves."""
        serving = find_serving(self.sagemaker, endpoint_name)
        return serving.model_data_uri if serving else None

    def execution_status(self, arn: str) -> str | None:
        """Status of a pipeline execution, None when it does not exist any more."""
        try:
            return self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                return None
            raise

    def start_pipeline(self, name: str, token: str, description: str, parameters: dict[str, str]) -> str:
        """Start an execution, or get the one already started with this token; returns its ARN."""
        answer = self.sagemaker.start_pipeline_execution(
            PipelineName=name,
            ClientRequestToken=token,
            PipelineExecutionDescription=description[:3072],
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
        )
        return answer["PipelineExecutionArn"]

    def notify(self, topic_arn: str, subject: str, message: str) -> None:
        """Publish to the notification topic."""
        self.sns.publish(TopicArn=topic_arn, Subject=subject[:100], Message=message)
