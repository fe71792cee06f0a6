from pathlib import Path

import pytest

from seatrial.config import EngagementError, load

MINIMAL = """\
name: churn-test
owner: a@example.com
environments:
  dev: {account: "111111111111", region: eu-central-1}
"""
EXISTING = """\
network:
  existing:
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0, SECOND]
    availability_zones: [eu-central-1a, ZONE]
    security_group_id: sg-0123456789abcdef0
"""


def paths_and_messages(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "engagement.yaml"
    path.write_text(MINIMAL + text, encoding="utf-8")
    try:
        load(path)
    except EngagementError as error:
        return {mistake.path: mistake.message for mistake in error.mistakes}
    return {}


LAKE = """
processing: {engine: emr-serverless}
lake: {catalog: {enabled: true}}
training: {dataset: {kind: lake, MORE}}
"""


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("network: {cidr: 10.42.0.1/16}", "network.cidr", "has host bits set"),
        ("network: {cidr: 10.42.0.0/28}", "network.cidr", "must be between /16 and /24, got '10.42.0.0/28'"),
        ("network: {flow_log_retention_days: 366}", "network.flow_log_retention_days", "got 366; nearest is 365"),
        ("network: {nat_gateways: 3}", "network.nat_gateways", "must not exceed network.max_azs (2), got 3"),
        (
            EXISTING.replace("SECOND", "subnet-0123456789abcdef0").replace("ZONE", "eu-central-1b"),
            "network.existing.subnet_ids",
            "must not repeat a subnet",
        ),
        (
            EXISTING.replace("SECOND", "subnet-0123456789abcdef1").replace("ZONE", "us-east-1a"),
            "network.existing.availability_zones",
            "must lie in the environments' region (eu-central-1), got 'us-east-1a'",
        ),
        (
            EXISTING.replace("SECOND", "subnet-0123456789abcdef1").replace("ZONE", "eu-central-1b, eu-central-1c"),
            "network.existing.availability_zones",
            "must name one zone for each of the 2 subnets in the same order, got 3",
        ),
        ("training: {dataset: {kind: table}}", "training.dataset.columns", "must name the feature columns"),
        (
            "training: {dataset: {columns: {a: numeric}}}",
            "training.dataset.columns",
            "must be left out when dataset.kind is 'telecom'",
        ),
        (
            "training: {dataset: {kind: table, columns: {churned: numeric}}}",
            "training.dataset.columns.churned",
            "must not be a feature: 'churned' is dataset.label",
        ),
        (
            "training: {dataset: {kind: table, id: churned, columns: {a: numeric}}}",
            "training.dataset.label",
            "must not be the same column as dataset.id, got 'churned'",
        ),
        (
            "training: {dataset: {kind: table, columns: {a: numeric}, time_column: a}}",
            "training.dataset.columns.a",
            "must not be a feature: 'a' is dataset.time_column",
        ),
        (
            "training: {dataset: {kind: table, columns: {a: numeric}, time_column: churned}}",
            "training.dataset.time_column",
            "must not be the column of dataset.id or dataset.label, got 'churned'",
        ),
        (
            "training: {dataset: {time_column: started_at}}",
            "training.dataset.time_column",
            "must be null when dataset.kind is 'telecom', whose rows are days, got 'started_at'",
        ),
        ("training: {dataset: {label: left}}", "training.dataset.label", "must be 'churned' when dataset.kind"),
        (
            "training: {dataset: {kind: lake}}",
            "training.dataset.kind",
            "must be 'telecom' or 'table', got 'lake', while processing.engine is 'none'",
        ),
        (
            LAKE.replace("MORE", "columns: {a: numeric}"),
            "training.dataset.columns",
            "must be left out when dataset.kind is 'lake'",
        ),
        ("training: {tuning: {max_jobs: 1}}", "training.tuning.max_parallel_jobs", "(1), got 2"),
        ("serving: {instance_count: 1}", "serving.instance_count", "a canary needs an instance beside the old ones"),
        ("serving: {instance_count: 6}", "serving.maximum_instance_count", "serving.instance_count (6), got 4"),
        ("serving: {capture_percent: 0}", "serving.capture_percent", "names 'quality_loss', which needs captured"),
        ("retraining: {daily_budget: 9}", "retraining.monthly_budget", "retraining.daily_budget (9), got 8"),
        ("retraining: {daily_budget: 0}", "retraining.daily_budget", "to switch retraining off, set triggers: []"),
        ("retraining: {triggers: [schedule, schedule]}", "retraining.triggers", "must not repeat a trigger"),
        (
            "training: {acceptance: {segments: [sex]}}",
            "training.acceptance.segments[0]",
            "must be a categorical feature (plan_type, contract, region, age_band, device_tier), got 'sex'",
        ),
        (
            "training: {acceptance: {segments: [a]}, dataset: {kind: table, columns: {a: numeric, b: categorical}}}",
            "training.acceptance.segments[0]",
            "must be a categorical feature (b), got 'a'",
        ),
        ("retraining: {confirm_windows: 9}", "retraining.confirm_within_hours", "must be at least 9 for 9 hourly"),
        ("retraining: {blackouts: [always]}", "retraining.blackouts[0]", "must be times of the week or dates in UTC"),
        (
            "retraining: {blackouts: [2026-02-30/2026-03-01]}",
            "retraining.blackouts[0]",
            "must be dates of the calendar",
        ),
        ("retraining: {blackouts: [2026-12-24/2026-12-20]}", "retraining.blackouts[0]", "must end on or after the day"),
        ("training: {schedule: null}", "training.schedule", "because retraining.triggers names 'schedule'"),
        ("training: {schedule: every day}", "training.schedule", "must be an EventBridge Scheduler expression"),
        ("tags: {OwnerTeam: me}", "tags.OwnerTeam", "must not replace a tag that Seatrial sets itself"),
        ('tags: {"aws:cost": x}', "tags.aws:cost", "which AWS reserves, got 'aws:cost'"),
        ("permissions_boundary: boundary", "permissions_boundary", "must be the ARN of a managed policy"),
        (
            "training: {images: {xgboost: '222222222222.dkr.ecr.eu-west-1.amazonaws.com/xgboost:3'}}",
            "training.images.xgboost",
            "must lie in the environments' region (eu-central-1)",
        ),
        (
            "lake: {break_glass_roles: ['arn:aws:iam::111111111111:role/fire']}",
            "lake.break_glass_roles",
            "without lake.vpc_endpoint_ids",
        ),
    ],
)
def test_a_broken_rule_blames_one_key_and_says_what_is_allowed(tmp_path, text, path, message):
    found = paths_and_messages(tmp_path, text)

    assert list(found) == [path]
    assert message in found[path]


