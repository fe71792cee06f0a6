"""The page of security exceptions says all that is acknowledged, and nothing else."""

import re
from pathlib import Path

from seatrial.constructs.unscoped import UNSCOPED_ACTIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "security-exceptions.md").read_text()


def test_the_page_names_every_acknowledged_rule(assemblies):
    acknowledged = {
        suppressed["ruleName"].split("[")[0]
        for assembly in assemblies
        for report in assembly.report["pluginReports"]
        for suppressed in report.get("suppressedViolations", [])
    }

    assert set(re.findall(r"^\| ((?:AwsSolutions|NIST)\S+)", PAGE, re.MULTILINE)) == acknowledged


def test_the_page_names_every_action_that_takes_no_resource():
    (section,) = re.findall(r'## Resource "\*"\n(.*?)\n## ', PAGE, re.DOTALL)
    named = set(re.findall(r"\b[a-z0-9-]+:[A-Z][A-Za-z]+", section))

    assert named == set(UNSCOPED_ACTIONS)


def test_every_action_on_the_list_is_in_use(assemblies):
    used = {
        action
        for assembly in assemblies
        for _, statement in assembly.statements()
        if statement["Resource"] == "*" and statement["Effect"] == "Allow"
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }

    assert used == set(UNSCOPED_ACTIONS)
