"""The catalog: tables that need no crawler, Iceberg tables that are looked after, queries that cannot run away."""

import pytest

from seatrial.constructs import LakeCatalog, ServiceRole
from seatrial.constructs.errors import ConstructError
from seatrial.contracts.catalog import ExternalTable, IcebergTable, Partition, lake_tables

ZONES = ("raw", "curated", "features")
EXTERNAL = ExternalTable(
    name="calls", zone="raw", prefix="t/calls/", columns=(("id", "string"),), partitions=(Partition("date"),)
)
ICEBERG = IcebergTable(
    name="events",
    zone="curated",
    prefix="t/iceberg/events/",
    columns=(("id", "string", False), ("at", "timestamptz", False)),
    day_of="at",
)


def make(site, **changes):
    given = {
        "database_name": "telecom_dev",
        "tables": lake_tables("telecom"),
        "zones": {zone: site.bucket(zone) for zone in ZONES},
        "results": site.bucket("artifacts"),
        "encryption_key": site.key,
        "workgroup_name": "telecom-dev",
    }
    return LakeCatalog(site.stack, "Catalog", **given | changes)


def role(site):
    return ServiceRole(site.stack, "Reader", service="lambda.amazonaws.com", description="Reads the lake")


def table(site, name):
    (found,) = [
        properties
        for properties in site.resources("AWS::Glue::Table")
        if name in (properties.get("Name"), properties.get("TableInput", {}).get("Name"))
    ]
    return found


