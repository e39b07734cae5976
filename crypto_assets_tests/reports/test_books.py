"""Deduplication, quality, gaps and the ingestion log."""

from dataclasses import replace
from decimal import Decimal

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.klines.facts import KlinesBatch
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from crypto_assets_tests.warehouse.minutes import (
    FETCHED,
    START,
    batch,
    minute,
    minutes,
    table,
    track,
)

NOW = START + 30 * HOUR_MS


def loaded(warehouse: Warehouse, *batches: KlinesBatch) -> None:
    warehouse.lake_objects.record_objects([item for item, _ in batches])
    warehouse.facts.load_objects("BTCUSDT", batches)


def test_a_minute_delivered_twice_is_repeated_but_a_bad_one_is_not(warehouse: Warehouse) -> None:
    track(warehouse, "BTCUSDT", "ETHUSDT")
    item, rows = batch(minutes(START, 60))
    again = batch(minutes(START + 50 * MINUTE_MS, 20))
    # The object has 61 rows; 60 were loaded and one was quarantined.
    loaded(warehouse, (replace(item, rows=61), rows), again)
    bad = QuarantineRecord(
        "BTCUSDT", ObjectKind.KLINES, item.bucket, item.key, "high below low", "[]", START
    )
    # Records whose object has left the lake do not count, as its rows do not.
    warehouse.quarantine.add_records([bad, replace(bad, key="gone")])
    found = Reports(warehouse, clock=lambda: NOW).get_deduplication(days=2)
    assert found.window == Window(START, START + 2 * DAY_MS)
    btc, eth = found.symbols
    assert (btc.objects, btc.delivered, btc.stored) == (2, 81, 70)
    assert (btc.quarantined, btc.repeated) == (1, 10)
    assert (eth.delivered, eth.repeated) == (0, 0)
    assert (found.delivered, found.repeated) == (81, 10)


def test_quarantined_rows_are_never_repeated(warehouse: Warehouse) -> None:
    track(warehouse)
    item, rows = batch(minutes(START, 60))
    loaded(warehouse, (replace(item, rows=1560), rows))
    # The latest records are those of tomorrow, outside of the window.
    later = replace(item, key="later", first_time=START + DAY_MS, last_time=START + DAY_MS)
    warehouse.lake_objects.record_objects([later])
    for of in (item, later):
        flaw = QuarantineRecord("BTCUSDT", ObjectKind.KLINES, of.bucket, of.key, "unreadable", "")
        warehouse.quarantine.add_records([replace(flaw, content=f"[{n}]") for n in range(1500)])
    warehouse.lake_objects.record_moves([item], "archive")
    (btc,) = Reports(warehouse, clock=lambda: START + HOUR_MS).get_deduplication(days=1).symbols
    assert (btc.delivered, btc.stored, btc.quarantined, btc.repeated) == (1560, 60, 1500, 0)


def test_minutes_without_objects_cause_no_negative_repeats(
    warehouse: Warehouse,
) -> None:
    track(warehouse)
    gone, kept = batch(minutes(START, 60)), batch(minutes(START + DAY_MS, 5))
    loaded(warehouse, gone, kept)
    warehouse.lake_objects.forget_objects([gone[0]])
    (btc,) = Reports(warehouse, clock=lambda: NOW).get_deduplication(days=2).symbols
    assert (btc.objects, btc.delivered, btc.stored, btc.repeated) == (1, 5, 5, 0)


def test_quality_names_revisions_and_quarantine(warehouse: Warehouse) -> None:
    track(warehouse)
    loaded(warehouse, batch(table([minute(START, base=100)])))
    loaded(warehouse, batch(table([minute(START, base=101)]), fetched_at=FETCHED + 1))
    bad = QuarantineRecord("BTCUSDT", ObjectKind.KLINES, "raw", "k", "not JSON", "<html>")
    warehouse.quarantine.add_records([bad, replace(bad, key="l")])
    found = Reports(warehouse, clock=lambda: NOW).get_quality(limit=1)
    (revision,) = found.revisions
    assert (revision.old.open, revision.new.open) == (Decimal(100), Decimal(101))
    assert (found.quarantined, len(found.quarantine)) == (2, 1)
    assert [one.symbol for one in found.symbols] == ["BTCUSDT"]


def test_gaps_and_the_log_are_filtered_by_window(warehouse: Warehouse) -> None:
    track(warehouse)
    batches = [batch(minutes(START + n * HOUR_MS, 30), fetched_at=FETCHED + n) for n in range(3)]
    loaded(warehouse, *batches)
    whole = Window(START, START + 150 * MINUTE_MS)
    warehouse.gap_ledger.refresh_gaps("BTCUSDT", whole)
    reports = Reports(warehouse)
    assert [gap.start for gap in reports.list_gaps("BTCUSDT")] == [
        START + 30 * MINUTE_MS,
        START + 90 * MINUTE_MS,
    ]
    late = Window(START + HOUR_MS, whole.end_ms)
    assert [gap.minutes for gap in reports.list_gaps(window=late)] == [30]
    log = reports.list_ingestion_log(limit=1, before=FETCHED + 2)
    assert [item.fetched_at for item in log] == [FETCHED + 1]
    assert reports.get_storage_usage().objects == 3
    assert reports.get_latest_order_book("BTCUSDT") is None
