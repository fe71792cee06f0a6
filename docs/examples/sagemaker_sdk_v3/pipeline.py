"""A small pipeline written with the SageMaker Python SDK v3; writes its definition.

Run it in an environment of its own, as docs/examples/README.md says. The names in `${seatrial/...}` are
filled in by Seatrial when the stack is synthesized.
"""

import json
import sys
from pathlib import Path

import boto3
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig
from sagemaker.core.workflow.entities import PipelineVariable
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer

ROLE = "arn:aws:iam::${seatrial/account}:role/${seatrial/role-name}"
CODE = "s3://${seatrial/artifacts-bucket}/example"
IMAGE = "${seatrial/scikit-learn-image}"
GROUP = "${seatrial/model-package-group}"
LIBRARY = "/opt/ml/processing/input/library/library.zip"
BINDING = PropertyFile(name="Binding", output_name="baseline", path="binding.json")
SERVING = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}


def pipeline() -> Pipeline:
    """Prepare, train, check, register."""
    session = PipelineSession(
        boto_session=boto3.Session(region_name="eu-central-1"), default_bucket="${seatrial/artifacts-bucket}"
    )
    data = ParameterString("InputDataUri", default_value=f"{CODE}/data/")
    prepare = _processing(session, "Prepare", "prepare.py", {"data": data}, ("train", "test"))
    train = _training(session, _result(prepare, "train"))
    model = train.properties.ModelArtifacts.S3ModelArtifacts
    inputs = {"model": model, "test": _result(prepare, "test"), "library": f"{CODE}/library.zip"}
    check = _processing(session, "Check", "check.py", inputs, ("evaluation", "smoke", "baseline"), BINDING)
    register = _registration(session, model, check)
    return Pipeline(
        "sdk-v3-example", parameters=[data], steps=[prepare, train, check, register], sagemaker_session=session
    )


def _processing(
    session: PipelineSession,
    name: str,
    script: str,
    inputs: dict[str, PipelineVariable | str],
    outputs: tuple[str, ...],
    *files: PropertyFile,
) -> ProcessingStep:
    processor = ScriptProcessor(
        image_uri=IMAGE,
        command=["python3"],
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        env={"PYTHONPATH": LIBRARY} if "library" in inputs else None,
        sagemaker_session=session,
    )
    arguments = processor.run(
        code=f"{CODE}/{script}",
        inputs=[_input(key, source) for key, source in inputs.items()],
        outputs=[_output(key) for key in outputs],
    )
    return ProcessingStep(name, step_args=arguments, property_files=[*files])


def _input(name: str, source: PipelineVariable) -> ProcessingInput:
    place = ProcessingS3Input(
        s3_uri=source,
        local_path=f"/opt/ml/processing/input/{name}",
        s3_data_type="S3Prefix",
        s3_input_mode="File",
    )
    return ProcessingInput(input_name=name, s3_input=place)


def _output(name: str) -> ProcessingOutput:
    target = ProcessingS3Output(
        s3_uri=Join(on="/", values=[CODE, "runs", ExecutionVariables.PIPELINE_EXECUTION_ID, name]),
        local_path=f"/opt/ml/processing/output/{name}",
        s3_upload_mode="EndOfJob",
    )
    return ProcessingOutput(output_name=name, s3_output=target)


def _result(step: ProcessingStep, name: str) -> PipelineVariable:
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def _training(session: PipelineSession, data: PipelineVariable) -> TrainingStep:
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
    arguments = trainer.train(input_data_config=[InputData(channel_name="train", data_source=data)])
    return TrainingStep("Train", step_args=arguments)


def _registration(session: PipelineSession, model_data: PipelineVariable, check: ProcessingStep) -> ModelStep:
    """Names the smoke rows, which the promotion sends to the new endpoint, and the baseline with its digest."""
    builder = ModelBuilder(
        image_uri=IMAGE,
        s3_model_data_url=model_data,
        role_arn=ROLE,
        env_vars=SERVING,
        dependencies={},  # the default, {"auto": False}, makes the SDK look for a bucket to upload to
        sagemaker_session=session,
    )
    evaluation = Join(on="/", values=[_result(check, "evaluation"), "evaluation.json"])
    smoke = _result(check, "smoke")
    arguments = builder.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        model_package_group_name=GROUP,
        approval_status="PendingManualApproval",
        model_metrics=ModelMetrics(model_statistics=MetricsSource("application/json", evaluation)),
        customer_metadata_properties={
            "BaselineUri": Join(on="/", values=[_result(check, "baseline"), "baseline.json"]),
            "BaselineSha256": JsonGet(step_name="Check", property_file=BINDING, json_path="sha256"),
            "SmokeInputUri": Join(on="/", values=[smoke, "smoke.csv"]),
            "SmokeOutputUri": Join(on="/", values=[smoke, "smoke_expected.csv"]),
        },
    )
    return ModelStep("Register", step_args=arguments)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(json.loads(pipeline().definition()), indent=1) + "\n")
