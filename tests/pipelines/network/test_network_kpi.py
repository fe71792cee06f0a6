"""KPIs of cells against a plain reference; sessions run over hours and midnight."""

import random
from datetime import date, timedelta

import pytest

from seatrial.contracts.network_features import NETWORK_KPI
from tests.pipelines.churn.operator import CURATED
from tests.pipelines.lake import Lake, event, moment

pytestmark = pytest.mark.slow

DAY = date(2026, 6, 10)
GAP = timedelta(minutes=30)


def draw(seed=3):
    """A week of events; one machine makes half of them, mostly in one cell, and some at the very same moment."""
    rng = random.Random(seed)
    rows = []
    for number in range(500):
        started = moment("06-03 22:00") + timedelta(minutes=rng.choice([rng.randrange(7 * 1440), 9500 + number // 2]))
        kind = rng.choice(["voice", "sms", "data"])
        owner = "machine" if number % 2 else f"s{rng.randrange(12)}"
        facts = {"duration_seconds": round(rng.random() * 900, 1), "data_mb": round(rng.random(), 3)}
        cell = "stadium" if number % 2 else f"c{rng.randrange(5)}"
        rows.append(event(f"e{number}", started, subscriber_id=owner, kind=kind, cell_id=cell, **facts))
        rows[-1] |= {"dropped": int(rng.random() < 0.3), "source": "batch", "late": 0}
        rows[-1] |= {"copies_batch": 1, "copies_stream": 0}
    rows[0] |= {"cell_id": "silent", "started_at": moment("06-05 10:00")}
    return rows


def sessions(rows):
    """(cell of the first event, start, end) of each session that begins on the day."""
    found = []
    for owner in {row["subscriber_id"] for row in rows}:
        mine = sorted(
            (row for row in rows if row["subscriber_id"] == owner), key=lambda row: (row["started_at"], row["event_id"])
        )
        for before, row in zip([None, *mine], mine):  # noqa: B905 - one is longer
            stop = row["started_at"] + timedelta(milliseconds=round(row["duration_seconds"] * 1000))
            if before is None or row["started_at"] - before["started_at"] > GAP:
                found.append([row["cell_id"], row["started_at"], stop])
            found[-1][2] = max(found[-1][2], stop)
    return [one for one in found if one[1].date() == DAY]


@pytest.fixture(scope="module")
def published(tmp_path_factory, spark):
    rows, lake = draw(), Lake(tmp_path_factory.mktemp("lake"), spark)
    for back in range(7):
        day = DAY - timedelta(days=back)
        lake.put("cdr", "curate_cdr", [row for row in rows if row["started_at"].date() == day], day, CURATED)
    lake.job("network/steps/network_kpi", "--features", str(lake.root / "features"), "--date", str(DAY))
    week = [row for row in rows if timedelta(0) <= DAY - row["started_at"].date() < timedelta(days=7)]
    return week, {row["cell_id"]: row for row in lake.rows("network_kpi", "features")}


def test_each_cell_has_the_figures_of_its_day_and_week(published):
    week, kpis = published

    assert kpis.keys() == {row["cell_id"] for row in week}
    for cell, kpi in kpis.items():
        mine = [row for row in week if row["cell_id"] == cell]
        today = [row for row in mine if row["started_at"].date() == DAY]
        connections = [row for row in today if row["kind"] != "sms"]
        dropped = sum(row["dropped"] for row in connections)
        assert NETWORK_KPI.problem(kpi) is None
        assert (kpi["events"], kpi["connections"], kpi["dropped"]) == (len(today), len(connections), dropped)
        assert kpi["subscribers"] == len({row["subscriber_id"] for row in today})
        assert kpi["drop_rate"] == (dropped / len(connections) if connections else None)
        assert kpi["traffic_trend"] == pytest.approx(len(today) * 7 / len(mine))
        hours = [sum(row["started_at"].hour == hour for row in today) for hour in range(24)]
        assert kpi["busy_hour_events"] == max(hours)
        assert kpi["busy_hour"] == (hours.index(max(hours)) if today else None)
        last = max(row["started_at"] for row in mine)
        assert kpi["minutes_since_last_event"] == (moment("06-11 00:00") - last) / timedelta(minutes=1)


def test_sessions_run_over_hours_and_the_machine_is_one_subscriber(published):
    week, kpis = published

    expected = sessions(week)

    assert len(expected) > 10
    for cell, kpi in kpis.items():
        mine = [stop - start for first, start, stop in expected if first == cell]
        assert kpi["sessions"] == len(mine)
        mean = sum(mine, timedelta()) / timedelta(minutes=1) / len(mine) if mine else None
        assert kpi["session_minutes"] == (pytest.approx(mean, abs=1e-9) if mine else None)


def test_a_cell_that_is_silent_on_the_day_has_zeros(published):
    _, kpis = published

    silent = kpis["silent"]

    assert (silent["events"], silent["traffic_trend"], silent["drop_rate"], silent["busy_hour"]) == (0, 0.0, None, None)
