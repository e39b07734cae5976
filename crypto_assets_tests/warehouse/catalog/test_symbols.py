"""Symbols: their order, their tracking, and how text finds them."""

import math
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from crypto_assets.errors import UnknownSymbol
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.reports.instruments import list_instruments
from crypto_assets.warehouse import Warehouse


def _symbol(name: str, tick: str = "0.01") -> Symbol:
    return Symbol(name, name[:3], name[3:], SymbolStatus.TRADING, Decimal(tick))


def test_registration_keeps_the_order_and_returns_new_names(warehouse: Warehouse) -> None:
    assert warehouse.symbols.register_symbols([_symbol("SOLUSDT"), _symbol("BTCUSDT")]) == [
        "SOLUSDT",
        "BTCUSDT",
    ]
    assert warehouse.symbols.register_symbols([_symbol("ADAUSDT"), _symbol("BTCUSDT")]) == [
        "ADAUSDT"
    ]
    assert [s.name for s in warehouse.symbols.list_tracked()] == ["SOLUSDT", "BTCUSDT", "ADAUSDT"]


def test_an_untracked_symbol_is_kept_and_can_be_tracked_again(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([_symbol("BTCUSDT"), _symbol("ETHUSDT")])
    before = warehouse.symbols.get_symbol("BTCUSDT").symbol_id
    warehouse.symbols.untrack_symbol("BTCUSDT")
    assert [s.name for s in warehouse.symbols.list_tracked()] == ["ETHUSDT"]
    assert not warehouse.symbols.get_symbol("BTCUSDT").is_tracked
    assert warehouse.symbols.register_symbols([_symbol("BTCUSDT")]) == ["BTCUSDT"]
    assert warehouse.symbols.get_symbol("BTCUSDT").symbol_id == before
    assert [s.name for s in warehouse.symbols.list_tracked()] == ["BTCUSDT", "ETHUSDT"]


def test_status_and_tick_size_follow_the_exchange(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([_symbol("SHIBUSDT", "0.00000001")])
    halted = Symbol("SHIBUSDT", "SHIB", "USDT", SymbolStatus.BREAK, Decimal("0.0000001"))
    warehouse.symbols.update_status([halted, _symbol("NOTHERE")])
    stored = warehouse.symbols.get_symbol("SHIBUSDT")
    assert (stored.status, stored.tick_size) == (SymbolStatus.BREAK, Decimal("0.0000001"))


def test_an_unknown_symbol_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(UnknownSymbol, match="NOPE is not in the warehouse"):
        warehouse.symbols.get_symbol("NOPE")
    with pytest.raises(UnknownSymbol):
        warehouse.symbols.untrack_symbol("NOPE")


def test_similar_symbols_are_different_to_the_warehouse(warehouse: Warehouse) -> None:
    names = ["EUSDT", "\u00c9USDT", "E\u0301USDT", "\u00e9USDT", "\uff25USDT", "ßUSDT", "SSUSDT"]
    names += ["币安人生USDT", "幣安人生USDT", "٣USDT", "3USDT", "-USDT"]
    assert warehouse.symbols.register_symbols([_symbol(name) for name in names]) == names
    assert len({warehouse.symbols.get_id(name) for name in names}) == len(names)
    assert [warehouse.symbols.resolve_name(name) for name in names] == names
    warehouse.symbols.untrack_symbol("\u00c9USDT")
    assert [s.name for s in warehouse.symbols.list_all() if not s.is_tracked] == ["\u00c9USDT"]


def test_typed_text_finds_the_symbol_as_the_exchange_writes_it(warehouse: Warehouse) -> None:
    names = ["BTCUSDT", "币安人生USDT", "\u00c9USDT", "ЩИПUSDT"]
    warehouse.symbols.register_symbols([_symbol(name) for name in names])
    for _ in range(2):
        typed = ["btcusdt", " 币安人生usdt", "e\u0301usdt", "щипusdt"]
        assert [warehouse.symbols.resolve_name(text) for text in typed] == names
    with pytest.raises(UnknownSymbol, match="龙虾USDT is not in the warehouse"):
        warehouse.symbols.resolve_name("龙虾usdt")
    with pytest.raises(UnknownSymbol, match="cannot be a symbol"):
        warehouse.symbols.resolve_name("BTC/USDT")


@pytest.mark.parametrize("stored", [math.inf, -math.inf, 1e300, -1.0, 0.0])
def test_a_tick_size_that_an_earlier_version_stored_is_read_as_the_finest(
    tmp_path: Path, stored: float
) -> None:
    """SQLite takes any double; a server refuses these or has a smaller range."""
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([_symbol("BTCUSDT"), _symbol("ETHUSDT")])
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as database, database:
        database.execute("UPDATE symbols SET tick_size = ? WHERE symbol = 'BTCUSDT'", (stored,))
    ticks = {symbol.name: symbol.tick_size for symbol in warehouse.symbols.list_all()}
    assert ticks == {"BTCUSDT": Decimal("1e-8"), "ETHUSDT": Decimal("0.01")}
    assert [each.digits for each in list_instruments(warehouse)] == [8, 2]
    warehouse.symbols.update_status([_symbol("BTCUSDT")])
    assert warehouse.symbols.get_symbol("BTCUSDT").tick_size == Decimal("0.01")
    warehouse.close()
