"""Quarantine: each flaw once, with its reason and where it lies."""

from dataclasses import replace

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from crypto_assets_tests.warehouse.minutes import START, SYMBOL

FLAW = QuarantineRecord(
    symbol=SYMBOL,
    kind=ObjectKind.KLINES,
    bucket="crypto-raw",
    key="2024-01-01/BTCUSDT_klines.json",
    reason="high below low",
    content='[1704067200000, "1", "2"]',
    open_time=START,
    noted_at=START + 1,
)


def test_a_flaw_is_noted_once_and_reads_back(warehouse: Warehouse) -> None:
    warehouse.quarantine.add_records([FLAW, FLAW])
    warehouse.quarantine.add_records([replace(FLAW, noted_at=START + 9)])
    assert warehouse.quarantine.list_records() == [FLAW]
    assert warehouse.quarantine.count_records() == 1


def test_flaws_come_newest_first_and_by_symbol(warehouse: Warehouse) -> None:
    other = replace(FLAW, symbol="ETHUSDT", key="e", open_time=None, noted_at=START + 5)
    again = replace(FLAW, reason="negative volume", noted_at=START + 3)
    warehouse.quarantine.add_records([FLAW, other, again])
    assert warehouse.quarantine.list_records() == [other, again, FLAW]
    assert warehouse.quarantine.list_records(SYMBOL) == [again, FLAW]
    assert warehouse.quarantine.list_records(limit=1) == [other]


def test_a_whole_broken_object_is_kept_by_its_beginning(warehouse: Warehouse) -> None:
    warehouse.quarantine.add_records([replace(FLAW, content="<html>" * 10_000, reason="x" * 2_000)])
    (kept,) = warehouse.quarantine.list_records()
    assert (len(kept.content), len(kept.reason)) == (4_000, 500)
    assert kept.content.startswith("<html>")
