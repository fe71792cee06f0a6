"""What moto has in the place of Spark: a test fails once moto no longer needs the replacement."""

import inspect

import pytest
from moto.emr import models as emr_models
from moto.emr import urls as emr_urls
from moto.emr.responses import ElasticMapReduceResponse
from moto.emrserverless import models as serverless_models
from moto.emrserverless import urls as serverless_urls
from moto.emrserverless.models import EMRServerlessBackend
from moto.emrserverless.responses import EMRServerlessResponse

from seatrial.offline import patches

ROLE = "arn:aws:iam::123456789012:role/jobs"


def test_moto_s_steps_run_nothing():
    added = inspect.getsource(emr_models.Cluster.add_steps)

    assert 'state="RUNNING"' in added
    assert not {"COMPLETED", "FAILED", "subprocess"} & set(inspect.getsource(emr_models).replace('"', " ").split())


@pytest.mark.parametrize("operation", ["cancel_steps", "put_auto_termination_policy", "add_instance_fleet"])
def test_moto_s_emr_lacks_operations_that_we_answer(operation):
    assert not hasattr(ElasticMapReduceResponse, operation)


def test_moto_s_job_runs_never_begin():
    backend = EMRServerlessBackend("eu-central-1", "123456789012")
    arguments = dict.fromkeys(inspect.signature(backend.create_application).parameters)
    given = {"name": "x", "release_label": "emr-7.13.0", "application_type": "SPARK", "client_token": "t"}
    application = backend.create_application(**{**arguments, **given})
    arguments = dict.fromkeys(inspect.signature(backend.start_job_run).parameters)
    start = {**arguments, "application_id": application.id, "execution_role_arn": ROLE, "client_token": "t"}

    first, second = backend.start_job_run(**start), backend.start_job_run(**start)

    assert first.state == serverless_models.JOB_STATUS
    assert first.id != second.id, "the same token"
    assert "subprocess" not in inspect.getsource(serverless_models)


@pytest.mark.parametrize("operation", ["list_job_run_attempts", "tag_resource", "list_tags_for_resource"])
def test_moto_s_serverless_lacks_operations_that_we_answer(operation):
    assert not hasattr(EMRServerlessResponse, operation)


def test_our_answers_are_in_the_place_of_moto_s(bench):
    ours = {handler.__module__ for urls in (emr_urls, serverless_urls) for handler in urls.url_paths.values()}

    assert ours == {"seatrial.offline.spark.api"}
    with patches.without(serverless_urls, "url_paths"):
        assert len(serverless_urls.url_paths) == 6
