"""Settings with their audit log, and the claims of a warehouse."""

from datetime import date

import pytest

from crypto_assets.errors import ForeignExchange, WrongUse
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog import app_settings
from crypto_assets.warehouse.catalog.app_settings import SECRET_MASK, Author


def test_a_value_is_stored_and_every_change_is_recorded(warehouse: Warehouse) -> None:
    assert warehouse.app_settings.get_value("retention.raw_days", 7) == 7
    warehouse.app_settings.put_value("retention.raw_days", 14, who="anna")
    warehouse.app_settings.put_value("retention.raw_days", 14, who="bert")
    warehouse.app_settings.put_value("retention.raw_days", {"days": [1, "zwölf", None]}, who="carl")
    assert warehouse.app_settings.get_value("retention.raw_days") == {"days": [1, "zwölf", None]}
    changes = [(c.who, c.name, c.old, c.new) for c in warehouse.app_settings.list_changes()]
    assert changes == [
        ("carl", "retention.raw_days", 14, {"days": [1, "zwölf", None]}),
        ("anna", "retention.raw_days", None, 14),
    ]
    assert len(warehouse.app_settings.list_changes(limit=1)) == 1


def test_a_reset_restores_the_default_and_is_recorded(warehouse: Warehouse) -> None:
    warehouse.app_settings.put_value("raw_days", None, who="anna")
    assert warehouse.app_settings.get_value("raw_days", 7) is None
    warehouse.app_settings.put_value("raw_days", 14, who="anna")
    warehouse.app_settings.reset_value("raw_days", who="bert")
    warehouse.app_settings.reset_value("raw_days", who="carl")
    assert warehouse.app_settings.get_value("raw_days", 7) == 7
    assert "raw_days" not in warehouse.app_settings.get_all_values()
    assert [(c.who, c.old, c.new) for c in warehouse.app_settings.list_changes()] == [
        ("bert", 14, None),
        ("anna", None, 14),
        ("anna", None, None),
    ]


def test_a_secret_is_stored_and_masked_in_the_audit_log(warehouse: Warehouse) -> None:
    for url in ("https://hooks.example/s3cret", "https://hooks.example/0ther"):
        warehouse.app_settings.put_value("webhook", url, who="anna", secret=True)
    assert warehouse.app_settings.get_value("webhook") == "https://hooks.example/0ther"
    warehouse.app_settings.reset_value("webhook", who="anna", secret=True)
    recorded = [(change.old, change.new) for change in warehouse.app_settings.list_changes()]
    assert recorded == [(SECRET_MASK, None), (SECRET_MASK, SECRET_MASK), (None, SECRET_MASK)]


def test_a_long_name_does_not_prevent_a_change(warehouse: Warehouse) -> None:
    """An e-mail address has up to 254 characters; a partition key may be of any length."""
    author = Author(f"{'a' * 240}@example.com in Dagster", address="2001:db8::" + "1" * 90)
    warehouse.app_settings.record_change("Dagster: " + "x" * 200, None, "new", author)
    warehouse.app_settings.put_value("raw_days", 14, who=author)
    for change in warehouse.app_settings.list_changes():
        assert change.who == f"{'a' * 199}…"
        assert change.address and len(change.address) == 64
        assert len(change.name) <= 100


def test_the_audit_log_keeps_the_newest_changes_also_of_symbols(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_settings, "_MAX_CHANGES", 3)
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"):
        warehouse.app_settings.record_change(f"symbol {symbol}", None, "tracked", who="anna")
    names = [change.name for change in warehouse.app_settings.list_changes()]
    assert names == ["symbol XRPUSDT", "symbol SOLUSDT", "symbol ETHUSDT"]


def test_another_exchange_is_refused(warehouse: Warehouse) -> None:
    warehouse.app_settings.claim_exchange("binance")
    warehouse.app_settings.claim_exchange("binance")
    with pytest.raises(ForeignExchange, match="contains data of binance, not of simulated seed=7"):
        warehouse.app_settings.claim_exchange("simulated seed=7")
    warehouse.app_settings.claim_exchange("binance")


def test_an_exchange_can_be_renamed_from_its_current_name(warehouse: Warehouse) -> None:
    settings = warehouse.app_settings
    assert settings.get_exchange() is None
    settings.claim_exchange("binance", renaming="simulated:recorded")
    settings.claim_exchange("binance:1", renaming="binance")
    assert settings.get_exchange() == "binance:1"
    with pytest.raises(ForeignExchange, match="contains data of binance:1, not of binance:2"):
        settings.claim_exchange("binance:2", renaming="binance")
    assert settings.get_exchange() == "binance:1"
    assert settings.list_changes() == []


def test_another_partition_unit_is_refused(warehouse: Warehouse) -> None:
    warehouse.app_settings.claim_partition_unit("day")
    with pytest.raises(WrongUse, match="PARTITION_UNIT=day, which cannot be changed to month"):
        warehouse.app_settings.claim_partition_unit("month")


def test_the_start_date_moves_earlier_and_never_later(warehouse: Warehouse) -> None:
    warehouse.app_settings.claim_start_date(date(2025, 1, 1))
    warehouse.app_settings.claim_start_date(date(2024, 6, 1))
    with pytest.raises(WrongUse, match="it is 2024-06-01, not 2025-01-01"):
        warehouse.app_settings.claim_start_date(date(2025, 1, 1))
    assert warehouse.app_settings.get_all_values() == {"claimed.start_date": "2024-06-01"}
    assert [change.new for change in warehouse.app_settings.list_changes()] == ["2024-06-01"]
