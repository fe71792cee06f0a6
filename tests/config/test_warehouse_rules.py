"""Combinations of warehouse, streaming and feature store that cannot work, each told in one sentence."""

import pytest

from tests.config.test_data_rules import CATALOG, paths_and_messages

SERVERLESS = "warehouse: {kind: serverless}\nnetwork: {max_azs: 3}\n"
ZONES = 'availability_zones: ["eu-central-1a", "eu-central-1b"]'
EXISTING = (
    "network: {existing: {vpc_id: vpc-01234567, subnet_ids: [subnet-01234567, subnet-11234567], "
    f"{ZONES}, security_group_id: sg-01234567}}}}"
)


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (
            "warehouse: {kind: serverless}",
            "network.max_azs",
            "must be 3, got 2, because warehouse.kind is 'serverless': Redshift Serverless needs 3 subnets",
        ),
        (f"warehouse: {{kind: serverless}}\n{EXISTING}", "network.existing.availability_zones", "must name 3 zones"),
        (
            "warehouse: {kind: provisioned, spectrum: true}",
            "lake.catalog.enabled",
            "must be true, got false, because warehouse.spectrum is true",
        ),
        ("streaming: {mode: on-demand}", "lake.catalog.enabled", "because streaming.mode is 'on-demand'"),
        ("feature_store: {enabled: true}", "lake.catalog.enabled", "because feature_store.enabled is true"),
        ("warehouse: {redshift_ml: true}", "warehouse.redshift_ml", "must be false, got true, while warehouse.kind"),
        ("streaming: {iot: true}", "streaming.iot", "must be false, got true, while streaming.mode is 'none'"),
        (
            "warehouse: {serverless: {base_rpu: 12}}",
            "warehouse.serverless.base_rpu",
            "must be a multiple of 8 at this size, got 12",
        ),
        (
            "warehouse: {serverless: {base_rpu: 520, max_rpu: 1024}}",
            "warehouse.serverless.base_rpu",
            "must be a multiple of 32 at this size, got 520",
        ),
        (
            "warehouse: {serverless: {base_rpu: 32, max_rpu: 16}}",
            "warehouse.serverless.max_rpu",
            "must be at least warehouse.serverless.base_rpu (32), got 16",
        ),
        (
            "warehouse: {provisioned: {node_type: ra3.4xlarge, nodes: 1}}",
            "warehouse.provisioned.nodes",
            "must be at least 2 with ra3.4xlarge, got 1",
        ),
        (
            "warehouse: {provisioned: {nodes: 20}}",
            "warehouse.provisioned.nodes",
            "must be at most 16 with ra3.large, got 20",
        ),
        (
            "warehouse: {provisioned: {pause_schedule: 'cron(0 20 ? * MON-FRI *)'}}",
            "warehouse.provisioned.resume_schedule",
            "must be set, got None, because warehouse.provisioned.pause_schedule is set",
        ),
        (
            "warehouse: {provisioned: {resume_schedule: rate(1 day)}}",
            "warehouse.provisioned.resume_schedule",
            "a cron expression of six fields",
        ),
        (
            "warehouse: {provisioned: {pause_schedule: 'cron(0 1 * * ? *)', resume_schedule: 'cron(0 1 * * ? *)'}}",
            "warehouse.provisioned.resume_schedule",
            "must differ from pause_schedule",
        ),
        ("warehouse: {database: Telecom}", "warehouse.database", "lower-case letters, digits and underscores"),
        ("streaming: {window_minutes: 7}", "streaming.window_minutes", "5, 10, 15, 20, 30"),
        ("warehouse: {kind: server-less}", "warehouse.kind", "serverless"),
    ],
)
def test_says_what_is_wrong_and_where(tmp_path, text, path, message):
    found = paths_and_messages(tmp_path, text)

    assert message in found.get(path, f"nothing about {path}, but {found}")


@pytest.mark.parametrize(
    "text",
    [
        SERVERLESS,
        f"{SERVERLESS}{CATALOG}",
        "warehouse: {kind: provisioned, provisioned: {nodes: 1}}",
        f"{CATALOG}streaming: {{mode: provisioned, shards: 4, iot: true}}\nfeature_store: {{enabled: true}}",
        "warehouse: {provisioned: {pause_schedule: 'cron(0 20 * * ? *)', resume_schedule: 'cron(0 6 * * ? *)'}}",
    ],
)
def test_accepts_what_works(tmp_path, text):
    assert paths_and_messages(tmp_path, text) == {}
