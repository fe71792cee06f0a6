"""A small pipeline written with the SageMaker Python SDK v2; prints its definition.

Run it in an environment of its own; nothing is sent to AWS:
`SAGEMAKER_VALIDATE_ROLE=false AWS_DEFAULT_REGION=eu-central-1 python pipeline.py > definition.json`.
The names in `${seatrial/...}` are filled in by Seatrial when the stack is synthesized.
"""

import json
import sys

import boto3
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

ROLE = "arn:aws:iam::${seatrial/account}:role/${seatrial/role-name}"
CODE = "s3://${seatrial/artifacts-bucket}/example"
IMAGE = "${seatrial/scikit-learn-image}"


def pipeline() -> Pipeline:
    """Prepare, then train."""
    session = PipelineSession(
        boto_session=boto3.Session(region_name="eu-central-1"), default_bucket="${seatrial/artifacts-bucket}"
    )
    data = ParameterString("InputDataUri", default_value=f"{CODE}/data/")
    strength = ParameterFloat("InverseRegularization", default_value=0.5)
    processor = ScriptProcessor(
        image_uri=IMAGE,
        command=["python3"],
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )
    prepare = ProcessingStep(
        "Prepare",
        step_args=processor.run(
            code=f"{CODE}/prepare.py",
            inputs=[ProcessingInput(source=data, destination="/opt/ml/processing/input/data")],
            outputs=[
                ProcessingOutput(
                    output_name=name, source=f"/opt/ml/processing/output/{name}", destination=f"{CODE}/out/{name}"
                )
                for name in ("train", "test")
            ],
        ),
    )
    estimator = Estimator(
        image_uri=IMAGE,
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        output_path=f"{CODE}/models",
        entry_point="train.py",
        source_dir=f"{CODE}/sourcedir.tar.gz",
        hyperparameters={"inverse-regularization": strength},
        sagemaker_session=session,
    )
    train_data = prepare.properties.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri
    train = TrainingStep(
        "Train", step_args=estimator.fit({"train": TrainingInput(train_data, content_type="text/csv")})
    )
    return Pipeline("sdk-v2-example", parameters=[data, strength], steps=[prepare, train], sagemaker_session=session)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json.loads(pipeline().definition()), indent=1) + "\n")
