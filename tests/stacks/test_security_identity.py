"""The security checklist on the synthesized templates: roles and policies. Names of tests are its assertions."""

import json
import re

import pytest
from botocore.loaders import Loader

from seatrial.constructs.unscoped import UNSCOPED_ACTIONS
from tests.stacks.option_matrix import BOUNDARY
from tests.stacks.security_support import (
    actions_by_role,
    allowed,
    documents,
    joined,
    kinds,
    listed,
    made,
    pipeline_definition,
    text,
    trusted,
)

SEVERAL_PRINCIPALS = {
    "Warehouse/RoleIdentityRole": {"redshift.amazonaws.com", "redshift-serverless.amazonaws.com"},
    "Warehouse/MlIdentityRole": {
        "redshift.amazonaws.com",
        "redshift-serverless.amazonaws.com",
        "sagemaker.amazonaws.com",
    },
}
"""Roles that several principals may assume: Redshift has two names, and CREATE MODEL demands SageMaker besides."""
JOB_KEYS = {
    "sagemaker:InstanceTypes",
    "sagemaker:InterContainerTrafficEncryption",
    "sagemaker:MaxRuntimeInSeconds",
    "sagemaker:NetworkIsolation",
    "sagemaker:OutputKmsKey",
    "sagemaker:VolumeKmsKey",
    "sagemaker:VpcSecurityGroupIds",
    "sagemaker:VpcSubnets",
}
PASSED = "iam:PassRole"
ESCALATIONS = [
    *[{f"iam:{name}"} for name in (
        "AddUserToGroup", "AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy", "CreateAccessKey",
        "CreateLoginProfile", "CreatePolicyVersion", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy",
        "SetDefaultPolicyVersion", "UpdateAssumeRolePolicy", "UpdateLoginProfile",
    )],
    {"glue:UpdateDevEndpoint"}, {"lambda:UpdateFunctionCode"}, {"lambda:UpdateFunctionConfiguration"},
    {"sagemaker:CreatePresignedNotebookInstanceUrl"},
    {PASSED, "cloudformation:CreateStack"}, {PASSED, "cloudformation:UpdateStack"}, {PASSED, "codebuild:CreateProject"},
    {PASSED, "datapipeline:CreatePipeline"}, {PASSED, "ec2:RunInstances"}, {PASSED, "ecs:RunTask"},
    {PASSED, "glue:CreateDevEndpoint"}, {PASSED, "lambda:CreateFunction"}, {PASSED, "sagemaker:CreateNotebookInstance"},
]  # fmt: skip
"""What lets a role become another, as Rhino Security Labs and cloudsplaining enumerate it. Starting SageMaker jobs with
a role that is passed is what pipeline and monitor are for: I04 and I14 bound it."""
MODELS = {
    "elasticmapreduce": ["emr"],
    "sagemaker": ["sagemaker", "sagemaker-runtime", "sagemaker-featurestore-runtime"],
    "states": ["stepfunctions"],
}
"""A prefix of actions to botocore's names of the services behind it, where they differ."""
NO_OPERATIONS = {
    "iam:PassRole", "iot:Connect", "iot:Publish", "kms:ReEncryptFrom", "kms:ReEncryptTo", "lakeformation:GetDataAccess",
    "lambda:InvokeFunction", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:GetLogDelivery",
    "logs:ListLogDeliveries", "logs:UpdateLogDelivery", "s3:ListBucket", "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
}  # fmt: skip
"""Actions of the service authorization reference that no operation of an API is called after."""


def test_i01_no_policy_has_a_wildcard_action(assemblies):
    found = [
        (name, action)
        for assembly in assemblies
        for name, statement in assembly.statements()
        for action in listed(statement["Action"])
        if "*" in action
    ]

    assert found == []
    assert not {"AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::Group"} & kinds(assemblies)


def test_i03_i12_resource_star_is_for_actions_that_take_no_resource(assemblies):
    for name, statement in allowed(assemblies):
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= set(UNSCOPED_ACTIONS), name
    assert not [action for action in UNSCOPED_ACTIONS if action.startswith("kms:")]


