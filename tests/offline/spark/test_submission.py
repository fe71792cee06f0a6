"""What is asked of spark-submit, taken apart; what cannot be run is refused by name."""

import pytest

from seatrial.offline.spark.api import ApiError, NotEmulatedError
from seatrial.offline.spark.capacity import limit_of, need_of
from seatrial.offline.spark.submission import from_job_driver, parse


def test_options_files_and_arguments_are_told_apart():
    words = "--deploy-mode cluster --py-files s3://b/a.zip,s3://b/c.zip --conf spark.a=x=y --executor-memory 4g"

    found = parse([*words.split(), "s3://b/job.py", "--conf", "its own"])

    assert found.script == "s3://b/job.py"
    assert found.arguments == ("--conf", "its own")
    assert found.py_files == ("s3://b/a.zip", "s3://b/c.zip")
    assert found.settings == {"spark.a": "x=y", "spark.executor.memory": "4g"}


def test_parameters_of_a_job_driver_are_split_as_a_shell_does():
    driver = {
        "entryPoint": "s3://b/job.py",
        "entryPointArguments": ["--date", "2026-11-01"],
        "sparkSubmitParameters": "--conf 'spark.app.name=two words' --conf spark.files=s3://b/x",
    }

    found = from_job_driver(driver)

    assert found.settings == {"spark.app.name": "two words"}
    assert (found.files, found.arguments) == (("s3://b/x",), ("--date", "2026-11-01"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--class Main s3://b/job.jar", "--class: applications in Java and Scala are not run"),
        ("--packages a:b:1 s3://b/job.py", "--packages: nothing is downloaded from Maven"),
        ("--conf spark.jars.packages=a:b:1 s3://b/job.py", "spark.jars.packages: nothing is downloaded from Maven"),
        ("--jars /usr/share/aws/iceberg.jar s3://b/job.py", "'/usr/share/aws/iceberg.jar': only files on S3"),
        ("--unheard-of 1 s3://b/job.py", "--unheard-of is not emulated"),
        ("s3://b/job.jar", "only Python scripts"),
        ("--conf", "--conf needs a value"),
        ("--verbose", "names no script"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(words, sentence):
    with pytest.raises(NotEmulatedError, match=sentence):
        parse(words.split())


def test_a_job_needs_room_for_a_driver_and_one_executor():
    need = need_of({"spark.driver.cores": "1", "spark.driver.memory": "2g", "spark.executor.memory": "10g"})

    assert need.vcpu == 5
    assert need.memory_gb == pytest.approx(2.38 + 11)
    assert need.fits(limit_of({"cpu": "5 vCPU", "memory": "14 GB"}))
    assert not need.fits(limit_of({"cpu": "4 vCPU", "memory": "64 GB"}))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"spark.executor.cores": "3"}, "spark.executor.cores: must be one of 1, 2, 4, 8, 16, got 3"),
        ({"spark.driver.cores": "1", "spark.driver.memory": "9g"}, "a worker of 1 vCPU has at most 8 GB"),
    ],
)
def test_workers_that_emr_serverless_does_not_have_are_refused(settings, sentence):
    with pytest.raises(ApiError, match=sentence):
        need_of(settings)
