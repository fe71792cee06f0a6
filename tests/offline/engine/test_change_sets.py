"""Change sets, as the CDK CLI uses them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

QUEUE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 30}}}}
LONGER = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}}}
RENAMED = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "renamed"}}}}


def propose(stacks: Any, stack: str, template: dict[str, Any], kind: str, name: str = "proposal") -> dict[str, Any]:
    stacks.api.create_change_set(
        StackName=stack, ChangeSetName=name, ChangeSetType=kind, TemplateBody=json.dumps(template)
    )
    return stacks.api.describe_change_set(StackName=stack, ChangeSetName=name)


def test_a_stack_is_created_by_executing_a_change_set(stacks: Any) -> None:
    with_export = {**QUEUE, "Outputs": {"Url": {"Value": {"Ref": "Queue"}, "Export": {"Name": "change-set-url"}}}}
    proposal = propose(stacks, "proposed", with_export, "CREATE")

    stacks.api.execute_change_set(StackName="proposed", ChangeSetName="proposal")
    stack = stacks.settled("proposed")

    assert proposal["Status"] == "CREATE_COMPLETE"
    assert proposal["Changes"][0]["ResourceChange"]["Action"] == "Add"
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert "change-set-url" in {export["Name"] for export in stacks.api.list_exports()["Exports"]}


def test_a_change_in_place_and_a_replacement_are_told_apart(stacks: Any) -> None:
    stacks.create("compared", QUEUE)

    in_place = propose(stacks, "compared", LONGER, "UPDATE", "in-place")
    replacing = propose(stacks, "compared", RENAMED, "UPDATE", "replacing")

    assert in_place["Changes"][0]["ResourceChange"]["Replacement"] == "False"
    assert replacing["Changes"][0]["ResourceChange"]["Replacement"] == "True"


def test_a_change_set_without_changes_fails_and_says_so(stacks: Any) -> None:
    stacks.create("unchanged", QUEUE)

    proposal = propose(stacks, "unchanged", QUEUE, "UPDATE")

    assert proposal["Status"] == "FAILED"
    assert "didn't contain changes" in proposal["StatusReason"]


def test_change_sets_of_the_same_name_belong_to_their_stacks(stacks: Any) -> None:
    stacks.create("one", QUEUE)
    stacks.create("two", QUEUE)
    propose(stacks, "one", LONGER, "UPDATE")
    propose(stacks, "two", RENAMED, "UPDATE")

    stacks.api.delete_change_set(StackName="one", ChangeSetName="proposal")

    assert stacks.api.list_change_sets(StackName="one")["Summaries"] == []
    assert len(stacks.api.list_change_sets(StackName="two")["Summaries"]) == 1


def test_deleting_an_absent_change_set_is_fine(stacks: Any) -> None:
    stacks.create("quiet", QUEUE)

    answer = stacks.api.delete_change_set(StackName="quiet", ChangeSetName="absent")

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_absent_change_set_cannot_be_described(stacks: Any) -> None:
    stacks.create("described", QUEUE)

    with pytest.raises(ClientError, match=r"ChangeSet \[absent\] does not exist"):
        stacks.api.describe_change_set(StackName="described", ChangeSetName="absent")


def test_a_stack_under_review_has_an_empty_template_and_can_be_deleted(stacks: Any) -> None:
    propose(stacks, "reviewed", QUEUE, "CREATE")

    template = stacks.api.get_template(StackName="reviewed")["TemplateBody"]
    stack = stacks.delete("reviewed")

    assert not template
    assert stack["StackStatus"] == "DELETE_COMPLETE"