@pytest.mark.parametrize(
    "text",
    [
        "retraining: {triggers: [], daily_budget: 0, monthly_budget: 0}\nserving: {capture_percent: 0}",
        "retraining: {blackouts: ['fri:18:00-mon:06:00', 2026-12-20/2027-01-05], confirm_windows: 6}",
        "retraining: {triggers: [quality_loss]}\ntraining: {schedule: null}",
        "training: {tuning: {max_jobs: 4, max_parallel_jobs: 4}, schedule: rate(7 days)}",
        "network: {max_azs: 3, nat_gateways: 3, cidr: 10.0.0.0/24}",
        EXISTING.replace("SECOND", "subnet-0123456789abcdef1").replace("ZONE", "eu-central-1b"),
        "permissions_boundary: arn:aws:iam::111111111111:policy/limits/boundary",
        "training: {dataset: {kind: table, id: null, columns: {subscriber_id: numeric}}}",
        LAKE.replace("MORE", "history_days: 90"),
    ],
)
def test_what_fits_together_is_accepted(tmp_path, text):
    assert paths_and_messages(tmp_path, text) == {}


def test_a_pipeline_of_ones_own_brings_its_data_itself(tmp_path):
    (tmp_path / "own.json").write_text("{}", encoding="utf-8")

    text = LAKE.replace("{dataset", "{definition: own.json, dataset").replace(", MORE", "")

    found = paths_and_messages(tmp_path, text)

    assert "while training.definition is a pipeline of your own" in found["training.dataset.kind"]


def test_rules_are_checked_beside_other_mistakes(tmp_path):
    found = paths_and_messages(tmp_path, "lake: {raw_retention_days: no}\nserving: {instance_count: 1}\n")

    assert set(found) == {"lake.raw_retention_days", "serving.instance_count"}


def test_rules_are_checked_even_when_required_keys_are_missing(tmp_path):
    path = tmp_path / "engagement.yaml"
    path.write_text("environments: {dev: {}, test: {account: '1'}}\nserving: {instance_count: 1}\n")

    with pytest.raises(EngagementError) as caught:
        load(path)

    assert {mistake.path for mistake in caught.value.mistakes} == {
        "name",
        "owner",
        "environments.dev.account",
        "environments.dev.region",
        "environments.test",
        "environments.test.account",
        "environments.test.region",
        "serving.instance_count",
    }


@pytest.mark.parametrize("wrong", ["kind: tabel", "kin: table"])
def test_a_wrong_key_causes_no_further_complaints_about_what_depends_on_it(tmp_path, wrong):
    text = f"training:\n  dataset: {{{wrong}, id: customer, label: left, columns: {{a: numeric}}}}\n"

    found = paths_and_messages(tmp_path, text)

    assert list(found) == [f"training.dataset.{wrong.split(':')[0]}"]
