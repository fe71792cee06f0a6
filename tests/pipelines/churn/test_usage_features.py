"""Churn features: Spark, the warehouse's SQL and a plain reference agree row for row, without a look ahead."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.offline.warehouse.engine import Database
from seatrial.spark.errors import DataError
from tests.pipelines.churn import operator
from tests.pipelines.churn.operator import AS_OF
from tests.pipelines.lake import Lake

pytestmark = pytest.mark.slow

SQL = Path(__file__).parents[3] / "pipelines" / "churn" / "sql"


class Cloud:
    """The cloud around the warehouse: a clock is all that these statements ask for."""

    def now(self):
        return datetime(2026, 7, 1, tzinfo=UTC)

    def client(self, service):
        raise AssertionError(f"no statement here needs {service}")


def statements(path, **values):
    text = re.sub(r"\$\{(\w+)\}", lambda match: values[match.group(1)], path.read_text())
    text = re.sub(r"--.*", "", text)
    return [one.strip() for one in text.split(";") if one.strip()]


@pytest.fixture(scope="module")
def tables():
    return operator.draw()


@pytest.fixture(scope="module")
def computed(tmp_path_factory, spark, tables):
    """Rows of the Spark job by subscriber, and the lake that they were made of."""
    lake = Lake(tmp_path_factory.mktemp("lake"), spark)
    operator.publish(lake, tables)
    lake.job("churn/steps/usage_features", "--features", str(lake.root / "features"), "--as-of", str(AS_OF))
    return lake, {row["subscriber_id"]: row for row in lake.rows("churn", "features")}


def warehouse_rows(tmp_path, tables):
    """The same features by the SQL files, in Redshift's dialect, on the offline warehouse."""
    session = Database("dev", Cloud(), tmp_path).session()
    for name in ("schemas", "telecom", "features"):
        (path,) = (SQL / "migrations").glob(f"*_{name}.sql")
        session.batch(statements(path))
    for name, schema in (("cdr", operator.CURATED), ("billing", operator.BILLING), ("care", operator.CARE)):
        _load(session, name, tables[name], schema)
    _load(session, "crm_history", tables["history"], operator.HISTORY)
    steps = [one for path in sorted((SQL / "features").glob("*.sql")) for one in statements(path, as_of=str(AS_OF))]
    session.batch(steps)
    outcome = session.execute("SELECT * FROM features.churn")
    return {row[1]: dict(zip(outcome.columns, row, strict=True)) for row in outcome.rows}


def _load(session, name, rows, schema):
    marks = ", ".join("?" for _ in schema.names)
    plain = [[_plain(row[column]) for column in schema.names] for row in rows]
    session.connection.executemany(f"INSERT INTO telecom.{name} VALUES ({marks})", plain)


def _plain(value):
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def test_the_warehouse_computes_the_same_rows_to_the_last_bit(computed, tables, tmp_path):
    _, spark_rows = computed

    warehouse = warehouse_rows(tmp_path, tables)

    assert warehouse.keys() == spark_rows.keys()
    assert len(warehouse) > 10
    for name, row in spark_rows.items():
        expected = {key: value for key, value in row.items() if key != "as_of"}
        assert {key: warehouse[name][key] for key in expected} == expected


def test_the_rows_keep_the_features_contract(computed):
    _, rows = computed

    assert {CHURN_FEATURES.problem(row) for row in rows.values()} == {None}
    assert all(tuple(row)[:-1] == CHURN_FEATURES.names for row in rows.values())


