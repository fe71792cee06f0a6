"""What SparkML needs is told key by key, and nothing is told where it is there; limits hold at their own values."""

from pathlib import Path

import pytest

from tests.config.test_data_rules import paths_and_messages

LAKE = "lake: {catalog: {enabled: true}}\n"
SERVERLESS = "engine: emr-serverless, serverless: {custom_image: ECR}"
ECR = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/spark:1"
SPARKML = "algorithm: sparkml-gbt"
WHEELS = "serving_wheels: [onnxruntime.whl]"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    for name in ("onnxruntime.whl", "env.tar.gz"):
        (tmp_path / name).touch()


def engagement(processing: str, training: str) -> str:
    return f"{LAKE}processing: {{{processing}}}\ntraining: {{{training}}}\n".replace("ECR", f"'{ECR}'")


@pytest.mark.parametrize(
    ("processing", "training"),
    [
        (SERVERLESS, f"{SPARKML}, {WHEELS}"),
        ("engine: emr-serverless, python_environment: env.tar.gz", f"{SPARKML}, {WHEELS}"),
        ("engine: emr-serverless", "algorithm: xgboost"),
        ("engine: none", "algorithm: scikit-learn"),
    ],
)
def test_what_has_all_it_needs_is_in_order(tmp_path: Path, processing: str, training: str) -> None:
    assert paths_and_messages(tmp_path, engagement(processing, training)) == {}


@pytest.mark.parametrize(
    ("processing", "training", "path", "message"),
    [
        (
            "engine: none",
            f"{SPARKML}, {WHEELS}",
            "training.algorithm",
            "must be 'xgboost' or 'scikit-learn', got 'sparkml-gbt', while processing.engine is 'none'",
        ),
        (
            "engine: emr-serverless",
            f"{SPARKML}, {WHEELS}",
            "processing.python_environment",
            "must be set (or processing.serverless.custom_image), got None, because training.algorithm is 'spark",
        ),
        (
            SERVERLESS,
            SPARKML,
            "training.serving_wheels",
            "must name at least one wheel, got none, because training.algorithm is 'sparkml-gbt'",
        ),
        (
            SERVERLESS,
            WHEELS,
            "training.serving_wheels",
            "onnxruntime.whl: only models of SparkML bring wheels",
        ),
        (
            SERVERLESS,
            f"{SPARKML}, {WHEELS}, tuning: {{max_jobs: 4}}",
            "training.tuning.max_jobs",
            "must be 0, got 4, because training.algorithm is 'sparkml-gbt', which is not tuned",
        ),
    ],
)
def test_what_is_missing_is_the_only_mistake(
    tmp_path: Path, processing: str, training: str, path: str, message: str
) -> None:
    found = paths_and_messages(tmp_path, engagement(processing, training))

    assert list(found) == [path]
    assert message in found[path]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (f"tags: {{{'k' * 128}: {'v' * 256}}}", True),
        (f"tags: {{{'k' * 129}: v}}", False),
        (f"tags: {{k: {'v' * 257}}}", False),
        (f"tags: {{{', '.join(f'k{number}: v' for number in range(40))}}}", True),
        (f"tags: {{{', '.join(f'k{number}: v' for number in range(41))}}}", False),
        ("network: {cidr: 10.0.0.0/24}", True),
        ("network: {cidr: 10.0.0.0/25}", False),
        ("network: {cidr: 10.0.0.0/16}", True),
        ("network: {cidr: 10.0.0.0/15}", False),
        ("retraining: {blackouts: [2026-12-24/2026-12-24]}", True),
        ("serving: {instance_count: 3, maximum_instance_count: 3}", True),
        ("serving: {instance_count: 3, maximum_instance_count: 2}", False),
    ],
)
def test_a_limit_is_within(tmp_path: Path, text: str, right: bool) -> None:
    assert (paths_and_messages(tmp_path, text) == {}) == right