def test_i12_decrypting_is_for_the_stacks_own_key_or_for_one_that_the_engagement_names(assemblies):
    decrypting = [s for _, s in allowed(assemblies) if "kms:Decrypt" in listed(s["Action"])]

    others = [s for s in decrypting if not all("DataKey" in text(arn) for arn in listed(s["Resource"]))]
    assert len(decrypting) > 20
    assert len(others) == 2  # the monitor's function and its job, of a source in a bucket of somebody else's key
    for statement in others:
        assert statement["Action"] == "kms:Decrypt"
        assert text(statement["Resource"]).endswith(":key/0123abcd-4567-89ab-cdef-0123456789ab")
        assert "s3." in text(statement["Condition"]["StringLike"]["kms:ViaService"])


def test_i04_passing_roles_is_exact(assemblies):
    passing = [(name, s) for name, s in allowed(assemblies) if PASSED in listed(s["Action"])]

    assert len(passing) >= 2 * len(assemblies)
    for name, statement in passing:
        assert "*" not in text(statement["Resource"]), name
        assert statement["Action"] == PASSED, name
        assert re.fullmatch(
            r"[a-z0-9-]+\.amazonaws\.com", statement["Condition"]["StringEquals"]["iam:PassedToService"]
        )


def test_i06_i16_roles_have_one_service_and_no_managed_policy_of_aws(assemblies):
    several = {}
    for name, role in made(assemblies, "AWS::IAM::Role"):
        assert len(role["AssumeRolePolicyDocument"]["Statement"]) == 1, name
        assert "arn:aws:iam::aws:policy" not in text(role["ManagedPolicyArns"]), name
        assert "Policies" not in role, name
        several |= {name[:-8]: trusted(role)} if len(trusted(role)) > 1 else {}

    assert several == SEVERAL_PRINCIPALS


def test_i07_every_role_has_the_boundary_that_the_engagement_names(emr_assembly, assembly):
    for name, role in made([emr_assembly], "AWS::IAM::Role"):
        assert role.get("PermissionsBoundary") == BOUNDARY, name
    assert not [name for name, role in made([assembly], "AWS::IAM::Role") if "PermissionsBoundary" in role]


