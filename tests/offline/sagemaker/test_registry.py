import pytest
from botocore.exceptions import ClientError

EVENT = "SageMaker Model Package State Change"


def test_versions_count_up_and_are_never_reused(bench):
    bench.sagemaker.create_model_package_group(ModelPackageGroupName="counted")

    first, second = _register(bench, "counted"), _register(bench, "counted")
    bench.sagemaker.delete_model_package(ModelPackageName=second)
    third = _register(bench, "counted")

    assert [arn.rpartition("/")[2] for arn in (first, second, third)] == ["1", "2", "3"]
    listed = bench.sagemaker.list_model_packages(ModelPackageGroupName="counted")["ModelPackageSummaryList"]
    assert [item["ModelPackageVersion"] for item in listed] == [3, 1]


def test_an_approval_is_told_on_eventbridge(bench):
    bench.sagemaker.create_model_package_group(ModelPackageGroupName="approved")
    arn = _register(bench, "approved", CustomerMetadataProperties={"auc": "0.8"})

    bench.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="it is better"
    )

    told = [detail for detail in bench.events(EVENT) if detail["ModelPackageArn"] == arn]
    assert [detail["ModelApprovalStatus"] for detail in told] == ["PendingManualApproval", "Approved"]
    assert [detail.get("UpdatedModelPackageFields") for detail in told] == [
        None,
        ["ModelApprovalStatus", "ApprovalDescription"],
    ]
    assert told[1]["ModelPackageGroupName"] == "approved"
    assert told[1]["ModelPackageVersion"] == 1
    described = bench.sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ApprovalDescription"] == "it is better"
    assert described["CustomerMetadataProperties"] == {"auc": "0.8"}


def test_approved_packages_can_be_listed_alone(bench):
    bench.sagemaker.create_model_package_group(ModelPackageGroupName="filtered")
    _register(bench, "filtered")
    approved = _register(bench, "filtered", ModelApprovalStatus="Approved")

    listed = bench.sagemaker.list_model_packages(ModelPackageGroupName="filtered", ModelApprovalStatus="Approved")

    assert [item["ModelPackageArn"] for item in listed["ModelPackageSummaryList"]] == [approved]


def test_metrics_and_baselines_are_kept_as_given(bench):
    bench.sagemaker.create_model_package_group(ModelPackageGroupName="measured")
    statistics = {"ContentType": "application/json", "S3Uri": f"s3://{bench.bucket}/statistics.json"}
    facts = {
        "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
        "DriftCheckBaselines": {"ModelDataQuality": {"Statistics": statistics}},
        "ModelLifeCycle": {"Stage": "Development", "StageStatus": "Training"},
    }

    described = bench.sagemaker.describe_model_package(ModelPackageName=_register(bench, "measured", **facts))

    assert {name: described[name] for name in facts} == facts


def test_a_group_with_packages_is_not_deleted(bench):
    bench.sagemaker.create_model_package_group(ModelPackageGroupName="full")
    arn = _register(bench, "full")

    with pytest.raises(ClientError, match="contains model packages"):
        bench.sagemaker.delete_model_package_group(ModelPackageGroupName="full")

    bench.sagemaker.delete_model_package(ModelPackageName=arn)
    bench.sagemaker.delete_model_package_group(ModelPackageGroupName="full")


def test_long_metadata_is_refused_as_on_aws(bench):
    bench.sagemaker.create_model_package_group(ModelPackageGroupName="wordy")

    with pytest.raises(ClientError, match="CustomerMetadataProperties"):
        _register(bench, "wordy", CustomerMetadataProperties={"note": "x" * 257})


def _register(bench, group, **extra):
    return bench.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [
                {"Image": bench.image("sagemaker-xgboost"), "ModelDataUrl": f"s3://{bench.bucket}/model.tar.gz"}
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        **extra,
    )["ModelPackageArn"]
