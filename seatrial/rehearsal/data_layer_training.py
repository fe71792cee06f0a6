"""The end of the data layer's rehearsal: labels come, the flow makes a training set, a model is trained and serves."""

import csv
import io
from collections.abc import Mapping
from datetime import date

import duckdb

from seatrial.contracts import cdr, layout
from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.contracts.feature_store import feature_record
from seatrial.contracts.given_dataset import lake_columns
from seatrial.rehearsal.challenge import first_promotion
from seatrial.rehearsal.data_layer_aws import DataAws
from seatrial.rehearsal.data_layer_features import compare_rows, download, first_rows
from seatrial.rehearsal.data_layer_flow import last_feature_stage, run_dates
from seatrial.rehearsal.data_layer_generate import landing_key
from seatrial.rehearsal.data_layer_state import Rate
from seatrial.rehearsal.data_layer_warehouse import Warehouse
from seatrial.rehearsal.training import train_first_model
from seatrial.rehearsal.voyage import RehearsalError, Voyage

SCORED = 20
"""Subscribers about whom the endpoint is asked."""
ENOUGH = 20_000
"""Subscribers of whom about a hundred churners fall into the test split: gates as they come are passed by then."""


def on_the_lake(voyage: Voyage) -> bool:
    """Whether the engagement's model is trained on what the data flow makes."""
    return voyage.engagement.training.dataset.kind == "lake"


def make_training_set(voyage: Voyage) -> str | None:
    """Deliver the labels, run the flow's last stage for the day on which the last of them came, check its rows."""
    if not on_the_lake(voyage):
        return None
    layer, delivered = voyage.layer, _land_labels(voyage)
    given = {"date": str(delivered), "from_stage": last_feature_stage(voyage) + 1}
    seconds = run_dates(voyage, "training set", given)
    key = f"s3://{voyage.training_bucket}/{layout.latest_training_data_key(layer.dataset)}"
    pointer = voyage.aws.read_json_if_there(key)
    if pointer is None:
        raise RehearsalError(f"the flow of {delivered} pointed to no training set; the job's log says why")
    _check_rows(voyage, pointer["uri"].rsplit("/", 1)[-1], delivered)
    layer.rates.append(Rate("training set", pointer["labelled_rows"], seconds))
    return (
        f"labels about the days from {layer.as_of} came until {delivered}; "
        f"{pointer['labelled_rows']:,} labelled subscribers by features from before them, from Spark as from Redshift"
    )


def train_on_the_lake(voyage: Voyage) -> str | None:
    """The retraining policy finds the training set by its pointer and starts the pipeline."""
    if not on_the_lake(voyage):
        return None
    try:
        return train_first_model(voyage)
    except RehearsalError as error:
        subscribers = voyage.options.subscribers
        if subscribers >= ENOUGH:
            raise
        hint = f"{subscribers:,} subscribers may be too few for the engagement's gates: take --subscribers {ENOUGH}"
        raise RehearsalError(
            f"{error}; {hint} or more, or lower training.quality_gate and .acceptance", error.log
        ) from error


def serve_features(voyage: Voyage) -> str | None:
    """Approve and promote the model, then ask the endpoint about subscribers by the features that are online."""
    if not on_the_lake(voyage):
        return None
    promoted, scores = first_promotion(voyage), []
    for number, features in enumerate(_served_features(voyage)):
        answer = voyage.runtime.invoke(voyage.endpoint, _csv_row(features), f"lake-{number}")
        voyage.requests += 1
        if not answer.ok:
            raise RehearsalError(f"the endpoint answers {answer.status} to features of the lake: {answer.body}")
        scores.append(float(answer.body.split(",")[0]))
    if not all(0 <= score <= 1 for score in scores):
        raise RehearsalError(f"the endpoint's answers are no probabilities: {scores}")
    where = "online features" if "Features" in voyage.stacks else "features"
    return f"{promoted}; {len(scores)} subscribers by their {where}: {min(scores):.4f} to {max(scores):.4f}"


def _land_labels(voyage: Voyage) -> date:
    """Upload the extracts of labels; gives the day of the last."""
    layer, days = voyage.layer, []
    for path in sorted((layer.folder / "tables" / "labels").rglob("*.parquet")):
        voyage.aws.put(voyage.outputs["RawBucketName"], landing_key(layer, path), path.read_bytes())
        days.append(date.fromisoformat(path.parent.name.removeprefix("date=")))
    return max(days)


def _check_rows(voyage: Voyage, version: str, delivered: date) -> None:
    """Every row of the training set against two other joins: the warehouse's, and DuckDB's of labels as generated."""
    layer, names = voyage.layer, [*(field.name for field in CHURN_FEATURES.fields), "churned"]
    made = download(voyage, layout.training_data_prefix(layer.dataset, version), "training_set")
    others = {
        "labels as generated, joined by DuckDB": _joined(voyage),
        "Redshift's UNLOAD": _unloaded(voyage, delivered),
    }
    for by, rows in others.items():
        check = compare_rows("labelled features", rows, made, names, (by, "the training set"))
        layer.checks.append(check)


def _joined(voyage: Voyage) -> str:
    """Spark's features with the generated labels about the days after them."""
    layer, target = voyage.layer, voyage.folder / "compared" / "joined.parquet"
    features = download(voyage, cdr.features_prefix(layer.dataset, "churn", layer.as_of), "spark")
    labels = f"{layer.folder}/tables/labels/*/*.parquet"
    sql = (
        f"COPY (SELECT f.*, l.churned FROM read_parquet('{features}', hive_partitioning = false) f "  # noqa: S608 - our own names
        f"LEFT JOIN read_parquet('{labels}', hive_partitioning = false) l "
        f"ON l.subscriber_id = f.subscriber_id AND l.as_of = DATE '{layer.as_of}') TO '{target}' (FORMAT parquet)"
    )
    with duckdb.connect() as base:
        base.execute(sql)
    return str(target)


def _unloaded(voyage: Voyage, delivered: date) -> str:
    """The warehouse's own training set, of the labels that curation left."""
    layer, warehouse = voyage.layer, Warehouse(voyage)
    manifests = voyage.aws.keys(voyage.outputs["CuratedBucketName"], f"{layer.dataset}/manifests/curate_labels/")
    for day in sorted(key.rpartition("date=")[2].removesuffix(".json") for key in manifests):
        warehouse.template("load_labels_day", date=day)
    warehouse.template("unload_training_set", known_on=str(delivered))
    return download(voyage, f"{layer.dataset}/training/as_of={layer.as_of}/", "labelled")


def _served_features(voyage: Voyage) -> list[Mapping[str, str]]:
    """Texts by feature of some subscribers: from the online store where there is one, else as Spark wrote them."""
    layer = voyage.layer
    rows = first_rows(download(voyage, cdr.features_prefix(layer.dataset, "churn", layer.as_of), "spark"))[:SCORED]
    if "Features" in voyage.stacks:
        aws, group = DataAws(voyage.cloud.context.client), voyage.stacks["Features"]["ChurnFeatureGroupName"]
        return [aws.features(group, row["subscriber_id"]) for row in rows]
    records = (feature_record(row, voyage.now) for row in rows)
    return [{one["FeatureName"]: one["ValueAsString"] for one in record} for record in records]


def _csv_row(features: Mapping[str, str]) -> str:
    """The features in the order in which the endpoint takes them; what is missing is empty."""
    sink = io.StringIO()
    csv.writer(sink, lineterminator="").writerow([features.get(name, "") for name in lake_columns()])
    return sink.getvalue()
