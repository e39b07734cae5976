"""Symbols tracked and retired over HTTP, as the exchange lists them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import Api, parts_over, serving
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange
from crypto_assets_tests.warehouse.minutes import track


@pytest.fixture
def exchange(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


@pytest.fixture
def api(warehouse: Warehouse, exchange: ExchangeServer, tmp_path: Path) -> Iterator[Api]:
    track(warehouse, "BTCUSDT")
    with serving(parts_over(warehouse, tmp_path, exchange.url)) as served:
        yield served


def names(api: Api) -> list[str]:
    return [one["symbol"] for one in api.read("/api/symbols")["data"]]


def test_a_symbol_is_tracked_retired_and_tracked_again(api: Api) -> None:
    added = api.send("POST", "/api/symbols", json={"symbol": "shibusdt"})
    assert (added.status_code, added.json()["data"]) == (
        201,
        {"symbol": "SHIBUSDT", "tracked": True},
    )
    assert api.send("POST", "/api/symbols", json={"symbol": "SHIBUSDT"}).status_code == 200
    assert api.read("/api/symbols")["data"][1]["digits"] == 8
    gone = api.send("DELETE", "/api/symbols/shibusdt")
    assert gone.json()["data"] == {"symbol": "SHIBUSDT", "tracked": False}
    assert names(api) == ["BTCUSDT"]
    assert api.read("/api/klines/SHIBUSDT")["data"] == [], "what is held of it stays readable"
    assert api.send("POST", "/api/symbols", json={"symbol": "SHIBUSDT"}).status_code == 201
    assert names(api) == ["BTCUSDT", "SHIBUSDT"]


def test_a_symbol_that_the_exchange_does_not_list_is_a_404(api: Api) -> None:
    answer = api.send("POST", "/api/symbols", json={"symbol": "NOPEUSDT"})
    assert answer.status_code == 404 and "does not list NOPEUSDT" in answer.json()["detail"]
    assert api.send("DELETE", "/api/symbols/NOPEUSDT").status_code == 404
    assert names(api) == ["BTCUSDT"]


def test_another_exchange_than_the_warehouses_is_a_409(api: Api, warehouse: Warehouse) -> None:
    warehouse.settings.claim_exchange("binance")
    answer = api.send("POST", "/api/symbols", json={"symbol": "ETHUSDT"})
    assert answer.status_code == 409 and "binance" in answer.json()["detail"]
    assert names(api) == ["BTCUSDT"]
