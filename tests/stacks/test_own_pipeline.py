"""A pipeline of the customer's own: what the how-to promises of placeholders, and the mistake that is easily made."""

import json
import re
import subprocess
from pathlib import Path

from tests.stacks.test_app import ROOT, edited, run

PLACEHOLDER = re.compile(r"\$\{seatrial/([a-z-]+)\}")
HOW_TO = ROOT / "docs" / "how-to" / "bring-your-own-pipeline.md"


def synth_of(definition: dict, folder: Path) -> subprocess.CompletedProcess:
    (folder / "definition.json").write_text(json.dumps(definition))
    engagement = edited(folder / "mine.yaml", definition="definition.json")
    return run(ROOT, folder / "out", engagement=str(engagement))


def test_an_unknown_placeholder_is_told_with_those_that_the_how_to_lists(tmp_path: Path) -> None:
    arguments = {"ErrorMessage": "${seatrial/roll-name}"}
    definition = {"Version": "2020-12-01", "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": arguments}]}

    done = synth_of(definition, tmp_path)

    told, offered = done.stderr.strip().split("is not known, use one of")
    listed = re.findall(r"^\| (`.*?) \| ", HOW_TO.read_text(), flags=re.MULTILINE)
    assert done.returncode == 2
    assert told.strip().endswith("definition: ${seatrial/roll-name}")
    assert set(PLACEHOLDER.findall(offered)) == {name for row in listed for name in PLACEHOLDER.findall(row)}
