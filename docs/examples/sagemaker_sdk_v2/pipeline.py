"""A small pipeline written with the SageMaker Python SDK v2; writes its definition.

Run it in an environment of its own, as docs/examples/README.md says. The names in `${seatrial/...}` are
filled in by Seatrial when the stack is synthesized.
"""

import json
import sys
from pathlib import Path

import boto3
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

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
    strength = ParameterFloat("InverseRegularization", default_value=0.5)
    prepare = _processing(session, "Prepare", "prepare.py", {"data": data}, ("train", "test"))
    train = _training(session, _output(prepare, "train"), strength)
    model = train.properties.ModelArtifacts.S3ModelArtifacts
    inputs = {"model": model, "test": _output(prepare, "test"), "library": f"{CODE}/library.zip"}
    check = _processing(session, "Check", "check.py", inputs, ("evaluation", "smoke", "baseline"), BINDING)
    register = _registration(session, model, check)
    return Pipeline(
        "sdk-v2-example",
        parameters=[data, strength],
        steps=[prepare, train, check, register],
        sagemaker_session=session,
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
        inputs=[
            ProcessingInput(input_name=key, source=source, destination=f"/opt/ml/processing/input/{key}")
            for key, source in inputs.items()
        ],
        outputs=[
            ProcessingOutput(output_name=key, source=f"/opt/ml/processing/output/{key}", destination=_target(key))
            for key in outputs
        ],
    )
    return ProcessingStep(name, step_args=arguments, property_files=[*files])


def _target(output: str) -> Join:
    return Join(on="/", values=[CODE, "runs", ExecutionVariables.PIPELINE_EXECUTION_ID, output])


def _output(step: ProcessingStep, name: str) -> PipelineVariable:
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def _training(session: PipelineSession, data: PipelineVariable, strength: ParameterFloat) -> TrainingStep:
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
    return TrainingStep("Train", step_args=estimator.fit({"train": TrainingInput(data, content_type="text/csv")}))


def _registration(session: PipelineSession, model_data: PipelineVariable, check: ProcessingStep) -> ModelStep:
    """Names the smoke rows, which the promotion sends to the new endpoint, and the baseline with its digest."""
    model = Model(image_uri=IMAGE, model_data=model_data, role=ROLE, env=SERVING, sagemaker_session=session)
    evaluation = Join(on="/", values=[_output(check, "evaluation"), "evaluation.json"])
    smoke = _output(check, "smoke")
    arguments = model.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        model_package_group_name=GROUP,
        approval_status="PendingManualApproval",
        model_metrics=ModelMetrics(model_statistics=MetricsSource("application/json", evaluation)),
        customer_metadata_properties={
            "BaselineUri": Join(on="/", values=[_output(check, "baseline"), "baseline.json"]),
            "BaselineSha256": JsonGet(step_name="Check", property_file=BINDING, json_path="sha256"),
            "SmokeInputUri": Join(on="/", values=[smoke, "smoke.csv"]),
            "SmokeOutputUri": Join(on="/", values=[smoke, "smoke_expected.csv"]),
        },
    )
    return ModelStep("Register", step_args=arguments)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(json.loads(pipeline().definition()), indent=1) + "\n")