def allowed(site, logical):
    return {
        action
        for name, resource in site.template()["Resources"].items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy" and name.startswith(logical)
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_leaves_nothing_for_cdk_nag(site):
    make(site)

    assert site.findings() == ""


def test_leaves_nothing_for_cdk_nag_with_lake_formation_and_grants(site):
    catalog = make(site, lake_formation=True)
    reader = role(site)

    catalog.grant_reading(reader)
    catalog.grant_writing(reader, "cdr")
    catalog.grant_querying(reader)

    assert site.findings() == ""


def test_partitions_by_hour_are_computed_from_the_folder_names(site):
    make(site)

    parameters = table(site, "cdr_stream")["TableInput"]["Parameters"]

    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.date.range"] == "2020-01-01,NOW"
    assert parameters["projection.hour.range"] == "0,23"
    assert parameters["projection.hour.digits"] == "2"
    assert parameters["storage.location.template"] == ("s3://raw/telecom/stream/cdr/date=${date}/hour=${hour}/")


def test_the_iceberg_table_is_made_with_the_contracts_columns_and_partitioned_by_day(site):
    make(site)

    made = table(site, "cdr")["OpenTableFormatInput"]["IcebergInput"]

    spec = made["IcebergTableInput"]
    fields = {field["Id"]: (field["Name"], field["Type"]) for field in spec["Schema"]["Fields"]}
    (partition,) = spec["PartitionSpec"]["Fields"]
    assert (made["MetadataOperation"], made["Version"]) == ("CREATE", "2")
    assert spec["Location"] == "s3://curated/telecom/iceberg/cdr"
    assert fields[1] == ("event_id", "string")
    assert fields[partition["SourceId"]] == ("started_at", "timestamptz")
    assert (partition["Transform"], partition["FieldId"]) == ("day", 1000)


def test_compaction_expiry_and_orphans_are_looked_after_and_expiry_deletes_no_file_of_a_job(site):
    make(site, snapshot_retention_days=9, orphan_file_days=4)

    optimizers = {
        one["Type"]: one["TableOptimizerConfiguration"] for one in site.resources("AWS::Glue::TableOptimizer")
    }

    retention = optimizers["retention"]["RetentionConfiguration"]["IcebergConfiguration"]
    orphans = optimizers["orphan_file_deletion"]["OrphanFileDeletionConfiguration"]["IcebergConfiguration"]
    assert set(optimizers) == {"compaction", "retention", "orphan_file_deletion"}
    assert retention == {
        "CleanExpiredFiles": False,
        "NumberOfSnapshotsToRetain": 1,
        "SnapshotRetentionPeriodInDays": 9,
    }
    assert orphans == {"OrphanFileRetentionPeriodInDays": 4}


def test_the_optimizers_may_delete_below_the_tables_own_prefix_only(site):
    make(site, tables=[ICEBERG])

    deletions = [s["Resource"] for s in site.statements() if "s3:DeleteObject" in s["Action"]]

    assert deletions == ["arn:aws:s3:::curated/t/iceberg/events/*"]


def test_queries_are_bounded_encrypted_and_cannot_choose_other_settings(site):
    make(site, scan_limit_gib=7)

    workgroup = site.one("AWS::Athena::WorkGroup")["WorkGroupConfiguration"]

    assert workgroup["BytesScannedCutoffPerQuery"] == 7 * 1024**3
    assert workgroup["EnforceWorkGroupConfiguration"] is True
    assert workgroup["ResultConfiguration"]["OutputLocation"] == "s3://artifacts/athena-results/"
    assert workgroup["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"


def test_tables_stay_when_the_stack_goes(site):
    make(site)

    kept = {
        resource["Type"]
        for resource in site.template()["Resources"].values()
        if resource.get("DeletionPolicy") == "Retain"
    }

    assert kept == {"AWS::Glue::Database", "AWS::Glue::Table"}


def test_reading_grants_exactly_the_tables_asked_for(site):
    catalog = make(site, tables=[EXTERNAL, ICEBERG])

    catalog.grant_reading(role(site), "calls")

    resources = [s["Resource"] for s in site.statements() if "glue:GetTables" in s["Action"]]
    assert resources == [
        [
            "arn:aws:glue:eu-central-1:111111111111:catalog",
            "arn:aws:glue:eu-central-1:111111111111:database/telecom_dev",
            "arn:aws:glue:eu-central-1:111111111111:table/telecom_dev/calls",
        ]
    ]
    assert not {action for action in allowed(site, "Reader") if action.split(":")[1].startswith(("Put", "Update"))}


def test_writing_is_a_commit_to_an_iceberg_table(site):
    catalog = make(site, tables=[EXTERNAL, ICEBERG])

    catalog.grant_writing(role(site))

    assert {"glue:UpdateTable", "s3:PutObject"} <= allowed(site, "Reader")
    assert "glue:DeleteTable" not in allowed(site, "Reader")


def test_lake_formation_registers_each_zone_in_hybrid_mode_and_grants_beside_iam(site):
    catalog = make(site, lake_formation=True, tables=[EXTERNAL, ICEBERG])
    reader = role(site)

    catalog.grant_reading(reader)
    catalog.grant_writing(reader)

    registered = site.resources("AWS::LakeFormation::Resource")
    grants = site.resources("AWS::LakeFormation::PrincipalPermissions")
    assert len(registered) == 3
    assert all(one["HybridAccessEnabled"] for one in registered)
    assert sorted((one["Permissions"] for one in grants), key=len) == [
        ["DESCRIBE"],
        ["DESCRIBE", "SELECT"],
        ["DESCRIBE", "SELECT"],
        ["ALTER", "DELETE", "INSERT"],
    ]
    assert "lakeformation:GetDataAccess" in allowed(site, "Reader")


def test_without_lake_formation_nothing_of_it_is_made(site):
    make(site).grant_reading(role(site))

    assert site.resources("AWS::LakeFormation::Resource") == []
    assert "lakeformation:GetDataAccess" not in allowed(site, "Reader")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"database_name": "telecom-dev"}, "database_name: must be lower-case letters, digits and underscores"),
        ({"scan_limit_gib": 0}, "scan_limit_gib: must be at least 1, got 0"),
        ({"snapshot_retention_days": 0}, "snapshot_retention_days: must be at least 1, got 0"),
        ({"orphan_file_days": 2}, "orphan_file_days: must be at least 3, got 2"),
        ({"tables": [EXTERNAL, EXTERNAL]}, "tables: names must differ, got calls, calls"),
        ({"zones": {}}, "table cdr_batch: zone 'raw' is none of"),
    ],
)
def test_refuses_what_cannot_work(site, change, message):
    with pytest.raises(ConstructError, match=message):
        make(site, **change)


def test_refuses_a_partition_by_a_column_that_is_not_there(site):
    broken = IcebergTable(name="t", zone="curated", prefix="t/", columns=(("id", "string", False),), day_of="at")

    with pytest.raises(ConstructError, match="table t: day_of must be one of id, got 'at'"):
        make(site, tables=[broken])


def test_refuses_grants_on_tables_that_are_not_there_or_take_no_commits(site):
    catalog = make(site, tables=[EXTERNAL])

    with pytest.raises(ConstructError, match="tables: 'nothing' is none of calls"):
        catalog.grant_reading(role(site), "nothing")
    with pytest.raises(ConstructError, match="none of calls is an Iceberg table"):
        catalog.grant_writing(ServiceRole(site.stack, "W", service="lambda.amazonaws.com", description="w"), "calls")
