"""Each test fails once moto no longer needs what seatrial/offline/sagemaker puts in its place."""

import pytest
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemakerruntime.models import SageMakerRuntimeBackend

LACKING = (
    "update_endpoint",
    "list_pipeline_execution_steps",
    "stop_pipeline_execution",
    "delete_model_package",
    "list_training_jobs_for_hyper_parameter_tuning_job",
)


@pytest.mark.parametrize("operation", LACKING)
def test_moto_lacks(operation):
    assert not hasattr(SageMakerModelBackend, operation)


def test_moto_completes_a_processing_job_that_nothing_ran():
    backend = SageMakerModelBackend("eu-central-1", "111111111111")

    backend.create_processing_job(
        app_specification={"ImageUri": "no-such-image"},
        experiment_config={},
        network_config={},
        processing_inputs=[],
        processing_job_name="nothing",
        processing_output_config={},
        role_arn="arn:aws:iam::111111111111:role/jobs",
        tags=[],
        stopping_condition={},
    )

    assert backend.describe_processing_job("nothing")["ProcessingJobStatus"] == "Completed"


def test_moto_answers_for_an_endpoint_that_does_not_exist():
    backend = SageMakerRuntimeBackend("eu-central-1", "111111111111")

    body, *_ = backend.invoke_endpoint(endpoint_name="nowhere", unique_repr=b"")

    assert body == "body"
