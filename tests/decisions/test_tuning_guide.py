"""docs/how-to/tune-retraining.md: its program runs, and its table is what the policy does."""

import re
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[2] / "docs/how-to/tune-retraining.md").read_text()
(PROGRAM,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
ROWS = {
    "the defaults": {},
    "`breaker_after: 100`": {"breaker_after": 100},
    "`breaker_after: 100`, `monthly_budget: 100`": {"breaker_after": 100, "monthly_budget": 100},
    "these and `cooldown_hours: 72`": {"breaker_after": 100, "monthly_budget": 100, "cooldown_hours": 72},
    "`confirm_windows: 1`": {"confirm_windows": 1},
    "`confirm_windows: 4`": {"confirm_windows": 4},
    '`blackouts: ["mon:00:00-wed:00:00"]`': {"blackouts": ("mon:00:00-wed:00:00",)},
}


@pytest.mark.parametrize("name", ROWS)
def test_the_table_is_what_the_policy_does(name):
    program: dict = {}
    exec(PROGRAM, program)  # the guide's own words

    stays = program["month"](lambda hour: True, **ROWS[name])
    daily = program["month"](lambda hour: hour % 24 == 5, **ROWS[name])

    assert f"| {name} | {len(stays)}, hour {stays[0]} | {len(daily)} |" in GUIDE
