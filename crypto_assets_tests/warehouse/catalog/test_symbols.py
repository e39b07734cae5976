"""Symbols: order of registration, retirement, and two processes at once."""

from decimal import Decimal

import pytest

from crypto_assets.errors import UnknownSymbol
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.warehouse import Warehouse


def _symbol(name: str, tick: str = "0.01") -> Symbol:
    return Symbol(name, name[:3], name[3:], SymbolStatus.TRADING, Decimal(tick))


def test_registration_keeps_its_order_and_names_what_is_new(warehouse: Warehouse) -> None:
    assert warehouse.symbols.register([_symbol("SOLUSDT"), _symbol("BTCUSDT")]) == [
        "SOLUSDT",
        "BTCUSDT",
    ]
    assert warehouse.symbols.register([_symbol("ADAUSDT"), _symbol("BTCUSDT")]) == ["ADAUSDT"]
    assert [s.name for s in warehouse.symbols.tracked()] == ["SOLUSDT", "BTCUSDT", "ADAUSDT"]


def test_a_retired_symbol_is_kept_and_may_return(warehouse: Warehouse) -> None:
    warehouse.symbols.register([_symbol("BTCUSDT"), _symbol("ETHUSDT")])
    before = warehouse.symbols.get("BTCUSDT").symbol_id
    warehouse.symbols.retire("BTCUSDT")
    assert [s.name for s in warehouse.symbols.tracked()] == ["ETHUSDT"]
    assert not warehouse.symbols.get("BTCUSDT").active
    assert warehouse.symbols.register([_symbol("BTCUSDT")]) == ["BTCUSDT"]
    assert warehouse.symbols.get("BTCUSDT").symbol_id == before
    assert [s.name for s in warehouse.symbols.tracked()] == ["BTCUSDT", "ETHUSDT"]


def test_status_and_tick_size_follow_the_exchange(warehouse: Warehouse) -> None:
    warehouse.symbols.register([_symbol("SHIBUSDT", "0.00000001")])
    halted = Symbol("SHIBUSDT", "SHIB", "USDT", SymbolStatus.BREAK, Decimal("0.0000001"))
    warehouse.symbols.update_status([halted, _symbol("NOTHERE")])
    seen = warehouse.symbols.get("SHIBUSDT")
    assert (seen.status, seen.tick_size) == (SymbolStatus.BREAK, Decimal("0.0000001"))


def test_an_unknown_symbol_is_wrong_use(warehouse: Warehouse) -> None:
    with pytest.raises(UnknownSymbol, match="NOPE is not in the warehouse"):
        warehouse.symbols.get("NOPE")
    with pytest.raises(UnknownSymbol):
        warehouse.symbols.retire("NOPE")


def test_no_two_symbols_are_one_to_the_warehouse(warehouse: Warehouse) -> None:
    names = ["EUSDT", "\u00c9USDT", "E\u0301USDT", "\u00e9USDT", "\uff25USDT", "ßUSDT", "SSUSDT"]
    names += ["币安人生USDT", "幣安人生USDT", "٣USDT", "3USDT", "-USDT"]
    assert warehouse.symbols.register([_symbol(name) for name in names]) == names
    assert len({warehouse.symbols.id_of(name) for name in names}) == len(names)
    assert [warehouse.symbols.find(name) for name in names] == names
    warehouse.symbols.retire("\u00c9USDT")
    assert [s.name for s in warehouse.symbols.all() if not s.active] == ["\u00c9USDT"]


def test_typed_text_finds_the_symbol_as_the_exchange_writes_it(warehouse: Warehouse) -> None:
    names = ["BTCUSDT", "币安人生USDT", "\u00c9USDT", "ЩИПUSDT"]
    warehouse.symbols.register([_symbol(name) for name in names])
    for _ in range(2):
        typed = ["btcusdt", " 币安人生usdt", "e\u0301usdt", "щипusdt"]
        assert [warehouse.symbols.find(text) for text in typed] == names
    with pytest.raises(UnknownSymbol, match="龙虾USDT is not in the warehouse"):
        warehouse.symbols.find("龙虾usdt")
    with pytest.raises(UnknownSymbol, match="cannot be a symbol"):
        warehouse.symbols.find("BTC/USDT")
