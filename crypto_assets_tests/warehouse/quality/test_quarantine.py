"""The quarantine stores each record once, with its reason and its object."""

from dataclasses import replace

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from crypto_assets_tests.warehouse.minutes import START, SYMBOL

RECORD = QuarantineRecord(
    symbol=SYMBOL,
    kind=ObjectKind.KLINES,
    bucket="crypto-raw",
    key="2024-01-01/BTCUSDT_klines.json",
    reason="high below low",
    content='[1704067200000, "1", "2"]',
    open_time=START,
    noted_at=START + 1,
)


def test_a_record_is_stored_once(warehouse: Warehouse) -> None:
    warehouse.quarantine.add_records([RECORD, RECORD])
    warehouse.quarantine.add_records([replace(RECORD, noted_at=START + 9)])
    assert warehouse.quarantine.list_records() == [RECORD]
    assert warehouse.quarantine.count_records() == 1


def test_records_are_listed_newest_first_and_by_symbol(warehouse: Warehouse) -> None:
    other = replace(RECORD, symbol="ETHUSDT", key="e", open_time=None, noted_at=START + 5)
    again = replace(RECORD, reason="negative volume", noted_at=START + 3)
    warehouse.quarantine.add_records([RECORD, other, again])
    assert warehouse.quarantine.list_records() == [other, again, RECORD]
    assert warehouse.quarantine.list_records(SYMBOL) == [again, RECORD]
    assert warehouse.quarantine.list_records(limit=1) == [other]


def test_long_contents_and_reasons_are_cut(warehouse: Warehouse) -> None:
    record = replace(RECORD, content="<html>" * 10_000, reason="x" * 2_000)
    warehouse.quarantine.add_records([record])
    (kept,) = warehouse.quarantine.list_records()
    assert (len(kept.content), len(kept.reason)) == (4_000, 500)
    assert kept.content.startswith("<html>")
