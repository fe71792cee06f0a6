"""Feature groups: online and offline under the key, history in Iceberg."""

import pytest

from seatrial.constructs import FeatureGroup, ServiceRole
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.storage import ALLOW_DELETION
from seatrial.contracts.network_kpi import FEATURE_TYPES


def group(site, **properties) -> FeatureGroup:
    common = {"name": "network-kpi", "record_identifier": "cell_id", "event_time": "event_time"}
    common |= {"features": FEATURE_TYPES, "prefix": "telecom/feature-store/"}
    return FeatureGroup(
        site.stack, "Group", bucket=site.bucket("features"), encryption_key=site.key, **(common | properties)
    )


def test_leaves_nothing_for_cdk_nag(site):
    group(site)

    assert site.findings() == ""


def test_both_stores_are_encrypted_and_history_is_iceberg_by_default(site):
    group(site)

    properties = site.one("AWS::SageMaker::FeatureGroup")

    offline, online = properties["OfflineStoreConfig"], properties["OnlineStoreConfig"]
    assert offline["TableFormat"] == "Iceberg"
    assert offline["S3StorageConfig"] == {
        "S3Uri": "s3://features/telecom/feature-store/",
        "KmsKeyId": site.key.key_arn,
    }
    assert online["SecurityConfig"] == {"KmsKeyId": site.key.key_arn}
    assert online["TtlDuration"] == {"Unit": "Days", "Value": 90}
    assert {"FeatureName": "drop_rate", "FeatureType": "Fractional"} in properties["FeatureDefinitions"]


def test_does_without_the_online_store_or_its_end_when_asked(site):
    group(site, online=False)

    assert "OnlineStoreConfig" not in site.one("AWS::SageMaker::FeatureGroup")


def test_records_stay_online_for_ever_when_asked(site):
    group(site, online_ttl_days=None)

    assert "TtlDuration" not in site.one("AWS::SageMaker::FeatureGroup")["OnlineStoreConfig"]


@pytest.mark.parametrize(("destroy", "policy"), [(False, "Retain"), (True, "Delete")])
def test_history_goes_only_when_asked_twice(site, destroy, policy):
    site.stack.node.set_context(ALLOW_DELETION, True)

    group(site, destroy_data=destroy)

    resources = site.template()["Resources"].values()
    assert {r["DeletionPolicy"] for r in resources if r["Type"] == "AWS::SageMaker::FeatureGroup"} == {policy}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"name": "network_kpi"}, "name: must be up to 64 letters, digits and hyphens, got 'network_kpi'"),
        ({"record_identifier": "cell"}, "record_identifier: must be one of the features"),
        ({"features": {"cell_id": "Text", "event_time": "String"}}, "features.cell_id: must be one of Integral"),
        ({"features": FEATURE_TYPES | {"write_time": "String"}}, "features.write_time: is a column of the offline"),
        ({"features": FEATURE_TYPES | {"event_time": "Integral"}}, "features.event_time: must be String"),
        ({"online_ttl_days": 0}, "online_ttl_days: must be at least 1, got 0"),
    ],
)
def test_refuses_what_cannot_work(site, properties, message):
    with pytest.raises(ConstructError, match=message):
        group(site, **properties)


def test_who_appends_to_the_history_may_commit_to_its_table_and_nothing_more(site):
    role = ServiceRole(site.stack, "Writer", service="emr-serverless.amazonaws.com", description="Writes")

    group(site).grant_appending(role)

    actions = {action for one in role.statements for action in _listed(one["Action"])}
    assert actions == {
        "sagemaker:BatchWriteRecord",
        "sagemaker:DescribeFeatureGroup",
        "glue:GetDatabase",
        "glue:GetTable",
        "glue:UpdateTable",
    }
    assert all(
        "*" not in place or "sagemaker_featurestore/*" in place for place in _listed(role.statements[2]["Resource"])
    )


def _listed(value):
    return value if isinstance(value, list) else [value]
