"""Candidates for expiry, on every database."""

from dataclasses import replace

import pytest

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window
from crypto_assets.warehouse import GapClass, Warehouse
from crypto_assets_tests.warehouse.minutes import FETCHED, START, SYMBOL, batch, minutes, track

TWO_DAYS = Window(START, START + 2 * DAY_MS)
CLOSED = START + 9 * DAY_MS


@pytest.fixture(autouse=True)
def tracked(warehouse: Warehouse) -> None:
    track(warehouse)


def aggregate(warehouse: Warehouse) -> None:
    warehouse.aggregates.recompute_hours(SYMBOL, TWO_DAYS, CLOSED)
    warehouse.aggregates.recompute_days(SYMBOL, TWO_DAYS, CLOSED)


def test_a_day_is_complete_once_it_is_aggregated(warehouse: Warehouse) -> None:
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    loaded, empty = warehouse.retention_candidates.list_day_statuses(SYMBOL, TWO_DAYS)
    assert (loaded.minutes, loaded.candles_in_hours, loaded.candles_in_day, loaded.stale_hours) == (
        1440,
        0,
        0,
        24,
    )
    assert "24 hours are not computed" in str(loaded.incomplete_reason)
    assert loaded.incomplete_minutes_reason is None, "only its hours are not complete"
    assert empty.incomplete_minutes_reason == empty.incomplete_reason
    assert "1440 minutes are missing without an explanation" in str(empty.incomplete_reason)
    aggregate(warehouse)
    day = warehouse.retention_candidates.list_day_statuses(SYMBOL, TWO_DAYS)[0]
    assert day.incomplete_reason is None
    assert day.last_changed_at == FETCHED


def test_a_day_with_two_candles_in_one_minute_is_complete(warehouse: Warehouse) -> None:
    """After an outage of the exchange, one of them opens some seconds late."""
    second = minutes(START + 600 * MINUTE_MS + 7000, 1)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440)), batch(second, FETCHED + 1)])
    aggregate(warehouse)
    day = warehouse.retention_candidates.list_day_statuses(SYMBOL, TWO_DAYS)[0]
    assert (day.minutes, day.candles) == (1440, 1441)
    assert day.incomplete_reason is None


def test_an_explained_gap_across_midnight_counts_in_both_days(warehouse: Warehouse) -> None:
    warehouse.facts.load_objects(
        SYMBOL, [batch(minutes(START, 1430)), batch(minutes(START + DAY_MS + 5 * MINUTE_MS, 1435))]
    )
    aggregate(warehouse)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, TWO_DAYS)
    days = warehouse.retention_candidates.list_day_statuses(SYMBOL, TWO_DAYS)
    assert ["missing" in str(day.incomplete_reason) for day in days] == [True, True]
    warehouse.gap_ledger.classify_gap(SYMBOL, START + 1430 * MINUTE_MS, GapClass.OUTAGE, "a test")
    days = warehouse.retention_candidates.list_day_statuses(SYMBOL, TWO_DAYS)
    assert [(day.explained_minutes, day.incomplete_reason) for day in days] == [
        (10, None),
        (5, None),
    ]


def test_a_day_with_an_unloaded_object_is_incomplete(warehouse: Warehouse) -> None:
    item, candles = batch(minutes(START, 1440))
    warehouse.lake_objects.record_objects([item])
    warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    aggregate(warehouse)
    day = warehouse.retention_candidates.list_day_statuses(SYMBOL, TWO_DAYS)[0]
    assert day.incomplete_reason is None
    assert day.last_changed_at > FETCHED, "the load is later than the fetch"
    warehouse.lake_objects.mark_unloaded(SYMBOL, ObjectKind.KLINES, TWO_DAYS)
    day = warehouse.retention_candidates.list_day_statuses(SYMBOL, TWO_DAYS)[0]
    assert "1 objects of the lake are not loaded" in str(day.incomplete_reason)


def test_loaded_objects_are_read_page_by_page(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crypto_assets.warehouse.retention.retention_candidates._PAGE_ROWS", 2)
    item, _ = batch(minutes(START, 10))
    items = [replace(item, key=f"k{n}", fetched_at=FETCHED + n // 2) for n in range(5)]
    warehouse.lake_objects.record_objects(items)
    warehouse.lake_objects.mark_loaded(items[:4])
    before = 2**53

    def found(before_ms: int) -> list[str]:
        return [
            one.key for one in warehouse.retention_candidates.iter_objects(item.bucket, before_ms)
        ]

    assert found(before) == ["k0", "k1", "k2", "k3"]
    assert found(FETCHED + 1) == [], "the load was later"
    forgotten = []
    for one in warehouse.retention_candidates.iter_objects(item.bucket, before):
        warehouse.lake_objects.forget_objects([one])
        forgotten.append(one.key)
    assert forgotten == ["k0", "k1", "k2", "k3"]


def test_settled_minutes_expire_up_to_the_first_stale_hour(warehouse: Warehouse) -> None:
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 2 * 1440))])
    aggregate(warehouse)
    later = batch(minutes(START + DAY_MS + 90 * MINUTE_MS, 1, base=500), FETCHED + 1)
    warehouse.facts.load_objects(SYMBOL, [later])
    assert warehouse.facts.expire_minutes(SYMBOL, TWO_DAYS.end_ms, keep_stale_days=True) == 1440
    assert warehouse.retention_candidates.find_oldest_minute(SYMBOL) == START + DAY_MS
    assert warehouse.retention_candidates.count_minutes(SYMBOL, TWO_DAYS.end_ms) == 1440
    aggregate(warehouse)
    assert warehouse.facts.expire_minutes(SYMBOL, TWO_DAYS.end_ms, keep_stale_days=True) == 1440
    assert warehouse.retention_candidates.find_oldest_minute(SYMBOL) is None
