from pathlib import Path

import jsonschema
import pytest
import yaml

from seatrial.config import Engagement, EngagementError, load
from seatrial.config.reference import PAGE_FILE, SCHEMA_FILE, page, schema, write
from seatrial.config.sentences import all_keys

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", [SCHEMA_FILE, PAGE_FILE])
def test_the_written_reference_is_that_of_the_models(tmp_path, name):
    write(tmp_path)

    assert (ROOT / "docs" / "reference" / name).read_text() == (tmp_path / name).read_text(), "run make reference"


def test_every_key_has_a_description_in_the_schema():
    models = [schema(), *schema()["$defs"].values()]

    bare = [name for model in models for name, field in model["properties"].items() if not field.get("description")]

    assert bare == []


def test_every_key_is_on_the_page():
    text = page()

    missing = [key for key in all_keys(Engagement) if f"| `{key.split('.')[-1]}` |" not in text]

    assert missing == []


@pytest.mark.parametrize("path", sorted((ROOT / "engagements").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_engagement_validates_against_the_schema(path):
    jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        {"serving": {"instance_cout": 1}},
        {"network": {"flow_log_retention_days": 366}},
        {"training": {"algorithm": "magic"}},
        {"environments": {"test": {"account": "111111111111", "region": "eu-central-1"}}},
        {"owner": None},
    ],
)
def test_schema_and_models_refuse_the_same(tmp_path, change):
    document = yaml.safe_load((ROOT / "engagements" / "iranian-churn.yaml").read_text()) | change
    path = tmp_path / "engagement.yaml"
    path.write_text(yaml.safe_dump(document))

    with pytest.raises(EngagementError):
        load(path)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(document)
