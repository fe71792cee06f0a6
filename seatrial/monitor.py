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
    "baseline_rows": (2000, "validation rows behind the baseline"),
    "days": (30, "length of each simulated stream"),
    "streams": (10, "how many streams are simulated"),
    "seed": (0, "equal seeds give equal answers"),
}
NUMBERS = {
    "alarm_budget_per_year": (1.0, "false alarms a year that the settings allow"),
    "minimum_effect": (0.1, "smallest distance worth a ticket"),
    "amplitude": (0.1, "how far means wander in jitter and seasonal, in standard deviations"),
}
REGIMES = ("independent", "jitter", "seasonal")


def add_simulate(parser: ArgumentParser) -> None:
    """The options of the command."""
    for known, kind in ((OPTIONS, int), (NUMBERS, float)):
        for name, (default, text) in known.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=kind, default=default, help=f"{text} (default: %(default)s)")
    parser.add_argument("--regime", choices=REGIMES, default=REGIMES[0], help="of the traffic (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run_simulate(options: Namespace) -> int:
    """Simulate and print; raises `ValueError` with a sentence for settings without sense."""
    from seatrial.statistics.simulation.simulator import SimulationSettings, simulate

    names = [*OPTIONS, *NUMBERS, "regime"]
    settings = SimulationSettings(**{name: getattr(options, name) for name in names})
    result = simulate(settings)
    told = json.dumps(asdict(result), indent=1) if options.json else "\n".join(_lines(result))
    sys.stdout.write(f"{told}\n")
    return 0


def _lines(result: "SimulationResult") -> list[str]:
    lines = [result.sentence, "", f"{'change':<42}{'told within 4 days':>20}{'median windows':>16}"]
    lines += [_line(f"one feature moves by {delay.size:g} sd", delay) for delay in result.drift_delays]
    lines += [_line(f"{delay.size:.0%} of the labels become noise", delay) for delay in result.quality_delays]
    return lines


def _line(change: str, delay: "Delay") -> str:
    windows = "-" if delay.median_windows is None else f"{delay.median_windows:g}"
    return f"{change:<42}{delay.detected_share:>20.0%}{windows:>16}"
