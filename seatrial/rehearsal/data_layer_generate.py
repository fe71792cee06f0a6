"""Generates an operator for the data layer's rehearsal, faults included, and decides what arrives by stream."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seatrial.contracts.cdr import batch_prefix
from seatrial.rehearsal.data_layer_state import DataLayer, Rate
from seatrial.rehearsal.voyage import RehearsalError, Voyage

FAULTS = {"duplicates": 0.01, "late": 0.005, "too-late": 0.002, "out-of-order": 0.01, "bad": 0.002}
"""Shares of the events that the generator spoils."""
STREAM_EVENTS = 50_000
"""About how many events arrive by stream: whole cells, so that their KPIs are complete; at least one cell."""
_COMMAND = "import sys; from seatrial.cli import main; sys.exit(main())"


def generate(voyage: Voyage) -> str:
    """Run `seatrial data generate` for a period that ended when the cloud's time began."""
    options, today = voyage.options, voyage.now.date()
    layer = voyage.layer = DataLayer(
        folder=voyage.folder / "operator",
        dataset=voyage.engagement.training.dataset.name,
        first_day=today - timedelta(days=options.days),
        days=options.days,
    )
    began = voyage.progress.elapsed
    _run(voyage, layer)
    layer.generated = json.loads((layer.folder / "_generated.json").read_text(encoding="utf-8"))
    rows = layer.generated["rows"]
    layer.rates.append(Rate("generate events", rows["events"], voyage.progress.elapsed - began))
    layer.cells = _streamed_cells(layer)
    spoilt = sum(count for name, count in layer.generated["events"]["faults"].items())
    return (
        f"{options.subscribers:,} subscribers, {options.days} days: {rows['events']:,} events "
        f"({spoilt:,} of them spoilt on purpose), {sum(rows.values()) - rows['events']:,} rows of tables"
    )


def _run(voyage: Voyage, layer: DataLayer) -> None:
    options = voyage.options
    given = {
        "subscribers": options.subscribers,
        "days": options.days,
        "out": layer.folder,
        "seed": options.seed,
        "start": layer.first_day,
        "workers": os.cpu_count() or 1,
        **FAULTS,
    }
    arguments = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    log = voyage.folder / "generate.log"
    with log.open("w", encoding="utf-8") as output:
        command = [sys.executable, "-c", _COMMAND, "data", "generate", *arguments]
        done = subprocess.run(command, stdout=output, stderr=output, check=False)
    if done.returncode:
        text = log.read_text(encoding="utf-8", errors="replace").strip()
        raise RehearsalError(f"the generator failed with exit code {done.returncode}", text)


def event_files(layer: DataLayer, *, streaming: bool) -> list[tuple[date, Path]]:
    """Files of events with their day of arrival, before the stream begins or from then on."""
    found = []
    for folder in sorted((layer.folder / "events" / "cdr").iterdir()):
        day = date.fromisoformat(folder.name.removeprefix("date="))
        if (day >= layer.last_day) == streaming:
            found += [(day, path) for path in sorted(folder.glob("*.parquet"))]
    return found


def _streamed_cells(layer: DataLayer) -> tuple[str, ...]:
    """Cells in order of their names until the stream is full."""
    counts: Counter[str | None] = Counter()
    for _, path in event_files(layer, streaming=True):
        column = pq.read_table(path, columns=["cell_id"])["cell_id"]
        counts.update({pair["values"]: pair["counts"] for pair in column.value_counts().to_pylist()})
    chosen: list[str] = []
    room = STREAM_EVENTS - counts[None]
    for cell in sorted(cell for cell in counts if cell is not None):
        room -= counts[cell]
        if chosen and room < 0:
            break
        chosen.append(cell)
    if not chosen:
        raise RehearsalError(f"nobody used the network on {layer.last_day}: take more --subscribers")
    return tuple(chosen)


def divide(layer: DataLayer, table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Rows of one file of the last days: those that arrive by file, and those of streamed cells or of none."""
    column = table["cell_id"]
    streamed = pc.or_(  # pyrefly: ignore[missing-attribute]
        pc.is_in(column, value_set=pa.array(layer.cells)),  # pyrefly: ignore[missing-attribute]
        pc.is_null(column),  # pyrefly: ignore[missing-attribute]
    )
    return table.filter(pc.invert(streamed)), table.filter(streamed)  # pyrefly: ignore[missing-attribute]


def landing_key(layer: DataLayer, path: Path) -> str:
    """Key, in the raw bucket, of a generated file."""
    return f"{layer.dataset}/{path.relative_to(layer.folder).as_posix()}"


def batch_root(layer: DataLayer) -> str:
    """Prefix, in the raw bucket, of the events delivered by file."""
    return batch_prefix(layer.dataset)
