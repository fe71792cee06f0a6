"""EMR Serverless: bounded, in the VPC, encrypted, on Graviton; and what a job on it looks like."""

import pytest

from seatrial.constructs.errors import ConstructError
from tests.constructs.spark_support import emr, make_job, resolved, serverless

__all__ = ["make_job"]


def application(site):
    return site.one("AWS::EMRServerless::Application")


def test_leaves_nothing_for_cdk_nag(site, make_job):
    make_job(serverless(site))

    assert site.findings() == ""


def test_is_bounded_stops_when_idle_and_runs_on_graviton(site):
    serverless(site)

    made = application(site)

    assert made["MaximumCapacity"] == {"Cpu": "128 vCPU", "Memory": "512 GB"}
    assert made["AutoStopConfiguration"] == {"Enabled": True, "IdleTimeoutMinutes": 15}
    assert (made["ReleaseLabel"], made["Architecture"], made["Type"]) == ("emr-7.13.0", "ARM64", "SPARK")
    assert "InitialCapacity" not in made


def test_is_in_the_vpc_and_its_logs_are_encrypted_with_our_key_only(site):
    serverless(site)

    made = application(site)

    assert made["NetworkConfiguration"] == {"SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-1", "subnet-2"]}
    assert made["MonitoringConfiguration"]["S3MonitoringConfiguration"] == {
        "EncryptionKeyArn": "arn:aws:kms:eu-central-1:111111111111:key/abc",
        "LogUri": "s3://artifacts/emr-serverless-logs/",
    }
    assert made["MonitoringConfiguration"]["ManagedPersistenceMonitoringConfiguration"] == {"Enabled": False}


def test_takes_everything_that_the_service_offers(site):
    serverless(
        site,
        release="emr-spark-8.0.0",
        architecture="x86_64",
        maximum_vcpu=64,
        maximum_memory_gib=256,
        worker_vcpu=8,
        worker_memory_gib=32,
        pre_initialized_drivers=1,
        pre_initialized_executors=4,
        maximum_concurrent_runs=3,
        custom_image="111111111111.dkr.ecr.eu-central-1.amazonaws.com/spark:1",
    )

    made = application(site)

    worker = {"Cpu": "8 vCPU", "Memory": "32 GB"}
    assert made["InitialCapacity"] == [
        {"Key": "Driver", "Value": {"WorkerConfiguration": worker, "WorkerCount": 1}},
        {"Key": "Executor", "Value": {"WorkerConfiguration": worker, "WorkerCount": 4}},
    ]
    assert made["ReleaseLabel"] == "emr-spark-8.0.0"
    assert made["Architecture"] == "X86_64"
    assert made["SchedulerConfiguration"]["MaxConcurrentRuns"] == 3
    assert made["ImageConfiguration"]["ImageUri"].endswith("/spark:1")


def test_a_job_run_has_attempts_a_time_limit_and_the_workers_size(site, make_job):
    job = make_job(serverless(site), attempts=2, max_runtime_minutes=30, settings={"spark.executor.memory": "10g"})

    state = resolved(site, job.state())

    parameters = state["Parameters"]
    options = parameters["JobDriver"]["SparkSubmit"]["SparkSubmitParameters"]
    assert state["Resource"] == "arn:aws:states:::emr-serverless:startJobRun.sync"
    assert parameters["RetryPolicy"] == {"MaxAttempts": 2}
    assert parameters["ExecutionTimeoutMinutes"] == 30
    assert state["TimeoutSeconds"] > 2 * 30 * 60
    assert "--conf spark.driver.memory=14g" in str(options)
    assert "--conf spark.executor.memory=10g" in str(options)


def test_a_python_environment_goes_along_by_content(site, make_job, tmp_path):
    archive = tmp_path / "libraries.tar.gz"
    archive.write_bytes(b"environment")

    job = make_job(serverless(site, python_environment=archive))

    options = str(resolved(site, job.state())["Parameters"]["JobDriver"]["SparkSubmit"]["SparkSubmitParameters"])
    assert "#environment" in options
    assert "spark.emr-serverless.driverEnv.PYSPARK_PYTHON=./environment/bin/python" in options
    assert "spark.executorEnv.PYSPARK_PYTHON=./environment/bin/python" in options


def test_the_jobs_role_reads_its_script_and_library_and_no_other_code(site, make_job):
    job = make_job(serverless(site))

    code = [s["Resource"] for s in site.statements() if "cdk-hnb659fds-assets" in str(s["Resource"])]

    wanted = [f"arn:aws:s3:::{asset.s3_bucket_name}/{asset.s3_object_key}" for asset in job.assets]
    assert code == [resolved(site, wanted)]
    assert len(wanted) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "arm"}, "architecture: must be arm64 or x86_64, got 'arm'"),
        ({"worker_vcpu": 3}, "worker_vcpu: must be one of 1, 2, 4, 8, 16, got 3"),
        ({"maximum_vcpu": 4}, "maximum_vcpu: must be at least 8, a driver and an executor, got 4"),
        ({"maximum_memory_gib": 20}, "maximum_memory_gib: must be at least 32, a driver and an executor, got 20"),
    ],
)
def test_refuses_a_size_on_which_no_job_can_run(site, change, message):
    with pytest.raises(ConstructError, match=message):
        serverless(site, **change)


def test_refuses_two_ways_to_choose_the_python(site, tmp_path):
    archive = tmp_path / "libraries.tar.gz"
    archive.write_bytes(b"environment")

    with pytest.raises(ConstructError, match="custom_image, python_environment: both choose the Python"):
        serverless(site, python_environment=archive, custom_image="1.dkr.ecr.eu-central-1.amazonaws.com/a:1")


def test_the_same_script_and_library_run_on_the_other_engine(make_site, make_job, tmp_path):
    one, other = make_site(), None
    job = make_job(serverless(one))
    keys = [resolved(one, asset.s3_object_key) for asset in job.assets]

    other = make_site()
    same = make_job(emr(other))

    assert [resolved(other, asset.s3_object_key) for asset in same.assets] == keys
    assert same.arguments == job.arguments
