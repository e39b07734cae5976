"""Settings with their audit trail, and what a warehouse remembers for good."""

from datetime import date

import pytest

from crypto_assets.errors import ForeignExchange, WrongUse
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog import app_settings
from crypto_assets.warehouse.catalog.app_settings import MASK


def test_a_value_reads_back_and_every_change_is_audited(warehouse: Warehouse) -> None:
    assert warehouse.settings.get("retention.raw_days", 7) == 7
    warehouse.settings.put("retention.raw_days", 14, who="anna")
    warehouse.settings.put("retention.raw_days", 14, who="bert")
    warehouse.settings.put("retention.raw_days", {"days": [1, "zwölf", None]}, who="carl")
    assert warehouse.settings.get("retention.raw_days") == {"days": [1, "zwölf", None]}
    changes = [(c.who, c.name, c.old, c.new) for c in warehouse.settings.audit()]
    assert changes == [
        ("carl", "retention.raw_days", 14, {"days": [1, "zwölf", None]}),
        ("anna", "retention.raw_days", None, 14),
    ]
    assert len(warehouse.settings.audit(limit=1)) == 1


def test_a_value_taken_back_leaves_the_default_and_a_line(warehouse: Warehouse) -> None:
    warehouse.settings.put("raw_days", None, who="anna")
    assert warehouse.settings.get("raw_days", 7) is None
    warehouse.settings.put("raw_days", 14, who="anna")
    warehouse.settings.forget("raw_days", who="bert")
    warehouse.settings.forget("raw_days", who="carl")
    assert warehouse.settings.get("raw_days", 7) == 7
    assert "raw_days" not in warehouse.settings.all()
    assert [(c.who, c.old, c.new) for c in warehouse.settings.audit()] == [
        ("bert", 14, None),
        ("anna", None, 14),
        ("anna", None, None),
    ]


def test_a_secret_is_kept_and_never_told(warehouse: Warehouse) -> None:
    for url in ("https://hooks.example/s3cret", "https://hooks.example/0ther"):
        warehouse.settings.put("webhook", url, who="anna", secret=True)
    assert warehouse.settings.get("webhook") == "https://hooks.example/0ther"
    warehouse.settings.forget("webhook", who="anna", secret=True)
    told = [(change.old, change.new) for change in warehouse.settings.audit()]
    assert told == [(MASK, None), (MASK, MASK), (None, MASK)]


def test_the_log_keeps_the_newest_changes_and_bears_what_happened_elsewhere(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_settings, "_CHANGES_AT_MOST", 3)
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"):
        warehouse.settings.record(f"symbol {symbol}", None, "tracked", who="anna")
    names = [change.name for change in warehouse.settings.audit()]
    assert names == ["symbol XRPUSDT", "symbol SOLUSDT", "symbol ETHUSDT"]


def test_another_exchange_is_refused(warehouse: Warehouse) -> None:
    warehouse.settings.claim_exchange("binance")
    warehouse.settings.claim_exchange("binance")
    with pytest.raises(ForeignExchange, match="holds data of binance, not of simulated seed=7"):
        warehouse.settings.claim_exchange("simulated seed=7")
    warehouse.settings.claim_exchange("binance")


def test_an_exchange_may_be_renamed_by_one_who_knows_its_name_so_far(warehouse: Warehouse) -> None:
    settings = warehouse.settings
    assert settings.exchange() is None
    settings.claim_exchange("binance", renaming="simulated:recorded")
    settings.claim_exchange("binance:1", renaming="binance")
    assert settings.exchange() == "binance:1"
    with pytest.raises(ForeignExchange, match="holds data of binance:1, not of binance:2"):
        settings.claim_exchange("binance:2", renaming="binance")
    assert settings.exchange() == "binance:1"
    assert settings.audit() == []


def test_another_partition_unit_is_refused(warehouse: Warehouse) -> None:
    warehouse.settings.claim_partition_unit("day")
    with pytest.raises(WrongUse, match="CRYPTO_PARTITION_UNIT=day: month is refused"):
        warehouse.settings.claim_partition_unit("month")


def test_the_start_moves_earlier_and_never_later(warehouse: Warehouse) -> None:
    warehouse.settings.claim_start_date(date(2025, 1, 1))
    warehouse.settings.claim_start_date(date(2024, 6, 1))
    with pytest.raises(WrongUse, match="it is 2024-06-01, not 2025-01-01"):
        warehouse.settings.claim_start_date(date(2025, 1, 1))
    assert warehouse.settings.all() == {"claimed.start_date": "2024-06-01"}
    assert [change.new for change in warehouse.settings.audit()] == ["2024-06-01"]
