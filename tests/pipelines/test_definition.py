import json
from dataclasses import replace

import pytest

from pipelines.churn.definition import SparkTraining, churn_pipeline
from seatrial.contracts.bias import BiasSettings, Facet
from seatrial.contracts.dataset import DatasetSpec
from seatrial.pipeline import validate
from tests.pipelines.conftest import load_step

evaluation = load_step("evaluate")
JOBS = ("Processing", "Training", "Tuning")
SPARK = SparkTraining(
    application_id="00fa",
    role_arn="arn:aws:iam::111111111111:role/spark",
    script="s3://assets/s.py",
    submit_options=("--py-files", "s3://assets/s.zip"),
    serving_wheels=("s3://assets/w.whl",),
    max_runtime_minutes=60,
)


def steps_of(definition):
    """Every step by name, nested ones too."""
    waiting, found = list(definition["Steps"]), {}
    while waiting:
        step = waiting.pop()
        found[step["Name"]] = step
        arguments = step["Arguments"]
        waiting += (
            [*arguments.get("IfSteps", ()), *arguments.get("ElseSteps", ())] if step["Type"] == "Condition" else []
        )
    return found


def variants(settings):
    yield settings
    yield replace(settings, algorithm="scikit-learn")
    yield replace(settings, tuning_max_jobs=4)
    yield replace(settings, algorithm="scikit-learn", tuning_max_jobs=1, hyperparameters={"rare_below": "5"})
    yield replace(settings, algorithm="sparkml-gbt", spark=SPARK, hyperparameters={"maximum_depth": "5"})


def test_every_variant_is_a_valid_definition(settings):
    for variant in variants(settings):
        assert validate(churn_pipeline(variant).to_definition()) == []


def test_the_steps_are_those_of_the_flow(settings):
    steps = steps_of(churn_pipeline(settings).to_definition())

    assert {name: step["Type"] for name, step in steps.items()} == {
        "Features": "Processing",
        "QualityGate": "Condition",
        "RefuseData": "Fail",
        "Train": "Training",
        "Baseline": "Processing",
        "Evaluate": "Processing",
        "Accept": "Condition",
        "RejectChallenger": "Fail",
        "Register": "RegisterModel",
    }


