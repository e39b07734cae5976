"""Track and untrack symbols over HTTP."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import Api, create_context, serve_api
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange
from crypto_assets_tests.warehouse.minutes import START, batch, minutes, track

WIDE, LONG = "币安人生USDT", "龍" * 45 + "\U00020bb7USDT"


@pytest.fixture
def exchange(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


@pytest.fixture
def api(warehouse: Warehouse, exchange: ExchangeServer, tmp_path: Path) -> Iterator[Api]:
    track(warehouse, "BTCUSDT")
    with serve_api(create_context(warehouse, tmp_path, exchange.url)) as served:
        yield served


def names(api: Api) -> list[str]:
    return [one["symbol"] for one in api.read("/api/symbols")["data"]]


def test_a_symbol_is_tracked_untracked_and_tracked_again(api: Api) -> None:
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
    assert api.read("/api/klines/SHIBUSDT")["data"] == [], "its stored data can still be read"
    assert api.send("POST", "/api/symbols", json={"symbol": "SHIBUSDT"}).status_code == 201
    assert names(api) == ["BTCUSDT", "SHIBUSDT"]


def test_an_unlisted_symbol_is_a_404(api: Api) -> None:
    answer = api.send("POST", "/api/symbols", json={"symbol": "NOPEUSDT"})
    assert answer.status_code == 404 and "does not list NOPEUSDT" in answer.json()["detail"]
    assert api.send("DELETE", "/api/symbols/NOPEUSDT").status_code == 404
    assert names(api) == ["BTCUSDT"]


def test_an_invalid_symbol_does_not_match_the_pattern(api: Api, subtests: pytest.Subtests) -> None:
    for wrong in ("BTC/USDT", "", "BTC USDT", "B" * 51, "BTC\n", 'BTC"'):
        with subtests.test(wrong):
            assert api.send("POST", "/api/symbols", json={"symbol": wrong}).status_code == 422
            answer = api.get(f"/api/klines/{quote(wrong, safe='')}")
            assert answer.status_code == 404


def test_an_emoji_is_not_part_of_a_symbol(api: Api) -> None:
    answer = api.send("POST", "/api/symbols", json={"symbol": "BTC🚀USDT"})
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "'BTC🚀USDT' cannot be a symbol: use letters and digits as in BTCUSDT, "
        "at most 50 characters",
    )


def test_symbols_of_other_scripts_work_in_paths_links_bodies_and_errors(
    warehouse: Warehouse, simulated_exchange: StartExchange, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for symbol in (WIDE, LONG, "\u00c9USDT"):
        (data / f"{symbol}-1m.csv").write_text(
            "open_time,open,high,low,close,volume\n"
            + "".join(f"{START + n * MINUTE_MS},1,2,0.5,1.5,7\n" for n in range(5))
        )
    track(warehouse, "BTCUSDT")
    context = create_context(warehouse, tmp_path, simulated_exchange(data=data).url)
    with serve_api(context) as api:
        for typed, symbol in ((WIDE.lower(), WIDE), (LONG, LONG), ("e\u0301usdt", "\u00c9USDT")):
            added = api.send("POST", "/api/symbols", json={"symbol": typed})
            assert (added.status_code, added.json()["data"]["symbol"]) == (201, symbol)
            assert api.send("POST", "/api/symbols", json={"symbol": typed}).status_code == 200
            warehouse.facts.load_objects(symbol, [batch(minutes(START, 5), symbol=symbol)])
            path = f"/api/klines/{quote(typed)}"
            page = api.get(path, interval="1m", limit=2)
            assert page.json()["symbol"] == symbol
            earlier = re.fullmatch(r'<(/api/klines/.*)>; rel="prev"', page.headers["Link"])
            assert earlier and earlier[1].isascii()
            assert len(api.read(earlier[1])["data"]) == 2
            assert api.read("/api/pipeline/gaps", symbol=typed)["data"] == []
            assert api.read(f"/api/stats/{quote(typed)}")["data"]["symbol"] == symbol
            other = api.read(f"/api/analytics/data/correlation/{quote(symbol)}", **{"with": symbol})
            assert other["params"]["with"] == symbol
            assert f'crypto_assets_candles{{symbol="{symbol}"}} 5.0' in api.get("/metrics").text
        gone = api.send("DELETE", "/api/symbols/" + quote("e\u0301usdt"))
        assert gone.json()["data"] == {"symbol": "\u00c9USDT", "tracked": False}
        missing = api.get(f"/api/klines/{quote('龙虾USDT')}")
        assert missing.status_code == 404 and "龙虾USDT is not in the" in missing.json()["detail"]
        assert names(api) == ["BTCUSDT", WIDE, LONG]


def test_a_warehouse_of_another_exchange_is_a_409(api: Api, warehouse: Warehouse) -> None:
    warehouse.app_settings.claim_exchange("binance")
    answer = api.send("POST", "/api/symbols", json={"symbol": "ETHUSDT"})
    assert answer.status_code == 409 and "binance" in answer.json()["detail"]
    assert names(api) == ["BTCUSDT"]
