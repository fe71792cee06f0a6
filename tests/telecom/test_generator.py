"""The generated tables: shape, determinism, time, and what each scenario changes."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from seatrial.telecom import TelecomSpec, draw_population, generate, write

SMALL = TelecomSpec(subscribers=300, days=14, seed=5)
COLUMNS = {
    "crm": ["subscriber_id", "tenure_months", "plan_type", "contract", "region", "age_band", "device_tier", "autopay"],
    "cdr": ["subscriber_id", "started_at", "kind", "duration_seconds", "data_mb", "partner_id", "cell_id", "dropped"],
    "billing": ["subscriber_id", "invoice_month", "amount", "overdue_days"],
    "care": ["subscriber_id", "opened_at", "category"],
    "network_kpi": ["cell_id", "day", "drop_rate", "throughput_mbps", "latency_ms"],
    "labels": ["subscriber_id", "churned", "known_at"],
}


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return generate(SMALL)


def with_scenario(scenario, **changes):
    return TelecomSpec(**{"subscribers": 2000, "days": 14, "seed": 5, "scenario": scenario, **changes})


def test_holds_the_agreed_tables_and_columns(tables):
    assert {name: table.column_names for name, table in tables.items()} == COLUMNS


def test_the_same_spec_gives_the_same_tables(tables):
    again = generate(SMALL)

    assert all(tables[name].equals(again[name]) for name in tables)


def test_another_seed_gives_other_people(tables):
    other = generate(TelecomSpec(subscribers=300, days=14, seed=6))

    assert not tables["crm"].equals(other["crm"])


def test_snapshots_share_no_subscriber():
    first, second = (
        set(generate(TelecomSpec(subscribers=50, days=2, snapshot=name))["crm"]["subscriber_id"].to_pylist())
        for name in "ab"
    )

    assert len(first) == len(second) == 50
    assert not first & second


def test_snapshots_of_one_seed_share_the_network():
    first, second = (generate(TelecomSpec(subscribers=50, days=2, snapshot=name))["network_kpi"] for name in "ab")

    assert np.corrcoef(first["latency_ms"], second["latency_ms"])[0, 1] > 0.8


def test_every_record_belongs_to_a_subscriber_of_the_snapshot(tables):
    known = tables["crm"]["subscriber_id"].combine_chunks()

    for name in ("cdr", "billing", "care", "labels"):
        assert pc.all(pc.is_in(tables[name]["subscriber_id"], value_set=known)).as_py(), name


def test_records_lie_in_the_period_in_order(tables):
    moments = tables["cdr"]["started_at"].to_numpy()

    assert (np.diff(moments) >= np.timedelta64(0)).all()
    assert moments[0] >= np.datetime64("2026-06-01")
    assert moments[-1] < np.datetime64("2026-06-15")


def test_only_data_sessions_carry_volume_and_have_no_partner(tables):
    records = tables["cdr"].to_pandas()

    is_data = records["kind"] == "data"
    assert (records.loc[~is_data, "data_mb"] == 0).all()
    assert records.loc[is_data, "partner_id"].isna().all()
    assert records.loc[~is_data, "partner_id"].notna().all()


def test_all_labels_are_known_when_no_day_is_given(tables):
    assert tables["labels"]["churned"].null_count == 0


def test_labels_arrive_late_leavers_first():
    spec = TelecomSpec(subscribers=2000, days=14, seed=5, labels_as_of=date(2026, 7, 15))

    labels = generate(spec)["labels"].to_pandas()

    known = labels.dropna()
    assert 0 < len(known) < len(labels)
    assert (known["churned"] == 1).all()
    assert (known["known_at"] <= datetime(2026, 7, 15, tzinfo=UTC)).all()


def test_a_label_is_never_known_before_the_period_ends(tables):
    assert tables["labels"]["known_at"].to_numpy().min() > np.datetime64("2026-06-15")


def test_the_broken_feed_stops_the_network_and_blanks_payment_delays():
    broken = generate(TelecomSpec(subscribers=300, days=14, seed=5, scenario="broken_feed"))

    assert broken["network_kpi"].num_rows == 0
    assert broken["network_kpi"].column_names == COLUMNS["network_kpi"]
    assert broken["billing"]["overdue_days"].null_count == broken["billing"].num_rows


def test_the_covariate_scenario_changes_inputs_but_not_the_rule():
    before, after = draw_population(with_scenario("none")), draw_population(with_scenario("covariate"))

    assert np.mean(after.data_mb) > 2.5 * np.mean(before.data_mb)
    assert np.mean(after.plan == 2) > 2 * np.mean(before.plan == 2)
    assert after.churned.mean() == pytest.approx(before.churned.mean(), abs=0.02)
    unmoved = (before.plan == after.plan) & (before.device == after.device) & (before.age == after.age)
    assert unmoved.sum() > 100
    assert np.allclose(before.probability[unmoved], after.probability[unmoved])


def test_the_prior_scenario_doubles_the_churners_but_not_how_they_look():
    before = draw_population(with_scenario("none", subscribers=20_000))
    after = draw_population(with_scenario("prior", subscribers=20_000))

    assert len(after.churned) == 20_000
    assert after.churned.mean() == pytest.approx(2 * before.churned.mean(), abs=0.05)
    for label in (0, 1):
        for driver in ("tenure_months", "network", "trend", "friends_left"):
            expected = getattr(before, driver)[before.churned == label]
            found = getattr(after, driver)[after.churned == label]
            assert abs(found.mean() - expected.mean()) < 0.08 * expected.std(), driver


def test_the_concept_scenario_keeps_inputs_and_rate_but_turns_the_rule():
    before, after = (
        draw_population(with_scenario("none", subscribers=20_000)),
        draw_population(with_scenario("concept", subscribers=20_000)),
    )

    assert np.array_equal(before.tenure_months, after.tenure_months)
    assert np.array_equal(before.data_mb, after.data_mb)
    assert after.churned.mean() == pytest.approx(before.churned.mean(), abs=0.02)
    assert np.corrcoef(before.probability, after.probability)[0, 1] < -0.2


def test_writes_one_parquet_file_a_table_byte_for_byte_the_same(tables, tmp_path):
    write(tables, tmp_path / "first")
    write(tables, tmp_path / "second")

    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.parquet"))
    assert [str(path) for path in files] == [f"{name}/part-00000.parquet" for name in sorted(COLUMNS)]
    for path in files:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes()
    assert pq.read_schema(tmp_path / "first/cdr/part-00000.parquet").field("started_at").type == pa.timestamp(
        "us", tz="UTC"
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"subscribers": 1}, "subscribers: must be at least 2, got 1"),
        ({"days": 0}, "days: must be at least 1, got 0"),
        ({"scenario": "storm"}, "scenario: must be one of none, covariate, prior, concept, broken_feed, got 'storm'"),
    ],
)
def test_refuses_a_spec_that_cannot_be_generated(wrong, sentence):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole sentence is compared
        TelecomSpec(**wrong)

    assert str(error.value) == sentence


@pytest.mark.parametrize("days", [1, 31, 60])
def test_any_period_gives_an_invoice_for_each_thirty_days_begun(days):
    tables = generate(TelecomSpec(subscribers=20, days=days, seed=1))

    assert tables["billing"].num_rows == 20 * -(-days // 30)


def test_numbers_of_former_subscribers_are_as_frequent_in_the_prior_scenario():
    def ported_share(spec, label):
        tables = generate(spec)
        churned = tables["labels"].to_pandas().set_index("subscriber_id")["churned"]
        calls = tables["cdr"].to_pandas().query("kind != 'data'")
        return calls[calls["subscriber_id"].map(churned) == label]["partner_id"].str.startswith("ported-").mean()

    before, after = (with_scenario(name, subscribers=4000) for name in ("none", "prior"))

    assert ported_share(after, 0) == pytest.approx(ported_share(before, 0), rel=0.15)
    assert ported_share(after, 1) > 1.1 * ported_share(after, 0)
