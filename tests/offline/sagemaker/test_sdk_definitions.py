import io
import json
import tarfile
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.mark.parametrize("sdk", ["sagemaker_sdk_v2", "sagemaker_sdk_v3"])
def test_a_pipeline_written_with_the_sdk_runs(bench, sdk):
    rows = "".join(f"{i % 2},{i % 2},{i}\n" for i in range(20))
    bench.put("example/data/rows.csv", f"label,a,b\n{rows}")
    bench.put("example/prepare.py", (EXAMPLES / "code" / "prepare.py").read_text())
    bench.archive("example/sourcedir.tar.gz", {"train.py": (EXAMPLES / "code" / "train.py").read_text()})
    bench.sagemaker.create_pipeline(
        PipelineName=sdk.replace("_", "-"),
        PipelineDefinition=_filled_in(bench, sdk),
        RoleArn=bench.role,
        ClientRequestToken="t" * 32,
    )

    arn, found = bench.run_pipeline(sdk.replace("_", "-"))

    assert found["PipelineExecutionStatus"] == "Succeeded", found.get("FailureReason")
    job = bench.steps(arn)["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    artifact = bench.sagemaker.describe_training_job(TrainingJobName=job)["ModelArtifacts"]["S3ModelArtifacts"]
    with tarfile.open(fileobj=io.BytesIO(bench.get(artifact))) as archive:
        assert archive.getnames() == ["model.joblib"]


def _filled_in(bench, sdk):
    text = (EXAMPLES / sdk / "definition.json").read_text()
    values = {
        "account": "111111111111",
        "artifacts-bucket": bench.bucket,
        "role-name": "jobs",
        "scikit-learn-image": bench.image("sagemaker-scikit-learn"),
    }
    for name, value in values.items():
        text = text.replace(f"${{seatrial/{name}}}", value)
    return json.dumps(json.loads(text[text.index("{\n") :]))
