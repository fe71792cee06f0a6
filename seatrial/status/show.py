"""A status as text for a terminal, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

from seatrial.status.advice import advice
from seatrial.status.facts import Facts, text

LONGEST_LINE = 240


def as_json(facts: Facts) -> str:
    """Every fact and the advice."""
    return json.dumps({**asdict(facts), "advice": advice(facts)}, indent=1, default=_plain)


def as_text(facts: Facts) -> str:
    """Sections in the order in which an operator asks."""
    sections = {
        "serves": _serves(facts),
        "incidents": (f"{item['condition']} since {item['opened_at']}" for item in facts.incidents),
        "windows": map(_window, facts.windows),
        "training": _training(facts),
        "decisions": _decisions(facts.decisions),
        "promotions": map(_promotion, facts.promotions),
        "to do": advice(facts),
    }
    lines = [f"{facts.prefix} in {facts.account}, {facts.region} at {facts.now}"]
    for name, content in sections.items():
        for index, line in enumerate([*content] or ["none"]):
            lines.append(f"{name if index == 0 else '':<11} {_short(line)}")
    return "\n".join(lines)


def _short(line: str) -> str:
    """A monitor's sentence may name many features; --json has all of it."""
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 4]} ..."


def _serves(facts: Facts) -> Iterator[str]:
    serving = facts.serving
    if serving is None:
        return
    since = f" since {serving['since']}" if serving["since"] else ""
    yield f"version {_version(serving['model_package_arn'])}{since}, endpoint {serving['status']}"
    if serving["previous_model_package_arn"]:
        yield f"before it version {_version(serving['previous_model_package_arn'])}"


def _window(window: dict[str, Any]) -> str:
    return f"{window['window_start']} {window['rows']} rows, {window['labelled_rows']} labelled: {window['sentence']}"


def _training(facts: Facts) -> Iterator[str]:
    if facts.run:
        yield f"{facts.run['status']} since {facts.run['since']}: {facts.run['reason']}"
    left, settings = facts.allowance, facts.settings
    yield (
        f"budget left: {left.daily_left} of {settings.daily_budget} in 24 hours, "
        f"{left.monthly_left} of {settings.monthly_budget} in 30 days"
    )
    for name, time in (("cooldown", left.cooldown_until), ("blackout", left.blackout_until)):
        if time:
            yield f"{name} until {text(time)}"
    gain = f"{facts.runs_without_gain} of {settings.breaker_after} runs without gain"
    yield f"breaker {'open' if left.breaker_open else 'closed'}: {gain}"


def _decisions(decisions: list[dict[str, Any]]) -> Iterator[str]:
    """Decisions in a row of one kind, hour after hour, are one line."""
    for _, row in groupby(decisions, key=lambda one: (one["trigger"], one["action"], one["rule"])):
        newest, *before = row
        since = f" and {len(before)} before it since {_moment(before[-1])}" if before else ""
        answer = "yes" if newest["action"] == "start" else "no"
        outcome = f"; {newest['outcome']}" if newest["outcome"] else ""
        told = f"{newest['trigger']} at {_moment(newest)}{since}: {answer} ({newest['rule']}), {newest['reason']}"
        yield told if not outcome else f"{told[: LONGEST_LINE - len(outcome)]}{outcome}"


def _moment(decision: dict[str, Any]) -> str:
    return text(datetime.fromisoformat(decision["time"]))


def _promotion(run: dict[str, Any]) -> str:
    told = run["reason"] or ("under way" if run["status"] == "RUNNING" else "no reason given")
    version = _version(run["model_package_arn"])
    return f"version {version} at {run['time']}: {run['outcome'] or run['status'].lower()}, {told}"


def _version(arn: str) -> str:
    return arn.rpartition("/")[2]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return text(value)
    raise TypeError(f"{value!r} is not JSON")
