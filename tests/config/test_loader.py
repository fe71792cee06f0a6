import contextlib
import copy
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.config import EngagementError, load

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = """\
name: churn-test
owner: a@example.com
environments:
  dev: {account: "111111111111", region: eu-central-1}
"""


EXISTING = {
    "vpc_id": "vpc-12345678",
    "subnet_ids": ["subnet-12345678", "subnet-87654321"],
    "availability_zones": ["eu-central-1a", "eu-central-1b"],
    "security_group_id": "sg-12345678",
}


def paths_in(data, above=()):
    """Where every key is, however deep."""
    for key, value in data.items():
        yield (*above, key)
        yield from paths_in(value, (*above, key)) if isinstance(value, dict) else ()


def full_engagement():
    """The example that writes every key out, with a network of the customer's own."""
    data = yaml.safe_load((ROOT / "engagements" / "telecom-churn.yaml").read_text(encoding="utf-8"))
    data["network"]["existing"] = EXISTING
    return data


def mistakes(tmp_path, text):
    """Every mistake in `text` as (line, path, message)."""
    path = tmp_path / "engagement.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EngagementError) as caught:
        load(path)
    return [(one.line, one.path, one.message) for one in caught.value.mistakes]


def loaded(tmp_path, text):
    path = tmp_path / "engagement.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_defaults_of_the_models_are_those_written_out_in_the_embedded_example():
    written = load(ROOT / "engagements" / "telecom-churn.yaml")
    chosen = {"name", "owner", "environments"}

    defaults = type(written)(name=written.name, owner=written.owner, environments=written.environments)

    assert written.model_dump(exclude=chosen) == defaults.model_dump(exclude=chosen)


def test_the_embedded_example_writes_every_key_out():
    text = (ROOT / "engagements" / "telecom-churn.yaml").read_text(encoding="utf-8")

    written = yaml.safe_load(text)

    assert written == json.loads(load(ROOT / "engagements" / "telecom-churn.yaml").model_dump_json())


@pytest.mark.parametrize("path", sorted((ROOT / "engagements").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_engagement_of_the_repository_is_in_order_and_names_its_schema(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]

    engagement = load(path)

    assert engagement.name == path.stem
    assert first == "# yaml-language-server: $schema=../docs/reference/engagement.schema.json"


def test_an_engagement_cannot_be_changed(tmp_path):
    engagement = loaded(tmp_path, MINIMAL)

    with pytest.raises(ValueError, match="frozen"):
        engagement.serving.instance_count = 1


def test_columns_keep_their_order(tmp_path):
    text = MINIMAL + "training:\n  dataset: {kind: table, columns: {z: numeric, a: categorical, m: numeric}}\n"

    engagement = loaded(tmp_path, text)

    assert list(engagement.training.dataset.columns) == ["z", "a", "m"]


def test_every_mistake_is_told_at_once_with_its_line_and_path(tmp_path):
    text = MINIMAL + "serving:\n  instance_count: 0\n  canary_percent: 60\nlake:\n  raw_retention_days: ten\n"

    found = mistakes(tmp_path, text)

    assert found == [
        (6, "serving.instance_count", "must be at least 1, got 0"),
        (7, "serving.canary_percent", "must be at most 50, got 60"),
        (9, "lake.raw_retention_days", "must be a whole number, got 'ten'"),
    ]


def test_the_error_has_one_line_a_mistake_that_editors_can_jump_to(tmp_path):
    path = tmp_path / "engagement.yaml"
    path.write_text(MINIMAL + "serving: {instance_count: 0}\nnonsense: 1\n")

    with pytest.raises(EngagementError) as caught:
        load(path)

    first, second = str(caught.value).splitlines()
    assert first == f"{path}:5: serving.instance_count: must be at least 1, got 0"
    assert second.startswith(f"{path}:6: nonsense: unknown key with value 1; allowed here: name, owner, environments,")


def test_a_misspelt_key_is_told_with_what_was_probably_meant(tmp_path):
    found = mistakes(tmp_path, MINIMAL + "serving:\n  instance_cout: 3\n")

    assert found == [(6, "serving.instance_cout", "unknown key with value 3; did you mean 'instance_count'?")]


def test_a_key_at_the_wrong_place_is_told_with_the_right_one(tmp_path):
    found = mistakes(tmp_path, MINIMAL + "canary_percent: 10\n")

    assert found == [(5, "canary_percent", "unknown key with value 10; it belongs at serving.canary_percent")]


def test_a_misspelt_choice_is_told_with_the_nearest(tmp_path):
    found = mistakes(tmp_path, MINIMAL + "training: {algorithm: xgbost}\n")

    allowed = "'xgboost', 'scikit-learn', 'sparkml-logistic', 'sparkml-gbt'"
    message = f"must be one of {allowed}, got 'xgbost'; did you mean 'xgboost'?"
    assert found == [(5, "training.algorithm", message)]


def test_missing_required_keys_are_told_with_their_reason(tmp_path):
    found = mistakes(tmp_path, "name: churn-test\nenvironments:\n  dev: {account: '111111111111'}\n")

    assert [(line, path) for line, path, _ in found] == [(1, "owner"), (3, "environments.dev.region")]
    assert "data must not leave the region" in found[1][2]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("111111111111", 'got 111111111111: write "111111111111"'),
        ('"12345"', "must be an AWS account number: 12 digits in quotes, such as \"111111111111\", got '12345'"),
        ("null", "must be text (in quotes where YAML would read a number), got null"),
    ],
)
def test_a_wrong_account_is_told_with_what_to_write(tmp_path, value, message):
    text = MINIMAL.replace('"111111111111"', value)

    found = mistakes(tmp_path, text)

    assert [(line, path) for line, path, _ in found] == [(4, "environments.dev.account")]
    assert message in found[0][2]


