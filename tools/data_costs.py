"""What the churn feature job costs at terabytes: a line fitted to measured runs, and prices, as a page.

Run: `python tools/data_costs.py [FOLDER]` (also part of `make reference`) writes data-costs.md from
benchmarks/data/spark_features.json, which `benchmarks/spark_features.py --record` measures, and prices.json beside it.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "benchmarks" / "data" / "spark_features.json"
PRICES = ROOT / "benchmarks" / "data" / "prices.json"
PAGE = "data-costs.md"
TWO_WORKERS = "spark, 2 workers"
TERABYTES = (1, 10, 100)
VCPUS = {1: 64, 10: 256, 100: 1024}
"""Size of the cluster by terabytes, so that no job runs for days."""
UTILISATION = 0.7
"""Assumed: the share of the paid vCPU time in which tasks have work. Stragglers, S3 and shuffle waits are the rest."""
RANGE = (0.5, 2.5)
"""Assumed: by what the true work may differ from the estimate's."""
SPOT_SHARE = 0.4
"""Assumed: spot price as a share of on-demand; it changes by the hour and zone. EMR's own charge stays as it is."""
VCPUS_A_RPU = 2.0
"""Assumed: AWS says 16 GB a RPU and no processors; an ra3.4xlarge node has 8 GB a vCPU."""
NODE_VCPUS = 16
"""Of every 4xlarge."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One engine's run over so many events; `bytes` are those of the events' Parquet files."""

    engine: str
    events: int
    bytes: int
    rows: int
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Line:
    """CPU seconds = fixed + per_million x million events; `residual` is the largest relative one."""

    fixed: float
    per_million: float
    residual: float

    def at(self, events: float) -> float:
        """CPU seconds for so many events."""
        return self.fixed + self.per_million * events / 1e6


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A place to run: dollars a vCPU-hour, and minutes that are paid or waited for before the work begins."""

    name: str
    engine: str
    usd_a_vcpu_hour: float
    startup_minutes: float
    paid_startup: bool = True


@dataclass(frozen=True)
class Estimate:
    """Hours by the clock and dollars of one run."""

    hours: float
    usd: float


def fit(runs: Sequence[Run]) -> Line:
    """Least squares of relative errors, so that the largest run does not decide alone; needs two sizes."""
    millions, seconds = _columns(runs)
    matrix = np.stack([np.ones_like(millions), millions], axis=1) / seconds[:, None]
    (fixed, slope), *_ = np.linalg.lstsq(matrix, np.ones_like(seconds), rcond=None)
    residual = np.abs((fixed + slope * millions) / seconds - 1).max()
    return Line(float(fixed), float(slope), float(residual))


def exponent(runs: Sequence[Run]) -> float:
    """The power of the number of events by which CPU time grows: least squares of the logarithms."""
    millions, seconds = _columns(runs)
    return float(np.polyfit(np.log(millions), np.log(seconds), 1)[0])


def bend(runs: Sequence[Run]) -> float | None:
    """Slope between the two largest sizes over that between the two smallest; None for fewer than three sizes.

    Above 1 the cost of a row grows with the data, as a shuffle's does; a line then says too little for terabytes.
    """
    millions, seconds = _columns(sorted(runs, key=lambda run: run.events))
    slopes = np.diff(seconds) / np.diff(millions)
    return float(slopes[-1] / slopes[0]) if len(slopes) > 1 else None


def cluster_factor(runs: Sequence[Run]) -> float | None:
    """What a row costs on two worker processes over what it costs in one; None unless two sizes ran on both.

    Slopes are compared, not runs: further processes also take time to start, which is no matter at terabytes.
    """
    two = {run.events: run for run in runs if run.engine == TWO_WORKERS}
    one = {run.events: run for run in runs if run.engine == "spark" and run.events in two}
    if len(one) < 2:
        return None
    return fit([two[events] for events in one]).per_million / fit(list(one.values())).per_million


def estimate(choice: Choice, cpu_seconds: float, vcpus: int) -> Estimate:
    """Hours and dollars of so much work on so many vCPUs.

    >>> paid = Choice(name="a", engine="spark", usd_a_vcpu_hour=0.1, startup_minutes=6)
    >>> one = estimate(paid, cpu_seconds=0.7 * 36_000, vcpus=10)
    >>> round(one.hours, 6), round(one.usd, 6)
    (1.1, 1.1)
    """
    work, startup = cpu_seconds / 3600 / UTILISATION / vcpus, choice.startup_minutes / 60
    paid = work + (startup if choice.paid_startup else 0)
    return Estimate(work + startup, paid * vcpus * choice.usd_a_vcpu_hour)


def choices(prices: dict[str, float]) -> list[Choice]:
    """Where the job can run; memory is 4 GB a vCPU where it is priced apart."""
    surcharge = prices["EMR on EC2, share of the instance's price"]
    found = []
    for architecture in ("arm64", "x86_64"):
        vcpu, memory = (prices[f"EMR Serverless {architecture}, {unit}-hour"] for unit in ("vCPU", "GB"))
        found.append(_spark(f"EMR Serverless, {architecture}", vcpu + 4 * memory, 2, paid=False))
    for instance in ("m7g", "r7g", "m7i"):
        hour = prices[f"{instance}.4xlarge, hour"]
        for share, kind in ((1.0, "on-demand"), (SPOT_SHARE, "spot")):
            found.append(_spark(f"EMR on EC2, {instance}.4xlarge, {kind}", hour * (share + surcharge) / NODE_VCPUS, 7))
    found.append(
        _spark("SageMaker Processing, ml.m5.4xlarge", prices["ml.m5.4xlarge, hour"] / NODE_VCPUS, 5, paid=False)
    )
    rpu = prices["Redshift Serverless, RPU-hour"] / VCPUS_A_RPU
    warehouse = Choice(name="Redshift Serverless, SQL", engine="redshift", usd_a_vcpu_hour=rpu, startup_minutes=0)
    return [*found, warehouse]


def _spark(name: str, usd: float, minutes: float, *, paid: bool = True) -> Choice:
    return Choice(name=name, engine="spark", usd_a_vcpu_hour=usd, startup_minutes=minutes, paid_startup=paid)


def _columns(runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
    events, seconds = (np.array([getattr(run, name) for run in runs], float) for name in ("events", "cpu_seconds"))
    sizes = sorted({run.events for run in runs})
    if len(sizes) < 2:
        raise ValueError(f"runs: needs at least two sizes, got {sizes}; measure more with --sizes")
    return events / 1e6, seconds


# ---------------------------------------------------------------------------------------------------------- the page


@dataclass(frozen=True)
class Model:
    """What the runs say: lines by engine, bytes an event, and what a cluster costs beside one process."""

    lines: dict[str, Line]
    bytes_an_event: float
    cluster: float

    def work(self, engine: str, events: float) -> float:
        """CPU seconds; Redshift's are the geometric mean of DuckDB's and Spark's, between which it is taken to be."""
        spark = self.lines["spark"].at(events) * self.cluster
        return spark if engine == "spark" else float(np.sqrt(spark * self.lines["duckdb"].at(events)))


