"""docs/reference/monitor-faults.md: every promised fault is in it, with tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/reference/monitor-faults.md").read_text()
NAMED = sorted(set(re.findall(r"`(test_\w+?)_?(?:\.\.\.)?`", TEXT)))


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """Names of all tests of the monitor."""
    files = [*(ROOT / "tests/faults").glob("test_*.py"), *(ROOT / "tests/lambdas").glob("test_monitor*.py")]
    return {name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("fault", [f"F{number}" for number in range(34, 47)])
def test_every_promised_fault_is_in_the_table_with_a_test_of_its_number(fault: str) -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith(f"| {fault} ")]

    assert rows
    assert any(f"`test_{fault.lower()}_" in row for row in rows)


def test_every_test_that_the_table_names_exists(tests: set[str]) -> None:
    missing = [name for name in NAMED if not any(one.startswith(name) for one in tests)]

    assert len(NAMED) > 20
    assert missing == []


def test_every_test_of_a_fault_is_in_the_table(tests: set[str]) -> None:
    faults = {name for name in tests if re.match(r"test_f(3[4-9]|4[0-6])_", name)}

    assert [name for name in sorted(faults) if not any(name.startswith(one) for one in NAMED)] == []
