"""`seatrial data generate`: checks what was asked for, shows progress, and sums up what was written."""

import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # numpy and pyarrow take a while to import: the other commands do without
    from seatrial.telecom.account import Account
    from seatrial.telecom.plan import Plan

FORMATS = ("parquet",)
FAULTS = {
    "duplicates": "delivered twice",
    "late": "delivered 1 to 3 days late",
    "too_late": "delivered more than 3 days late",
    "out_of_order": "delivered up to six hours after younger ones",
    "bad": "that break the contract",
}


def add_generate(parser: ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--subscribers", type=int, required=True, metavar="N", help="customers on the first day")
    parser.add_argument("--days", type=int, required=True, metavar="D", help="length of the period")
    parser.add_argument("--out", required=True, metavar="PLACE", help="an empty folder, or s3://bucket/prefix")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds give equal rows (default: %(default)s)")
    parser.add_argument("--start", type=_day, default=date(2026, 6, 1), help="first day (default: %(default)s)")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="of the files (default: %(default)s)")
    parser.add_argument("--events-only", action="store_true", help="only events: no CRM, billing, care, labels, KPIs")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core, %(default)s)"
    )
    parser.add_argument(
        "--churn-rate", type=float, default=0.02, help="share that leaves in 30 days (default: %(default)s)"
    )
    parser.add_argument(
        "--crm-every", type=int, default=1, metavar="DAYS", help="between extracts of the CRM (default: %(default)s)"
    )
    for fault, text in FAULTS.items():
        option = f"--{fault.replace('_', '-')}"
        parser.add_argument(option, type=float, default=0.0, metavar="SHARE", help=f"share of the events {text}")


def run_generate(options: Namespace) -> int:
    """Generate, and print the summary; raises `ValueError` with a sentence for what cannot be done."""
    if options.workers < 1:
        raise ValueError(f"--workers: must be at least 1, got {options.workers}")
    from seatrial.telecom.fleet import generate_files

    plan, progress = _plan(options), Progress(sys.stderr)
    account = generate_files(
        plan, options.out, workers=options.workers, events_only=options.events_only, progress=progress.show
    )
    progress.end()
    print_summary(account, plan, options.out, progress.seconds())
    return 0


def _plan(options: Namespace) -> "Plan":
    from seatrial.telecom.plan import Faults, Plan

    try:
        return Plan(
            subscribers=options.subscribers,
            days=options.days,
            seed=options.seed,
            start=options.start,
            churn_rate=options.churn_rate,
            crm_every=options.crm_every,
            faults=Faults(**{name: getattr(options, name) for name in FAULTS}),
        )
    except ValueError as error:
        name, sentence = str(error).split(":", 1)
        raise ValueError(f"--{name.replace('_', '-')}:{sentence}") from None


@dataclass
class Progress:
    """One line on a terminal that is written over, a line now and then elsewhere."""

    stream: TextIO
    began: float = field(default_factory=time.monotonic)
    told: float = 0.0

    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def show(self, account: "Account", done: int, of: int) -> None:
        """Tell how far it is."""
        terminal, now = self.stream.isatty(), self.seconds()
        if not terminal and now - self.told < 10:
            return
        self.told, events = now, account.rows["events"]
        line = f"{done} of {of} parts, {events:,} events, {events / max(now, 1e-9):,.0f} a second"
        self.stream.write(f"\r{line}\x1b[K" if terminal else f"{line}\n")
        self.stream.flush()

    def end(self) -> None:
        """Clear the line."""
        if self.stream.isatty():
            self.stream.write("\r\x1b[K")


def print_summary(account: "Account", plan: "Plan", place: str, seconds: float) -> None:
    """Rows by table, faults, time."""
    lines = [f"{plan.subscribers:,} subscribers, {plan.days} days from {plan.start}, seed {plan.seed}: {place}"]
    lines += [f"  {name:<12} {rows:>15,} rows" for name, rows in sorted(account.rows.items())]
    spoilt = {name: count for name, count in sorted(account.faults.items()) if count}
    lines += [f"  {name:<28} {count:>12,} events spoilt" for name, count in spoilt.items()]
    rate = account.rows["events"] / max(seconds, 1e-9)
    lines += [f"  {account.files:,} files in {seconds:.1f} s, {rate:,.0f} events a second; counts in _generated.json"]
    sys.stdout.write("\n".join(lines) + "\n")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"must be a day such as 2026-06-01, got {text!r}") from None
