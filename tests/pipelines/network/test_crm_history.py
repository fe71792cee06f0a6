"""The CRM's history: one version for each change, the same whether made at once or day by day."""

import random
from datetime import date, timedelta

import pytest

from seatrial.contracts.telecom import CRM_ATTRIBUTES
from seatrial.spark.errors import DataError
from tests.pipelines.lake import Lake, customer

pytestmark = pytest.mark.slow

DAYS = [date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 5), date(2026, 6, 9)]


def extracts(seed=5):
    """Subscribers who change, leave and come back."""
    rng = random.Random(seed)
    names = [f"s{number}" for number in range(12)]
    found = {}
    for index, day in enumerate(DAYS):
        rows = []
        for name in names:
            if rng.random() < 0.75:
                plan, region = rng.choice(["prepaid", "family"]), rng.choice(["north", "east"])
                rows.append(customer(name, plan_type=plan, region=region, tenure_months=5 + index))
        found[day] = rows
    return found


def versions(extracts):
    """The history row by row."""
    made, open_ones = [], {}
    for day, rows in extracts.items():
        present = {row["subscriber_id"]: row for row in rows}
        for name, version in list(open_ones.items()):
            row = present.get(name)
            if row is None or any(row[one] != version[one] for one in CRM_ATTRIBUTES):
                version["valid_to"] = day
                del open_ones[name]
        for name, row in present.items():
            if name not in open_ones:
                open_ones[name] = {**row, "valid_from": day, "valid_to": None}
                made.append(open_ones[name])
    return made


def rows_of(lake, day):
    rows = [row for row in lake.rows("crm_history") if row.pop("date") == str(day)]
    return sorted(rows, key=repr)


def ordered(rows):
    names = ["subscriber_id", "valid_from", "valid_to", "tenure_months", *CRM_ATTRIBUTES]
    return sorted(({name: row[name] for name in names} for row in rows), key=repr)


@pytest.fixture(scope="module")
def lake(tmp_path_factory, spark):
    lake = Lake(tmp_path_factory.mktemp("lake"), spark)
    for day, rows in extracts().items():
        lake.extract("crm", [*rows, rows[0]], day)
    lake.curate_tables("--tables", "crm")
    return lake


def test_versions_follow_changes_absence_and_return_also_when_made_day_by_day(lake):
    made = [lake.job("network/steps/crm_history", "--date", str(day))["made"] for day in (DAYS[0], DAYS[2], DAYS[3])]
    stepwise = rows_of(lake, DAYS[-1])
    lake.job("network/steps/crm_history", "--date", str(DAYS[-1]), "--everything")
    at_once = rows_of(lake, DAYS[-1])

    expected = ordered(versions(extracts()))

    assert made == [True, True, True]
    assert stepwise == at_once == expected
    assert any(row["valid_to"] for row in expected)


def test_a_corrected_extract_makes_the_history_anew(lake):
    corrected = {**extracts(), DAYS[1]: [customer("s1", region="capital")]}
    lake.extract("crm", corrected[DAYS[1]], DAYS[1])
    lake.curate_tables("--tables", "crm")

    lake.job("network/steps/crm_history", "--date", str(DAYS[-1]))
    again = lake.job("network/steps/crm_history", "--date", str(DAYS[-1] + timedelta(days=3)))

    assert rows_of(lake, DAYS[-1]) == ordered(versions(corrected))
    assert again == {"date": str(DAYS[-1]), "made": False}


def test_a_day_before_the_first_extract_is_refused(lake):
    with pytest.raises(DataError, match="no extract until 2026-05-31; run curate_tables first"):
        lake.job("network/steps/crm_history", "--date", "2026-05-31")
