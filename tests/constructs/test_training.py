"""The pipeline construct: its own definitions, and those written with the SageMaker SDK."""

import json
from pathlib import Path

import aws_cdk.aws_sagemaker as sagemaker
import pytest

from seatrial.constructs import EmrServerlessEngine, SparkEngine, SparkTraining, TrainingPipeline
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.sdk_definitions import JobDefaults, secured

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
EXCEPTION = "The script mode of the SDK downloads the code inside the container."
SUBSTITUTIONS = {
    "account": "111111111111",
    "role-name": "jobs",
    "artifacts-bucket": "artifacts",
    "scikit-learn-image": "1.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1",
    "model-package-group": "churn",
}


def training_step(**changes):
    arguments = {
        "RoleArn": "arn:aws:iam::111111111111:role/jobs",
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "ResourceConfig": {"VolumeKmsKeyId": "key"},
        "OutputDataConfig": {"KmsKeyId": "key"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    kept = {name: value for name, value in (arguments | changes).items() if value is not None}
    return {"Name": "Train", "Type": "Training", "Arguments": kept}


def definition(*steps):
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": list(steps)}


def make(site, given, **properties) -> TrainingPipeline:
    group = sagemaker.CfnModelPackageGroup(site.stack, "Group", model_package_group_name="churn")
    return TrainingPipeline(
        site.stack,
        "Training",
        pipeline_name="Churn",
        definition=given,
        network=site.network,
        encryption_key=site.key,
        artifacts=site.bucket("artifacts"),
        model_package_group=group,
        **properties,
    )


def sdk_definition(version: int) -> str:
    return (EXAMPLES / f"sagemaker_sdk_v{version}" / "definition.json").read_text()


OWN_DISKS = training_step(ResourceConfig={"InstanceType": "ml.g5.xlarge"})


def test_a_job_on_instances_with_disks_of_their_own_needs_no_volume_key(site):
    make(site, definition(OWN_DISKS))

    (statement,) = [s for s in site.statements() if s["Action"] == "sagemaker:CreateTrainingJob"]

    assert "sagemaker:VolumeKmsKey" in statement["Condition"]["ArnEqualsIfExists"]
    assert set(statement["Condition"]["ArnEquals"]) == {"sagemaker:OutputKmsKey"}


def test_other_instances_need_a_volume_key(site):
    with pytest.raises(ConstructError, match="VolumeKmsKeyId is missing"):
        make(site, definition(training_step(ResourceConfig={"InstanceType": "ml.m5.large"})))


@pytest.mark.parametrize(("instance_type", "key"), [("ml.g5.xlarge", None), ("ml.m5.large", "key-arn")])
def test_an_sdk_job_is_given_a_volume_key_where_sagemaker_takes_one(instance_type, key):
    defaults = JobDefaults(subnet_ids=["subnet-1"], security_group_ids=["sg-1"], kms_key_arn="key-arn")
    step = training_step(ResourceConfig={"InstanceType": instance_type})

    (made,) = secured(definition(step), defaults)["Steps"]

    assert made["Arguments"]["ResourceConfig"].get("VolumeKmsKeyId") == key


def test_takes_a_dict_and_leaves_nothing_for_cdk_nag(site):
    make(site, definition(training_step()))

    assert site.findings() == ""


def test_may_pass_exactly_the_role_that_the_definition_names(site):
    make(site, definition(training_step()))

    (statement,) = [s for s in site.statements() if s["Action"] == "iam:PassRole"]

    assert statement["Resource"] == "arn:aws:iam::111111111111:role/jobs"


def test_creates_jobs_only_inside_the_network(site):
    make(site, definition(training_step()), instance_types=["ml.m5.large"])

    (statement,) = [s for s in site.statements() if s["Action"] == "sagemaker:CreateTrainingJob"]

    condition = statement["Condition"]
    assert condition["Bool"]["sagemaker:NetworkIsolation"] == "true"
    assert condition["ForAllValues:StringEquals"]["sagemaker:VpcSubnets"] == ["subnet-1", "subnet-2"]
    assert condition["Null"] == {"sagemaker:VpcSecurityGroupIds": "false", "sagemaker:VpcSubnets": "false"}
    assert condition["ForAnyValue:StringEquals"] == {"sagemaker:InstanceTypes": ["ml.m5.large"]}


@pytest.mark.parametrize(("limit", "longest"), [(60, "60"), ({"Get": "Parameters.Longest"}, "7200")])
def test_creates_jobs_only_with_the_key_for_their_output_and_a_time_limit(site, limit, longest):
    step = training_step(StoppingCondition={"MaxRuntimeInSeconds": limit})
    make(site, definition(step), max_runtime_seconds=7200)

    (statement,) = [s for s in site.statements() if s["Action"] == "sagemaker:CreateTrainingJob"]

    condition = statement["Condition"]
    assert condition["NumericLessThanEquals"] == {"sagemaker:MaxRuntimeInSeconds": longest}
    assert condition["ArnEquals"]["sagemaker:OutputKmsKey"] == condition["ArnEquals"]["sagemaker:VolumeKmsKey"]


def test_a_job_without_output_needs_no_key_for_it(site):
    silent = {
        "RoleArn": "arn:aws:iam::111111111111:role/jobs",
        "NetworkConfig": {
            "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
        },
        "ProcessingResources": {"ClusterConfig": {"VolumeKmsKeyId": "key"}},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    make(site, definition({"Name": "Look", "Type": "Processing", "Arguments": silent}))

    (statement,) = [s for s in site.statements() if s["Action"] == "sagemaker:CreateProcessingJob"]

    assert set(statement["Condition"]["ArnEqualsIfExists"]) == {"sagemaker:OutputKmsKey"}
    assert set(statement["Condition"]["ArnEquals"]) == {"sagemaker:VolumeKmsKey"}


def test_has_no_rights_for_steps_that_it_has_not(site):
    make(site, definition(training_step()))

    actions = json.dumps([statement["Action"] for statement in site.statements()])

    assert "CreateTrainingJob" in actions
    assert "CreateProcessingJob" not in actions
    assert "CreateHyperParameterTuningJob" not in actions


@pytest.mark.parametrize("version", [2, 3])
def test_takes_what_the_sdk_wrote(site, version):
    make(site, sdk_definition(version), substitutions=SUBSTITUTIONS, isolation_exception=EXCEPTION)

    body = json.loads(site.one("AWS::SageMaker::Pipeline")["PipelineDefinition"]["PipelineDefinitionBody"])

    train = next(step for step in body["Steps"] if step["Type"] == "Training")["Arguments"]
    assert train["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert train["OutputDataConfig"]["KmsKeyId"].endswith("key/abc")
    assert train["RoleArn"] == "arn:aws:iam::111111111111:role/jobs"
    assert "${seatrial" not in json.dumps(body)


def test_whoever_starts_the_pipeline_may_give_parameters_that_it_does_not_declare(site):
    names = ("InputDataUri", "TriggerReason")
    make(
        site,
        sdk_definition(2),
        substitutions=SUBSTITUTIONS,
        isolation_exception=EXCEPTION,
        start_parameters=names,
    )

    body = json.loads(site.one("AWS::SageMaker::Pipeline")["PipelineDefinition"]["PipelineDefinitionBody"])

    defaults = {parameter["Name"]: parameter["DefaultValue"] for parameter in body["Parameters"]}
    assert defaults == {
        "InputDataUri": "s3://artifacts/example/data/",
        "InverseRegularization": 0.5,
        "TriggerReason": "not used by this definition",
    }


def test_refuses_a_parameter_that_cannot_take_the_text_it_is_given(site):
    with pytest.raises(ConstructError, match="parameter 'InverseRegularization' must be of type String"):
        make(
            site,
            sdk_definition(2),
            substitutions=SUBSTITUTIONS,
            isolation_exception=EXCEPTION,
            start_parameters=("InverseRegularization",),
        )


def test_jobs_without_a_time_limit_get_the_one_asked_for(site):
    given = json.loads(sdk_definition(2))
    given["Steps"][0]["Arguments"].pop("StoppingCondition", None)
    make(
        site,
        json.dumps(given),
        substitutions=SUBSTITUTIONS,
        isolation_exception=EXCEPTION,
        max_runtime_seconds=1800,
    )

    body = json.loads(site.one("AWS::SageMaker::Pipeline")["PipelineDefinition"]["PipelineDefinitionBody"])

    jobs = [step for step in body["Steps"] if step["Type"] != "RegisterModel"]
    limits = [step["Arguments"]["StoppingCondition"]["MaxRuntimeInSeconds"] for step in jobs]
    assert limits == [1800, 86400, 1800]


def test_names_the_unknown_placeholder(site):
    with pytest.raises(ConstructError, match=r"\$\{seatrial/[a-z-]+\} is not known, use one of \$\{seatrial/region\}"):
        make(site, sdk_definition(3), substitutions={"region": "eu-central-1"}, isolation_exception=EXCEPTION)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"VpcConfig": None}, "VpcConfig"),
        ({"EnableNetworkIsolation": None}, "EnableNetworkIsolation"),
        ({"OutputDataConfig": {}}, "OutputDataConfig.KmsKeyId"),
        ({"StoppingCondition": {}}, "StoppingCondition.MaxRuntimeInSeconds"),
    ],
)
def test_refuses_a_job_that_is_not_isolated(site, change, missing):
    with pytest.raises(ConstructError, match=f"step 'Train': {missing} is missing"):
        make(site, definition(training_step(**change)))


