"""A small pipeline written with the SageMaker Python SDK v3; prints its definition.

Run it in an environment of its own; nothing is sent to AWS:
`SAGEMAKER_VALIDATE_ROLE=false AWS_DEFAULT_REGION=eu-central-1 python pipeline.py > definition.json`.
The names in `${seatrial/...}` are filled in by Seatrial when the stack is synthesized.
"""

import json
import sys

import boto3
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer

ROLE = "arn:aws:iam::${seatrial/account}:role/${seatrial/role-name}"
CODE = "s3://${seatrial/artifacts-bucket}/example"
IMAGE = "${seatrial/scikit-learn-image}"


def _output(name: str) -> ProcessingOutput:
    target = ProcessingS3Output(
        s3_uri=f"{CODE}/out/{name}", local_path=f"/opt/ml/processing/output/{name}", s3_upload_mode="EndOfJob"
    )
    return ProcessingOutput(output_name=name, s3_output=target)


def _prepare(session: PipelineSession, data: ParameterString) -> ProcessingStep:
    processor = ScriptProcessor(
        image_uri=IMAGE,
        command=["python3"],
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )
    source = ProcessingS3Input(
        s3_uri=data, local_path="/opt/ml/processing/input/data", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    arguments = processor.run(
        code=f"{CODE}/prepare.py",
        inputs=[ProcessingInput(input_name="data", s3_input=source)],
        outputs=[_output("train"), _output("test")],
    )
    return ProcessingStep("Prepare", step_args=arguments)


def pipeline() -> Pipeline:
    """Prepare, then train."""
    session = PipelineSession(
        boto_session=boto3.Session(region_name="eu-central-1"), default_bucket="${seatrial/artifacts-bucket}"
    )
    data = ParameterString("InputDataUri", default_value=f"{CODE}/data/")
    prepare = _prepare(session, data)
    trainer = ModelTrainer(
        training_image=IMAGE,
        role=ROLE,
        base_job_name="example",
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path=f"{CODE}/models"),
        hyperparameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"{CODE}/sourcedir.tar.gz",
            "inverse-regularization": "0.5",
        },
        sagemaker_session=session,
    )
    train_data = prepare.properties.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri
    arguments = trainer.train(input_data_config=[InputData(channel_name="train", data_source=train_data)])
    train = TrainingStep("Train", step_args=arguments)
    return Pipeline("sdk-v3-example", parameters=[data], steps=[prepare, train], sagemaker_session=session)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json.loads(pipeline().definition()), indent=1) + "\n")
