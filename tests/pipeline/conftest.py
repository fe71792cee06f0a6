import copy

import pytest

ROLE = "arn:aws:iam::111111111111:role/pipeline"


def processing_step(name="Prepare", **overrides):
    arguments = {
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
        },
        "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python3", "run.py"]},
        "RoleArn": ROLE,
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "data",
                    "S3Output": {
                        "S3Uri": "s3://bucket/data",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    }
    files = [{"PropertyFileName": "Report", "OutputName": "data", "FilePath": "report.json"}]
    step = {"Name": name, "Type": "Processing", "Arguments": arguments, "PropertyFiles": files}
    return {**step, **overrides}


def training_step():
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['data'].S3Output.S3Uri"},
    }
    return {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/model"},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": {"Get": "Parameters.Seconds"}},
        },
    }


@pytest.fixture
def definition():
    """A small definition without mistakes, to be spoilt by a test."""
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"}, "Path": "rows"}}
    conditions = [{"Type": "GreaterThan", "LeftValue": value, "RightValue": 10}]
    fail = {"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": "too few rows"}}
    branches = {"IfSteps": [training_step()], "ElseSteps": [fail]}
    gate = {"Name": "Gate", "Type": "Condition", "Arguments": {"Conditions": conditions, **branches}}
    return copy.deepcopy(
        {
            "Version": "2020-12-01",
            "Metadata": {},
            "Parameters": [
                {"Name": "Seconds", "Type": "Integer", "DefaultValue": 3600},
                {"Name": "Reason", "Type": "String", "DefaultValue": "manual"},
            ],
            "Steps": [processing_step(), gate],
        }
    )
