"""Features of live traffic: the deployed pipeline's own Features step, run as a processing job in score mode."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from seatrial.contracts import schema
from seatrial.rehearsal.data import write_snapshots
from seatrial.rehearsal.voyage import RehearsalError, Voyage

STEP = "Features"
OUTPUT_PATH = "/opt/ml/processing/output/features"


def score_request(definition: Mapping[str, Any], *, name: str, input_uri: str, output_uri: str) -> dict[str, Any]:
    """CreateProcessingJob request made of the definition's Features step, reading `input_uri`, in score mode."""
    arguments = next(step["Arguments"] for step in definition["Steps"] if step["Name"] == STEP)
    defaults = {item["Name"]: item.get("DefaultValue") for item in definition["Parameters"]}
    request = _resolve(arguments, {**defaults, "InputDataUri": input_uri})
    container = request["AppSpecification"]["ContainerArguments"]
    container[container.index("--mode") + 1] = "score"
    output = request["ProcessingOutputConfig"]["Outputs"][0]
    output["OutputName"] = "features"
    output["S3Output"] |= {"LocalPath": OUTPUT_PATH, "S3Uri": output_uri}
    request["ProcessingOutputConfig"]["Outputs"] = [output]
    return {"ProcessingJobName": name, **request}


def score_live_data(voyage: Voyage) -> str:
    """Land the live snapshots, compute their features by the deployed code, keep the rows to send."""
    folder = voyage.folder / "raw" / "live"
    write_snapshots(voyage.sets.live, folder)
    bucket, artifacts = voyage.training_bucket, voyage.outputs["ArtifactsBucketName"]
    input_uri = voyage.aws.put_folder(bucket, f"{voyage.engagement.training.dataset.name}/live/", folder)
    output_uri = f"s3://{artifacts}/scoring/rehearsal"
    definition = voyage.aws.pipeline_definition(voyage.outputs["PipelineName"])
    name = "rehearsal-live-features"
    voyage.aws.start_processing(score_request(definition, name=name, input_uri=input_uri, output_uri=output_uri))
    job = voyage.wait("the scoring job", lambda: _ended(voyage, name), seconds=600)
    if job["ProcessingJobStatus"] != "Completed":
        raise RehearsalError("the scoring job failed", job.get("FailureReason", ""))
    voyage.rows = {
        stretch: _read_rows(voyage, f"scoring/rehearsal/snapshot={stretch}/") for stretch in voyage.sets.live
    }
    return ", ".join(f"{stretch} {len(rows):,} rows" for stretch, rows in voyage.rows.items())


def _ended(voyage: Voyage, name: str) -> dict[str, Any] | None:
    job = voyage.aws.processing(name)
    return job if job["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"} else None


def _read_rows(voyage: Voyage, prefix: str) -> list[tuple[str, str]]:
    bucket = voyage.outputs["ArtifactsBucketName"]
    found: list[tuple[str, str]] = []
    for key in voyage.aws.keys(bucket, prefix):
        if key.endswith(".csv"):
            found += rows_to_send(voyage.aws.read(f"s3://{bucket}/{key}").decode())
    return found


def rows_to_send(text: str) -> list[tuple[str, str]]:
    """Endpoint row and label of each line of a features CSV file with header.

    >>> rows_to_send("subscriber_id,label,tenure,plan\\nA,1,3.5,prepaid\\n")
    [('3.5,prepaid', '1')]
    """
    reader = csv.reader(io.StringIO(text))
    header = next(reader, [])
    if header[:2] != [schema.ID_COLUMN, schema.LABEL_COLUMN]:
        raise RehearsalError(
            f"features file: expected {schema.ID_COLUMN}, {schema.LABEL_COLUMN}, ..., got {header[:2]!r}"
        )
    return [(_csv_line(line[2:]), line[1]) for line in reader]


def _csv_line(values: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    return buffer.getvalue()


def _resolve(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"Get"} and value["Get"].startswith("Parameters."):
            return parameters[value["Get"].removeprefix("Parameters.")]
        return {key: _resolve(entry, parameters) for key, entry in value.items()}
    return [_resolve(entry, parameters) for entry in value] if isinstance(value, list) else value
