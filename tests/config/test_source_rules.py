"""Sources of the monitor in an engagement: what cannot be meant is told with its path."""

import pytest

from seatrial.config import EngagementError, load

GIVEN = """\
name: source-trial
owner: owner@example.com
environments:
  dev: {account: "111111111111", region: eu-central-1}
monitoring:
"""
BASELINE = f"baseline: {{bucket: artifacts, key: models/baseline.json, sha256: {'a' * 64}}}"
TABLE = f"name: scored, kind: table, bucket: curated, prefix: scored/, {BASELINE}"
TRANSFORM = f"name: nightly, kind: batch_transform, bucket: artifacts, prefix: captured/, {BASELINE}"
BY_DAY = "partition: date=%Y-%m-%d/"


@pytest.fixture
def told(tmp_path):
    def load_with(*sources, other=""):
        file = tmp_path / "engagement.yaml"
        listed = "".join(f"    - {{{source}}}\n" for source in sources)
        file.write_text(f"{GIVEN}{other}  sources:\n{listed}")
        return load(file)

    return load_with


def test_a_table_and_transform_jobs_are_read(told):
    table, transform = told(f"{TABLE}, {BY_DAY}", f"{TRANSFORM}, window: hour").monitoring.sources

    assert (table.window, table.partition, table.required) == ("day", "date=%Y-%m-%d/", False)
    assert (transform.window, transform.baseline.ignore) == ("hour", ())


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        ([TABLE], "sources[0].partition: must be set (or time_column), got None"),
        (
            [f"{TABLE}, partition: date/"],
            "partition: must name the day, as in 'date=%Y-%m-%d/', got 'date/'",
        ),
        ([f"{TABLE}, partition: date=%d"], "must be a path without a leading and with a final slash, got 'date=%d'"),
        ([f"{TABLE}, partition: '%d/%H/'"], "must not name the hour, got '%d/%H/', because window is 'day'"),
        ([f"{TABLE}, {BY_DAY}, window: hour"], "must name the hour (%H), got 'date=%Y-%m-%d/'"),
        (
            [f"{TABLE}, {BY_DAY}, reads: [{{bucket: raw, prefix: in/}}]"],
            "reads: must be empty, because kind",
        ),
        ([f"{TRANSFORM}, {BY_DAY}"], "must be null, got 'date=%Y-%m-%d/', because kind is 'batch_transform'"),
        ([TRANSFORM, TRANSFORM], "sources[1].name: must be another than that of a source above, got 'nightly'"),
        ([TRANSFORM.replace("captured/", "/captured")], "must be a prefix without a leading and with a final slash"),
        ([TRANSFORM.replace("captured/", "cap*/")], "must be a prefix without a leading and with a final slash"),
        ([TRANSFORM.replace("a" * 64, "A" * 64)], "must be a SHA-256 in 64 lower-case hexadecimal digits"),
        ([TRANSFORM.replace("bucket: artifacts, prefix", "bucket: features, prefix")], "got 'features', while lake"),
    ],
)
def test_what_cannot_be_meant_is_told(told, sources, sentence):
    with pytest.raises(EngagementError) as caught:
        told(*sources)

    assert sentence in str(caught.value)


def test_a_table_needs_the_job_that_reads_it(told):
    with pytest.raises(EngagementError) as caught:
        told(f"{TABLE}, {BY_DAY}", other="  volume: {larger: sample}\n")

    assert "kind: must be 'batch_transform', got 'table', while monitoring.volume.larger is 'sample'" in str(
        caught.value
    )
