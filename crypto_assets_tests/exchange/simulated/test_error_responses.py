"""Invalid requests over HTTP get the exchange's error codes and messages."""

from typing import Any

import pytest
import requests

from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        ("klines", {"symbol": "NOPEUSDT", "interval": "1m"}, -1121, "Invalid symbol."),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120, "Invalid interval."),
        (
            "klines",
            {"symbol": "btcusdt", "interval": "1m"},
            -1100,
            "Illegal characters found in parameter 'symbol'; legal range is "
            r"'^[\w\-._&&[^a-z]]{1,50}$'.",
        ),
        (
            "klines",
            {"interval": "1m"},
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        ),
        (
            "klines",
            {"symbol": "BTCUSDT", "interval": ""},
            -1102,
            "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.",
        ),
        (
            "klines",
            {"symbol": "BTCUSDT", "interval": "1m", "startTime": "yesterday"},
            -1100,
            "Illegal characters found in parameter 'startTime'; legal range is '^[0-9]{1,20}$'.",
        ),
        (
            "klines",
            {"symbol": "BTCUSDT", "interval": "1m", "endTime": -1},
            -1100,
            "Illegal characters found in parameter 'endTime'; legal range is '^[0-9]{1,20}$'.",
        ),
        (
            "klines",
            {"symbol": "BTCUSDT", "interval": "1m", "endTime": ""},
            -1105,
            "Parameter 'endTime' was empty.",
        ),
        (
            "klines",
            {"symbol": "BTCUSDT", "interval": "1m", "limit": 0},
            -1130,
            "Data sent for parameter 'limit' is not valid.",
        ),
        (
            "klines",
            {"symbol": "BTCUSDT", "interval": "1m", "color": "red"},
            -1104,
            "Not all sent parameters were read; read '2' parameter(s) but was sent '3'.",
        ),
        (
            "klines",
            {"symbol": ["BTCUSDT", "ETHUSDT"], "interval": "1m"},
            -1101,
            "Duplicate values for a parameter detected.",
        ),
        ("depth", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ("exchangeInfo", {"symbols": '["BTCUSDT","NOPE"]'}, -1121, "Invalid symbol."),
        (
            "exchangeInfo",
            {"symbols": '["BTCUSDT"]', "symbol": "BTCUSDT"},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        (
            "exchangeInfo",
            {"symbols": "BTCUSDT"},
            -1100,
            "Illegal characters found in parameter 'symbols'; legal range is "
            r"'^\[("
            r'"[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}){0,1}\]$'
            "'.",
        ),
    ],
)
def test_an_invalid_request_gets_the_exchanges_error(
    server: ExchangeServer, path: str, query: dict[str, Any], code: int, message: str
) -> None:
    response = requests.get(f"{server.url}/api/v3/{path}", params=query, timeout=20)
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert response.json() == {"code": code, "msg": message}


def test_an_unknown_path_is_404(server: ExchangeServer) -> None:
    response = requests.get(f"{server.url}/api/v3/nothing", timeout=20)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