def test_an_exception_excuses_network_isolation_alone(site):
    with pytest.raises(ConstructError, match="VpcConfig is missing"):
        make(
            site,
            definition(training_step(VpcConfig=None, EnableNetworkIsolation=None)),
            isolation_exception=EXCEPTION,
        )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{", "definition: not JSON"),
        ("[]", "definition: has no list 'Steps'"),
        (definition({"Name": "A", "Type": "EMR", "Arguments": {}}), "steps of type 'EMR' are not supported"),
    ],
)
def test_refuses_what_is_no_pipeline_definition(site, given, sentence):
    with pytest.raises(ConstructError, match=sentence):
        make(site, given)


def test_steps_inside_conditions_count(site):
    inner = training_step(VpcConfig=None)
    condition = {"Name": "Gate", "Type": "Condition", "Arguments": {"IfSteps": [inner], "ElseSteps": []}}

    with pytest.raises(ConstructError, match="step 'Train': VpcConfig is missing"):
        make(site, definition(condition))


def spark_step():
    role = "arn:aws:iam::111111111111:role/spark"
    job = {"jobDriver": {"sparkSubmit": {"entryPoint": "s3://assets/s.py"}}}
    arguments = {"ApplicationId": "00fa", "ExecutionRoleArn": role, "JobConfig": job}
    return {"Name": "Spark", "Type": "EMRServerless", "Arguments": arguments}


