"""The security checklist on the synthesized templates: functions, events, audit. Names of tests are its assertions."""

import datetime
import hashlib
import json
import re
import zipfile

import pytest

from seatrial.constructs.justification import METADATA_TYPE
from seatrial.constructs.staging import digest
from tests.stacks.security_support import kinds, machines, made, states, text

RUNTIMES = {"python3.13", "python3.14"}
SECRET = re.compile(r"(?i)secret|password|passwd|token|private|credential|api_?key")
LOOKS_SECRET = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN|\b[A-Za-z0-9/+]{40}\b(?<![0-9a-f]{40})")
TAGS = {"DataClassification", "Engagement", "Environment", "OwnerTeam"}
UNTAGGABLE = {
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::EMR::SecurityConfiguration",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::Glue::TableOptimizer",
    "AWS::IAM::InstanceProfile",
    "AWS::IAM::ManagedPolicy",
    "AWS::LakeFormation::PrincipalPermissions",
    "AWS::LakeFormation::Resource",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogStream",
    "AWS::Redshift::ScheduledAction",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}
"""Types whose CloudFormation schema has no tags (or for which CDK does not tag)."""


def functions(assemblies, least=18):
    found = made(assemblies, "AWS::Lambda::Function")
    assert len(found) >= least
    return found


def test_l01_functions_have_a_concurrency_of_their_own(assemblies):
    assert not [name for name, function in functions(assemblies) if function["ReservedConcurrentExecutions"] < 1]


def test_l02_what_a_function_fails_at_is_kept(assemblies):
    assert all("TargetArn" in function["DeadLetterConfig"] for _, function in functions(assemblies))
    for name, mapping in made(assemblies, "AWS::Lambda::EventSourceMapping"):
        assert "Destination" in mapping["DestinationConfig"]["OnFailure"], name
        assert mapping["MaximumRetryAttempts"] > 0, name


def test_l03_l04_functions_are_traced_and_run_a_supported_python(assemblies):
    for name, function in functions(assemblies):
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        assert function["Runtime"] in RUNTIMES, name
        assert function["Architectures"] == ["arm64"], name


def test_l05_no_environment_holds_a_secret(assemblies):
    for name, function in functions(assemblies):
        variables = function["Environment"]["Variables"]
        literal = {key: value for key, value in variables.items() if isinstance(value, str)}

        assert not [key for key in variables if SECRET.search(key.removesuffix("SECRET_ARN"))], name
        assert not [key for key, value in literal.items() if LOOKS_SECRET.search(value)], name


def test_l06_a_functions_code_is_named_after_the_hash_of_its_content(assemblies):
    """CDK hashes the digest that it is given once more."""
    archives = {
        assembly.folder / f"asset.{function['Code']['S3Key']}"
        for assembly in assemblies
        for _, function in functions([assembly], least=4)
    }

    assert len(archives) >= 18
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        assert path.name == f"asset.{hashlib.sha256(digest(content).encode()).hexdigest()}.zip"


def test_l07_every_target_has_retries_and_a_dead_letter_queue(assemblies):
    targets = [target for _, rule in made(assemblies, "AWS::Events::Rule") for target in rule["Targets"]]
    targets += [schedule["Target"] for _, schedule in made(assemblies, "AWS::Scheduler::Schedule")]

    assert len(targets) >= 24
    assert all({"DeadLetterConfig", "RetryPolicy"} <= set(target) for target in targets)
    for name, rule in made(assemblies, "AWS::IoT::TopicRule"):
        assert "Sqs" in rule["TopicRulePayload"]["ErrorAction"], name


def test_l08_state_machines_are_traced_and_log_no_data(assemblies):
    for name, machine in made(assemblies, "AWS::StepFunctions::StateMachine"):
        assert machine["LoggingConfiguration"]["Level"] == "ALL", name
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False, name
        assert machine["TracingConfiguration"]["Enabled"] is True, name


