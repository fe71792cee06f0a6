"""docs/reference/faults.md: F01 to F33 and F47 to F58 are in it, each with tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/reference/faults.md").read_text()
NAMED = sorted(set(re.findall(r"`(test_\w+|Test\w+)`", TEXT)))


@pytest.mark.parametrize("number", [*range(1, 34), *range(47, 59)])
def test_every_fault_is_in_the_table_with_a_test_of_its_own(number):
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| F{number:02} ")]

    assert f"`test_f{number:02}_" in line
    assert len([cell for cell in line.strip("|").split("|") if cell.strip()]) == 4


def test_every_test_that_the_tables_name_exists():
    texts = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    known = {name for text in texts for name in re.findall(r"^(?:def )?(test_\w+|Test\w+)", text, re.MULTILINE)}

    assert [name for name in NAMED if name not in known] == []