def test_figures_follow_their_definitions(computed, tables):
    _, rows = computed
    start, recent = AS_OF - timedelta(days=30), AS_OF - timedelta(days=7)

    for name, row in rows.items():
        mine = [
            one for one in tables["cdr"] if one["subscriber_id"] == name and start <= one["started_at"].date() < AS_OF
        ]
        last = [one for one in mine if one["started_at"].date() >= recent]
        calls = [one for one in mine if one["kind"] == "voice"]
        assert row["voice_calls_30d"] == len(calls)
        assert row["voice_minutes_30d"] == pytest.approx(sum(one["duration_seconds"] for one in calls) / 60, abs=1e-3)
        assert row["data_mb_7d"] == pytest.approx(sum(one["data_mb"] for one in last), abs=1e-2)
        assert row["active_days_30d"] == len({one["started_at"].date() for one in mine})
        assert row["partners_7d"] == len({one["partner_id"] for one in last if one["partner_id"]})
        assert row["cells_30d"] == len({one["cell_id"] for one in mine})
        silence = min(
            [(AS_OF - start).days, *((_midnight(AS_OF) - one["started_at"]) / timedelta(days=1) for one in mine)]
        )
        assert row["days_since_last_activity"] == pytest.approx(silence, abs=1e-9)
        rate = len([one for one in last if one["kind"] == "voice"]) / 7 / (len(calls) / 30) if calls else None
        assert row["voice_trend"] == (pytest.approx(rate) if calls else None)


def _midnight(day):
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def test_what_became_known_later_changes_nothing(computed, spark, tables, tmp_path):
    _, rows = computed
    lake = Lake(tmp_path, spark)
    operator.publish(lake, tables, until=AS_OF)

    lake.job("churn/steps/usage_features", "--features", str(tmp_path / "features"), "--as-of", str(AS_OF))

    assert {row["subscriber_id"]: row for row in lake.rows("churn", "features")} == rows


def test_nothing_is_made_again_until_an_input_changes_and_a_lost_partition_is_told(computed):
    lake, _ = computed
    arguments = ["--features", str(lake.root / "features"), "--as-of", str(AS_OF)]
    before = lake.tree("features")

    again = lake.job("churn/steps/usage_features", *arguments)
    forced = lake.job("churn/steps/usage_features", *arguments, "--everything")
    account = lake.root / "curated/telecom/accounts/curate_cdr/date=2026-06-20.json"
    text = account.read_text()
    account.unlink()
    with pytest.raises(DataError, match="no account for date 2026-06-20: never made, or its job died"):
        lake.job("churn/steps/usage_features", *arguments)
    account.write_text(text)

    assert (again["made"], forced["made"]) == (False, True)
    assert lake.tree("features") == before


def test_a_half_written_partition_is_refused_by_its_account(computed):
    lake, _ = computed
    path = next((lake.root / "curated/telecom/cdr").glob("date=2026-06-2*/*.parquet"))
    data = path.read_bytes()
    path.write_bytes(data[:-8])

    arguments = ["--features", str(lake.root / "other"), "--as-of", str(AS_OF)]
    with pytest.raises(DataError, match=rf"{path.parent.name} is not what its account says"):
        lake.job("churn/steps/usage_features", *arguments)

    path.write_bytes(data)


def test_a_day_before_which_nothing_is_known_is_refused(computed):
    lake, _ = computed
    arguments = ["--features", str(lake.root / "other"), "--as-of", str(date(2020, 1, 1))]

    with pytest.raises(DataError, match="billing, care: nothing is known before 2020-01-01"):
        lake.job("churn/steps/usage_features", *arguments)


def test_features_are_not_made_of_extracts_that_are_older_than_their_contract_allows(lake):
    for name, day in (("crm", date(2026, 5, 1)), ("care", date(2026, 6, 30))):
        lake.put(name, f"curate_{name}", [], day, operator.CARE)
    arguments = ("--features", str(lake.root / "features"), "--as-of", str(AS_OF))

    with pytest.raises(
        DataError, match=r"crm: must have been .* 31 days before 2026-07-01, the newest is of 2026-05-01"
    ):
        lake.job("churn/steps/usage_features", *arguments)
    with pytest.raises(DataError, match="nothing is known before"):  # and not for its age
        lake.job("churn/steps/usage_features", *arguments, "--allow-stale", "crm")