def test_a_step_on_emr_serverless_needs_the_engine_that_it_runs_on(site):
    with pytest.raises(ConstructError, match="has a step of type 'EMRServerless', give the engine that it runs on"):
        make(site, definition(spark_step()))


def test_a_step_on_emr_serverless_runs_as_the_engines_role_and_as_no_other(site):
    engine = EmrServerlessEngine(
        site.stack,
        "Emr",
        application_name="jobs",
        network=site.network,
        encryption_key=site.key,
        artifacts=site.bucket("code"),
    )
    common = {"artifacts": site.bucket("models"), "prefix": "pipelines/", "encryption_key": site.key}
    spark = SparkTraining(site.stack, "Spark", engine=engine, **common)

    made = make(site, definition(training_step(), spark_step()), spark=spark)

    passes = [one for one in made.role.statements if one["Action"] == "iam:PassRole"]
    assert [one["Condition"]["StringEquals"]["iam:PassedToService"] for one in passes] == [
        "sagemaker.amazonaws.com",
        "emr-serverless.amazonaws.com",
    ]
    assert passes[0]["Resource"] == "arn:aws:iam::111111111111:role/jobs"
    assert passes[1]["Resource"] == spark.role.role_arn


def test_an_engine_without_a_step_that_uses_it_is_a_mistake(site):
    class Engine(SparkEngine):
        """Nothing."""

    with pytest.raises(ConstructError, match="spark: must be None, because no step"):
        make(site, definition(training_step()), spark=Engine(site.stack, "Engine"))