def test_an_account_with_a_leading_zero_stays_text_without_quotes(tmp_path):
    engagement = loaded(tmp_path, MINIMAL.replace('"111111111111"', "012345678901"))

    assert engagement.environments["dev"].account == "012345678901"


def test_yes_is_text_and_not_true(tmp_path):
    text = MINIMAL + "training:\n  dataset: {kind: table, label: Churn, positive: Yes, columns: {a: numeric}}\n"

    engagement = loaded(tmp_path, text)

    assert engagement.training.dataset.positive == "Yes"


def test_a_repeated_key_is_told_with_both_lines(tmp_path):
    found = mistakes(tmp_path, MINIMAL + "lake:\n  raw_retention_days: 5\n  raw_retention_days: 6\n")

    assert found == [(7, "lake.raw_retention_days", "given twice, first on line 6: keep one")]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("name: [a\nowner: b\n", 2, "not valid YAML at column 6: while parsing a flow sequence"),
        ("name: a\n\towner: b\n", 2, "not valid YAML at column 1"),
        ("", 1, "must be a mapping with the keys name, owner and environments, got an empty file"),
        ("- a\n", 1, "must be a mapping with the keys name, owner and environments, got a list"),
        ("name: a\n---\nname: b\n", 2, "not valid YAML at column 1: expected a single document"),
        ("name: \x07\n", 1, "not readable as YAML"),
        ("name: !python/name:os.getcwd x\n", 1, "not valid YAML at column 7: could not determine a constructor"),
        ("[" * 5000, 1, "nested too deeply to be an engagement"),
    ],
    ids=["open list", "tab", "empty", "list", "two documents", "control character", "tag", "deep"],
)
def test_what_is_no_mapping_in_yaml_is_told_without_a_traceback(tmp_path, text, line, message):
    path = tmp_path / "engagement.yaml"
    path.write_text(text)

    with pytest.raises(EngagementError) as caught:
        load(path)

    assert caught.value.mistakes[0].line == line
    assert message in caught.value.mistakes[0].message


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: None, "cannot be read: no such file or directory"),
        (lambda path: path.mkdir(), "cannot be read: is a directory"),
        (lambda path: path.write_bytes(b"name: caf\xe9\n"), "must be UTF-8 text: byte 9 is not"),
    ],
    ids=["missing", "folder", "latin-1"],
)
def test_a_file_that_cannot_be_read_is_told_in_one_sentence(tmp_path, prepare, message):
    path = tmp_path / "engagement.yaml"
    prepare(path)

    with pytest.raises(EngagementError) as caught:
        load(path)

    assert str(caught.value) == f"{path}:1: {message}"


def test_anchors_and_merges_work_and_loops_are_told(tmp_path):
    merged = MINIMAL.replace("  dev: {", "  dev: &there {") + "  prod: {<<: *there, region: eu-west-1}\n"

    engagement = loaded(tmp_path, merged)
    looped = mistakes(tmp_path, MINIMAL + "tags: &again {a: *again}\n")

    assert engagement.environments["prod"].account == "111111111111"
    assert engagement.environments["prod"].region == "eu-west-1"
    assert looped[0] == (5, "tags.a", "refers to itself")


def test_a_definition_is_found_beside_the_engagement_file_and_comes_back_absolute(tmp_path):
    (tmp_path / "pipeline.json").write_text('{"Version": "2020-12-01", "Steps": []}')

    engagement = loaded(tmp_path, MINIMAL + "training: {definition: pipeline.json}\n")

    assert engagement.training.definition == tmp_path / "pipeline.json"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "must be a file, named from the engagement file's folder, got 'p.json': no such file or directory"),
        ("{", "must be JSON, got 'p.json': "),
        ("[]", "must be a pipeline definition with a list of Steps, got 'p.json'"),
    ],
)
def test_a_definition_that_cannot_be_used_is_told(tmp_path, content, message):
    if content is not None:
        (tmp_path / "p.json").write_text(content)

    found = mistakes(tmp_path, MINIMAL + "training:\n  definition: p.json\n")

    assert [(line, path) for line, path, _ in found] == [(6, "training.definition")]
    assert found[0][2].startswith(message)


@settings(max_examples=60, deadline=None)
@given(gone=st.sets(st.sampled_from(list(paths_in(full_engagement()))), max_size=12))
def test_whatever_keys_are_left_out_the_mistakes_are_told(tmp_path_factory, gone):
    data, folder = copy.deepcopy(full_engagement()), tmp_path_factory.mktemp("engagement")
    for *above, last in gone:
        parent = data
        for part in above:
            parent = parent.get(part, {})
        parent.pop(last, None)

    with contextlib.suppress(EngagementError):
        loaded(folder, yaml.safe_dump(data))


@pytest.mark.parametrize("existing", ["{}", "{vpc_id: vpc-12345678, subnet_ids: [5, 6]}", "{subnet_ids: 7}"])
def test_an_incomplete_existing_network_does_not_hide_other_mistakes(tmp_path, existing):
    text = MINIMAL + f"network: {{flow_log_retention_days: 364, existing: {existing}}}\n"

    paths = [path for _, path, _ in mistakes(tmp_path, text)]

    assert "network.existing.security_group_id" in paths
    assert "network.flow_log_retention_days" in paths


def test_an_existing_network_of_which_only_the_vpc_is_named_lacks_the_rest(tmp_path):
    found = mistakes(tmp_path, MINIMAL + "network: {existing: {vpc_id: vpc-12345678, zone: x}}\n")

    paths = {path for _, path, message in found if "is required and missing" in message}
    assert paths == {f"network.existing.{key}" for key in EXISTING if key != "vpc_id"}
    assert "network.existing.zone" in {path for _, path, _ in found}
