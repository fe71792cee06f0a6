import json
from pathlib import Path

import pytest

from seatrial.pipeline import DefinitionError, check, validate

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def messages(definition):
    return [str(mistake) for mistake in validate(definition)]


def training(definition):
    return definition["Steps"][1]["Arguments"]["IfSteps"][0]["Arguments"]


def test_finds_nothing_wrong_with_a_definition_in_order(definition):
    assert messages(definition) == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_accepts_what_the_sdk_emits(path):
    assert messages(path.read_text()) == []


def test_reports_every_mistake_at_once(definition):
    arguments = training(definition)
    del arguments["RoleArn"]
    arguments["ResourceConfig"]["InstanceType"] = "ml.m5.xlargee"
    arguments["ResourceConfig"]["InstanceCount"] = -1
    arguments["OutputDataConfig"]["S3OutputPath"] = "bucket/model"
    arguments["EnableNetworkIsolaton"] = True

    found = messages(definition)

    misspelt = "is not a member of CreateTrainingJobRequest, did you mean 'EnableNetworkIsolation'?"
    prefix = "Steps[Gate].Arguments.IfSteps[Train].Arguments"
    assert found == [
        f"{prefix}.EnableNetworkIsolaton: {misspelt}",
        f"{prefix}.OutputDataConfig.S3OutputPath: must match (https|s3)://([^/]+)/?(.*), got 'bucket/model'",
        f"{prefix}.ResourceConfig.InstanceCount: must be at least 0, got -1",
        next(message for message in found if message.startswith(f"{prefix}.ResourceConfig.InstanceType")),
        f"{prefix}.RoleArn: is required",
    ]
    assert "got 'ml.m5.xlargee', did you mean 'ml.m5.xlarge'?" in found[3]


def test_check_raises_with_all_mistakes_in_its_text(definition):
    definition["Version"] = "2019-01-01"
    definition["Parameters"][0]["Type"] = "Int"

    with pytest.raises(DefinitionError) as caught:
        check(definition)

    assert len(caught.value.mistakes) == 3
    assert "Version: must be '2020-12-01', got '2019-01-01'" in str(caught.value)
    assert "Parameters[Seconds].Type: must be String, Integer, Float, Boolean, got 'Int'" in str(caught.value)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("Parameters.Secondss", "there is no parameter 'Secondss', did you mean 'Seconds'?"),
        ("Execution.PipelineExecutionID", "there is no execution variable 'PipelineExecutionID'"),
        ("Steps.Prepar.RoleArn", "there is no step 'Prepar', did you mean 'Prepare'?"),
        ("Steps.Prepare.RolArn", "step 'Prepare': 'RolArn' is not a member of DescribeProcessingJobResponse"),
        ("Steps.Prepare.ProcessingOutputConfig.Outputs['dato'].S3Output.S3Uri", "step 'Prepare': has no output 'dato'"),
        ("Steps.Prepare.ProcessingOutputConfig.Outputs['data'].S3Output.Uri", "'Uri' is not a member of"),
        ("Elsewhere.X", "Get takes Parameters.*, Execution.* or Steps.*, got 'Elsewhere.X'"),
    ],
)
def test_follows_every_reference(definition, target, message):
    training(definition)["OutputDataConfig"]["S3OutputPath"] = {"Get": target}

    found = messages(definition)

    assert len(found) == 1
    assert message in found[0]
    assert found[0].startswith("Steps[Gate].Arguments.IfSteps[Train].Arguments.OutputDataConfig.S3OutputPath: ")


def test_follows_references_inside_joins_and_conditions(definition):
    join = {"Std:Join": {"On": "/", "Values": ["s3://bucket", {"Get": "Parameters.Nowhere"}]}}
    training(definition)["OutputDataConfig"]["S3OutputPath"] = join
    condition = definition["Steps"][1]["Arguments"]["Conditions"][0]
    condition["LeftValue"]["Std:JsonGet"]["PropertyFile"] = {"Get": "Steps.Prepare.PropertyFiles.Repor"}

    found = messages(definition)

    assert len(found) == 2
    assert "has no property file 'Repor', did you mean 'Report'?" in found[0]
    assert found[1].endswith("S3OutputPath.Std:Join.Values[1]: there is no parameter 'Nowhere'")


def test_a_parameter_must_be_of_the_type_that_its_place_takes(definition):
    training(definition)["StoppingCondition"]["MaxRuntimeInSeconds"] = {"Get": "Parameters.Reason"}
    training(definition)["Environment"] = {"SECONDS": {"Get": "Parameters.Seconds"}}

    found = messages(definition)

    assert [message.split(": ", 1)[1] for message in found] == [
        "takes a string, but parameter 'Seconds' is of type Integer; join it into a string with Std:Join",
        "takes an integer, but parameter 'Reason' is of type String",
    ]


