"""Runs the deployed data flow over what has landed: curation and history first, then KPIs and features of one day."""

import json
from typing import Any

from seatrial.contracts.cdr import account_key
from seatrial.rehearsal.certificates import certificates_zip
from seatrial.rehearsal.data_layer_aws import DataAws
from seatrial.rehearsal.data_layer_state import Rate
from seatrial.rehearsal.voyage import RehearsalError, Voyage

FIRST_STAGES = 2
"""Curation, and the history of the CRM: what has to stand for all days before anything looks back on them."""
FEATURE_STAGES = 4
"""The last stage, KPIs and features, without a feature store; with one it is followed by the ingestion."""
LONGEST_SECONDS = 3600.0


def run_flow(voyage: Voyage) -> str:
    """Start the state machine twice; the first run makes every day, the second the newest day's KPIs and features."""
    layer = voyage.layer
    _bring_certificates(voyage)
    # On the days after the last one events still arrive, but none begin.
    span = {"from": str(layer.flow_start), "to": str(layer.last_arrival), "silent_feeds": "publish"}
    span |= {"stages": FIRST_STAGES}
    first = run_dates(voyage, "curation and history", span)
    rest = {"from_stage": FIRST_STAGES + 1, "stages": last_feature_stage(voyage)}
    second = run_dates(voyage, "KPIs and features", {"date": str(layer.last_day), **rest})
    events = layer.landed["batch"] + layer.landed["stream"]
    layer.rates += [Rate("curate events, tables and history", events, first), Rate("KPIs and features", events, second)]
    jobs = voyage.cloud.journal.entries("job")
    told = ", ".join(f"{entry['label'] or entry['name']} {entry['seconds']:.0f} s" for entry in jobs)
    return (
        f"{len(layer.curated_days)} days curated, KPIs of {layer.last_day}, features as of {layer.as_of}; "
        f"{len(jobs)} Spark jobs: {told}"
    )


def last_feature_stage(voyage: Voyage) -> int:
    """Number of the flow's stage after which a day's features are where they are used; training sets follow."""
    return FEATURE_STAGES + voyage.engagement.feature_store.enabled


def _bring_certificates(voyage: Voyage) -> None:
    """What an operator does once before the first flow on EC2."""
    processing = voyage.engagement.processing
    if processing.engine == "emr":
        content = certificates_zip(voyage.cloud.context.region, voyage.now)
        voyage.aws.put(voyage.outputs["ArtifactsBucketName"], processing.emr.certificates_key, content)


def run_dates(voyage: Voyage, what: str, given: dict[str, Any]) -> float:
    """Run the flow to its end; returns the real seconds. Raises `RehearsalError` with the flow's own reason."""
    began = voyage.progress.elapsed
    arn = DataAws(voyage.cloud.context.client).start_flow(voyage.outputs["DataFlowArn"], given)
    voyage.progress.doing(f"{what}: {json.dumps(given)}")

    def ended() -> dict[str, Any] | None:
        found = voyage.aws.state_machine_run(arn)
        return None if found["status"] == "RUNNING" else found

    run = voyage.wait(f"the data flow ({what})", ended, seconds=LONGEST_SECONDS)
    if run["status"] != "SUCCEEDED":
        cause = str(run.get("cause", ""))
        raise RehearsalError(f"the data flow ({what}) ended {run['status']}: {_first_line(cause)}", cause)
    return voyage.progress.elapsed - began


def _first_line(cause: str) -> str:
    return (cause.splitlines() or ["no cause was given"])[0][:300]


def accounts(voyage: Voyage, job: str) -> dict[str, dict[str, Any]]:
    """The accounts that a job wrote, by day."""
    layer, bucket = voyage.layer, voyage.outputs["CuratedBucketName"]
    found = {}
    for day in layer.curated_days:
        account = voyage.aws.read_json_if_there(f"s3://{bucket}/{account_key(layer.dataset, job, day)}")
        if account is not None:
            found[str(day)] = account
    return found
