"""The data layer's rehearsal, `--with data`: what an engagement needs for it, its stages, and its reconciliation.

Its stages stand between deploying and destroying, in the place of the loop of training and serving. Where the model is
trained on the lake they end with one that serves; what comes after that is the loop's, whose data changes faster.
"""

from collections.abc import Callable

from seatrial.config import Engagement
from seatrial.contracts.cdr import consumer_quarantine_prefix
from seatrial.rehearsal.data_layer_features import compare_day, compare_features, compare_windows, store_features
from seatrial.rehearsal.data_layer_flow import accounts, run_flow
from seatrial.rehearsal.data_layer_generate import generate
from seatrial.rehearsal.data_layer_landing import TABLES, land_by_batch, land_by_stream, table_rows
from seatrial.rehearsal.data_layer_reconcile import (
    UNREADABLE,
    Check,
    Line,
    consumer_line,
    day_checks,
    event_line,
    fault_checks,
    problems,
    table_line,
)
from seatrial.rehearsal.data_layer_state import DataLayer
from seatrial.rehearsal.data_layer_training import make_training_set, serve_features, train_on_the_lake
from seatrial.rehearsal.data_layer_warehouse import fill_warehouse
from seatrial.rehearsal.record import DataRecord, Movement, Reconciled, ReconciledCheck
from seatrial.rehearsal.voyage import RehearsalError, Voyage

LONGEST_DAYS = 60
"""With the window that features look back on, more than a flow takes at once."""
PROVING = {"generate", "batch", "stream", "flow", "warehouse", "store", "training_set", "serve", "reconcile"}
STAGES: tuple[tuple[str, str, Callable[[Voyage], str | None]], ...] = (
    ("generate", "generate the operator", generate),
    ("batch", "land by batch", land_by_batch),
    ("stream", "land by stream", land_by_stream),
    ("flow", "run the data flow", run_flow),
    ("warehouse", "fill the warehouse", fill_warehouse),
    ("store", "feature store", store_features),
    ("training_set", "labels and training set", make_training_set),
    ("train", "train on the lake", train_on_the_lake),
    ("serve", "promote, predict", serve_features),
)
"""Name, title and act of each stage; the reconciliation follows."""


def missing_keys(engagement: Engagement) -> list[str]:
    """Keys of the engagement that have to be set before its data layer can be rehearsed, with what they should be."""
    wanted = {
        "lake.catalog.enabled: true": engagement.lake.catalog.enabled,
        "processing.engine: emr-serverless or emr": engagement.processing.engine != "none",
        "warehouse.kind: serverless or provisioned": engagement.warehouse.kind != "none",
        "streaming.mode: on-demand or provisioned": engagement.streaming.mode != "none",
        "training.dataset.kind: lake or telecom": engagement.training.dataset.kind in {"lake", "telecom"},
    }
    return [key for key, there in wanted.items() if not there]


def mistakes(engagement: Engagement, days: int, subscribers: int) -> list[str]:
    """Sentences for what the user asked for and cannot have; none when the rehearsal can begin."""
    found = []
    if missing := missing_keys(engagement):
        found.append(f"--with data: the engagement {engagement.name} has to set {'; '.join(missing)}")
    if not 1 <= days <= LONGEST_DAYS:
        found.append(f"--days: must be from 1 to {LONGEST_DAYS}, got {days}")
    if subscribers < 1:
        found.append(f"--subscribers: must be at least 1, got {subscribers}")
    return found


def reconcile(voyage: Voyage) -> str:
    """Hold every count against every other; raises `RehearsalError` when anything does not agree."""
    layer = voyage.layer
    voyage.progress.doing("count what was generated, landed, read and used")
    layer.lines = _lines(voyage)
    curated = accounts(voyage, "curate_cdr")
    events = layer.generated["events"]
    layer.checks += [*fault_checks(events, curated.values()), day_checks(events["usable_by_start"], _used(curated))]
    for compare in (compare_windows, compare_day, compare_features):
        voyage.progress.doing("compare KPIs and features")
        layer.checks.append(compare(voyage))
    layer.checks.append(set_aside(voyage))
    found = problems(layer.lines, layer.checks)
    if found:
        raise RehearsalError(f"{len(found)} counts do not agree: {found[0]}", "\n".join(found))
    rows = sum(line.generated for line in layer.lines)
    return f"difference 0 in {len(layer.lines)} sources ({rows:,} rows) and {len(layer.checks)} comparisons"


def _used(curated: dict[str, dict]) -> dict[str, dict]:
    """Accounts of the days that have any row to use."""
    return {day: one for day, one in curated.items() if one["used"] + one["late_used"]}


def _lines(voyage: Voyage) -> list[Line]:
    layer = voyage.layer
    curated = accounts(voyage, "curate_cdr")
    generated = layer.generated["events"]["rows"]
    lines = [
        event_line("batch", generated - layer.streamed, layer.landed["batch"], curated.values()),
        event_line("stream", layer.streamed, layer.landed["stream"], curated.values()),
        consumer_line(layer.streamed + layer.poisoned, layer.consumed),
        _poison_line(voyage),
    ]
    rows = layer.generated["rows"]
    tables = [
        table_line(name, rows[name], table_rows(voyage, name), accounts(voyage, f"curate_{name}").values())
        for name in TABLES
    ]
    return [*lines, *tables]


def _poison_line(voyage: Voyage) -> Line:
    """Records that Firehose could not convert: they lie among its errors."""
    layer = voyage.layer
    return Line(
        source="stream",
        kind="poisoned records",
        generated=layer.poisoned,
        landed=layer.stream_errors,
        read=layer.stream_errors,
        used=0,
        quarantined={UNREADABLE: layer.stream_errors},
    )


def set_aside(voyage: Voyage) -> Check:
    """Documents in the consumer's quarantine against its own count."""
    prefix = consumer_quarantine_prefix(voyage.layer.dataset)
    documents = sum(1 for _ in voyage.aws.keys(voyage.outputs["CuratedBucketName"], prefix))
    return Check(
        subject="records that the consumer set aside",
        expected=voyage.layer.consumed.get("EventsQuarantined", 0),
        found=documents,
        expected_by="its metrics",
        found_by="its quarantine",
    )


def data_record(layer: DataLayer) -> DataRecord:
    """What the report tells of the data layer."""
    return DataRecord(
        period=f"{layer.first_day} to {layer.last_day}",
        features_as_of=str(layer.as_of),
        streamed=layer.streamed,
        streamed_cells=len(layer.cells),
        published=layer.published,
        reconciliation=tuple(_reconciled(line) for line in layer.lines),
        checks=tuple(
            ReconciledCheck(
                subject=one.subject,
                expected=one.expected,
                expected_by=one.expected_by,
                found=one.found,
                found_by=one.found_by,
                difference=one.difference,
            )
            for one in layer.checks
        ),
        movements=tuple(Movement(name=one.name, rows=one.rows, real_seconds=one.seconds) for one in layer.rates),
    )


def _reconciled(line: Line) -> Reconciled:
    return Reconciled(
        source=line.source,
        kind=line.kind,
        generated=line.generated,
        landed=line.landed,
        read=line.read,
        used=line.used,
        late=line.late,
        duplicate=line.duplicate,
        too_late=line.too_late,
        quarantined=dict(line.quarantined),
        difference=line.difference,
    )