def test_defaults_must_fit_their_parameters(definition):
    definition["Parameters"] += [
        {"Name": "Count", "Type": "Integer", "DefaultValue": True},
        {"Name": "Mode", "Type": "String", "DefaultValue": "slow", "EnumValues": ["fast"]},
        {"Name": "Reason", "Type": "String"},
    ]

    found = messages(definition)

    assert found == [
        "Parameters[Count].DefaultValue: must be of type Integer, got True",
        "Parameters[Mode].DefaultValue: must be one of EnumValues ['fast'], got 'slow'",
        "Parameters[Reason]: the name is taken by an earlier parameter",
    ]


def test_refuses_two_steps_of_one_name_even_in_different_branches(definition):
    definition["Steps"][1]["Arguments"]["ElseSteps"][0]["Name"] = "Prepare"

    found = messages(definition)

    assert found == [
        "Steps[Gate].Arguments.ElseSteps[Prepare]: the name is already taken by Steps[Prepare]",
    ]


def test_finds_steps_that_wait_for_each_other(definition):
    definition["Steps"][0]["DependsOn"] = [{"Step": "Train", "Trigger": "OnSuccess"}]

    found = messages(definition)

    assert found == [
        "Steps[Prepare]: waits for itself: Prepare -> Train -> Gate -> Prepare",
        "Steps[Prepare]: waits for itself: Prepare -> Train -> Prepare",
    ]


def test_finds_a_dependency_on_nothing(definition):
    definition["Steps"][0]["DependsOn"] = ["Trian"]

    assert messages(definition) == ["Steps[Prepare].DependsOn[0]: there is no step 'Trian', did you mean 'Train'?"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"Type": "Greater", "LeftValue": 1, "RightValue": 1}, "did you mean 'GreaterThan'?"),
        ({"Type": "GreaterThan", "LeftValue": "a", "RightValue": 1}, "so it must be a number, got 'a'"),
        ({"Type": "LessThan", "LeftValue": {"Get": "Parameters.Reason"}, "RightValue": 1}, "but is of type String"),
        ({"Type": "Equals", "LeftValue": 1}, "RightValue: is required"),
        ({"Type": "Not", "Condition": {"Type": "In", "QueryValue": 1}}, "Condition.Values: is required"),
        ({"Type": "In", "QueryValue": 1, "Values": 3}, "Values: must be a list"),
    ],
)
def test_checks_conditions(definition, condition, message):
    definition["Steps"][1]["Arguments"]["Conditions"].append(condition)

    found = messages(definition)

    assert len(found) == 1
    assert found[0].startswith("Steps[Gate].Arguments.Conditions[1]")
    assert message in found[0]


def test_checks_cache_and_retry_settings(definition):
    policy = {"ExceptionType": ["Step.THROTLING"], "MaxAttempts": 21, "BackoffRate": 2.0, "IntervalSeconds": 1}
    definition["Steps"][0] |= {
        "CacheConfig": {"Enabled": True, "ExpireAfter": "30 days"},
        "RetryPolicies": [policy, {"ExceptionType": []}],
    }

    found = messages(definition)

    assert len(found) == 4
    assert "must be an ISO 8601 duration such as 'P30D', got '30 days'" in found[0]
    assert "must be 1 to 20, got 21" in found[2]
    assert "must have exactly one of MaxAttempts and ExpireAfterMin" in found[3]


def test_an_unknown_step_type_is_named_with_the_nearest_known_one(definition):
    definition["Steps"][0]["Type"] = "Procesing"

    found = messages(definition)

    assert any("got 'Procesing', did you mean 'Processing'?" in message for message in found)


def test_tokens_are_taken_on_trust(definition):
    arguments = training(definition)
    arguments["RoleArn"] = "${Token[Role.Arn.77]}"
    arguments["ResourceConfig"]["InstanceCount"] = -1.8881545897087626e289
    arguments["VpcConfig"] = {"Subnets": ["#{Token[Subnets.78]}"], "SecurityGroupIds": ["${Token[Group.79]}"]}

    assert messages(definition) == []


def test_refuses_a_definition_that_is_too_large(definition):
    definition["Metadata"] = {"Padding": "x" * 1_048_576}

    assert "must have at most 1048576 characters" in messages(definition)[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "must be an object, got list"),
        ('{"Version": "2020-12-01"}', "must be a list of steps"),
    ],
)
def test_refuses_what_is_no_definition(text, message):
    assert message in messages(text)[0]


def test_the_order_of_members_does_not_matter(definition):
    shuffled = json.loads(json.dumps(definition, sort_keys=True))

    assert messages(shuffled) == []


def test_a_step_on_emr_serverless_needs_one_application_a_role_and_a_job_in_the_apis_spelling(definition):
    both = {"ApplicationId": "00fa", "ApplicationConfig": {}, "JobConfig": {"JobDriver": {}}}
    definition["Steps"].append({"Name": "Spark", "Type": "EMRServerless", "Arguments": both})

    found = messages(definition)

    assert found == [
        "Steps[Spark].Arguments: must have exactly one of ApplicationId and ApplicationConfig",
        "Steps[Spark].Arguments.ExecutionRoleArn: is required",
        "Steps[Spark].Arguments.JobConfig.jobDriver: is required",
    ]