def test_l10_every_task_has_a_limit_retries_with_jitter_and_a_way_out(assemblies):
    tasks = [
        (f"{machine} {name}", state, caught)
        for machine, definition in machines(assemblies)
        for name, state, caught in states(definition)
        if state["Type"] == "Task"
    ]

    assert len(tasks) > 60
    for name, task, caught in tasks:
        assert task["TimeoutSeconds"] > 0, name
        assert task["Retry"][0]["BackoffRate"] > 1, name
        assert task["Retry"][0]["JitterStrategy"] == "FULL", name
        assert caught, name


def test_l10_every_machine_has_a_limit(assemblies):
    assert all(definition["TimeoutSeconds"] > 0 for _, definition in machines(assemblies))


def test_a01_logs_are_kept_for_a_year_under_the_key(assemblies):
    groups = made(assemblies, "AWS::Logs::LogGroup")

    assert {group["RetentionInDays"] for _, group in groups} == {365}
    assert all("KmsKeyId" in group for _, group in groups)


def test_a02_a03_there_is_no_trail_of_ones_own_the_accounts_is_meant(assemblies):
    assert not [kind for kind in kinds(assemblies) if kind.startswith("AWS::CloudTrail::")]


def test_a05_tables_are_recoverable_and_protected(assemblies):
    for name, table in made(assemblies, "AWS::DynamoDB::Table"):
        assert table["SSESpecification"]["SSEType"] == "KMS", name
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name
        assert table["DeletionProtectionEnabled"] is True, name


def test_a06_no_template_holds_a_secret(assemblies):
    parameters = [
        (name, parameter)
        for assembly in assemblies
        for template in assembly.templates.values()
        for name, parameter in template.get("Parameters", {}).items()
    ]

    assert parameters
    assert not [name for name, parameter in parameters if parameter.get("NoEcho") or SECRET.search(name)]
    assert not [kind for kind in kinds(assemblies) if kind.startswith("AWS::SecretsManager::")]
    assert "SecretString" not in text([assembly.templates for assembly in assemblies])


def test_a08_everything_taggable_is_tagged(assemblies):
    untagged = {
        resource["Type"]
        for assembly in assemblies
        for _, resource in assembly.resources("")
        if not set(TAGS) <= {tag["Key"] for tag in _tags(resource.get("Properties", {}))}
    }

    assert untagged == UNTAGGABLE


def _tags(properties):
    tags = properties.get("Tags") or properties.get("DashboardTags") or []
    return [{"Key": key} for key in tags] if isinstance(tags, dict) else tags


@pytest.fixture(scope="module")
def acknowledgements(assemblies):
    """Every acknowledgement of a finding: stack, path of the construct, and what was said."""
    found = [
        (stack, path, entry["data"])
        for assembly in assemblies
        for stack in assembly.templates
        for path, entries in json.loads((assembly.folder / f"{stack}.metadata.json").read_text()).items()
        for entry in entries
        if entry["type"] == METADATA_TYPE
    ]
    assert len(found) > 60
    return found


def test_a09_every_acknowledgement_is_of_one_resource_with_owner_reason_and_expiry(acknowledgements):
    for stack, path, said in acknowledgements:
        assert path.startswith(f"/{stack}/"), path
        assert re.fullmatch(r"(AwsSolutions|NIST\.800\.53\.R5)-\w+(\[.+\])?", said["rule"]), path
        assert said["owner"], path
        assert len(said["reason"]) >= 40, path
        assert datetime.date.fromisoformat(said["until"]), path


def test_a09_what_is_reported_tells_owner_and_expiry(assemblies):
    reasons = [
        suppressed["reason"]
        for assembly in assemblies
        for report in assembly.report["pluginReports"]
        for suppressed in report.get("suppressedViolations", [])
    ]

    assert reasons
    assert not [reason for reason in reasons if not re.search(r" \(\S.+, until \d{4}-\d\d-\d\d\)$", reason)]
