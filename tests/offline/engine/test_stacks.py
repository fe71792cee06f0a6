"""Stack operations on a running cloud: create, update, delete, roll back, exports."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 30}}
BROKEN_FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "DependsOn": ["Queue"],
    "Properties": {
        "Code": {"S3Bucket": "no-such-bucket", "S3Key": "code.zip"},
        "Handler": "handler.lambda_handler",
        "Runtime": "python3.13",
        "Role": "arn:aws:iam::111111111111:role/absent",
    },
}


def template(resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {"Resources": resources, **sections}


def table(key: str, **more: Any) -> dict[str, Any]:
    properties = {
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }
    return template({"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}})


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", ())}


def attributes(stacks: Any, url: str) -> dict[str, str]:
    return stacks.cloud.context.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def test_creates_resources_in_order_of_their_dependencies(stacks: Any) -> None:
    policy = {"Version": "2012-10-17", "Statement": []}
    body = template(
        {
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": policy},
            },
            "Queue": QUEUE,
        },
        Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}}},
    )

    stack = stacks.create("ordered", body)

    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack)["Arn"].startswith("arn:aws:sqs:eu-central-1:111111111111:ordered-Queue-")
    events = stacks.events("ordered")
    assert events[0] == ("ordered", "CREATE_IN_PROGRESS")
    assert events.index(("Queue", "CREATE_COMPLETE")) < events.index(("Policy", "CREATE_IN_PROGRESS"))
    assert events[-1] == ("ordered", "CREATE_COMPLETE")


def test_a_broken_stack_ends_red_and_rolls_back(stacks: Any) -> None:
    stack = stacks.create("broken", template({"Queue": QUEUE, "Function": BROKEN_FUNCTION}))

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ("Function", "CREATE_FAILED") in stacks.events("broken")
    assert ("Queue", "DELETE_COMPLETE") in stacks.events("broken")
    queues = stacks.cloud.context.client("sqs").list_queues(QueueNamePrefix="broken-").get("QueueUrls", [])
    assert queues == []


def test_a_failed_creation_can_be_left_as_it_is(stacks: Any) -> None:
    body = template({"Queue": QUEUE, "Function": BROKEN_FUNCTION})

    stack = stacks.create("left", body, DisableRollback=True)

    assert stack["StackStatus"] == "CREATE_FAILED"
    assert stacks.physical_id("left", "Queue")


def test_an_update_changes_in_place_what_can_be_changed(stacks: Any) -> None:
    stacks.create("changing", template({"Queue": QUEUE}))
    before = stacks.physical_id("changing", "Queue")
    longer = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}

    stack = stacks.update("changing", template({"Queue": longer}))

    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id("changing", "Queue") == before
    assert attributes(stacks, before)["VisibilityTimeout"] == "60"


def test_an_update_of_a_create_only_property_makes_the_resource_anew(stacks: Any) -> None:
    stacks.create("anew", table("pk"))
    before = stacks.physical_id("anew", "Table")

    stack = stacks.update("anew", table("id"))

    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id("anew", "Table") != before
    assert before not in stacks.cloud.context.client("dynamodb").list_tables()["TableNames"]


def test_a_custom_named_resource_cannot_be_replaced(stacks: Any) -> None:
    stacks.create("named", table("pk", TableName="customers"))

    stack = stacks.update("named", table("id", TableName="customers"))

    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Rename customers and update the stack again" in stacks.reasons("named")


def test_a_failed_update_rolls_back_to_what_was_there(stacks: Any) -> None:
    stacks.create("rolled", template({"Queue": QUEUE}))
    url = stacks.physical_id("rolled", "Queue")
    longer = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}
    another = {"Type": "AWS::SNS::Topic", "Properties": {}}

    stack = stacks.update("rolled", template({"Queue": longer, "Topic": another, "Function": BROKEN_FUNCTION}))

    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert attributes(stacks, url)["VisibilityTimeout"] == "30"
    assert ("Topic", "DELETE_COMPLETE") in stacks.events("rolled")
    resources = stacks.api.list_stack_resources(StackName="rolled")["StackResourceSummaries"]
    assert [item["LogicalResourceId"] for item in resources] == ["Queue"]


def test_a_replacement_that_is_rolled_back_leaves_the_stack_with_what_it_had(stacks: Any) -> None:
    stacks.create("swapped", table("id"))
    before = stacks.physical_id("swapped", "Table")
    broken = {**BROKEN_FUNCTION, "DependsOn": ["Table"]}

    stack = stacks.update("swapped", template({**table("other")["Resources"], "Function": broken}))

    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.physical_id("swapped", "Table") == before
    assert stacks.cloud.context.client("dynamodb").list_tables()["TableNames"].count(before) == 1


def test_an_update_that_removes_a_resource_deletes_it(stacks: Any) -> None:
    stacks.create("shrinking", template({"Queue": QUEUE, "Topic": {"Type": "AWS::SNS::Topic"}}))

    stack = stacks.update("shrinking", template({"Queue": QUEUE}))

    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert ("Topic", "DELETE_COMPLETE") in stacks.events("shrinking")


def test_the_previous_template_and_values_are_kept_on_request(stacks: Any) -> None:
    body = template(
        {
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"VisibilityTimeout": {"Ref": "Seconds"}, "DelaySeconds": {"Ref": "Delay"}},
            }
        },
        Parameters={"Seconds": {"Type": "Number", "Default": 5}, "Delay": {"Type": "Number", "Default": 0}},
    )
    stacks.create("kept", body, Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "7"}])
    url = stacks.physical_id("kept", "Queue")
    keep = {"ParameterKey": "Seconds", "UsePreviousValue": True}

    stacks.update("kept", Parameters=[keep, {"ParameterKey": "Delay", "ParameterValue": "3"}])

    assert attributes(stacks, url)["VisibilityTimeout"] == "7"
    assert attributes(stacks, url)["DelaySeconds"] == "3"


def test_a_condition_brings_resources_and_outputs_in(stacks: Any) -> None:
    body = template(
        {"Topic": {"Type": "AWS::SNS::Topic"}, "Queue": {**QUEUE, "Condition": "Wanted"}},
        Parameters={"Model": {"Type": "String", "Default": ""}},
        Conditions={"Wanted": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Model"}, ""]}]}},
        Outputs={"Url": {"Condition": "Wanted", "Value": {"Ref": "Queue"}}},
    )
    first = stacks.create("conditional", body)

    second = stacks.update("conditional", Parameters=[{"ParameterKey": "Model", "ParameterValue": "arn"}])

    assert outputs(first) == {}
    assert outputs(second)["Url"] == stacks.physical_id("conditional", "Queue")


def test_an_update_without_a_change_is_refused(stacks: Any) -> None:
    stacks.create("same", template({"Queue": QUEUE}))

    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        stacks.update("same", template({"Queue": QUEUE}))


def test_an_unknown_resource_type_is_refused_before_anything_starts(stacks: Any) -> None:
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Foo::Bar\]"):
        stacks.create("unknown", template({"Thing": {"Type": "AWS::Foo::Bar"}}))


def test_a_type_without_a_handler_says_what_to_do(stacks: Any) -> None:
    with pytest.raises(ClientError, match="add a handler in seatrial/offline/types"):
        stacks.create("unhandled", template({"Game": {"Type": "AWS::GameLift::Fleet"}}))


def test_resolved_properties_are_checked_against_the_schema(stacks: Any) -> None:
    body = template(
        {"Key": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": {"Ref": "Name"}, "TargetKeyId": "k"}}},
        Parameters={"Name": {"Type": "String", "Default": "not-an-alias"}},
    )

    stack = stacks.create("schema", body)

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "AliasName: 'not-an-alias' does not match" in stacks.reasons("schema")


def test_a_property_that_nothing_acts_on_fails_loudly(stacks: Any) -> None:
    properties = {"CidrBlock": "10.0.0.0/16", "Ipv4NetmaskLength": 16}

    stack = stacks.create("loud", template({"Vpc": {"Type": "AWS::EC2::VPC", "Properties": properties}}))

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Ipv4NetmaskLength of AWS::EC2::VPC is not emulated by the offline cloud" in stacks.reasons("loud")
    vpcs = stacks.cloud.context.client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])
    assert vpcs["Vpcs"] == []


def test_a_retained_resource_stays_and_is_told_apart(stacks: Any) -> None:
    body = template({"Queue": {**QUEUE, "DeletionPolicy": "Retain"}})
    stacks.create("retaining", body)
    url = stacks.physical_id("retaining", "Queue")

    stack = stacks.delete("retaining")

    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert f"AWS::SQS::Queue {url}" in stacks.cloud.retained()
    assert f"AWS::SQS::Queue {url}" not in stacks.cloud.leftovers()


def test_an_export_in_use_cannot_go(stacks: Any) -> None:
    exporting = template(
        {"Queue": QUEUE}, Outputs={"Url": {"Value": {"Ref": "Queue"}, "Export": {"Name": "queue-url"}}}
    )
    importing = template(
        {
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {
                    "Queues": [{"Fn::ImportValue": "queue-url"}],
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": []},
                },
            }
        }
    )
    stacks.create("exporter", exporting)
    stacks.create("importer", importing)

    kept = stacks.delete("exporter")
    rolled = stacks.update("exporter", template({"Queue": QUEUE}))

    assert kept["StackStatus"] == "CREATE_COMPLETE"
    assert "in use by importer" in stacks.reasons("exporter")
    assert rolled["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.api.list_imports(ExportName="queue-url")["Imports"] == ["importer"]


def test_a_stack_that_cannot_be_emptied_ends_delete_failed(stacks: Any) -> None:
    stacks.create("full", template({"Bucket": {"Type": "AWS::S3::Bucket"}}))
    bucket = stacks.physical_id("full", "Bucket")
    stacks.cloud.context.client("s3").put_object(Bucket=bucket, Key="object", Body=b"1")

    stack = stacks.delete("full")

    assert stack["StackStatus"] == "DELETE_FAILED"
    assert "is not empty" in stacks.reasons("full")


def test_a_deleted_stack_is_found_by_its_id_alone(stacks: Any) -> None:
    stacks.create("gone", template({"Queue": QUEUE}))

    stack = stacks.delete("gone")

    assert stack["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="Stack with id gone does not exist"):
        stacks.api.describe_stacks(StackName="gone")


def test_termination_protection_is_honoured(stacks: Any) -> None:
    stacks.create("protected", template({"Queue": QUEUE}), EnableTerminationProtection=True)

    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        stacks.api.delete_stack(StackName="protected")


def test_a_parameter_of_the_ssm_type_is_read(stacks: Any) -> None:
    stacks.cloud.context.client("ssm").put_parameter(Name="/seconds", Value="12", Type="String")
    body = template(
        {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Seconds"}}}},
        Parameters={"Seconds": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/seconds"}},
    )

    stacks.create("from-ssm", body)

    url = stacks.physical_id("from-ssm", "Queue")
    assert attributes(stacks, url)["VisibilityTimeout"] == "12"


def test_a_stack_that_never_came_up_cannot_be_updated(stacks: Any) -> None:
    stacks.create("busy", template({"Queue": QUEUE, "Function": BROKEN_FUNCTION}))

    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.update("busy", template({"Queue": QUEUE}))
