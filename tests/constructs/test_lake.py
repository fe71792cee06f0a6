"""The lake: closed by default, two keys to delete data, a perimeter when asked."""

import pytest
from aws_cdk.assertions import Annotations, Match

from seatrial.constructs import Lake
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.storage import ALLOW_DELETION


def denials(site):
    return {
        statement["Sid"]: statement
        for policy in site.resources("AWS::S3::BucketPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if "Sid" in statement
    }


def test_leaves_nothing_for_cdk_nag(site):
    Lake(site.stack, "Lake")

    assert site.findings() == ""


def test_keeps_data_by_default(site):
    Lake(site.stack, "Lake")

    resources = site.template()["Resources"].values()

    kept = [r for r in resources if r["Type"] in {"AWS::S3::Bucket", "AWS::KMS::Key"}]
    assert len(kept) == 6
    assert {resource["DeletionPolicy"] for resource in kept} == {"Retain"}


def test_one_key_alone_deletes_nothing_and_warns(site):
    Lake(site.stack, "Lake", destroy_data=True)

    resources = site.template()["Resources"].values()
    warnings = Annotations.from_stack(site.stack).find_warning("*", Match.string_like_regexp(ALLOW_DELETION))

    assert {r["DeletionPolicy"] for r in resources if r["Type"] in {"AWS::S3::Bucket", "AWS::KMS::Key"}} == {"Retain"}
    assert warnings


def test_data_goes_with_the_stack_when_asked_but_full_buckets_stay(site):
    site.stack.node.set_context(ALLOW_DELETION, True)

    Lake(site.stack, "Lake", destroy_data=True)

    resources = site.template()["Resources"].values()

    assert {r["DeletionPolicy"] for r in resources if r["Type"] == "AWS::S3::Bucket"} == {"Delete"}
    assert not [r for r in resources if r["Type"].startswith("Custom::")]


def test_retention_reaches_the_bucket(site):
    Lake(site.stack, "Lake", raw_retention_days=10)

    days = [bucket["LifecycleConfiguration"]["Rules"][0].get("ExpirationInDays") for bucket in _buckets(site)]
    assert sorted(day or 0 for day in days) == [0, 0, 10, 90, 365]


def test_has_no_network_perimeter_unless_asked(site):
    Lake(site.stack, "Lake")

    assert "DenyOutsideTheNetwork" not in denials(site)


def test_the_perimeter_spares_services_and_break_glass_roles(site):
    Lake(
        site.stack,
        "Lake",
        vpc_endpoint_ids=["vpce-1"],
        break_glass_role_arns=["arn:aws:iam::111111111111:role/break-glass"],
    )

    conditions = denials(site)["DenyOutsideTheNetwork"]["Condition"]

    assert conditions["StringNotEqualsIfExists"] == {"aws:SourceVpce": ["vpce-1"]}
    assert conditions["BoolIfExists"]["aws:ViaAWSService"] == "false"
    assert conditions["ArnNotLikeIfExists"] == {"aws:PrincipalArn": ["arn:aws:iam::111111111111:role/break-glass"]}


ZONES = {
    "features_retention_days": 400,
    "tiering_after_days": 7,
    "inventory_frequency": "weekly",
    "request_metrics": True,
    "query_results_days": 3,
}


def test_has_no_features_storage_classes_or_inventories_unless_asked(site):
    lake = Lake(site.stack, "Lake")

    buckets = _buckets(site)

    assert lake.features is None
    assert len(buckets) == 5
    assert not [b for b in buckets if {"InventoryConfigurations", "MetricsConfigurations"} & set(b)]
    assert not [b for b in buckets if any("Transitions" in r for r in b["LifecycleConfiguration"]["Rules"])]


def test_the_zones_of_data_are_tiered_listed_and_measured_and_the_others_are_not(site):
    lake = Lake(site.stack, "Lake", **ZONES)

    listed = [b["InventoryConfigurations"][0] for b in _buckets(site) if "InventoryConfigurations" in b]
    tiered = [r for b in _buckets(site) for r in b["LifecycleConfiguration"]["Rules"] if "Transitions" in r]

    assert len(lake.data_buckets) == 5
    assert {one["Destination"]["Prefix"] for one in listed} == {
        f"inventory/{zone}" for zone in ("raw", "curated", "features")
    }
    assert {one["Destination"]["Format"] for one in listed} == {"Parquet"}
    assert [rule["Transitions"] for rule in tiered] == [
        [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 7}]
    ] * 3
    assert len([b for b in _buckets(site) if b.get("MetricsConfigurations") == [{"Id": "EntireBucket"}]]) == 3


def test_results_of_queries_expire_below_their_prefix_only(site):
    Lake(site.stack, "Lake", **ZONES)

    rules = [r for b in _buckets(site) for r in b["LifecycleConfiguration"]["Rules"] if r["Id"] == "QueryResults"]

    assert rules == [{"Id": "QueryResults", "Prefix": "athena-results/", "ExpirationInDays": 3, "Status": "Enabled"}]


def test_leaves_nothing_for_cdk_nag_with_everything_on(site):
    Lake(site.stack, "Lake", **ZONES)

    assert site.findings() == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inventory_frequency": "hourly"}, "inventory_frequency: must be one of daily, weekly, got 'hourly'"),
        ({"tiering_after_days": 730}, r"tiering_after_days: must be less than raw_retention_days \(730\), got 730"),
        ({"tiering_after_days": -1}, "tiering_after_days: must be at least 0, got -1"),
        ({"features_retention_days": 0}, "features_retention_days: must be at least 1, got 0"),
    ],
)
def test_refuses_zones_that_cannot_be(site, change, message):
    with pytest.raises(ConstructError, match=message):
        Lake(site.stack, "Lake", **change)


def test_refuses_to_keep_data_for_no_time(site):
    with pytest.raises(ConstructError, match="capture_retention_days: must be at least 1, got 0"):
        Lake(site.stack, "Lake", capture_retention_days=0)


def _buckets(site):
    return site.resources("AWS::S3::Bucket")
