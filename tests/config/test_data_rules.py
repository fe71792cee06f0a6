"""Combinations in the data layer that cannot work are told in one sentence each, with the key to change."""

from pathlib import Path

import pytest

from seatrial.config import EngagementError, load

MINIMAL = """\
name: churn-test
owner: a@example.com
environments:
  dev: {account: "111111111111", region: eu-central-1}
"""
CATALOG = "lake: {catalog: {enabled: true}}\n"
IMAGE = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/spark:1"


def paths_and_messages(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "engagement.yaml"
    path.write_text(MINIMAL + text, encoding="utf-8")
    try:
        load(path)
    except EngagementError as error:
        return {mistake.path: mistake.message for mistake in error.mistakes}
    return {}


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (
            "processing: {engine: emr-serverless}",
            "lake.catalog.enabled",
            "must be true, got false, because processing.engine is 'emr-serverless'",
        ),
        (
            "lake: {catalog: {lake_formation: true}}",
            "lake.catalog.lake_formation",
            "must be false, got true, while lake.catalog.enabled is false",
        ),
        (
            "lake: {raw_retention_days: 20, catalog: {enabled: true}}",
            "lake.catalog.tiering_after_days",
            "must be less than lake.raw_retention_days (20), got 30; null turns it off",
        ),
        (
            "processing: {schedule: rate(1 day)}",
            "processing.schedule",
            "must be null, got 'rate(1 day)', while processing.engine is 'none'",
        ),
        (
            "processing: {emr: {core_units: 8, maximum_units: 4}}",
            "processing.emr.maximum_units",
            "must be at least processing.emr.core_units (8), got 4",
        ),
        (
            f"{CATALOG}processing: {{engine: emr}}",
            "network.nat_gateways",
            "must be at least 1, got 0, because processing.engine is 'emr'",
        ),
        (
            "processing: {serverless: {worker_vcpu: 8, worker_memory_gib: 18}}",
            "processing.serverless.worker_memory_gib",
            "must be 16 to 60 in steps of 4 with worker_vcpu 8, got 18",
        ),
        (
            "processing: {serverless: {maximum_vcpu: 4}}",
            "processing.serverless.maximum_vcpu",
            "must be at least 8 for a driver and an executor of worker_vcpu, got 4",
        ),
        (
            "processing: {serverless: {pre_initialized_drivers: 2, pre_initialized_executors: 40}}",
            "processing.serverless.maximum_memory_gib",
            "must be at least 672 for 42 pre-initialized workers of worker_memory_gib, got 512",
        ),
        (
            f"processing: {{serverless: {{custom_image: {IMAGE}}}}}",
            "processing.serverless.custom_image",
            "must lie in the environments' region (eu-central-1)",
        ),
        (
            f"{CATALOG}processing: {{engine: emr-serverless, python_environment: none.tar.gz}}",
            "processing.python_environment",
            "got 'none.tar.gz': no such file",
        ),
        (
            f"{CATALOG}processing: {{engine: emr-serverless, python_environment: libraries.zip}}",
            "processing.python_environment",
            "must be a tar.gz archive of a virtual environment, got 'libraries.zip'",
        ),
        (
            "monitoring: {volume: {spark: own}}",
            "processing.python_environment",
            "got None, because monitoring.volume.spark is 'own': EMR's Python has no pyarrow",
        ),
        (
            "monitoring: {volume: {spark: own, larger: sample}}",
            "monitoring.volume.spark",
            "must be 'shared' or 'none', got 'own', while monitoring.volume.larger is 'sample'",
        ),
        (
            "monitoring: {volume: {larger: sample}, explain_schedule: rate(7 days)}",
            "monitoring.explain_schedule",
            "must be null, got 'rate(7 days)', while monitoring.volume.larger is 'sample'",
        ),
        (
            "monitoring: {explain_schedule: rate(7 days)}\nserving: {capture_percent: 0}\nretraining: {triggers: []}",
            "monitoring.explain_schedule",
            "while serving.capture_percent is 0: there is nothing to explain",
        ),
        (
            "monitoring: {explain_schedule: rate(7 days)}\ntraining: {algorithm: sparkml-gbt}",
            "monitoring.explain_schedule",
            "must be null, got 'rate(7 days)', while training.algorithm is 'sparkml-gbt': the job has no ONNX Runtime",
        ),
    ],
)
def test_tells_what_cannot_work_and_which_key_to_change(tmp_path, text, path, message):
    found = paths_and_messages(tmp_path, text)

    assert message in found[path]


def test_settings_of_the_engine_that_is_not_chosen_do_no_harm(tmp_path):
    text = f"{CATALOG}processing: {{engine: emr-serverless, emr: {{core_units: 3}}, serverless: {{worker_vcpu: 2}}}}"

    assert paths_and_messages(tmp_path, text) == {}


def test_one_key_switches_between_the_engines(tmp_path):
    network = "network: {nat_gateways: 1}\n"

    for engine in ("none", "emr", "emr-serverless"):
        assert paths_and_messages(tmp_path, f"{network}{CATALOG}processing: {{engine: {engine}}}") == {}, engine


def test_the_python_environment_is_named_from_the_engagement_files_folder(tmp_path):
    (tmp_path / "libraries.tar.gz").write_bytes(b"x")
    text = f"{CATALOG}processing: {{engine: emr-serverless, python_environment: libraries.tar.gz}}"
    (tmp_path / "engagement.yaml").write_text(MINIMAL + text)

    engagement = load(tmp_path / "engagement.yaml")

    assert engagement.processing.python_environment == tmp_path / "libraries.tar.gz"


def test_an_application_of_the_monitors_own_needs_no_engine_but_a_python(tmp_path):
    (tmp_path / "libraries.tar.gz").write_bytes(b"x")
    text = "processing: {python_environment: libraries.tar.gz}\nmonitoring: {volume: {spark: own}}"

    assert paths_and_messages(tmp_path, text) == {}