def model_of(runs: Sequence[Run]) -> Model:
    """The model of these runs; the bytes of an event are those of the largest run."""
    engines = {run.engine for run in runs if "worker" not in run.engine}
    lines = {engine: fit([run for run in runs if run.engine == engine]) for engine in sorted(engines)}
    largest = max(runs, key=lambda run: run.events)
    return Model(lines, largest.bytes / largest.events, max(1.0, cluster_factor(runs) or 1.0))


def run_table(runs: Sequence[Run]) -> list[str]:
    """The measured runs."""
    base = {run.events: run.cpu_seconds for run in runs if run.engine == "duckdb"}
    lines = ["| engine | events | CPU s | to DuckDB | peak memory, MiB | subscribers |", "|---|---|---|---|---|---|"]
    for run in sorted(runs, key=lambda one: (one.events, one.cpu_seconds)):
        ratio = f"{run.cpu_seconds / base[run.events]:.1f}" if run.events in base else ""
        figures = f"{run.cpu_seconds:.1f} | {ratio} | {run.peak_mib:,.0f} | {run.rows:,}"
        lines.append(f"| {run.engine} | {run.events:,} | {figures} |")
    return lines


def fit_table(runs: Sequence[Run], model: Model) -> list[str]:
    """The lines that were fitted."""
    lines = ["| engine | fixed, CPU s | a million events, CPU s | largest residual | growth exponent | bend |"]
    lines.append("|---" * 6 + "|")
    for engine in (*model.lines, TWO_WORKERS):
        own = [run for run in runs if run.engine == engine]
        if len({run.events for run in own}) < 2:
            continue
        line, bent = fit(own), bend(own)
        shown = "" if bent is None else f"{bent:.2f}"
        grown = f"{100 * line.residual:.0f} % | {exponent(own):.2f} | {shown}"
        lines.append(f"| {engine} | {line.fixed:.1f} | {line.per_million:.2f} | {grown} |")
    return lines