def test_i08_i10_services_alone_may_assume_roles(assemblies):
    for name, role in made(assemblies, "AWS::IAM::Role"):
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            assert statement["Action"] == "sts:AssumeRole", name
            assert set(statement["Principal"]) == {"Service"}, name
            services = listed(statement["Principal"]["Service"])
            assert all(re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com", service) for service in services), name


def test_i09_trust_is_bound_to_this_account(assemblies):
    for name, role in made(assemblies, "AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        bound = {"StringEquals": {"aws:SourceAccount": "111111111111"}}

        # EC2 assumes an instance's role without telling an account, and only for instances of the role's own.
        assert statement.get("Condition") == (None if trusted(role) == {"ec2.amazonaws.com"} else bound), name


def test_i11_no_role_can_become_another(assemblies):
    roles = [(name, actions) for assembly in assemblies for name, actions in actions_by_role(assembly).items()]

    found = {name for name, actions in roles for escalation in ESCALATIONS if escalation <= actions}

    assert len(roles) > 60
    # EMR starts the cluster's nodes with the nodes' role and no other, see docs/reference/security-exceptions.md.
    assert {name[:-8] for name in found} == {"Processing/EmrServiceIdentityRole"}


def test_i13_every_action_exists(assemblies):
    loader = Loader()
    used = {action for a in assemblies for _, s in a.statements() for action in listed(s["Action"])}
    used |= {action for _, s in documents(assemblies, "AWS::EC2::VPCEndpoint") for action in listed(s["Action"])}
    used |= {action for _, s in documents(assemblies, "AWS::KMS::Key", "KeyPolicy") for action in listed(s["Action"])}
    existing = {
        f"{prefix}:{operation}"
        for prefix in {action.split(":")[0] for action in used}
        for service in MODELS.get(prefix, [prefix])
        for operation in loader.load_service_model(service, "service-2")["operations"]
    }

    assert len(used) > 150
    assert used - existing <= NO_OPERATIONS
    assert not existing & NO_OPERATIONS


@pytest.mark.parametrize("kind", ["Processing", "Training"])
def test_i14_jobs_are_made_only_within_the_network_with_the_key_and_a_time_limit(assemblies, kind):
    action = f"sagemaker:Create{kind}Job"
    starts = [(n, s["Condition"]) for n, s in allowed(assemblies) if s["Action"] == action]

    assert len(starts) >= len(assemblies)
    for name, condition in starts:
        keys = {key for operator in condition.values() for key in operator}
        assert keys >= JOB_KEYS - ({"sagemaker:InstanceTypes"} if name.startswith("Training/") else set()), name


def test_i14_nothing_makes_models_endpoints_or_schedules_and_redshift_alone_makes_jobs_without_a_network(assemblies):
    creating = re.compile(
        r"sagemaker:Create(Transform|HyperParameterTuning|Model|Endpoint|\w*Definition|Monitoring)\w*$"
    )
    bare = {
        name.split("Policy")[0]
        for name, s in allowed(assemblies)
        for action in listed(s["Action"])
        if action.endswith("Job") and action.startswith("sagemaker:Create") and "Condition" not in s
    }
    made_by_roles = {action for _, s in allowed(assemblies) for action in listed(s["Action"]) if creating.match(action)}

    assert made_by_roles == {"sagemaker:CreateModelPackage"}
    assert bare == {"Warehouse/MlIdentity"}


def test_i15_the_pipeline_cannot_approve_its_own_model(assemblies):
    for assembly in assemblies:
        denials = [
            statement
            for name, statement in assembly.statements()
            if name.startswith("Training/Training") and statement["Effect"] == "Deny"
        ]

        (denial,) = denials
        assert set(denial["Action"]) == {"sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"}
        assert denial["Condition"] == {"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}}
        assert denial["Resource"] == "*"


def test_i15_no_role_may_update_a_model_package(assemblies):
    updating = [name for name, s in allowed(assemblies) if "sagemaker:UpdateModelPackage" in listed(s["Action"])]

    assert updating == []


def test_i16_the_endpoint_writes_nothing_but_capture(assemblies):
    writes = [
        joined(resource)
        for name, statement in allowed(assemblies)
        if name.startswith("Serving/") and "s3:PutObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]

    assert writes == ["<token>/data-capture/*"] * len(assemblies)


def test_i16_jobs_read_exactly_the_code_of_their_pipeline(assembly):
    bucket = "cdk-hnb659fds-assets-111111111111-eu-central-1"
    used = {
        f"{bucket}/{key}"
        for key in re.findall(rf"s3://{bucket}/([0-9a-z.]+)", json.dumps(pipeline_definition(assembly)))
    }

    readable = {
        resource.removeprefix("arn:aws:s3:::")
        for name, statement in assembly.statements()
        if name.startswith("Training/Jobs") and "s3:GetObject" in listed(statement["Action"])
        for resource in map(joined, listed(statement["Resource"]))
        if bucket in resource
    }

    assert len(used) == 7
    assert readable == used


def test_i17_there_are_no_users(assemblies):
    wrong = re.compile(r"AWS::IAM::(User|AccessKey|Group|UserToGroupAddition)$")

    assert [kind for kind in kinds(assemblies) if wrong.match(kind)] == []


def test_i18_permissions_to_invoke_are_exact(assemblies):
    for name, permission in made(assemblies, "AWS::Lambda::Permission"):
        assert permission["Principal"] == "events.amazonaws.com", name
        assert permission["SourceAccount"] == "111111111111", name
        assert "Arn" in text(permission["SourceArn"]), name
        assert permission["Action"] == "lambda:InvokeFunction", name


def test_i20_queues_and_topics_demand_tls_and_no_bus_is_shared(assemblies):
    for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for name, properties in made(assemblies, kind):
            statements = properties["PolicyDocument"]["Statement"]

            assert any("aws:SecureTransport" in text(s.get("Condition", {})) for s in statements), name
            assert not [s for s in statements if s["Effect"] == "Allow" and s["Principal"] in ("*", {"AWS": "*"})], name
    assert len(made(assemblies, "AWS::SQS::QueuePolicy")) == len(made(assemblies, "AWS::SQS::Queue"))
    assert not [kind for kind in kinds(assemblies) if kind.startswith("AWS::Events::EventBus")]


def test_i22_other_accounts_have_no_part_in_the_registry(assemblies):
    for name, group in made(assemblies, "AWS::SageMaker::ModelPackageGroup"):
        assert "ModelPackageGroupPolicy" not in group, name
