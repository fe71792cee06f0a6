"""`seatrial monitor simulate`: what the monitor's settings cost in false alarms, and how soon they tell a change."""

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy takes a while to import: the other commands do without
    from seatrial.statistics.simulation.simulator import Delay, SimulationResult

OPTIONS = {
    "features": (28, "inputs of the model"),
    "rows_per_window": (200, "predictions in a window"),
    "windows_per_day": (24, "how often the monitor looks"),
    "baseline_rows": (2000, "validation rows behind the baseline, without times"),
    "baseline_days": (0, "a baseline of so many days of the traffic instead, with times"),
    "days": (30, "length of each simulated stream"),
    "streams": (10, "how many streams are simulated"),
    "seed": (0, "equal seeds give equal answers"),
}
NUMBERS = {
    "alarm_budget_per_year": (1.0, "false alarms a year that the settings allow"),
    "minimum_effect": (0.05, "smallest shift worth a ticket, in standard deviations"),
    "unknown_rhythm": (0.05, "how far hours may wander around their day until the rhythm is known"),
}
REGIMES = ("independent", "jitter", "seasonal")


def add_simulate(parser: ArgumentParser) -> None:
    """The options of the command."""
    for known, kind in ((OPTIONS, int), (NUMBERS, float)):
        for name, (default, text) in known.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=kind, default=default, help=f"{text} (default: %(default)s)")
    parser.add_argument("--regime", choices=REGIMES, action="append", help="of the traffic (default: each of them)")
    parser.add_argument(
        "--amplitude", type=float, help="how far means wander, in sd (default: 0.05 in jitter, 0.3 in seasonal)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run_simulate(options: Namespace) -> int:
    """Simulate and print; raises `ValueError` with a sentence for settings without sense."""
    from seatrial.statistics.simulation.simulator import SimulationSettings, simulate

    names = [*OPTIONS, *NUMBERS, "amplitude"]
    asked = {name: getattr(options, name) for name in names}
    results = [simulate(SimulationSettings(**asked, regime=regime)) for regime in options.regime or REGIMES]
    sys.stdout.write(f"{_json(results) if options.json else _text(results)}\n")
    return 0


def _json(results: list["SimulationResult"]) -> str:
    return json.dumps({"regimes": [{**asdict(result), "sentence": result.sentence} for result in results]}, indent=1)


def _text(results: list["SimulationResult"]) -> str:
    """A sentence for each regime, then a table: share told within four days and median windows."""
    lines = [*(result.sentence for result in results), ""]
    lines.append(f"{'told within 4 days, median windows':<42}" + "".join(f"{item.regime:>20}" for item in results))
    for kind in ("drift_delays", "quality_delays"):
        for delays in zip(*(getattr(result, kind) for result in results), strict=True):
            lines += [f"{delays[0].change:<42}" + "".join(map(_cell, delays))]
    return "\n".join(lines)


def _cell(delay: "Delay") -> str:
    windows = "-" if delay.median_windows is None else f"{delay.median_windows:g}"
    return f"{delay.detected_share:>13.0%}{windows:>7}"