def test_every_job_is_isolated_encrypted_and_bounded(settings):
    for variant in variants(settings):
        for step in steps_of(churn_pipeline(variant).to_definition()).values():
            if step["Type"] in JOBS:
                arguments = step["Arguments"].get("TrainingJobDefinition", step["Arguments"])
                network = arguments.get("NetworkConfig", arguments)
                cluster = arguments.get("ResourceConfig") or arguments["ProcessingResources"]["ClusterConfig"]
                output = arguments.get("OutputDataConfig") or arguments["ProcessingOutputConfig"]
                assert network["EnableNetworkIsolation"] is True
                assert network["EnableInterContainerTrafficEncryption"] is True
                assert network["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
                assert cluster["VolumeKmsKeyId"] == output["KmsKeyId"] == settings.jobs.kms_key_arn
                assert arguments["StoppingCondition"]["MaxRuntimeInSeconds"] == 3600


def test_container_arguments_are_short_enough(settings):
    for step in steps_of(churn_pipeline(settings).to_definition()).values():
        for argument in step["Arguments"].get("AppSpecification", {}).get("ContainerArguments", ()):
            assert len(argument) < 256


def test_training_finds_its_code_without_s3_access(settings):
    train = steps_of(churn_pipeline(settings).to_definition())["Train"]["Arguments"]

    channels = {channel["ChannelName"]: channel for channel in train["InputDataConfig"]}
    assert channels["code"]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://assets/t.tar.gz"
    assert train["HyperParameters"]["sagemaker_submit_directory"] == "/opt/ml/input/data/code/t.tar.gz"


def test_a_tuned_hyperparameter_is_not_given_a_fixed_value_too(settings):
    tuned = replace(settings, tuning_max_jobs=3, hyperparameters={"max_depth": "4", "rounds": "50"})

    job = steps_of(churn_pipeline(tuned).to_definition())["Train"]["Arguments"]

    static = job["TrainingJobDefinition"]["StaticHyperParameters"]
    assert "max_depth" not in static
    assert static["rounds"] == "50"
    limits = job["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert limits == {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2}


def test_the_interpretable_alternative_is_trained_evaluated_and_served_by_its_own_image(settings):
    steps = steps_of(churn_pipeline(replace(settings, algorithm="scikit-learn")).to_definition())

    container = steps["Register"]["Arguments"]["InferenceSpecification"]["Containers"][0]
    assert container["Image"] == "scikit-learn:1"
    assert steps["Train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"] == "scikit-learn:1"
    assert steps["Evaluate"]["Arguments"]["AppSpecification"]["ImageUri"] == "scikit-learn:1"


def registration(settings):
    steps = steps_of(churn_pipeline(settings).to_definition())
    return steps["Baseline"]["Arguments"], steps["Register"]["Arguments"]


def test_the_analysis_is_registered_as_what_explains_the_model(settings):
    _, register = registration(settings)

    analysis = register["ModelMetrics"]["Explainability"]["Report"]
    assert analysis["S3Uri"]["Std:Join"]["Values"][-1] == "analysis.json"
    assert register["DriftCheckBaselines"]["Explainability"] == {"Constraints": analysis}
    assert "Bias" not in register["ModelMetrics"]


def test_hours_of_the_validation_rows_reach_the_baseline_where_the_data_has_times(settings):
    dataset = DatasetSpec(name="churn", kind="table", columns={"a": "numeric"})
    timed = replace(settings, dataset=replace(dataset, time_column="seen_at"))

    without, given = (registration(one)[0] for one in (replace(settings, dataset=dataset), timed))

    names = [{item["InputName"] for item in request["ProcessingInputs"]} for request in (without, given)]
    assert names[1] - names[0] == {"hours"}
    assert "hours" not in json.dumps(churn_pipeline(replace(settings, dataset=dataset)).to_definition())


def test_declared_facets_reach_the_baseline_in_pieces_that_fit_and_are_registered(settings):
    bias = BiasSettings(facets=(Facet(column="plan", values=tuple(f"tariff-{number}" for number in range(80))),))

    baseline, register = registration(replace(settings, bias=bias))

    given = baseline["AppSpecification"]["ContainerArguments"]
    assert all(len(argument) <= 256 for argument in given)
    parts = [argument.removeprefix("--bias=") for argument in given if argument.startswith("--bias=")]
    assert BiasSettings.from_dict(json.loads("".join(parts))) == bias
    assert register["ModelMetrics"]["Bias"]["Report"] == register["ModelMetrics"]["Explainability"]["Report"]
    assert register["DriftCheckBaselines"]["Bias"].keys() == {"PreTrainingConstraints", "PostTrainingConstraints"}


def test_what_is_asked_of_a_challenger_reaches_the_evaluation_which_sees_every_split(settings):
    asked = {"significance": 0.05, "maximum_shared_share": 0.1}
    settings = replace(settings, acceptance=asked, segments=("age_band", "region"))

    arguments = steps_of(churn_pipeline(settings).to_definition())["Evaluate"]["Arguments"]

    given = arguments["AppSpecification"]["ContainerArguments"]
    options = evaluation.parse(given)
    names = [entry["InputName"] for entry in arguments["ProcessingInputs"]]
    assert (options.minimum_auc, options.minimum_gain, options.maximum_shared_share) == (0.65, 0.01, 0.1)
    assert options.segment == ["age_band", "region"]
    assert {"train", "validation", "test", "champion"} <= set(names)
    assert len(names) <= 10  # as many as SageMaker takes


def test_the_data_is_pinned_and_the_model_bound_by_their_digests(settings):
    definition = churn_pipeline(settings).to_definition()
    steps = steps_of(definition)

    given = steps["Features"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    bound = steps["Register"]["Arguments"]["CustomerMetadataProperties"]
    assert {"Name": "InputDataDigest", "Type": "String", "DefaultValue": "unpinned"} in definition["Parameters"]
    assert given[given.index("--digest") + 1] == {"Get": "Parameters.InputDataDigest"}
    assert bound["ModelSha256"]["Std:JsonGet"]["Path"] == "model_sha256"
    assert bound["ChampionModelUri"] == {"Get": "Parameters.ChampionModelUri"}


def test_the_baseline_is_bound_to_the_model_by_its_digest(settings):
    steps = steps_of(churn_pipeline(settings).to_definition())

    digest = steps["Register"]["Arguments"]["CustomerMetadataProperties"]["BaselineSha256"]
    assert digest == {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Baseline.PropertyFiles.Binding"}, "Path": "sha256"}
    }
    assert steps["Baseline"]["PropertyFiles"][0]["FilePath"] == "binding.json"


def test_the_model_card_is_registered_as_json_text(settings):
    register = steps_of(churn_pipeline(settings).to_definition())["Register"]["Arguments"]

    card = json.loads(register["ModelCard"]["ModelCardContent"])
    assert card["intended_uses"]["risk_rating"] in ("High", "Medium", "Low", "Unknown")
    assert "model_overview" not in card


def test_the_gates_ask_for_what_the_settings_say(settings):
    steps = steps_of(churn_pipeline(settings).to_definition())

    auc, beats = steps["Accept"]["Arguments"]["Conditions"]
    assert (auc["Type"], auc["RightValue"]) == ("GreaterThanOrEqualTo", 0.65)
    assert (beats["LeftValue"]["Std:JsonGet"]["Path"], beats["RightValue"]) == ("accepted", 1)
    arguments = steps["Evaluate"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert arguments == ["--minimum-auc", "0.65", "--minimum-gain", "0.01"]
    features = steps["Features"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert features[features.index("--minimum-rows") + 1] == "500"


def test_a_refusal_quotes_what_the_job_said(settings):
    steps = steps_of(churn_pipeline(settings).to_definition())

    for refusal, job in (("RefuseData", "Features"), ("RejectChallenger", "Evaluate")):
        parts = steps[refusal]["Arguments"]["ErrorMessage"]["Std:Join"]["Values"]
        assert {"Get": f"Steps.{job}.ExitMessage"} in parts


def test_the_definition_is_the_same_each_time(settings):
    assert churn_pipeline(settings).to_json() == churn_pipeline(settings).to_json()


def test_sparkml_trains_on_emr_serverless_and_what_reads_its_model_waits_for_it(settings):
    spark = replace(settings, algorithm="sparkml-logistic", spark=SPARK, hyperparameters={"iterations": "9"})

    steps = steps_of(churn_pipeline(spark).to_definition())

    train = steps["Train"]
    assert train["Type"] == "EMRServerless"
    submit = train["Arguments"]["JobConfig"]["jobDriver"]["sparkSubmit"]
    assert submit["sparkSubmitParameters"] == "--py-files s3://assets/s.zip"
    text = [part for part in submit["entryPointArguments"] if isinstance(part, str)]
    assert text[-5:] == ["sparkml-logistic", "--iterations", "9", "--serving-wheels", "s3://assets/w.whl"]
    assert steps["Baseline"]["DependsOn"] == steps["Evaluate"]["DependsOn"] == ["Train"]
    container = steps["Register"]["Arguments"]["InferenceSpecification"]["Containers"][0]
    assert container["Image"] == "scikit-learn:1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spark": None}, "training.algorithm: 'sparkml-gbt' trains on EMR Serverless, which is not there"),
        ({"tuning_max_jobs": 2}, "training.tuning.max_jobs: must be 0 with 'sparkml-gbt', which is not tuned"),
        ({"hyperparameters": {"regularization": "1"}}, r"'sparkml-gbt' knows \['bins', .*got \['regularization'\]"),
        (
            {"dataset": DatasetSpec(name="t", kind="table", columns={"a b": "numeric"})},
            r"columns: SparkML takes letters, digits and underscores, got \['a b'\]",
        ),
    ],
)
def test_refuses_what_sparkml_cannot_train(settings, changes, message):
    spark = replace(settings, algorithm="sparkml-gbt", spark=SPARK)

    with pytest.raises(ValueError, match=message):
        churn_pipeline(replace(spark, **changes))


def test_refuses_an_unknown_algorithm(settings):
    with pytest.raises(ValueError, match=r"training.algorithm: must be one of .* got 'prophet'"):
        churn_pipeline(replace(settings, algorithm="prophet"))


def test_refuses_a_hyperparameter_of_one_letter(settings):
    with pytest.raises(ValueError, match=r"names must have two letters or more, got \['C'\]"):
        churn_pipeline(replace(settings, hyperparameters={"C": "0.5"}))


def test_jobs_on_instances_with_disks_of_their_own_name_no_volume_key(settings):
    changed = replace(settings, instance_type="ml.g5.xlarge", features_instance_type="ml.m5d.large")

    steps = steps_of(churn_pipeline(changed).to_definition())

    assert "VolumeKmsKeyId" not in steps["Train"]["Arguments"]["ResourceConfig"]
    assert "VolumeKmsKeyId" not in steps["Features"]["Arguments"]["ProcessingResources"]["ClusterConfig"]
