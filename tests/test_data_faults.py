"""docs/reference/data-faults.md: every fault that was promised is in it, with tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/reference/data-faults.md").read_text()
NAMED = sorted(set(re.findall(r"`(test_\w+)(?:\.\.\.)?`", TEXT)))
PROMISED = (
    "same event twice",
    "out of order",
    "poisoned shard",
    "killed halfway",
    "half-written",
    "Upstream drops or retypes a column",
    "migration fails in the middle",
    "Data API throttles",
    "Clock skew",
)


@pytest.fixture(scope="module")
def tests():
    """Names of all tests."""
    texts = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE)}


@pytest.mark.parametrize("fault", PROMISED)
def test_every_promised_fault_is_in_the_table_with_a_test(fault):
    lines = [line for line in TEXT.splitlines() if line.startswith("|") and fault in line.split("|")[1]]

    assert lines
    assert all("`test_" in line for line in lines)


def test_every_test_that_the_tables_name_exists(tests):
    missing = [name for name in NAMED if not any(one.startswith(name) for one in tests)]

    assert len(NAMED) > 30
    assert missing == []
