"""Curation: every raw row is used, a duplicate, late or in quarantine, exactly once, whatever the data does."""

import pytest

from tests.pipelines.lake import event

pytestmark = pytest.mark.slow


def test_good_events_are_published_once_each_with_their_source(lake):
    lake.land([event("a"), event("b", kind="data", partner_id=None, data_mb=1.5)])
    lake.land([event("c")], source="stream")

    summary = lake.curate()

    assert summary["read"] == summary["used"] == 3
    assert [(row["event_id"], row["source"], row["late"], row["date"]) for row in lake.rows()] == [
        ("a", "batch", 0, "2026-06-01"),
        ("b", "batch", 0, "2026-06-01"),
        ("c", "stream", 0, "2026-06-01"),
    ]
