"""Extracts of the operator's tables: one row a key, bad rows in quarantine, every row counted."""

import json
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from seatrial.contracts.telecom import CARE
from seatrial.spark.errors import DataError
from tests.pipelines.lake import customer, moment

pytestmark = pytest.mark.slow

DAY = date(2026, 6, 1)


def test_rows_are_kept_once_a_key_and_bad_ones_set_aside_with_their_reason(lake):
    crm = [customer("a"), customer("a"), customer("b"), customer("c", region=None), customer("d", tenure_months=-1)]
    care = {"subscriber_id": "a", "opened_at": moment("06-01 09:00"), "category": "billing"}
    lake.extract("crm", crm, DAY)
    lake.extract("care", [care, care, care | {"category": "weather"}], DAY)

    summary = lake.curate_tables("--maximum-quarantined-share", "0.5")

    assert [row["subscriber_id"] for row in lake.rows("crm")] == ["a", "b"]
    account = lake.account(job="curate_crm")
    assert (account["read"], account["used"], account["duplicate"]) == (5, 2, 1)
    assert account["quarantined"] == {"region_missing": 1, "tenure_months_range": 1}
    assert [json.loads(row["payload"])["category"] for row in lake.rows("quarantine/care")] == ["weather"]
    assert lake.rows("care")[0]["known_on"] == DAY
    assert summary["billing"] == {"days": 0, "read": 0, "used": 0}


def test_only_new_or_replaced_extracts_are_made_again_and_a_retyped_column_stops_the_job(lake):
    lake.extract("crm", [customer("a")], DAY)
    first = lake.curate_tables("--tables", "crm")
    before = lake.tree()
    again = lake.curate_tables("--tables", "crm")
    lake.curate_tables("--tables", "crm", "--everything")
    kept = lake.tree()
    lake.extract("crm", pa.table({**{key: [value] for key, value in customer("a").items()}, "autopay": ["yes"]}), DAY)

    with pytest.raises(DataError, match="column 'autopay' must be a int32, got 'binary STRING'"):
        lake.curate_tables("--tables", "crm")

    assert (first["crm"]["days"], again["crm"]["days"]) == (1, 0)
    assert lake.tree() == kept == before


def test_rows_that_were_too_old_when_they_came_are_set_aside_and_counted(lake):
    ends, us = datetime(2026, 6, 2, tzinfo=UTC), timedelta(microseconds=1)
    moments = [ends, ends - us, ends - timedelta(days=CARE.oldest_days), ends - timedelta(days=CARE.oldest_days) + us]
    rows = [{"subscriber_id": f"s{n}", "opened_at": at, "category": "billing"} for n, at in enumerate(moments)]
    lake.extract("care", rows, DAY)

    lake.curate_tables("--tables", "care", "--maximum-quarantined-share", "0.5")

    account = lake.account(job="curate_care")
    assert account["quarantined"] == {"opened_at_future": 1, "opened_at_too_old": 1}
    assert (account["read"], account["used"]) == (4, 2)
    refused = {json.loads(row["payload"])["subscriber_id"]: row["reason"] for row in lake.rows("quarantine/care")}
    told = {row["subscriber_id"]: CARE.staleness(row["opened_at"], DAY) for row in rows}
    assert refused == {name: reason for name, reason in told.items() if reason}
