"""Types of streams, IoT Core and the feature store, made, changed and removed through a stack."""

from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.offline.cloud import OfflineCloud
from tests.offline.types.test_types import TAG, TRUST, att, ref, resource, settled, template

PUBLISH = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": {"Ref": "Owner"}}],
}
QUERY = "{date: .started_at[0:10]}"
PARAMETERS = {"MetadataExtractionQuery": QUERY, "JsonParsingEngine": "JQ-1.6"}
DESTINATION = {
    "BucketARN": att("Bucket"),
    "RoleARN": att("Role"),
    "Prefix": {"Fn::Join": ["", [ref("Owner"), "/date=!{partitionKeyFromQuery:date}/"]]},
    "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
    "BufferingHints": {"IntervalInSeconds": "60", "SizeInMBs": 64},
    "DynamicPartitioningConfiguration": {"Enabled": True},
    "ProcessingConfiguration": {
        "Enabled": True,
        "Processors": [
            {
                "Type": "MetadataExtraction",
                "Parameters": [{"ParameterName": k, "ParameterValue": v} for k, v in PARAMETERS.items()],
            }
        ],
    },
}
FEATURES = [
    {"FeatureName": "id", "FeatureType": "String"},
    {"FeatureName": "at", "FeatureType": "Fractional"},
]
STREAMING: dict[str, Any] = {
    "Role": resource("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "Bucket": resource("S3::Bucket"),
    "Stream": resource(
        "Kinesis::Stream",
        StreamModeDetails={"StreamMode": "ON_DEMAND"},
        RetentionPeriodHours=48,
        StreamEncryption={"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        Tags=TAG,
    ),
    "Consumer": resource("Kinesis::StreamConsumer", ConsumerName="kpi", StreamARN=att("Stream")),
    "StreamPolicy": resource("Kinesis::ResourcePolicy", ResourceArn=att("Stream"), ResourcePolicy=PUBLISH),
    "Delivery": resource(
        "KinesisFirehose::DeliveryStream",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": att("Stream"), "RoleARN": att("Role")},
        ExtendedS3DestinationConfiguration=DESTINATION,
        Tags=TAG,
    ),
    "Rule": resource(
        "IoT::TopicRule",
        TopicRulePayload={
            "Sql": {"Fn::Sub": "SELECT * FROM '${Owner}/+/cdr'"},
            "AwsIotSqlVersion": "2016-03-23",
            "Actions": [{"Kinesis": {"StreamName": ref("Stream"), "RoleArn": att("Role"), "PartitionKey": "${cell}"}}],
        },
    ),
    "Policy": resource("IoT::Policy", PolicyDocument=PUBLISH),
    "Thing": resource("IoT::Thing", AttributePayload={"Attributes": {"owner": ref("Owner")}}),
    "Group": resource(
        "SageMaker::FeatureGroup",
        FeatureGroupName="types",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=FEATURES,
        OnlineStoreConfig={"EnableOnlineStore": True},
        RoleArn=att("Role"),
    ),
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineCloud]:
    with OfflineCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


def test_streams_rules_and_features_are_created_updated_and_deleted_without_a_trace(cloud: OfflineCloud) -> None:
    api = cloud.context.client("cloudformation")
    changed = {
        **STREAMING,
        "Group": resource(
            "SageMaker::FeatureGroup",
            **{
                **STREAMING["Group"]["Properties"],
                "FeatureDefinitions": [*FEATURES, {"FeatureName": "more", "FeatureType": "Integral"}],
            },
        ),
    }

    stack_id = api.create_stack(StackName="streaming", TemplateBody=template(STREAMING))["StackId"]
    created = settled(cloud, "streaming")
    assert created == "CREATE_COMPLETE"
    owner = [{"ParameterKey": "Owner", "ParameterValue": "two"}]
    api.update_stack(StackName="streaming", TemplateBody=template(changed), Parameters=owner)
    updated = settled(cloud, "streaming")
    assert updated == "UPDATE_COMPLETE"
    _check_what_changed(cloud)
    api.delete_stack(StackName="streaming")
    deleted = settled(cloud, stack_id)

    assert deleted == "DELETE_COMPLETE"
    assert cloud.leftovers() == []


def _check_what_changed(cloud: OfflineCloud) -> None:
    firehose, kinesis = cloud.context.client("firehose"), cloud.context.client("kinesis")
    (name,) = firehose.list_delivery_streams()["DeliveryStreamNames"]
    described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    (stream,) = kinesis.list_streams()["StreamNames"]
    (rule,) = cloud.context.client("iot").list_topic_rules()["rules"]
    group = cloud.context.client("sagemaker").describe_feature_group(FeatureGroupName="types")

    assert described["VersionId"] == "2"
    assert described["Destinations"][0]["ExtendedS3DestinationDescription"]["Prefix"].startswith("two/")
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["RetentionPeriodHours"] == 48
    assert rule["topicPattern"] == "two/+/cdr"
    assert [each["FeatureName"] for each in group["FeatureDefinitions"]] == ["id", "at", "more"]


def test_a_rule_that_cannot_work_fails_its_stack_with_the_reason(cloud: OfflineCloud) -> None:
    payload = {"Sql": "SELECT nosuch(1) AS x FROM 'a'", "Actions": []}
    resources = {"Rule": resource("IoT::TopicRule", TopicRulePayload=payload)}

    cloud.context.client("cloudformation").create_stack(StackName="wrong", TemplateBody=template(resources))

    assert "there is no function nosuch()" in settled(cloud, "wrong")