def cost_table(model: Model, offers: Sequence[Choice]) -> list[str]:
    """Hours and dollars by choice and terabytes, with the range of the dollars."""
    heads = [f"{size} TB ({VCPUS[size]:,} vCPU)" for size in TERABYTES]
    lines = [f"| where | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for offer in offers:
        cells = []
        for size in TERABYTES:
            work = model.work(offer.engine, size * 1e12 / model.bytes_an_event)
            low, best, high = (estimate(offer, work * by, VCPUS[size]) for by in (RANGE[0], 1.0, RANGE[1]))
            cells.append(f"{best.hours:.2f} h, ${money(best.usd)} ({money(low.usd)} to {money(high.usd)})")
        lines.append(f"| {offer.name} | {' | '.join(cells)} |")
    return lines


def size_table(model: Model, offers: Sequence[Choice]) -> list[str]:
    """Hours and dollars of 10 TB by the size of the cluster."""
    shown = [offers[0], *(one for one in offers if "r7g.4xlarge" in one.name)]
    lines = [f"| vCPU | {' | '.join(one.name for one in shown)} |", "|---" * (len(shown) + 1) + "|"]
    for vcpus in (32, 128, 512, 2048):
        work = model.work("spark", 10 * 1e12 / model.bytes_an_event)
        cells = (estimate(offer, work, vcpus) for offer in shown)
        lines.append(f"| {vcpus:,} | {' | '.join(f'{one.hours:.2f} h, ${money(one.usd)}' for one in cells)} |")
    return lines


def price_table(prices: dict[str, dict[str, str]]) -> list[str]:
    """The prices with their date and source."""
    lines = ["| item | USD | list of | read in |", "|---|---|---|---|"]
    return [*lines, *(f"| {name} | {one['usd']} | {one['as_of']} | {one['source']} |" for name, one in prices.items())]


def _events_a_subscriber(runs: Sequence[Run]) -> float:
    largest = max(runs, key=lambda run: run.events)
    return largest.events / largest.rows


def money(usd: float) -> str:
    """Two significant digits, for that is more than is known.

    >>> money(0.314), money(4.44), money(1234.5)
    ('0.31', '4.4', '1,200')
    """
    if usd >= 10:
        return f"{round(usd, 1 - int(np.floor(np.log10(usd)))):,.0f}"
    return f"{usd:.1f}" if usd >= 1 else f"{usd:.2f}"


def page(runs: Sequence[Run], prices: dict) -> str:
    """The page of the reference."""
    model = model_of(runs)
    offers = choices({name: one["usd"] for name, one in prices["items"].items()})
    spark = model.lines["spark"]
    facts = {
        "runs": run_table(runs),
        "fits": fit_table(runs, model),
        "costs": cost_table(model, offers),
        "sizes": size_table(model, offers),
        "prices": price_table(prices["items"]),
    }
    largest = max(run.events for run in runs)
    cluster = cluster_factor(runs)
    return (
        (ROOT / "tools" / "data_costs.md")
        .read_text(encoding="utf-8")
        .format(
            **{name: "\n".join(lines) for name, lines in facts.items()},
            bytes=f"{model.bytes_an_event:.1f}",
            billions=f"{1e12 / model.bytes_an_event / 1e9:.0f}",
            vcpu_hours=f"{spark.at(1e12 / model.bytes_an_event) / 3600:.0f}",
            factor=f"{1e12 / model.bytes_an_event / largest:,.0f}",
            largest=f"{largest / 1e6:.0f}",
            subscribers=f"{1e12 / model.bytes_an_event / _events_a_subscriber(runs) / 1e6:,.0f}",
            each=f"{_events_a_subscriber(runs):.0f}",
            cluster="not measured, taken as 1"
            if cluster is None
            else f"measured {cluster:.2f}, taken as {model.cluster:.2f}",
            utilisation=f"{100 * UTILISATION:.0f}",
            low=RANGE[0],
            high=RANGE[1],
            spot=f"{100 * SPOT_SHARE:.0f}",
            region=prices["region"],
            read_on=prices["read_on"],
        )
    )


def main(arguments: list[str]) -> int:
    """Write the page."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "reference"
    runs = [Run(**one) for one in json.loads(RUNS.read_text(encoding="utf-8"))]
    prices = json.loads(PRICES.read_text(encoding="utf-8"))
    (folder / PAGE).write_text(page(runs, prices), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
