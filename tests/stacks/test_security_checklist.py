"""The security checklist's page and the tests are in step: each assertion has its test, each exception its reason."""

import collections
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGE = (REFERENCE / "security-checklist.md").read_text()
EXCEPTIONS = (REFERENCE / "security-exceptions.md").read_text()
ROW = re.compile(
    r"^\| ([A-Z]\d\d) \| ([^|]+) \| (held|not made|exception) \| ([^|]+) \| `(test_security_\w+\.py)` \|$", re.MULTILINE
)
ROWS = [match.groups() for match in ROW.finditer(PAGE)]


def named(path):
    """The ids that the names of a file's tests begin with."""
    beginnings = re.findall(r"^def test_((?:[a-z]\d\d_)+)", path.read_text(), re.MULTILINE)
    return {one.upper() for beginning in beginnings for one in beginning.rstrip("_").split("_")}


def test_every_row_is_well_formed_and_no_id_occurs_twice():
    ids = [row[0] for row in ROWS]

    assert len(ROWS) == len(re.findall(r"^\| [A-Z]\d\d ", PAGE, re.MULTILINE))
    assert len(ids) == len(set(ids))


def test_every_assertion_has_a_test_that_names_it():
    names = {file: named(ROOT / "tests" / "stacks" / file) for _, _, _, _, file in ROWS}

    without = [f"{identifier}: {file}" for identifier, _, _, _, file in ROWS if identifier not in names[file]]

    assert without == []


def test_no_test_names_an_assertion_that_the_page_lacks():
    files = [path for folder in ("stacks", "constructs") for path in (ROOT / "tests" / folder).glob("test_*.py")]

    # F is the letter of docs/reference/faults.md.
    found = {identifier for path in files for identifier in named(path) if not identifier.startswith("F")}

    assert found == {row[0] for row in ROWS}


def test_the_page_counts_its_rows():
    counts = collections.Counter(row[2] for row in ROWS)
    opening = " ".join(PAGE.split("## ")[0].split())

    assert f"{len(ROWS)} assertions" in opening
    assert f"{counts['held']} are held, {counts['not made']} are about resources" in opening
    assert f"{counts['exception']} are exceptions" in opening


def test_every_exception_has_its_reason():
    without = [row[0] for row in ROWS if row[2] == "exception" and not re.search(rf"\b{row[0]}\b", EXCEPTIONS)]

    assert without == []
    assert set(re.findall(r"\b[A-Z]\d\d\b", EXCEPTIONS)) <= {row[0] for row in ROWS}


def test_the_exceptions_page_has_the_dates_that_are_reported(assemblies):
    reported = {
        (suppressed["ruleName"].split("[")[0], re.findall(r"until (\d{4}-\d\d-\d\d)\)$", suppressed["reason"])[0])
        for assembly in assemblies
        for report in assembly.report["pluginReports"]
        for suppressed in report.get("suppressedViolations", [])
    }

    assert set(re.findall(r"^\| ((?:AwsSolutions|NIST)\S+) .* \| (\S+) \|$", EXCEPTIONS, re.MULTILINE)) == reported
